//! Connected accounts, and the money between them and the platform; reports.

use super::{Columns, Model, at, gone, here};
use crate::spec::Kind::{Boolean, Enum, Integer, List, Map, Object, Reference, Text, Timestamp};

pub(super) const MODELS: &[Model] = &[
    Model {
        name: "Account",
        object: "account",
        columns: ACCOUNT,
    },
    Model {
        name: "ApplicationFee",
        object: "application_fee",
        columns: APPLICATION_FEE,
    },
    Model {
        name: "ApplicationFeeRefund",
        object: "fee_refund",
        columns: APPLICATION_FEE_REFUND,
    },
    Model {
        name: "CountrySpec",
        object: "country_spec",
        columns: COUNTRY_SPEC,
    },
    Model {
        name: "Transfer",
        object: "transfer",
        columns: TRANSFER,
    },
    Model {
        name: "TransferReversal",
        object: "transfer_reversal",
        columns: TRANSFER_REVERSAL,
    },
    Model {
        name: "ScheduledQueryRun",
        object: "scheduled_query_run",
        columns: SCHEDULED_QUERY_RUN,
    },
];

const ACCOUNT: &[Columns] = &[
    here(
        Object,
        "business_profile company individual requirements settings tos_acceptance",
    ),
    here(Enum, "business_type type"),
    here(Boolean, "charges_enabled details_submitted payouts_enabled"),
    here(Text, "country default_currency email"),
    at(
        "product_description",
        Text,
        "business_profile.product_description",
        "there in 2023-08-16 too",
    ),
];

const APPLICATION_FEE: &[Columns] = &[
    here(Reference, "account balance_transaction charge"),
    here(Integer, "amount amount_refunded"),
    here(Text, "currency"),
    here(Boolean, "refunded"),
];

const APPLICATION_FEE_REFUND: &[Columns] = &[
    here(Integer, "amount"),
    here(Reference, "balance_transaction fee"),
    here(Text, "currency"),
    gone(
        "description",
        "common to all models there; Stripe's fee refunds have none, in 2023-08-16 neither",
    ),
];

const COUNTRY_SPEC: &[Columns] = &[
    here(Text, "id default_currency"),
    here(Map, "supported_bank_account_currencies"),
    here(
        List,
        "supported_payment_currencies supported_payment_methods supported_transfer_countries",
    ),
    here(Object, "verification_fields"),
];

const TRANSFER: &[Columns] = &[
    here(Integer, "amount amount_reversed"),
    here(
        Reference,
        "balance_transaction destination destination_payment source_transaction",
    ),
    here(Text, "currency source_type transfer_group"),
    here(Boolean, "reversed"),
];

const TRANSFER_REVERSAL: &[Columns] = &[
    here(Integer, "amount"),
    here(Reference, "balance_transaction transfer"),
    here(Text, "currency"),
];

const SCHEDULED_QUERY_RUN: &[Columns] = &[
    here(Timestamp, "data_load_time result_available_until"),
    here(Object, "error file"),
    here(Text, "sql status title"),
];
