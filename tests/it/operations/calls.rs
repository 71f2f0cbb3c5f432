//! Builders through the client, against the fake Stripe.

use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use stripe_store::View;
use stripe_store::client::{
    Answer, Client, ClientBuilder, ClientError, Host, Operation, OperationFacts, RateLimit,
    RetryPolicy, SecretKey, TimeRange,
};
use stripe_store::resources::operations::{
    CancelSubscription, CaptureCharge, CreateCustomer, CreateCustomerSource, CreateInvoicePreview,
    CreateSubscription, CreateSubscriptionCollectionMethod, CreateV2BillingMeterEventStream,
    CreateV2CoreEventDestination, CreateV2CoreEventDestinationEventPayload,
    CreateV2CoreEventDestinationType, DeleteCustomer, ListCustomerSources, ListCustomers,
    ListSubscriptions, ListSubscriptionsStatus, RetrieveBalance, RetrieveCoupon, RetrieveCustomer,
    SearchCustomers, UpdateCustomer,
};
use stripe_store::resources::{DeletedCustomer, Subscription};
use stripe_store::view::{OpenEnum as _, Timestamp};
use stripe_store_tests::fake::{Fake, Fault, Reply};

fn builder(fake: &Fake) -> ClientBuilder {
    Client::builder(SecretKey::new("sk_test_Abc123").unwrap())
        .base_url(fake.url())
        .host(Host::MeterEvents, fake.url())
        .rate_limit(RateLimit::unlimited())
        .retry(RetryPolicy::none())
}

pub(super) async fn pair() -> (Fake, Client) {
    let fake = Fake::start().await.unwrap();
    let client = builder(&fake).build().unwrap();
    (fake, client)
}

/// What the next request is answered with.
fn answer(fake: &Fake, body: &Value) {
    fake.fail_next(Fault::Instead(Reply::json(200, body)));
}

/// The line of the last request, and its parameters as they were sent.
fn sent(fake: &Fake) -> (String, Vec<String>) {
    let last = fake.last();
    let pairs = last.pairs().into_iter();
    let pairs = pairs.map(|(name, value)| format!("{name}={value}"));
    (format!("{} {}", last.method, last.path), pairs.collect())
}

#[tokio::test]
async fn an_object_is_created_changed_read_and_deleted() {
    let (fake, client) = pair().await;
    let create = CreateCustomer::new()
        .email("ada@example.com")
        .metadata([("tier", "gold")])
        .address(json!({"city": "London"}));
    let made = client.call(create).send().await.unwrap();
    assert_eq!(made.email(), Some("ada@example.com"));
    assert_eq!(
        sent(&fake),
        (
            "POST /v1/customers".to_owned(),
            [
                "address[city]=London",
                "email=ada@example.com",
                "metadata[tier]=gold"
            ]
            .map(str::to_owned)
            .to_vec()
        )
    );
    let id = made.id().to_owned();
    let update = UpdateCustomer::new(&id).name("Ada").description("");
    let changed = client.call(update).send().await.unwrap();
    assert_eq!((changed.name(), changed.description()), (Some("Ada"), None));

    let read = client.call(RetrieveCustomer::new(&id)).send().await;
    assert_eq!(read.unwrap().name(), Some("Ada"));

    let deleted = client.call(DeleteCustomer::new(&id)).send().await.unwrap();
    let stub: &DeletedCustomer = &deleted;
    assert_eq!((stub.id(), stub.deleted()), (id.as_str(), Some(true)));
    assert_eq!(sent(&fake).0, format!("DELETE /v1/customers/{id}"));
}

#[tokio::test]
async fn every_kind_of_parameter_is_sent_as_stripe_takes_it() {
    let (fake, client) = pair().await;
    let create = CreateSubscription::new()
        .customer("cus_1")
        .items(json!([{"price": "price_1", "quantity": 2}]))
        .collection_method(CreateSubscriptionCollectionMethod::SendInvoice)
        .days_until_due(30)
        .application_fee_percent(2.5)
        .cancel_at_period_end(true)
        .trial_end(json!("now"))
        .backdate_start_date(Timestamp::from_unix_seconds(1_700_000_000))
        .default_tax_rates(["txr_1", "txr_2"])
        .param("a_new_one", "x")
        .expand("latest_invoice")
        .expand("customer");
    let call = client.call(create).idempotency_key("signup-42");
    let made = call.send().await.unwrap();
    let _: &Subscription = &made;
    let (line, params) = sent(&fake);
    assert_eq!(line, "POST /v1/subscriptions");
    assert_eq!(
        params,
        [
            "a_new_one=x",
            "application_fee_percent=2.5",
            "backdate_start_date=1700000000",
            "cancel_at_period_end=true",
            "collection_method=send_invoice",
            "customer=cus_1",
            "days_until_due=30",
            "default_tax_rates[0]=txr_1",
            "default_tax_rates[1]=txr_2",
            "expand[0]=latest_invoice",
            "expand[1]=customer",
            "items[0][price]=price_1",
            "items[0][quantity]=2",
            "trial_end=now",
        ]
    );
    assert_eq!(fake.last().header("idempotency-key"), Some("signup-42"));
}

#[tokio::test]
async fn an_action_and_a_preview_go_to_their_paths() {
    let (fake, client) = pair().await;
    answer(
        &fake,
        &json!({"id": "ch_1", "object": "charge", "captured": true}),
    );
    let capture = client.call(CaptureCharge::new("ch_1").amount(500));
    assert_eq!(capture.send().await.unwrap().captured(), Some(true));
    let expected = (
        "POST /v1/charges/ch_1/capture".to_owned(),
        vec!["amount=500".to_owned()],
    );
    assert_eq!(sent(&fake), expected);

    answer(&fake, &json!({"object": "invoice", "amount_due": 1}));
    let preview = client.call(CreateInvoicePreview::new().customer("cus_1"));
    assert_eq!(preview.send().await.unwrap().amount_due(), Some(1));
    assert_eq!(sent(&fake).0, "POST /v1/invoices/create_preview");

    answer(
        &fake,
        &json!({"id": "sub_1", "object": "subscription", "status": "canceled"}),
    );
    let cancel = client.call(CancelSubscription::new("sub_1").prorate(true));
    cancel.send().await.unwrap();
    assert_eq!(sent(&fake).0, "DELETE /v1/subscriptions/sub_1");
    assert_eq!(fake.last().query, "prorate=true");
}

#[tokio::test]
async fn a_list_is_streamed_with_its_filters_in_both_directions() {
    let (fake, client) = pair().await;
    for number in 1..=250 {
        let object = json!({
            "id": format!("cus_{number}"), "object": "customer", "email": "ada@example.com",
            "created": 1_700_000_000 + number,
        });
        fake.add("/v1/customers", object);
    }
    let from = Timestamp::from_unix_seconds(1_700_000_000);
    let list = ListCustomers::new()
        .email("ada@example.com")
        .created(from..);
    let call = client.call(list);
    let ids: Vec<String> = call
        .stream()
        .map_ok(|item| item.view().unwrap().id().to_owned())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(ids.len(), 250);
    assert_eq!((ids[0].as_str(), ids[249].as_str()), ("cus_250", "cus_1"));
    assert_eq!(fake.received().len(), 3);
    for request in fake.received() {
        assert_eq!(request.param("email").as_deref(), Some("ada@example.com"));
        assert_eq!(request.param("created[gte]").as_deref(), Some("1700000000"));
    }
    let call = client.call(ListCustomers::new()).ending_before("cus_10");
    let newer: Vec<_> = call
        .stream()
        .map_ok(|item| item.id())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(newer.len(), 240);
    assert_eq!(newer[0].as_deref(), Some("cus_11"));
}

#[tokio::test]
async fn a_search_takes_its_query_and_a_filter_its_values() {
    let (fake, client) = pair().await;
    fake.add(
        "/v1/customers",
        json!({"id": "cus_1", "object": "customer", "email": "ada@example.com"}),
    );
    let search = client.call(SearchCustomers::new("email:'ada@example.com'"));
    let found = search.page().await.unwrap();
    assert_eq!(found.items().len(), 1);
    let expected = (
        "GET /v1/customers/search".to_owned(),
        vec!["query=email:'ada@example.com'".to_owned()],
    );
    assert_eq!(sent(&fake), expected);

    for status in [
        ListSubscriptionsStatus::All,
        ListSubscriptionsStatus::from_text("hibernating"),
    ] {
        let list = ListSubscriptions::new().status(status.clone());
        client.call(list).page().await.unwrap();
        assert_eq!(sent(&fake).1, [format!("status={}", status.as_str())]);
    }
}

#[tokio::test]
async fn what_is_below_another_object_has_the_ids_of_both_and_may_be_of_several_types() {
    let (fake, client) = pair().await;
    let card = json!({"id": "card_1", "object": "card", "last4": "4242"});
    answer(&fake, &card);
    let made = client
        .call(CreateCustomerSource::new("cus/1", "tok_visa"))
        .send()
        .await
        .unwrap();
    assert_eq!(made.data(), &card);
    let expected = (
        "POST /v1/customers/cus%2F1/sources".to_owned(),
        vec!["source=tok_visa".to_owned()],
    );
    assert_eq!(sent(&fake), expected);

    fake.add("/v1/customers/cus_1/sources", card);
    let sources = client.call(ListCustomerSources::new("cus_1").object("card"));
    let page = sources.page().await.unwrap();
    assert_eq!(page.items()[0].object().as_deref(), Some("card"));
}

#[tokio::test]
async fn the_only_one_there_is_has_no_id() {
    let (fake, client) = pair().await;
    answer(&fake, &json!({"object": "balance", "livemode": false}));
    client.call(RetrieveBalance::new()).send().await.unwrap();
    assert_eq!(sent(&fake).0, "GET /v1/balance");
}

#[tokio::test]
async fn v2_is_sent_json_and_a_stream_of_events_goes_to_its_own_server() {
    let (fake, client) = pair().await;
    answer(
        &fake,
        &json!({"id": "ed_1", "object": "v2.core.event_destination"}),
    );
    let create = CreateV2CoreEventDestination::new(
        ["v1.billing.meter.error_report_triggered"],
        CreateV2CoreEventDestinationEventPayload::Thin,
        "mine",
        CreateV2CoreEventDestinationType::WebhookEndpoint,
    );
    client.call(create).send().await.unwrap();
    let body: Value = serde_json::from_slice(&fake.last().body).unwrap();
    assert_eq!(
        body,
        json!({
            "enabled_events": ["v1.billing.meter.error_report_triggered"],
            "event_payload": "thin",
            "name": "mine",
            "type": "webhook_endpoint",
        })
    );

    let elsewhere = Fake::start().await.unwrap();
    let client = builder(&fake)
        .host(Host::MeterEvents, elsewhere.url())
        .build()
        .unwrap();
    answer(&elsewhere, &json!({}));
    let events = json!([{"event_name": "call", "payload": {"value": "1"}}]);
    let stream = client.call(CreateV2BillingMeterEventStream::new(events));
    stream.send().await.unwrap();
    assert_eq!(sent(&elsewhere).0, "POST /v2/billing/meter_event_stream");
}

#[tokio::test]
async fn an_object_of_another_type_and_an_id_that_is_none_are_errors() {
    let (fake, client) = pair().await;
    answer(&fake, &json!({"id": "prod_1", "object": "product"}));
    let error = client
        .call(RetrieveCoupon::new("x"))
        .send()
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::OtherType { .. }), "{error:?}");

    let before = fake.received().len();
    for id in ["", ".", ".."] {
        let error = client
            .call(RetrieveCoupon::new(id))
            .send()
            .await
            .unwrap_err();
        assert!(matches!(error, ClientError::Path { .. }), "{error:?}");
    }
    assert_eq!(fake.received().len(), before);
}

/// An operation that nobody generated.
struct Ping;

struct PingFacts;

impl OperationFacts for PingFacts {
    type Answer = stripe_store::client::Raw;
    const METHOD: stripe_store::client::Method = stripe_store::client::Method::Get;
    const PATH: &'static str = "/v1/ping/{who}";
}

impl Operation for Ping {
    type Facts = PingFacts;

    fn parameters(&self) -> &stripe_store::client::Parameters {
        unreachable!("only asked for by value")
    }

    fn into_parameters(self) -> stripe_store::client::Parameters {
        stripe_store::client::Parameters::default()
    }
}

#[tokio::test]
async fn an_operation_of_ones_own_without_its_ids_is_not_sent() {
    let (fake, client) = pair().await;
    let error = client.call(Ping).send().await.unwrap_err();
    assert!(matches!(error, ClientError::Path { .. }), "{error:?}");
    assert!(fake.received().is_empty());
}

#[test]
fn an_operation_is_data_that_shows_no_values() {
    fn check<T: Send + Sync + Clone>(_: &T) {}
    fn answers<A: Answer>() {}
    let create = CreateCustomer::new().email("ada@example.com");
    check(&create);
    assert_eq!(
        format!("{:?}", create.clone()),
        r#"CreateCustomer { ids: [], params: ["email"] }"#
    );
    assert_eq!(create.parameters().values()["email"], "ada@example.com");
    answers::<stripe_store::client::One<Subscription>>();
}

#[test]
fn ranges_of_moments_are_those_of_rust() {
    let at = Timestamp::from_unix_seconds;
    let check = |range: TimeRange, expected: Value| assert_eq!(Value::from(range), expected);
    check(at(5).into(), json!({"gte": 5, "lte": 5}));
    check((at(5)..at(9)).into(), json!({"gte": 5, "lt": 9}));
    check((at(5)..=at(9)).into(), json!({"gte": 5, "lte": 9}));
    check((at(5)..).into(), json!({"gte": 5}));
    check((..at(9)).into(), json!({"lt": 9}));
    check((..=at(9)).into(), json!({"lte": 9}));
    check(TimeRange::after(at(5)), json!({"gt": 5}));
}
