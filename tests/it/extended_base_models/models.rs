//! The models themselves, as a program has them in a file of its own: structs and relations.

use serde_json::Value;
use stripe_store::clock::UnixMillis;
use stripe_store::extended::ModelQuery;
use stripe_store::resources::{
    Card, Coupon, CouponDuration, Customer, CustomerTaxExempt, Event, Price, PriceBillingScheme,
    PriceTaxBehavior, PriceTiersMode, PriceType, Product, Subscription,
    SubscriptionCollectionMethod, SubscriptionItem, SubscriptionStatus,
};
use stripe_store::view::{Path, Timestamp, kind};
use stripe_store::{Stored, StripeModel};
use uuid::Uuid;

/// What older versions of the API have elsewhere, or S2's models have and the API has not.
mod older {
    use super::*;

    pub(super) const PERIOD_START: Path<Subscription, kind::Time> =
        Path::new("current_period_start");
    pub(super) const PERIOD_END: Path<Subscription, kind::Time> = Path::new("current_period_end");
    pub(super) const DISCOUNT: Path<Subscription, kind::Json> = Path::new("discount");
    pub(super) const TAX_CODE: Path<Price, kind::Text> = Path::new("tax_code");
}

#[derive(StripeModel)]
#[stripe(object = Customer, table = "app_customers")]
pub(super) struct AppCustomer {
    #[stripe(base)]
    pub(super) customer: Stored<Customer>,
    #[stripe(unique)]
    pub(super) uuid: Uuid,
    #[stripe(column = "user_id", references = "users(id)", on_delete = "cascade")]
    #[stripe(index)]
    pub(super) user: i64,
    #[stripe(path)]
    pub(super) name: Option<String>,
    #[stripe(path)]
    pub(super) description: Option<String>,
    #[stripe(path)]
    pub(super) email: Option<String>,
    #[stripe(path)]
    pub(super) address: Option<Value>,
    #[stripe(path, default)]
    pub(super) balance: i64,
    #[stripe(path)]
    pub(super) currency: Option<String>,
    #[stripe(path, default)]
    pub(super) delinquent: bool,
    #[stripe(path)]
    pub(super) default_source: Option<String>,
    #[stripe(path)]
    pub(super) shipping: Option<Value>,
    #[stripe(path)]
    pub(super) tax_exempt: Option<CustomerTaxExempt>,
    #[stripe(path, default)]
    pub(super) preferred_locales: Vec<String>,
    #[stripe(path)]
    pub(super) invoice_prefix: Option<String>,
    #[stripe(path)]
    pub(super) invoice_settings: Option<Value>,
}

#[derive(StripeModel)]
#[stripe(object = Card, table = "app_cards")]
pub(super) struct AppCard {
    #[stripe(base)]
    pub(super) card: Stored<Card>,
    #[stripe(unique)]
    pub(super) uuid: Uuid,
    #[stripe(column = "customer_id", references = "app_customers(uuid)")]
    #[stripe(on_delete = "cascade", index)]
    pub(super) customer: Uuid,
    #[stripe(path)]
    pub(super) name: Option<String>,
    #[stripe(path = "address_line1")]
    pub(super) address_line_1: Option<String>,
    #[stripe(path = "address_line1_check")]
    pub(super) address_line_1_check: Option<String>,
    #[stripe(path = "address_line2")]
    pub(super) address_line_2: Option<String>,
    #[stripe(path)]
    pub(super) address_city: Option<String>,
    #[stripe(path)]
    pub(super) address_state: Option<String>,
    #[stripe(path)]
    pub(super) address_country: Option<String>,
    #[stripe(path)]
    pub(super) address_zip: Option<String>,
    #[stripe(path)]
    pub(super) address_zip_check: Option<String>,
    #[stripe(path)]
    pub(super) brand: Option<String>,
    #[stripe(path)]
    pub(super) country: Option<String>,
    #[stripe(path)]
    pub(super) cvc_check: Option<String>,
    #[stripe(path)]
    pub(super) dynamic_last4: Option<String>,
    #[stripe(path)]
    pub(super) tokenization_method: Option<String>,
    #[stripe(path)]
    pub(super) exp_month: Option<i64>,
    #[stripe(path)]
    pub(super) exp_year: Option<i64>,
    #[stripe(path)]
    pub(super) funding: Option<String>,
    #[stripe(path)]
    pub(super) last4: Option<String>,
    #[stripe(path)]
    pub(super) fingerprint: Option<String>,
}

#[derive(StripeModel)]
#[stripe(object = Subscription, table = "app_subscriptions")]
pub(super) struct AppSubscription {
    #[stripe(base)]
    pub(super) subscription: Stored<Subscription>,
    #[stripe(unique)]
    pub(super) uuid: Uuid,
    #[stripe(column = "customer_id", references = "app_customers(uuid)")]
    #[stripe(on_delete = "cascade", index)]
    pub(super) customer: Uuid,
    /// Of the only item; `None` where there are several. No one path leads there.
    #[stripe(derived)]
    pub(super) quantity: Option<i64>,
    #[stripe(path, default)]
    pub(super) items: Vec<SubscriptionItem>,
    #[stripe(path)]
    pub(super) application_fee_percent: Option<f64>,
    #[stripe(path)]
    pub(super) automatic_tax: Option<Value>,
    #[stripe(path)]
    pub(super) billing_cycle_anchor: Option<Timestamp>,
    #[stripe(path)]
    pub(super) billing_thresholds: Option<Value>,
    #[stripe(path)]
    pub(super) cancel_at: Option<Timestamp>,
    #[stripe(path, default)]
    pub(super) cancel_at_period_end: bool,
    #[stripe(path)]
    pub(super) canceled_at: Option<Timestamp>,
    #[stripe(path)]
    pub(super) cancellation_details: Option<Value>,
    #[stripe(path)]
    pub(super) collection_method: Option<SubscriptionCollectionMethod>,
    #[stripe(path = Subscription::ITEMS.at(0).then(SubscriptionItem::CURRENT_PERIOD_END), or = older::PERIOD_END)]
    pub(super) current_period_end: Option<Timestamp>,
    #[stripe(path = Subscription::ITEMS.at(0).then(SubscriptionItem::CURRENT_PERIOD_START), or = older::PERIOD_START)]
    pub(super) current_period_start: Option<Timestamp>,
    #[stripe(path)]
    pub(super) days_until_due: Option<i64>,
    #[stripe(path)]
    pub(super) default_payment_method: Option<String>,
    #[stripe(path)]
    pub(super) default_source: Option<String>,
    #[stripe(path)]
    pub(super) default_tax_rates: Option<Value>,
    /// A list of all of them, and in older versions of the API the one that there could be.
    #[stripe(path = Subscription::DISCOUNTS, or = older::DISCOUNT)]
    pub(super) discount: Option<Value>,
    #[stripe(path)]
    pub(super) ended_at: Option<Timestamp>,
    #[stripe(path)]
    pub(super) next_pending_invoice_item_invoice: Option<Timestamp>,
    #[stripe(path)]
    pub(super) pause_collection: Option<Value>,
    #[stripe(path)]
    pub(super) pending_invoice_item_interval: Option<Value>,
    #[stripe(path)]
    pub(super) pending_setup_intent: Option<String>,
    #[stripe(path)]
    pub(super) pending_update: Option<Value>,
    #[stripe(path)]
    pub(super) start_date: Option<Timestamp>,
    #[stripe(path)]
    pub(super) status: Option<SubscriptionStatus>,
    #[stripe(path)]
    pub(super) trial_end: Option<Timestamp>,
    #[stripe(path)]
    pub(super) trial_start: Option<Timestamp>,
    #[stripe(path)]
    pub(super) trial_settings: Option<Value>,
    #[stripe(path)]
    pub(super) latest_invoice: Option<String>,
}

#[derive(StripeModel)]
#[stripe(object = Product, table = "app_products")]
pub(super) struct AppProduct {
    #[stripe(base)]
    pub(super) product: Stored<Product>,
    #[stripe(unique)]
    pub(super) uuid: Uuid,
    #[stripe(path, default)]
    pub(super) active: bool,
    #[stripe(path)]
    pub(super) description: Option<String>,
    #[stripe(path)]
    pub(super) name: Option<String>,
    #[stripe(path)]
    pub(super) statement_descriptor: Option<String>,
    #[stripe(path)]
    pub(super) tax_code: Option<String>,
    #[stripe(path)]
    pub(super) unit_label: Option<String>,
    #[stripe(path, default)]
    pub(super) images: Vec<String>,
    #[stripe(path)]
    pub(super) shippable: Option<bool>,
    #[stripe(path)]
    pub(super) package_dimensions: Option<Value>,
    #[stripe(path)]
    pub(super) url: Option<String>,
    #[stripe(path)]
    pub(super) created: Option<Timestamp>,
    #[stripe(path)]
    pub(super) updated: Option<Timestamp>,
}

#[derive(StripeModel)]
#[stripe(object = Price, table = "app_prices")]
pub(super) struct AppPrice {
    #[stripe(base)]
    pub(super) price: Stored<Price>,
    #[stripe(unique)]
    pub(super) uuid: Uuid,
    #[stripe(column = "product_id", references = "app_products(uuid)")]
    #[stripe(on_delete = "cascade", index)]
    pub(super) product: Uuid,
    #[stripe(path, default)]
    pub(super) active: bool,
    #[stripe(path)]
    pub(super) currency: Option<String>,
    #[stripe(path)]
    pub(super) nickname: Option<String>,
    #[stripe(path)]
    pub(super) recurring: Option<Value>,
    /// The product's, where that is expanded: prices have none.
    #[stripe(path = Price::PRODUCT.then(Product::TAX_CODE), or = older::TAX_CODE)]
    pub(super) tax_code: Option<String>,
    #[stripe(path)]
    pub(super) type_: Option<PriceType>,
    #[stripe(path)]
    pub(super) custom_unit_amount: Option<Value>,
    #[stripe(path)]
    pub(super) unit_amount: Option<i64>,
    #[stripe(path)]
    pub(super) unit_amount_decimal: Option<rust_decimal::Decimal>,
    #[stripe(path)]
    pub(super) billing_scheme: Option<PriceBillingScheme>,
    #[stripe(path)]
    pub(super) created: Option<Timestamp>,
    #[stripe(path)]
    pub(super) tax_behavior: Option<PriceTaxBehavior>,
    #[stripe(path)]
    pub(super) tiers: Option<Value>,
    #[stripe(path)]
    pub(super) tiers_mode: Option<PriceTiersMode>,
    #[stripe(path)]
    pub(super) transform_quantity: Option<Value>,
    #[stripe(path)]
    pub(super) lookup_key: Option<String>,
}

#[derive(StripeModel)]
#[stripe(object = Coupon, table = "app_coupons")]
pub(super) struct AppCoupon {
    #[stripe(base)]
    pub(super) coupon: Stored<Coupon>,
    #[stripe(unique)]
    pub(super) uuid: Uuid,
    #[stripe(path)]
    pub(super) name: Option<String>,
    #[stripe(path)]
    pub(super) applies_to: Option<Value>,
    #[stripe(path)]
    pub(super) amount_off: Option<i64>,
    #[stripe(path)]
    pub(super) currency: Option<String>,
    #[stripe(path)]
    pub(super) duration: Option<CouponDuration>,
    #[stripe(path)]
    pub(super) duration_in_months: Option<i64>,
    #[stripe(path)]
    pub(super) max_redemptions: Option<i64>,
    #[stripe(path)]
    pub(super) percent_off: Option<f64>,
    #[stripe(path)]
    pub(super) redeem_by: Option<Timestamp>,
    #[stripe(path, default)]
    pub(super) times_redeemed: i64,
    #[stripe(path, default)]
    pub(super) valid: bool,
}

#[derive(StripeModel)]
#[stripe(object = Event, table = "app_events")]
pub(super) struct AppEvent {
    #[stripe(base)]
    pub(super) event: Stored<Event>,
    #[stripe(unique)]
    pub(super) uuid: Uuid,
    /// As it was received.
    #[stripe(json)]
    pub(super) webhook_message: Value,
    /// As Stripe's API has it.
    #[stripe(json)]
    pub(super) validated_message: Option<Value>,
    /// Whether both are the same; `None` until that was looked at.
    pub(super) valid: Option<bool>,
    #[stripe(index)]
    pub(super) processed: bool,
    #[stripe(path = "type")]
    pub(super) kind: Option<String>,
    #[stripe(path)]
    pub(super) request: Option<Value>,
    #[stripe(path)]
    pub(super) pending_webhooks: Option<i64>,
    #[stripe(path)]
    pub(super) api_version: Option<String>,
}

/// Reverse access, under the names that the relations have.
pub(super) struct User(pub(super) i64);

impl User {
    pub(super) fn stripe_customers(&self) -> ModelQuery<AppCustomer> {
        AppCustomer::query().filter(AppCustomer::USER.eq(self.0))
    }
}

impl AppCustomer {
    pub(super) fn cards(&self) -> ModelQuery<AppCard> {
        AppCard::query().filter(AppCard::CUSTOMER.eq(self.uuid))
    }

    pub(super) fn subscriptions(&self) -> ModelQuery<AppSubscription> {
        AppSubscription::query().filter(AppSubscription::CUSTOMER.eq(self.uuid))
    }

    pub(super) fn is_active(&self) -> bool {
        !self.is_deleted()
    }
}

impl AppProduct {
    pub(super) fn prices(&self) -> ModelQuery<AppPrice> {
        AppPrice::query().filter(AppPrice::PRODUCT.eq(self.uuid))
    }
}

/// The soft delete of customers, products, prices and coupons.
pub(super) trait Purgeable: StripeModel {
    fn date_purged(&self) -> Option<UnixMillis> {
        self.base().deleted_at()
    }
}

impl Purgeable for AppCustomer {}
impl Purgeable for AppProduct {}
impl Purgeable for AppPrice {}
impl Purgeable for AppCoupon {}
