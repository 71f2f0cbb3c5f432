//! The fake Stripe: lists, filters, expansions and faults as Stripe has them.

mod changes;

use serde_json::{Value, json};
use stripe_store_tests::fake::{Fake, Fault};

/// What a plain HTTP client gets: status and body.
async fn get(fake: &Fake, path: &str) -> (u16, Value) {
    let answer = send(fake, "GET", path).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

async fn send(fake: &Fake, method: &str, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = fake.url().strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer sk_test_1\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The ids on a page.
#[track_caller]
fn ids(answer: &(u16, Value)) -> Vec<&str> {
    assert_eq!(answer.0, 200, "{answer:?}");
    let data = answer.1["data"].as_array().unwrap();
    data.iter().map(|it| it["id"].as_str().unwrap()).collect()
}

async fn filled() -> Fake {
    let fake = Fake::start().await.unwrap();
    for (id, created, status) in [
        ("sub_1", 10, "active"),
        ("sub_2", 20, "canceled"),
        ("sub_3", 30, "active"),
        ("sub_4", 40, "past_due"),
    ] {
        let customer = if created < 30 { "cus_1" } else { "cus_2" };
        let subscription = json!({"id": id, "object": "subscription", "created": created, "status": status, "customer": customer});
        fake.add("/v1/subscriptions", subscription);
        for number in 1..=12 {
            let id = format!("si_{number}_{id}");
            let item = json!({"id": id, "object": "subscription_item", "subscription": format!("sub_{}", created / 10)});
            fake.add("/v1/subscription_items", item);
        }
    }
    fake.add(
        "/v1/customers",
        json!({"id": "cus_1", "object": "customer", "created": 1, "invoice_settings": {"default_payment_method": null}, "default_source": "card_1"}),
    );
    for number in 1..=11 {
        let id = format!("card_{number}");
        fake.add(
            "/v1/customers/cus_1/sources",
            json!({"id": id, "object": "card"}),
        );
    }
    fake
}

#[tokio::test]
async fn lists_show_what_their_parameters_say() {
    let fake = filled().await;
    for (query, expected) in [
        // Without a status, canceled ones are left out.
        ("", &["sub_4", "sub_3", "sub_1"][..]),
        ("?status=all", &["sub_4", "sub_3", "sub_2", "sub_1"]),
        ("?status=canceled", &["sub_2"]),
        ("?status=all&customer=cus_1", &["sub_2", "sub_1"]),
        (
            "?status=all&created[gte]=20&created[lt]=40",
            &["sub_3", "sub_2"],
        ),
        ("?status=all&created[gt]=20", &["sub_4", "sub_3"]),
        ("?status=all&created[lte]=10", &["sub_1"]),
        ("?created=30", &["sub_3"]),
        ("?limit=1&starting_after=sub_3", &["sub_1"]),
        ("?limit=1&ending_before=sub_1", &["sub_3"]),
        (
            "?status=all&limit=2&ending_before=sub_2",
            &["sub_4", "sub_3"],
        ),
    ] {
        let answer = get(&fake, &format!("/v1/subscriptions{query}")).await;
        assert_eq!(ids(&answer), expected, "{query}");
    }
    let page = get(&fake, "/v1/subscriptions?limit=1&starting_after=sub_3").await;
    assert_eq!(page.1["has_more"], false, "the canceled one does not count");
}

#[tokio::test]
async fn a_list_of_one_parent_needs_the_parent() {
    let fake = filled().await;
    let (status, body) = get(&fake, "/v1/subscription_items").await;
    assert_eq!(
        (status, &body["error"]["param"]),
        (400, &json!("subscription"))
    );
    assert_eq!(
        body["error"]["message"],
        "Missing required param: subscription."
    );

    let mut seen = Vec::new();
    for after in ["", "&starting_after=si_3_sub_2"] {
        let path = format!("/v1/subscription_items?subscription=sub_2{after}");
        let page = get(&fake, &path).await;
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        assert_eq!(page.1["has_more"], after.is_empty());
    }
    let expected: Vec<String> = (1..=12).rev().map(|it| format!("si_{it}_sub_2")).collect();
    assert_eq!(seen, expected);

    let (status, body) = get(&fake, "/v1/accounts/acct_1/persons?created[gte]=1").await;
    assert_eq!((status, &body["error"]["param"]), (400, &json!("created")));
}

#[tokio::test]
async fn lists_and_references_are_expanded() {
    let fake = filled().await;
    let plain = get(&fake, "/v1/customers/cus_1").await.1;
    assert!(plain.get("sources").is_none());
    let one = get(
        &fake,
        "/v1/customers/cus_1?expand[]=sources&expand[]=default_source",
    )
    .await;
    let page = get(&fake, "/v1/customers?expand[]=data.sources").await;
    for customer in [&one.1, &page.1["data"][0]] {
        let sources = &customer["sources"];
        assert_eq!(sources["data"].as_array().unwrap().len(), 10);
        assert_eq!(sources["has_more"], true);
        assert_eq!(sources["url"], "/v1/customers/cus_1/sources");
    }
    assert_eq!(one.1["default_source"]["object"], "card");
    let items = get(&fake, "/v1/subscriptions/sub_1?expand[]=items").await.1;
    assert_eq!(items["items"]["data"][0]["id"], "si_12_sub_1");

    let (status, body) = get(&fake, "/v1/customers?expand[]=data.email").await;
    assert_eq!(status, 400);
    let message = "This property cannot be expanded (data.email).";
    assert_eq!(body["error"]["message"], message);
}

#[tokio::test]
async fn what_was_deleted_is_not_listed_and_is_shown_as_the_description_says() {
    let fake = filled().await;
    fake.add("/v1/coupons", json!({"id": "co_1", "object": "coupon"}));
    for path in ["/v1/customers/cus_1", "/v1/coupons/co_1"] {
        assert!(send(&fake, "DELETE", path).await.contains("200 OK"));
    }
    let expected = json!({"id": "cus_1", "object": "customer", "deleted": true});
    assert_eq!(get(&fake, "/v1/customers/cus_1").await, (200, expected));
    assert_eq!(ids(&get(&fake, "/v1/customers").await), [""; 0]);
    assert_eq!(get(&fake, "/v1/coupons/co_1").await.0, 404);
}

#[tokio::test]
async fn faults_by_path_last_until_they_are_taken_back() {
    let fake = filled().await;
    fake.fail_path("/v1/subscriptions", Some(Fault::forbidden()));
    for path in ["/v1/subscriptions", "/v1/subscriptions/sub_1"] {
        let (status, body) = get(&fake, path).await;
        assert_eq!(status, 403);
        assert_eq!(body["error"]["code"], "more_permissions_required");
    }
    let items = "/v1/subscription_items?subscription=sub_1";
    assert_eq!(
        get(&fake, items).await.0,
        200,
        "no path of the same beginning"
    );
    fake.fail_path("/v1/subscriptions", None);
    assert_eq!(get(&fake, "/v1/subscriptions").await.0, 200);

    let pages = fake.pages_fetched();
    assert_eq!(pages["/v1/subscriptions?"], 2);
    assert_eq!(pages[items], 1);
    assert_eq!(pages.len(), 2, "an object is no page");
}

#[tokio::test]
async fn pages_of_v2_go_on_with_what_was_asked() {
    let fake = Fake::start().await.unwrap();
    for number in 0..30 {
        let account = json!({"id": format!("acct_{number}"), "object": "v2.core.account", "closed": number % 2 == 0});
        fake.add("/v2/core/accounts", account);
    }
    let mut path = "/v2/core/accounts?closed=true&limit=10".to_owned();
    let mut seen = 0;
    loop {
        let page = get(&fake, &path).await;
        seen += ids(&page).len();
        match page.1["next_page_url"].as_str() {
            Some(next) => next.clone_into(&mut path),
            None => break,
        }
    }
    assert_eq!(seen, 15);
    assert_eq!(
        ids(&get(&fake, "/v2/core/accounts?limit=20").await).len(),
        15
    );
}
