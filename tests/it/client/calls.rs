//! What is sent for a call: method, path, headers, parameters.

use serde_json::{Value, json};
use stripe_store::client::{ApiPath, AppInfo, Call, Client, ClientError, FileUpload, Method, One};
use stripe_store::resources::{API_VERSION, Balance, Capability, Coupon, Customer, Invoice};
use stripe_store::{AnyObject, View};
use stripe_store_tests::fake::{Fault, Reply};

use super::{KEY, builder, fake, key, pair};

#[tokio::test]
async fn c024_retrieving_is_a_get_with_what_to_expand() {
    let (fake, client) = pair().await;
    fake.add(
        "/v1/customers",
        json!({"id": "cus_1", "object": "customer", "email": "ada@example.com"}),
    );
    let customer = client
        .retrieve::<Customer>("cus_1")
        .expand("default_source")
        .expand("sources")
        .send()
        .await
        .unwrap();
    assert_eq!(customer.email(), Some("ada@example.com"));
    let request = fake.last();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("GET", "/v1/customers/cus_1")
    );
    assert_eq!(
        request.param("expand[0]").as_deref(),
        Some("default_source")
    );
    assert_eq!(request.param("expand[1]").as_deref(), Some("sources"));
    assert_eq!(request.header("stripe-version"), Some(API_VERSION));
    assert_eq!(
        request.header("authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );
}

#[tokio::test]
async fn the_only_object_of_its_type_is_read_by_the_types_name() {
    let (fake, client) = pair().await;
    fake.fail_next(Fault::Instead(Reply::json(
        200,
        &json!({"object": "balance", "livemode": false}),
    )));
    client.retrieve::<Balance>("balance").send().await.unwrap();
    assert_eq!(fake.last().path, "/v1/balance");
}

#[tokio::test]
async fn c025_the_calls_account_goes_before_the_handles_and_none_is_named_without_one() {
    let (fake, client) = pair().await;
    fake.add(
        "/v1/customers",
        json!({"id": "cus_1", "object": "customer"}),
    );
    let of_account = client.account("acct_handle");
    let sent = async |call: Call<One<Customer>>| {
        let answer = call.send().await.unwrap();
        let header = fake.last().header("stripe-account").map(str::to_owned);
        assert_eq!(answer.response().account(), header.as_deref());
        header
    };
    let retrieve = |client: &Client| client.retrieve::<Customer>("cus_1");
    assert_eq!(sent(retrieve(&client)).await, None);
    assert_eq!(
        sent(retrieve(&of_account)).await.as_deref(),
        Some("acct_handle")
    );
    assert_eq!(
        sent(retrieve(&of_account).account("acct_1"))
            .await
            .as_deref(),
        Some("acct_1")
    );
    assert_eq!(sent(retrieve(&of_account).platform()).await, None);
    assert_eq!(sent(retrieve(&of_account.platform())).await, None);
}

#[tokio::test]
async fn c028_creating_changing_and_deleting_have_their_verbs_and_paths() {
    let (fake, client) = pair().await;
    let made = client
        .create::<Customer>()
        .param("email", "ada@example.com")
        .send()
        .await
        .unwrap();
    let id = made.id().to_owned();
    assert!(id.starts_with("cus_"), "{id}");
    let request = fake.last();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/v1/customers")
    );
    assert_eq!(request.text(), "email=ada%40example.com");

    let changed = client
        .update::<Customer>(&id)
        .param("name", "Ada")
        .send()
        .await
        .unwrap();
    assert_eq!(changed.name(), Some("Ada"));
    let request = fake.last();
    assert_eq!(
        (request.method, request.path),
        ("POST".to_owned(), format!("/v1/customers/{id}"))
    );

    let deleted = client.delete::<Customer>(&id).send().await.unwrap();
    assert_eq!(deleted.data()["deleted"], json!(true));
    let request = fake.last();
    assert_eq!(
        (request.method, request.path),
        ("DELETE".to_owned(), format!("/v1/customers/{id}"))
    );
    assert_eq!(fake.count("/v1/customers"), 0);
}

#[tokio::test]
async fn c031_ids_in_paths_are_quoted_and_nested_ones_are_below_their_parents() {
    let (fake, client) = pair().await;
    fake.fail_always(Some(Fault::Instead(Reply::json(
        200,
        &json!({"id": "50% off/?#", "object": "coupon"}),
    ))));
    client
        .retrieve::<Coupon>("50% off/?#")
        .send()
        .await
        .unwrap();
    assert_eq!(fake.last().path, "/v1/coupons/50%25%20off%2F%3F%23");
    assert_eq!(fake.last().query, "");
    let path = ApiPath::new("/v1/coupons").unwrap().then("a/b").unwrap();
    client.request(Method::Get, path).send().await.unwrap();
    assert_eq!(fake.last().path, "/v1/coupons/a%2Fb");

    fake.fail_always(Some(Fault::Instead(Reply::json(
        200,
        &json!({"id": "card_payments", "object": "capability"}),
    ))));
    client
        .retrieve::<Capability>("card_payments")
        .parent("acct_1")
        .send()
        .await
        .unwrap();
    assert_eq!(
        fake.last().path,
        "/v1/accounts/acct_1/capabilities/card_payments"
    );

    let before = fake.received().len();
    for id in ["", "..", "."] {
        let error = client.retrieve::<Coupon>(id).send().await.unwrap_err();
        assert!(matches!(error, ClientError::Path { .. }), "{error}");
    }
    assert_eq!(fake.received().len(), before);
}

#[tokio::test]
async fn c032_a_version_for_one_call_leaves_the_others_alone() {
    let (fake, client) = pair().await;
    fake.add(
        "/v1/customers",
        json!({"id": "cus_1", "object": "customer"}),
    );
    let old = client
        .retrieve::<Customer>("cus_1")
        .version("2020-08-27")
        .send()
        .await
        .unwrap();
    assert_eq!(fake.last().header("stripe-version"), Some("2020-08-27"));
    assert_eq!(old.response().api_version(), Some("2020-08-27"));
    client.retrieve::<Customer>("cus_1").send().await.unwrap();
    assert_eq!(fake.last().header("stripe-version"), Some(API_VERSION));
}

#[tokio::test]
async fn c033_a_file_goes_to_the_other_server_in_parts() {
    let (fake, files) = (fake().await, fake().await);
    let client = builder(&fake, key(KEY))
        .upload_url(files.url())
        .build()
        .unwrap();
    files.fail_next(Fault::status(503));
    files.fail_next(Fault::Instead(Reply::json(
        200,
        &json!({"id": "file_1", "object": "file"}),
    )));
    let file = FileUpload::new(
        "dispute_evidence",
        "receipt \"1\".png",
        b"\x89PNG\r\n--x\r\n".as_slice(),
    )
    .with_content_type("image/png");
    let uploaded = client
        .upload(file)
        .param("file_link_data", json!({"create": true}))
        .send()
        .await
        .unwrap();
    assert_eq!(uploaded.id(), "file_1");
    assert_eq!(fake.received().len(), 0);
    let [first, second] = files.received().try_into().unwrap();
    assert_eq!(
        first.header("idempotency-key"),
        second.header("idempotency-key")
    );
    assert!(second.header("idempotency-key").is_some());
    assert_eq!(
        (second.method.as_str(), second.path.as_str()),
        ("POST", "/v1/files")
    );
    let kind = second.header("content-type").unwrap().to_owned();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let text = second.text();
    let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
    assert_eq!(parts.len(), 5, "{text}");
    assert!(
        parts[1].contains("name=\"purpose\"\r\n\r\ndispute_evidence\r\n"),
        "{text}"
    );
    assert!(
        parts[2].contains("name=\"file_link_data[create]\"\r\n\r\ntrue\r\n"),
        "{text}"
    );
    assert!(parts[3].contains("Content-Type: image/png"), "{text}");
    let content = b"\x89PNG\r\n--x\r\n";
    assert!(
        second
            .body
            .windows(content.len())
            .any(|window| window == content)
    );
}

#[tokio::test]
async fn c034_an_action_is_a_post_to_its_path() {
    let (fake, client) = pair().await;
    let paid = json!({"id": "in_1", "object": "invoice", "status": "paid"});
    fake.fail_next(Fault::Instead(Reply::json(200, &paid)));
    let answer = client
        .request(Method::Post, "/v1/invoices/in_1/pay")
        .send()
        .await
        .unwrap();
    assert_eq!(fake.last().path, "/v1/invoices/in_1/pay");
    assert_eq!(answer.view::<Invoice>().unwrap().data(), &paid);
}

#[tokio::test]
async fn c037_the_application_is_named_in_every_request() {
    let fake = fake().await;
    let app = AppInfo::new("TeaClub")
        .with_version("1.2")
        .with_url("https://tea.example")
        .with_partner_id("pp_1");
    let client = builder(&fake, key(KEY))
        .upload_url(fake.url())
        .app_info(app)
        .build()
        .unwrap();
    client.create::<Customer>().send().await.unwrap();
    client.list::<Customer>().page().await.unwrap();
    fake.fail_next(Fault::Instead(Reply::json(
        200,
        &json!({"id": "file_1", "object": "file"}),
    )));
    client
        .upload(FileUpload::new("p", "n", "x"))
        .send()
        .await
        .unwrap();
    let requests = fake.received();
    assert_eq!(requests.len(), 3);
    for request in requests {
        let agent = request.header("user-agent").unwrap();
        assert!(agent.starts_with("Stripe/v1 stripe-store/"), "{agent}");
        assert!(
            agent.ends_with("TeaClub/1.2 (https://tea.example)"),
            "{agent}"
        );
        let long: Value =
            serde_json::from_str(request.header("x-stripe-client-user-agent").unwrap()).unwrap();
        assert_eq!(long["application"]["partner_id"], "pp_1");
        assert_eq!(long["lang"], "rust");
    }
}

#[tokio::test]
async fn paths_of_v2_take_json_and_keys_also_to_delete() {
    let (fake, client) = pair().await;
    let params = json!({"name": "d", "enabled_events": ["a", "b"], "description": null, "webhook_endpoint": {"url": "https://x"}, "event_payload": "thin", "type": "webhook_endpoint"});
    client
        .request(Method::Post, "/v2/core/event_destinations")
        .params(params.as_object().unwrap().clone())
        .context("acct_1/acct_2")
        .send()
        .await
        .unwrap();
    let request = fake.last();
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("stripe-context"), Some("acct_1/acct_2"));
    assert_eq!(
        serde_json::from_slice::<Value>(&request.body).unwrap(),
        params
    );
    let key = request.header("idempotency-key").unwrap().to_owned();

    let path = "/v2/core/event_destinations/obj_1";
    client.request(Method::Delete, path).send().await.unwrap();
    let request = fake.last();
    assert!(
        request
            .header("idempotency-key")
            .is_some_and(|other| other != key)
    );
    client.delete::<Customer>("cus_1").send().await.unwrap_err();
    assert_eq!(
        fake.last().header("idempotency-key"),
        None,
        "v1 has none for a DELETE"
    );
}

#[tokio::test]
async fn numbers_arrive_as_they_were_sent() {
    let (fake, client) = pair().await;
    let text = "{\"id\": \"cus_1\",\n \"object\":\"customer\", \"big\": 9007199254740993, \"long\": 0.1234567890123456789, \"e\": 1.0E+2}";
    fake.fail_next(Fault::Instead(Reply::text(200, text)));
    let answer = client
        .request(Method::Get, "/v1/customers/cus_1")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.text(), text);
    assert_eq!(
        answer
            .view::<AnyObject>()
            .unwrap()
            .get("big")
            .unwrap()
            .as_i64(),
        Some(9_007_199_254_740_993)
    );
    fake.fail_next(Fault::Instead(Reply::text(200, text)));
    let customer = client.retrieve::<Customer>("cus_1").send().await.unwrap();
    assert_eq!(customer.json().get(), text);
}

#[tokio::test]
async fn an_object_of_another_type_is_an_error_that_names_both() {
    let (fake, client) = pair().await;
    fake.fail_next(Fault::Instead(Reply::json(
        200,
        &json!({"id": "ch_1", "object": "charge"}),
    )));
    let error = client
        .retrieve::<Customer>("cus_1")
        .send()
        .await
        .unwrap_err();
    let ClientError::OtherType { source, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(
        (source.expected(), source.found()),
        ("customer", Some("charge"))
    );
}
