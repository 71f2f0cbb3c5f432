//! Models that applications inherit from: a few with everything in one JSON column, seven with a column per field.

use super::{Columns, Model, at, gone, here, other, ours};
use crate::spec::Kind::{
    Boolean, Decimal, Enum, Integer, List, Map, Object, Reference, Text, Timestamp,
};

pub(super) const MODELS: &[Model] = &[
    Model {
        name: "abstract Account",
        object: "account",
        columns: ACCOUNT,
    },
    Model {
        name: "abstract Charge",
        object: "charge",
        columns: ONE_JSON,
    },
    Model {
        name: "abstract CheckoutSession",
        object: "checkout.session",
        columns: ONE_JSON,
    },
    Model {
        name: "abstract PaymentIntent",
        object: "payment_intent",
        columns: ONE_JSON,
    },
    Model {
        name: "base Customer",
        object: "customer",
        columns: CUSTOMER,
    },
    Model {
        name: "base Card",
        object: "card",
        columns: CARD,
    },
    Model {
        name: "base Subscription",
        object: "subscription",
        columns: SUBSCRIPTION,
    },
    Model {
        name: "base Product",
        object: "product",
        columns: PRODUCT,
    },
    Model {
        name: "base Price",
        object: "price",
        columns: PRICE,
    },
    Model {
        name: "base Coupon",
        object: "coupon",
        columns: COUPON,
    },
    Model {
        name: "base Event",
        object: "event",
        columns: EVENT,
    },
];

const STRIPE_ID: Columns = at(
    "stripe_id",
    Text,
    "id",
    "the row's key, and the object's own field",
);
const LOCAL: Columns = ours("created_at updated_at", "the row's own times");
const PURGED: Columns = ours("date_purged", "the row's deleted_at");

const ONE_JSON: &[Columns] = &[
    STRIPE_ID,
    LOCAL,
    here(Boolean, "livemode"),
    ours("data connect_account_id", "the row's data and account"),
];

const ACCOUNT: &[Columns] = &[
    STRIPE_ID,
    LOCAL,
    gone(
        "livemode",
        "an account is the same in both modes: the row has the mode that it was read in",
    ),
    ours("data connect_account_id", "the row's data and account"),
];

const CUSTOMER: &[Columns] = &[
    STRIPE_ID,
    LOCAL,
    PURGED,
    here(Text, "name description email currency invoice_prefix"),
    here(Object, "address shipping invoice_settings"),
    here(Integer, "balance"),
    here(Boolean, "delinquent livemode"),
    here(Reference, "default_source"),
    here(Enum, "tax_exempt"),
    here(List, "preferred_locales"),
    here(Map, "metadata"),
    ours("is_active", "not deleted: the row's deleted_at is empty"),
];

const CARD: &[Columns] = &[
    STRIPE_ID,
    LOCAL,
    here(
        Text,
        "name address_city address_state address_country address_zip address_zip_check brand",
    ),
    here(
        Text,
        "country cvc_check dynamic_last4 tokenization_method funding last4 fingerprint",
    ),
    here(Integer, "exp_month exp_year"),
    here(Map, "metadata"),
    at(
        "address_line_1",
        Text,
        "address_line1",
        "spelled differently there",
    ),
    at(
        "address_line_1_check",
        Text,
        "address_line1_check",
        "spelled differently there",
    ),
    at(
        "address_line_2",
        Text,
        "address_line2",
        "spelled differently there",
    ),
    gone(
        "livemode",
        "a card has none: the row has the mode of what brought it",
    ),
];

const SUBSCRIPTION: &[Columns] = &[
    STRIPE_ID,
    LOCAL,
    here(List, "items default_tax_rates"),
    here(Decimal, "application_fee_percent"),
    here(
        Object,
        "automatic_tax billing_thresholds cancellation_details pause_collection",
    ),
    here(
        Object,
        "pending_invoice_item_interval pending_update trial_settings",
    ),
    here(
        Timestamp,
        "billing_cycle_anchor cancel_at canceled_at ended_at next_pending_invoice_item_invoice",
    ),
    here(Timestamp, "start_date trial_end trial_start"),
    here(Boolean, "cancel_at_period_end livemode"),
    here(Enum, "collection_method status"),
    here(Integer, "days_until_due"),
    here(
        Reference,
        "default_payment_method default_source pending_setup_intent latest_invoice",
    ),
    here(Map, "metadata"),
    at(
        "current_period_end",
        Timestamp,
        "items.data.0.current_period_end",
        "one per item; own field until 2025-03-31.basil",
    ),
    at(
        "current_period_start",
        Timestamp,
        "items.data.0.current_period_start",
        "one per item; own field until 2025-03-31.basil",
    ),
    at(
        "discount",
        Reference,
        "discounts.0",
        "several since; own field, the discount itself, in 2023-08-16",
    ),
    at(
        "quantity",
        Integer,
        "items.data.0.quantity",
        "one per item; not in 2023-08-16 either, where Stripe still sent it with one item",
    ),
];

const PRODUCT: &[Columns] = &[
    STRIPE_ID,
    LOCAL,
    PURGED,
    here(Boolean, "active shippable livemode"),
    here(Text, "description name statement_descriptor unit_label url"),
    here(Reference, "tax_code"),
    here(List, "images"),
    here(Object, "package_dimensions"),
    here(Timestamp, "created updated"),
    here(Map, "metadata"),
];

const PRICE: &[Columns] = &[
    STRIPE_ID,
    LOCAL,
    PURGED,
    here(Boolean, "active livemode"),
    here(Text, "currency nickname lookup_key"),
    here(Object, "recurring custom_unit_amount transform_quantity"),
    here(Enum, "type billing_scheme tax_behavior tiers_mode"),
    here(Integer, "unit_amount"),
    here(Decimal, "unit_amount_decimal"),
    here(Timestamp, "created"),
    here(List, "tiers"),
    here(Map, "metadata"),
    other(
        "tax_code",
        Reference,
        "product",
        "tax_code",
        "of the price's product; never the price's own",
    ),
];

const COUPON: &[Columns] = &[
    STRIPE_ID,
    LOCAL,
    PURGED,
    here(Text, "name currency"),
    here(Object, "applies_to"),
    here(
        Integer,
        "amount_off duration_in_months max_redemptions times_redeemed",
    ),
    here(Enum, "duration"),
    here(Decimal, "percent_off"),
    here(Timestamp, "redeem_by"),
    here(Boolean, "valid livemode"),
    here(Map, "metadata"),
];

const EVENT: &[Columns] = &[
    STRIPE_ID,
    LOCAL,
    at("kind", Text, "type", "called kind there"),
    here(Object, "request"),
    here(Integer, "pending_webhooks"),
    here(Text, "api_version"),
    here(Boolean, "livemode"),
    ours(
        "webhook_message validated_message valid processed",
        "the inbox keeps the payload and its status",
    ),
];
