//! Payments, customers, the catalogue.

use super::{Columns, Model, at, gone, here, other, ours};
use crate::spec::Kind::{
    Boolean, Decimal, Enum, Integer, List, Object, Reference, Text, Timestamp,
};

pub(super) const MODELS: &[Model] = &[
    Model {
        name: "BalanceTransaction",
        object: "balance_transaction",
        columns: BALANCE_TRANSACTION,
    },
    Model {
        name: "Charge",
        object: "charge",
        columns: CHARGE,
    },
    Model {
        name: "Customer",
        object: "customer",
        columns: CUSTOMER,
    },
    Model {
        name: "Dispute",
        object: "dispute",
        columns: DISPUTE,
    },
    Model {
        name: "Event",
        object: "event",
        columns: EVENT,
    },
    Model {
        name: "File",
        object: "file",
        columns: FILE,
    },
    Model {
        name: "FileLink",
        object: "file_link",
        columns: FILE_LINK,
    },
    Model {
        name: "Mandate",
        object: "mandate",
        columns: MANDATE,
    },
    Model {
        name: "PaymentIntent",
        object: "payment_intent",
        columns: PAYMENT_INTENT,
    },
    Model {
        name: "Payout",
        object: "payout",
        columns: PAYOUT,
    },
    Model {
        name: "Price",
        object: "price",
        columns: PRICE,
    },
    Model {
        name: "Product",
        object: "product",
        columns: PRODUCT,
    },
    Model {
        name: "Refund",
        object: "refund",
        columns: REFUND,
    },
    Model {
        name: "SetupIntent",
        object: "setup_intent",
        columns: SETUP_INTENT,
    },
];

const BALANCE_TRANSACTION: &[Columns] = &[
    here(Integer, "amount fee net"),
    here(Timestamp, "available_on"),
    here(Text, "currency reporting_category status"),
    here(Decimal, "exchange_rate"),
    here(List, "fee_details"),
    here(Reference, "source"),
    here(Enum, "type"),
];

const CHARGE: &[Columns] = &[
    here(
        Integer,
        "amount amount_captured amount_refunded application_fee_amount",
    ),
    here(Boolean, "captured disputed paid refunded"),
    here(
        Text,
        "calculated_statement_descriptor currency failure_code failure_message payment_method",
    ),
    here(Text, "receipt_email receipt_number receipt_url"),
    here(
        Text,
        "statement_descriptor statement_descriptor_suffix transfer_group",
    ),
    here(
        Reference,
        "application application_fee balance_transaction customer on_behalf_of payment_intent",
    ),
    here(Reference, "source_transfer transfer"),
    here(
        Object,
        "billing_details fraud_details outcome payment_method_details shipping source transfer_data",
    ),
    here(Enum, "status"),
    other(
        "dispute",
        Reference,
        "dispute",
        "charge",
        "the dispute names its charge; not in 2023-08-16 either",
    ),
    other(
        "invoice",
        Reference,
        "invoice_payment",
        "invoice",
        "the invoice payment of the charge's payment_intent names the invoice; there until 2025-03-31.basil",
    ),
];

const CUSTOMER: &[Columns] = &[
    here(Object, "address invoice_settings shipping"),
    here(Integer, "balance"),
    here(Text, "currency email invoice_prefix name phone"),
    here(Reference, "default_source"),
    here(Boolean, "delinquent"),
    here(List, "preferred_locales"),
    here(Enum, "tax_exempt"),
    at(
        "coupon",
        Reference,
        "discount.source.coupon",
        "in 2023-08-16: discount.coupon, the coupon itself",
    ),
    at(
        "coupon_start",
        Timestamp,
        "discount.start",
        "never a field of the customer itself",
    ),
    at(
        "coupon_end",
        Timestamp,
        "discount.end",
        "never a field of the customer itself",
    ),
    at(
        "default_payment_method",
        Reference,
        "invoice_settings.default_payment_method",
        "copied out of there",
    ),
    ours(
        "deleted date_purged",
        "the row's deleted_at; Stripe sends {id, object, deleted} for a deleted customer",
    ),
    ours(
        "subscriber",
        "the application's user; Stripe has its key in metadata at most",
    ),
];

const DISPUTE: &[Columns] = &[
    here(Integer, "amount"),
    here(Text, "currency reason"),
    here(Boolean, "is_charge_refundable"),
    here(List, "balance_transactions"),
    here(Reference, "charge payment_intent"),
    here(Object, "evidence evidence_details"),
    here(Enum, "status"),
    at(
        "balance_transaction",
        Object,
        "balance_transactions.0",
        "the first of the list; not in 2023-08-16 either",
    ),
];

const EVENT: &[Columns] = &[
    here(Text, "api_version type"),
    here(Object, "data"),
    at(
        "idempotency_key",
        Text,
        "request.idempotency_key",
        "before 2017-05-25 request was the id alone",
    ),
    at(
        "request_id",
        Text,
        "request.id",
        "before 2017-05-25 request was the id alone",
    ),
];

const FILE: &[Columns] = &[
    here(Text, "filename type url"),
    here(Enum, "purpose"),
    here(Integer, "size"),
];

const FILE_LINK: &[Columns] = &[
    here(Timestamp, "expires_at"),
    here(Reference, "file"),
    here(Text, "url"),
];

const MANDATE: &[Columns] = &[
    here(
        Object,
        "customer_acceptance multi_use payment_method_details single_use",
    ),
    here(Reference, "payment_method"),
    here(Enum, "status type"),
];

const PAYMENT_INTENT: &[Columns] = &[
    here(Integer, "amount amount_capturable amount_received"),
    here(Timestamp, "canceled_at"),
    here(
        Enum,
        "cancellation_reason capture_method confirmation_method setup_future_usage status",
    ),
    here(
        Text,
        "client_secret currency receipt_email statement_descriptor transfer_group",
    ),
    here(Reference, "customer on_behalf_of payment_method"),
    here(
        Object,
        "last_payment_error next_action shipping transfer_data",
    ),
    here(List, "payment_method_types"),
];

const PAYOUT: &[Columns] = &[
    here(Integer, "amount"),
    here(Timestamp, "arrival_date"),
    here(Boolean, "automatic"),
    here(
        Reference,
        "balance_transaction destination failure_balance_transaction",
    ),
    here(
        Text,
        "currency failure_code failure_message method source_type statement_descriptor status",
    ),
    here(Enum, "type"),
];

const PRICE: &[Columns] = &[
    here(Boolean, "active"),
    here(Enum, "billing_scheme tiers_mode type"),
    here(Text, "currency lookup_key nickname"),
    here(Reference, "product"),
    here(Object, "recurring transform_quantity"),
    here(List, "tiers"),
    here(Integer, "unit_amount"),
    here(Decimal, "unit_amount_decimal"),
];

const PRODUCT: &[Columns] = &[
    here(Boolean, "active shippable"),
    here(List, "images"),
    here(Text, "name statement_descriptor unit_label url"),
    here(Object, "package_dimensions"),
    here(Enum, "type"),
    gone(
        "attributes caption deactivate_on",
        "of products that were sold through orders and SKUs; not in 2023-08-16 either",
    ),
];

const REFUND: &[Columns] = &[
    here(Integer, "amount"),
    here(
        Reference,
        "balance_transaction charge failure_balance_transaction",
    ),
    here(Text, "currency failure_reason receipt_number status"),
    here(Enum, "reason"),
];

const SETUP_INTENT: &[Columns] = &[
    here(
        Reference,
        "application customer on_behalf_of payment_method",
    ),
    here(Enum, "cancellation_reason status"),
    here(Text, "client_secret usage"),
    here(Object, "last_setup_error next_action"),
    here(List, "payment_method_types"),
];
