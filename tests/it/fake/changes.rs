//! What requests do to the fake's world, as at Stripe.

use serde_json::{Map, Value, json};
use stripe_store::client::{
    ApiError, Client, ClientError, Method, RateLimit, RetryPolicy, SecretKey,
};
use stripe_store_tests::fake::Fake;

async fn pair() -> (Fake, Client) {
    let fake = Fake::start().await.unwrap();
    let client = Client::builder(SecretKey::new("sk_test_Abc123").unwrap())
        .base_url(fake.url())
        .rate_limit(RateLimit::unlimited())
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    (fake, client)
}

async fn call(
    client: &Client,
    method: Method,
    path: &str,
    params: Value,
) -> Result<Value, ClientError> {
    let params: Map<String, Value> = params.as_object().unwrap().clone();
    let answer = client.request(method, path).params(params).send().await?;
    Ok(serde_json::from_str(answer.text()).unwrap())
}

async fn post(client: &Client, path: &str, params: Value) -> Value {
    let answer = call(client, Method::Post, path, params).await;
    answer.unwrap_or_else(|error| panic!("{path}: {error:?}"))
}

async fn get(client: &Client, path: &str) -> Value {
    let answer = call(client, Method::Get, path, json!({})).await;
    answer.unwrap_or_else(|error| panic!("{path}: {error:?}"))
}

/// The status of a refusal, its code and its parameter.
async fn refused(
    client: &Client,
    method: Method,
    path: &str,
    params: Value,
) -> (u16, Option<String>, Option<String>) {
    let error = call(client, method, path, params).await.unwrap_err();
    let api: &ApiError = error.api().unwrap();
    let text = |text: Option<&str>| text.map(str::to_owned);
    (api.status(), text(api.code()), text(api.param()))
}

fn says(status: u16, code: &str, param: &str) -> (u16, Option<String>, Option<String>) {
    (status, Some(code.to_owned()), Some(param.to_owned()))
}

#[tokio::test]
async fn what_is_made_has_its_fields_and_what_was_given_is_what_it_is() {
    let (_fake, client) = pair().await;
    let product = post(&client, "/v1/products", json!({"name": "Gold"})).await;
    let price = json!({
        "currency": "usd", "unit_amount": 1000, "product": product["id"], "recurring": {"interval": "month"},
        "expand": ["product"],
    });
    let price = post(&client, "/v1/prices", price).await;
    assert_eq!(
        (&price["unit_amount"], &price["active"]),
        (&json!(1000), &json!(true))
    );
    assert_eq!(price["nickname"], Value::Null);
    assert_eq!(price["recurring"]["interval_count"], 1);
    assert_eq!(price["product"]["name"], "Gold");
    assert_eq!(price.get("expand"), None);

    let customer = post(&client, "/v1/customers", json!({})).await;
    let items = json!([{"price": price["id"], "quantity": 2}]);
    let params = json!({"customer": customer["id"], "items": items, "trial_end": 1_900_000_000});
    let subscription = post(&client, "/v1/subscriptions", params).await;
    assert_eq!(subscription["trial_end"], 1_900_000_000);
    assert_eq!(subscription["customer"], customer["id"]);
    let item = &subscription["items"]["data"][0];
    assert_eq!(
        (&item["quantity"], &item["price"]["id"]),
        (&json!(2), &price["id"])
    );
    assert_eq!(item["subscription"], subscription["id"]);
    let id = subscription["id"].as_str().unwrap();
    let listed = get(
        &client,
        &format!("/v1/subscription_items?subscription={id}"),
    )
    .await;
    assert_eq!(listed["data"][0]["id"], item["id"]);

    // Items change, come and go by their ids.
    let path = format!("/v1/subscriptions/{id}");
    let items = json!([{"id": item["id"], "quantity": 5}, {"price": price["id"]}]);
    let changed = post(&client, &path, json!({"items": items})).await;
    let data = changed["items"]["data"].as_array().unwrap();
    assert_eq!((data.len(), &data[0]["quantity"]), (2, &json!(5)));
    assert_eq!(data[0]["price"]["id"], price["id"]);
    let items = json!([{"id": item["id"], "deleted": true}]);
    let changed = post(&client, &path, json!({"items": items})).await;
    assert_eq!(changed["items"]["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_on_a_list_of_its_own_is_the_same_inside_the_object_that_it_belongs_to() {
    let (_fake, client) = pair().await;
    let product = post(&client, "/v1/products", json!({"name": "Gold"})).await;
    let price = json!({"currency": "usd", "unit_amount": 1, "product": product["id"]});
    let price = post(&client, "/v1/prices", price).await;
    let items = json!([{"price": price["id"], "quantity": 2}]);
    let subscription = post(&client, "/v1/subscriptions", json!({"items": items})).await;
    let path = format!("/v1/subscriptions/{}", subscription["id"].as_str().unwrap());
    let item = subscription["items"]["data"][0]["id"].as_str().unwrap();
    let item = format!("/v1/subscription_items/{item}");
    post(&client, &item, json!({"quantity": 7})).await;
    let inside = get(&client, &path).await["items"]["data"].take();
    assert_eq!(inside[0]["quantity"], 7);

    let params = json!({"subscription": subscription["id"], "price": price["id"]});
    let second = post(&client, "/v1/subscription_items", params).await;
    call(&client, Method::Delete, &item, json!({}))
        .await
        .unwrap();
    let inside = get(&client, &path).await["items"]["data"].take();
    assert_eq!(inside, json!([second]));
}

#[tokio::test]
async fn changes_leave_alone_what_they_do_not_name() {
    let (_fake, client) = pair().await;
    let params = json!({
        "metadata": {"a": "1", "b": "2"}, "address": {"city": "Oslo", "country": "NO"}, "phone": "1",
    });
    let made = post(&client, "/v1/customers", params).await;
    let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
    let params = json!({"metadata": {"a": "", "c": "3"}, "address": {"city": "Rome"}, "phone": ""});
    let changed = post(&client, &path, params).await;
    assert_eq!(changed["metadata"], json!({"b": "2", "c": "3"}));
    assert_eq!(changed["address"]["country"], "NO");
    assert_eq!(
        (&changed["address"]["city"], &changed["phone"]),
        (&json!("Rome"), &Value::Null)
    );
    let changed = post(&client, &path, json!({"metadata": ""})).await;
    assert_eq!(changed["metadata"], json!({}));
    assert_eq!(get(&client, &path).await, changed);
}

#[tokio::test]
async fn what_is_done_to_an_object_changes_its_state() {
    let (fake, client) = pair().await;
    let customer = post(&client, "/v1/customers", json!({})).await;
    let invoice = post(&client, "/v1/invoices", json!({"customer": customer["id"]})).await;
    assert_eq!(invoice["status"], "draft");
    let path = format!("/v1/invoices/{}", invoice["id"].as_str().unwrap());
    let open = post(&client, &format!("{path}/finalize"), json!({})).await;
    assert_eq!(open["status"], "open");
    post(&client, &format!("{path}/pay"), json!({})).await;
    assert_eq!(get(&client, &path).await["status"], "paid");

    let attach = json!({"customer": customer["id"]});
    let card = post(&client, "/v1/payment_methods/pm_card_visa/attach", attach).await;
    assert_eq!(
        (&card["customer"], &card["type"]),
        (&customer["id"], &json!("card"))
    );
    let detach = format!(
        "/v1/payment_methods/{}/detach",
        card["id"].as_str().unwrap()
    );
    assert_eq!(
        post(&client, &detach, json!({})).await["customer"],
        Value::Null
    );

    // A canceled subscription is there for those who ask for it.
    let params = json!({"customer": customer["id"]});
    let subscription = post(&client, "/v1/subscriptions", params).await;
    let path = format!("/v1/subscriptions/{}", subscription["id"].as_str().unwrap());
    let canceled = call(&client, Method::Delete, &path, json!({}))
        .await
        .unwrap();
    assert_eq!(canceled["status"], "canceled");
    assert_eq!(get(&client, &path).await["status"], "canceled");
    assert_eq!(get(&client, "/v1/subscriptions").await["data"], json!([]));
    let all = get(&client, "/v1/subscriptions?status=all").await;
    assert_eq!(all["data"].as_array().unwrap().len(), 1);

    // What is only answered with is on no list.
    let before = fake.len();
    let session = post(&client, "/v1/billing_portal/sessions", json!({})).await;
    assert_eq!(session["object"], "billing_portal.session");
    let preview = post(&client, "/v1/invoices/create_preview", json!({})).await;
    assert_eq!(preview["object"], "invoice");
    assert_eq!(fake.len(), before);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_named_and_does_nothing() {
    let (fake, client) = pair().await;
    let cases = [
        (
            Method::Post,
            "/v1/prices",
            json!({"unit_amount": 1}),
            says(400, "parameter_missing", "currency"),
        ),
        (
            Method::Get,
            "/v1/customers/cus_none",
            json!({}),
            says(404, "resource_missing", "id"),
        ),
        (
            Method::Post,
            "/v1/customers/cus_none",
            json!({}),
            says(404, "resource_missing", "id"),
        ),
        (
            Method::Delete,
            "/v1/customers/cus_none",
            json!({}),
            says(404, "resource_missing", "id"),
        ),
        (
            Method::Post,
            "/v1/invoices/in_none/pay",
            json!({}),
            says(404, "resource_missing", "id"),
        ),
        (
            Method::Get,
            "/v1/customers",
            json!({"limit": 0}),
            says(400, "parameter_invalid_integer", "limit"),
        ),
        (
            Method::Get,
            "/v1/customers",
            json!({"limit": "x"}),
            says(400, "parameter_invalid_integer", "limit"),
        ),
        (
            Method::Get,
            "/v1/customers",
            json!({"ending_before": "x"}),
            says(400, "resource_missing", "ending_before"),
        ),
        (Method::Get, "/v1/nothing", json!({}), (404, None, None)),
        (
            Method::Post,
            "/v1/customers/cus_1/nothing",
            json!({}),
            (404, None, None),
        ),
    ];
    for (method, path, params, expected) in cases {
        assert_eq!(
            refused(&client, method, path, params).await,
            expected,
            "{path}"
        );
    }
    let plan = json!({"id": "ten", "percent_off": 10});
    post(&client, "/v1/coupons", plan.clone()).await;
    let again = refused(&client, Method::Post, "/v1/coupons", plan).await;
    assert_eq!(again, says(400, "resource_already_exists", "id"));
    assert_eq!((fake.len(), fake.all_effects()), (1, 1));
}

#[tokio::test]
async fn a_key_of_a_request_that_was_refused_can_be_used_again() {
    let (fake, client) = pair().await;
    let call = |params: Value| {
        let params: Map<String, Value> = params.as_object().unwrap().clone();
        let call = client.request(Method::Post, "/v1/prices");
        call.params(params).idempotency_key("once").send()
    };
    call(json!({"unit_amount": 1})).await.unwrap_err();
    call(json!({"unit_amount": 1, "currency": "usd"}))
        .await
        .unwrap();
    assert_eq!(fake.effects("once"), 1);
}
