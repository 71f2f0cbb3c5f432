//! What builders send is what Stripe's Python SDK sends for the same: `tests/forms/requests.json` has that.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stripe_store::client::{Client, One, Operation, OperationFacts, TimeRange};
use stripe_store::resources::operations as o;
use stripe_store::view::{Timestamp, View};
use stripe_store_tests::fake::{Fake, Fault, Reply};

use super::calls::pair;
use crate::client::forms::{assert_sent, recorded};

/// Compares what is sent with what was recorded.
struct Forms {
    fake: Fake,
    client: Client,
    recorded: Value,
    compared: BTreeSet<usize>,
}

impl Forms {
    async fn start() -> Self {
        let (fake, client) = pair().await;
        fake.fail_always(Some(Fault::Instead(Reply::json(200, &json!({})))));
        Self {
            fake,
            client,
            recorded: recorded(),
            compared: BTreeSet::new(),
        }
    }

    /// That the last request is the one of the SDK's method `call` with these parameters.
    fn compare(&mut self, call: &str, is_it: impl Fn(&Value) -> bool) {
        let mut cases = self.recorded["cases"].as_array().unwrap().iter();
        let index = cases
            .position(|case| case["call"] == call && is_it(&case["params"]))
            .unwrap_or_else(|| panic!("nothing like it was recorded of {call}"));
        assert_sent(&self.recorded["cases"][index], &self.fake.last());
        assert!(self.compared.insert(index), "{call} was compared before");
        assert_eq!(self.fake.received().len(), self.compared.len());
    }

    /// Sends an operation and compares it with the first recorded request of `call` that has the parameter `with`.
    async fn one<O, T>(&mut self, call: &str, with: &str, operation: O)
    where
        O: Operation,
        O::Facts: OperationFacts<Answer = One<T>>,
        T: View,
    {
        // The answer is no object; what counts is what was sent.
        let _ = self.client.call(operation).send().await;
        self.compare(call, |params| with.is_empty() || params.get(with).is_some());
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

#[tokio::test]
async fn customers_are_sent_as_the_sdk_sends_them() {
    let mut forms = Forms::start().await;
    let create = o::CreateCustomer::new;
    let it = create().email("ada@example.com").name("Ada Lovelace");
    forms.one("v1.customers.create", "email", it).await;
    let it = create().name("Ünïcødé 茶 🍵").address(
        o::CreateCustomerAddress::new()
            .line1("Straße 1")
            .city("Köln")
            .country("DE")
            .postal_code("50667"),
    );
    forms.one("v1.customers.create", "address", it).await;
    let it = create().metadata([
        ("order id", "6735"),
        ("a-b.c", "1"),
        ("ключ", "значение"),
        ("empty", ""),
    ]);
    forms.one("v1.customers.create", "metadata", it).await;
    let field = o::CreateCustomerInvoiceSettingsCustomFields::new;
    let it = create()
        .preferred_locales(["de-DE", "en"])
        .invoice_settings(
            o::CreateCustomerInvoiceSettings::new()
                .custom_fields([field("VAT", "DE123"), field("PO", "7")])
                .footer("line one\nline two\r\n"),
        );
    forms
        .one("v1.customers.create", "preferred_locales", it)
        .await;
    let it = create()
        .tax_id_data(vec![o::CreateCustomerTaxIdData::new(
            o::CreateCustomerTaxIdDataType::EuVat,
            "DE123456789",
        )])
        .tax(
            o::CreateCustomerTax::new()
                .ip_address("::1")
                .validate_location(o::CreateCustomerTaxValidateLocation::Immediately),
        )
        .expand("tax")
        .expand("sources");
    forms.one("v1.customers.create", "tax", it).await;

    let update = o::UpdateCustomer::new("cus_1");
    let it = update.clone().description("").metadata([("tier", "")]);
    forms.one("v1.customers.update", "description", it).await;
    let it = update.shipping("").balance(-1250);
    forms.one("v1.customers.update", "shipping", it).await;

    let it = o::RetrieveCustomer::new("cus_1")
        .expand("default_source")
        .expand("invoice_settings.default_payment_method");
    forms.one("v1.customers.retrieve", "", it).await;
    let it = o::DeleteCustomer::new("cus_1");
    forms.one("v1.customers.delete", "", it).await;

    let it = o::ListCustomers::new()
        .email("ada+1@example.com")
        .created(at(1_700_000_000)..at(1_800_000_000));
    let _ = forms.client.call(it).limit(3).page().await;
    forms.compare("v1.customers.list", |params| params["limit"] == 3);
    let it = o::SearchCustomers::new("name:'Ada' AND metadata['tier']:'gold'");
    let _ = forms.client.call(it).limit(10).page().await;
    forms.compare("v1.customers.search", |_| true);
    assert_eq!(forms.compared.len(), 11);
}

#[tokio::test]
async fn subscriptions_are_sent_as_the_sdk_sends_them() {
    let mut forms = Forms::start().await;
    let create = || o::CreateSubscription::new().customer("cus_1");
    let it = create().items([
        o::CreateSubscriptionItems::new()
            .price("price_1")
            .quantity(2),
        o::CreateSubscriptionItems::new()
            .price("price_2")
            .tax_rates(["txr_1", "txr_2"]),
    ]);
    forms.one("v1.subscriptions.create", "", it).await;
    let price = o::CreateSubscriptionItemsPriceData::new(
        "usd",
        "prod_1",
        o::CreateSubscriptionItemsPriceDataRecurring::new(
            o::CreateSubscriptionItemsPriceDataRecurringInterval::Month,
        )
        .interval_count(3),
    );
    let item = o::CreateSubscriptionItems::new()
        .price_data(price.unit_amount_decimal("12.345"))
        .metadata([("seat", "1")]);
    let it = create().items([item]).off_session(true);
    forms
        .one("v1.subscriptions.create", "off_session", it)
        .await;
    let options = o::CreateSubscriptionPaymentSettingsPaymentMethodOptions::new()
        .card(
            o::CreateSubscriptionPaymentSettingsPaymentMethodOptionsCard::new()
                .param("request_three_d_secure", "automatic"),
        )
        .acss_debit(json!({"mandate_options": {"transaction_type": "business"}}));
    let settings = o::CreateSubscriptionPaymentSettings::new()
        .payment_method_options(options)
        .save_default_payment_method(
            o::CreateSubscriptionPaymentSettingsSaveDefaultPaymentMethod::OnSubscription,
        )
        .payment_method_types([
            o::CreateSubscriptionPaymentSettingsPaymentMethodTypes::Card,
            o::CreateSubscriptionPaymentSettingsPaymentMethodTypes::SepaDebit,
        ]);
    let it = create()
        .items(json!([{"price": "p"}]))
        .payment_behavior(o::CreateSubscriptionPaymentBehavior::DefaultIncomplete)
        .payment_settings(settings)
        .expand("latest_invoice.payment_intent")
        .expand("pending_setup_intent");
    forms
        .one("v1.subscriptions.create", "payment_settings", it)
        .await;
    let it = create()
        .items(json!([{"price": "p"}]))
        .trial_end(1_767_225_600)
        .billing_cycle_anchor(at(1_769_904_000))
        .proration_behavior(o::CreateSubscriptionProrationBehavior::None)
        .cancel_at_period_end(false);
    forms.one("v1.subscriptions.create", "trial_end", it).await;
    let it = o::UpdateSubscription::new("sub_1")
        .items(json!([
            {"id": "si_1", "deleted": true, "clear_usage": false},
            {"id": "si_2", "price": "price_2"},
        ]))
        .proration_date(at(1_700_000_000))
        .cancel_at("");
    forms.one("v1.subscriptions.update", "items", it).await;
    let it = o::CancelSubscription::new("sub_1")
        .invoice_now(true)
        .prorate(false)
        .cancellation_details(
            o::CancelSubscriptionCancellationDetails::new()
                .comment("too dear")
                .feedback(o::CancelSubscriptionCancellationDetailsFeedback::TooExpensive),
        );
    forms.one("v1.subscriptions.cancel", "", it).await;
    let it = o::ListSubscriptions::new()
        .status(o::ListSubscriptionsStatus::All)
        .price("price_1")
        .current_period_end(..=at(1_800_000_000))
        .collection_method(o::ListSubscriptionsCollectionMethod::ChargeAutomatically);
    let _ = forms.client.call(it).page().await;
    forms.compare("v1.subscriptions.list", |_| true);

    assert_eq!(forms.compared.len(), 7);
}

#[tokio::test]
async fn invoices_are_sent_as_the_sdk_sends_them() {
    let mut forms = Forms::start().await;
    let it = o::CreateInvoice::new()
        .customer("cus_1")
        .auto_advance(false)
        .collection_method(o::CreateInvoiceCollectionMethod::SendInvoice)
        .days_until_due(30)
        .rendering(json!({"pdf": {"page_size": "a4"}}))
        .custom_fields(json!([{"name": "n", "value": "v"}]))
        .default_tax_rates(["txr_1"]);
    forms.one("v1.invoices.create", "", it).await;
    let it = o::CreateInvoiceitem::new()
        .customer("cus_1")
        .amount(-500)
        .currency("eur")
        .period(
            o::CreateInvoiceitemPeriod::new()
                .start(at(1_700_000_000))
                .end(at(1_702_592_000)),
        )
        .tax_rates(["txr_1", "txr_2"]);
    forms.one("v1.invoice_items.create", "", it).await;
    assert_eq!(forms.compared.len(), 2);
}

#[tokio::test]
async fn payments_and_products_are_sent_as_the_sdk_sends_them() {
    let mut forms = Forms::start().await;
    let it = o::CreatePaymentIntent::new(2000, "usd")
        .automatic_payment_methods(
            o::CreatePaymentIntentAutomaticPaymentMethods::new(true).allow_redirects(
                o::CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects::Never,
            ),
        )
        .confirm(true)
        .return_url("https://example.com/done?a=1&b=2#c");
    forms
        .one("v1.payment_intents.create", "return_url", it)
        .await;
    let it = o::CapturePaymentIntent::new("pi_1")
        .amount_to_capture(1000)
        .final_capture(false);
    forms.one("v1.payment_intents.capture", "", it).await;
    let it = o::CreateRefund::new()
        .charge("ch_1")
        .amount(100)
        .reason(o::CreateRefundReason::RequestedByCustomer)
        .reverse_transfer(true)
        .refund_application_fee(false);
    forms.one("v1.refunds.create", "", it).await;
    let it = o::CreatePrice::new("usd")
        .product("prod_1")
        .billing_scheme(o::CreatePriceBillingScheme::Tiered)
        .tiers_mode(o::CreatePriceTiersMode::Graduated)
        .recurring(
            o::CreatePriceRecurring::new(o::CreatePriceRecurringInterval::Month)
                .usage_type(o::CreatePriceRecurringUsageType::Metered),
        )
        .tiers([
            o::CreatePriceTiers::new(10).unit_amount_decimal("0.5"),
            o::CreatePriceTiers::new("inf")
                .unit_amount(1)
                .flat_amount(0),
        ]);
    forms.one("v1.prices.create", "tiers", it).await;
    let it = o::CreateCoupon::new()
        .percent_off(12.5)
        .duration(o::CreateCouponDuration::Repeating)
        .duration_in_months(3)
        .applies_to(json!({"products": ["prod_1", "prod_2"]}))
        .redeem_by(at(1_767_225_600));
    forms.one("v1.coupons.create", "", it).await;
    let it = o::RetrieveCoupon::new("50% off/now?");
    forms.one("v1.coupons.retrieve", "", it).await;
    let it = o::ListCharges::new()
        .created(TimeRange::after(at(1_700_000_000)))
        .payment_intent("pi_1")
        .transfer_group("order 1/2");
    let _ = forms.client.call(it).page().await;
    forms.compare("v1.charges.list", |_| true);
    let it = o::ListEvents::new()
        .types(["invoice.paid", "customer.updated"])
        .delivery_success(false);
    let _ = forms.client.call(it).limit(100).page().await;
    forms.compare("v1.events.list", |_| true);
    let it = o::AdvanceTestHelpersTestClock::new("clock_1", at(1_767_225_600));
    forms
        .one("v1.test_helpers.test_clocks.advance", "", it)
        .await;
    assert_eq!(forms.compared.len(), 9);
}

#[tokio::test]
async fn v2_is_sent_as_the_sdk_sends_it() {
    let mut forms = Forms::start().await;
    let it = o::CreateV2CoreEventDestination::new(
        ["v1.billing.meter.error_report_triggered"],
        o::CreateV2CoreEventDestinationEventPayload::Thin,
        "My destination",
        o::CreateV2CoreEventDestinationType::WebhookEndpoint,
    )
    .webhook_endpoint(json!({"url": "https://example.com/hook"}))
    .include([o::CreateV2CoreEventDestinationInclude::WebhookEndpointUrl])
    .description("50% & more");
    forms.one("v2.core.event_destinations.create", "", it).await;
    let it = o::UpdateV2CoreEventDestination::new("ed_1")
        .description("")
        .metadata([("a", "b")])
        .enabled_events([""; 0]);
    forms.one("v2.core.event_destinations.update", "", it).await;
    assert_eq!(forms.compared.len(), 2);
}
