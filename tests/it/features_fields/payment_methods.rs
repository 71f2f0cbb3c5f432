//! What customers pay with.

use super::{Columns, Model, at, gone, here};
use crate::spec::Kind::{Boolean, Enum, Integer, Object, Reference, Text};

pub(super) const MODELS: &[Model] = &[
    Model {
        name: "BankAccount",
        object: "bank_account",
        columns: BANK_ACCOUNT,
    },
    Model {
        name: "Card",
        object: "card",
        columns: CARD,
    },
    Model {
        name: "PaymentMethod",
        object: "payment_method",
        columns: PAYMENT_METHOD,
    },
    Model {
        name: "Source",
        object: "source",
        columns: SOURCE,
    },
];

const BANK_ACCOUNT: &[Columns] = &[
    here(Reference, "account customer"),
    here(
        Text,
        "account_holder_name account_holder_type bank_name country currency fingerprint last4",
    ),
    here(Text, "routing_number status"),
    here(Boolean, "default_for_currency"),
];

const CARD: &[Columns] = &[
    here(Reference, "account customer"),
    here(
        Text,
        "address_city address_country address_line1 address_line1_check address_line2 address_state",
    ),
    here(
        Text,
        "address_zip address_zip_check brand country cvc_check dynamic_last4 fingerprint funding last4 name",
    ),
    here(Text, "tokenization_method"),
    here(Boolean, "default_for_currency"),
    here(Integer, "exp_month exp_year"),
];

const PAYMENT_METHOD: &[Columns] = &[
    here(
        Object,
        "billing_details acss_debit afterpay_clearpay alipay au_becs_debit bacs_debit bancontact boleto",
    ),
    here(
        Object,
        "card card_present eps fpx giropay grabpay ideal interac_present oxxo p24 sepa_debit sofort",
    ),
    here(Object, "wechat_pay"),
    here(Reference, "customer"),
    here(Enum, "type"),
    gone(
        "description",
        "common to all models there; Stripe's payment methods have none, in 2023-08-16 neither",
    ),
];

const SOURCE: &[Columns] = &[
    here(Integer, "amount"),
    here(
        Text,
        "client_secret currency customer flow statement_descriptor status usage",
    ),
    here(Object, "code_verification owner receiver redirect"),
    here(Enum, "type"),
    at(
        "source_data",
        Object,
        "card",
        "the object that the source's type names: card, ideal, sepa_debit, …",
    ),
];
