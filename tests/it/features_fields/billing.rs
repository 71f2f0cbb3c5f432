//! Invoices, subscriptions, taxes, usage.

use super::{Columns, Model, at, gone, here, other};
use crate::spec::Kind::{
    Boolean, Decimal, Enum, Integer, List, Map, Object, Reference, Text, Timestamp,
};

pub(super) const MODELS: &[Model] = &[
    Model {
        name: "Coupon",
        object: "coupon",
        columns: COUPON,
    },
    Model {
        name: "Invoice",
        object: "invoice",
        columns: INVOICE,
    },
    Model {
        name: "InvoiceItem",
        object: "invoiceitem",
        columns: INVOICE_ITEM,
    },
    Model {
        name: "Plan",
        object: "plan",
        columns: PLAN,
    },
    Model {
        name: "Subscription",
        object: "subscription",
        columns: SUBSCRIPTION,
    },
    Model {
        name: "SubscriptionItem",
        object: "subscription_item",
        columns: SUBSCRIPTION_ITEM,
    },
    Model {
        name: "SubscriptionSchedule",
        object: "subscription_schedule",
        columns: SUBSCRIPTION_SCHEDULE,
    },
    Model {
        name: "TaxId",
        object: "tax_id",
        columns: TAX_ID,
    },
    Model {
        name: "TaxRate",
        object: "tax_rate",
        columns: TAX_RATE,
    },
    // An invoice without an id that a request previews; it is never stored.
    Model {
        name: "UpcomingInvoice",
        object: "invoice",
        columns: INVOICE,
    },
    Model {
        name: "UsageRecord",
        object: "usage_record",
        columns: USAGE_RECORD,
    },
    Model {
        name: "UsageRecordSummary",
        object: "usage_record_summary",
        columns: USAGE_RECORD_SUMMARY,
    },
];

const COUPON: &[Columns] = &[
    here(
        Integer,
        "amount_off duration_in_months max_redemptions times_redeemed",
    ),
    here(Text, "currency name"),
    here(Enum, "duration"),
    here(Decimal, "percent_off"),
    here(Timestamp, "redeem_by"),
];

const INVOICE: &[Columns] = &[
    here(Reference, "customer default_payment_method default_source"),
    here(List, "default_tax_rates"),
    here(
        Enum,
        "billing_reason collection_method customer_tax_exempt status",
    ),
    here(Timestamp, "period_start period_end"),
    here(Boolean, "auto_advance"),
    at(
        "charge",
        Reference,
        "payments.data.0.payment.charge",
        "one per payment, when payments is expanded; else through the payment_intent's latest_charge; own field until 2025-03-31.basil",
    ),
    at(
        "payment_intent",
        Reference,
        "payments.data.0.payment.payment_intent",
        "one per payment, when payments is expanded; own field until 2025-03-31.basil",
    ),
    at(
        "subscription",
        Reference,
        "parent.subscription_details.subscription",
        "own field until 2025-03-31.basil",
    ),
];

const INVOICE_ITEM: &[Columns] = &[
    here(Integer, "amount quantity"),
    here(Text, "currency"),
    here(Reference, "customer invoice"),
    here(Timestamp, "date"),
    here(Boolean, "discountable proration"),
    here(Object, "period"),
    here(List, "tax_rates"),
    at(
        "period_start",
        Timestamp,
        "period.start",
        "copied out of there",
    ),
    at("period_end", Timestamp, "period.end", "copied out of there"),
    at(
        "plan",
        Reference,
        "pricing.price_details.price",
        "a plan is a price of the same id; not in 2023-08-16 either",
    ),
    at(
        "price",
        Reference,
        "pricing.price_details.price",
        "until 2025-03-31.basil the price itself",
    ),
    at(
        "subscription",
        Text,
        "parent.subscription_details.subscription",
        "own field until 2025-03-31.basil",
    ),
    at(
        "unit_amount",
        Decimal,
        "pricing.unit_amount_decimal",
        "as a decimal only; own field until 2025-03-31.basil",
    ),
    at(
        "unit_amount_decimal",
        Decimal,
        "pricing.unit_amount_decimal",
        "own field until 2025-03-31.basil",
    ),
];

const PLAN: &[Columns] = &[
    here(Boolean, "active"),
    here(Integer, "amount interval_count trial_period_days"),
    here(Decimal, "amount_decimal"),
    here(Enum, "billing_scheme interval tiers_mode usage_type"),
    here(Text, "currency nickname"),
    here(Reference, "product"),
    here(List, "tiers"),
    here(Object, "transform_usage"),
    other(
        "aggregate_usage",
        Enum,
        "billing.meter",
        "default_aggregation.formula",
        "the plan's meter says how usage adds up; own field in 2023-08-16",
    ),
];

const SUBSCRIPTION: &[Columns] = &[
    here(Decimal, "application_fee_percent"),
    here(
        Timestamp,
        "billing_cycle_anchor cancel_at canceled_at ended_at next_pending_invoice_item_invoice",
    ),
    here(Timestamp, "start_date trial_start trial_end"),
    here(
        Object,
        "billing_thresholds pending_invoice_item_interval pending_update",
    ),
    here(Boolean, "cancel_at_period_end"),
    here(Enum, "collection_method status"),
    here(Integer, "days_until_due"),
    here(
        Reference,
        "customer default_payment_method default_source latest_invoice pending_setup_intent schedule",
    ),
    here(List, "default_tax_rates"),
    at(
        "current_period_start",
        Timestamp,
        "items.data.0.current_period_start",
        "one per item; own field until 2025-03-31.basil",
    ),
    at(
        "current_period_end",
        Timestamp,
        "items.data.0.current_period_end",
        "one per item; own field until 2025-03-31.basil",
    ),
    at(
        "discount",
        Reference,
        "discounts.0",
        "several since; own field, the discount itself, in 2023-08-16",
    ),
    at(
        "plan",
        Object,
        "items.data.0.plan",
        "one per item; not in 2023-08-16 either, where Stripe still sent it with one item",
    ),
    at(
        "quantity",
        Integer,
        "items.data.0.quantity",
        "one per item; not in 2023-08-16 either, where Stripe still sent it with one item",
    ),
];

const SUBSCRIPTION_ITEM: &[Columns] = &[
    here(Object, "billing_thresholds plan price"),
    here(Integer, "quantity"),
    here(Text, "subscription"),
    here(List, "tax_rates"),
];

const SUBSCRIPTION_SCHEDULE: &[Columns] = &[
    here(Timestamp, "canceled_at completed_at released_at"),
    here(Object, "current_phase default_settings"),
    here(Reference, "customer"),
    here(Enum, "end_behavior status"),
    here(List, "phases"),
    here(Text, "released_subscription"),
    at(
        "billing_thresholds",
        Object,
        "default_settings.billing_thresholds",
        "there in 2023-08-16 too",
    ),
];

const TAX_ID: &[Columns] = &[
    here(Text, "country value"),
    here(Reference, "customer"),
    here(Enum, "type"),
    here(Object, "verification"),
    gone(
        "description metadata",
        "common to all models there; Stripe's tax ids have neither, in 2023-08-16 neither",
    ),
];

const TAX_RATE: &[Columns] = &[
    here(Boolean, "active inclusive"),
    here(Text, "display_name jurisdiction"),
    here(Decimal, "percentage"),
];

const USAGE_RECORD: &[Columns] = &[
    other(
        "quantity",
        Map,
        "billing.meter_event",
        "payload",
        "under the key that the meter names; the type was in 2023-08-16",
    ),
    other(
        "timestamp",
        Timestamp,
        "billing.meter_event",
        "timestamp",
        "the type was in 2023-08-16",
    ),
    gone(
        "action subscription_item",
        "meter events add up, and name a customer in payload; the type was in 2023-08-16",
    ),
    gone(
        "description metadata",
        "common to all models there; Stripe's usage records had neither",
    ),
];

const USAGE_RECORD_SUMMARY: &[Columns] = &[
    other(
        "total_usage",
        Decimal,
        "billing.meter_event_summary",
        "aggregated_value",
        "the type was in 2023-08-16",
    ),
    other(
        "period_start",
        Timestamp,
        "billing.meter_event_summary",
        "start_time",
        "was period.start in 2023-08-16",
    ),
    other(
        "period_end",
        Timestamp,
        "billing.meter_event_summary",
        "end_time",
        "was period.end in 2023-08-16",
    ),
    gone(
        "invoice period subscription_item",
        "summaries are per meter and customer; the type was in 2023-08-16",
    ),
    gone(
        "description metadata",
        "common to all models there; Stripe's summaries had neither",
    ),
];
