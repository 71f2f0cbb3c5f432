//! Mistakes that are told before anything is sent.

use serde_json::json;
use stripe_store::client::{ClientError, Method};
use stripe_store::resources::{Balance, Capability, Card, Coupon, Discount, Subscription};

use super::pair;

#[tokio::test]
async fn c021_a_type_without_a_path_is_an_error_and_sends_nothing() {
    let (fake, client) = pair().await;
    let error = client
        .retrieve::<Discount>("di_1")
        .send()
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            ClientError::NoPath {
                object: "discount",
                ..
            }
        ),
        "{error}"
    );
    let error = client.list::<Discount>().page().await.unwrap_err();
    assert!(
        matches!(
            error,
            ClientError::NoPath {
                object: "discount",
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(fake.received().len(), 0);
}

#[tokio::test]
async fn what_the_api_does_not_offer_is_an_error_and_sends_nothing() {
    let (fake, client) = pair().await;
    let error = client
        .delete::<Subscription>("sub_1")
        .send()
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the API cannot delete objects of type \"subscription\""
    );
    let error = client.list::<Balance>().page().await.unwrap_err();
    assert!(
        matches!(
            error,
            ClientError::NotOffered {
                object: "balance",
                operation: "list",
                ..
            }
        ),
        "{error}"
    );
    let error = client.search::<Coupon>("x").page().await.unwrap_err();
    assert!(
        matches!(
            error,
            ClientError::NotOffered {
                object: "coupon",
                operation: "search",
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(fake.received().len(), 0);
}

#[tokio::test]
async fn c035_what_is_below_another_object_needs_it_before_anything_is_sent() {
    let (fake, client) = pair().await;
    let errors = [
        client.retrieve::<Card>("card_1").send().await.unwrap_err(),
        client.delete::<Card>("card_1").send().await.unwrap_err(),
        client.create::<Card>().send().await.unwrap_err(),
    ];
    for error in errors {
        assert!(
            matches!(
                error,
                ClientError::NoParent {
                    object: "card",
                    parent: "customer",
                    ..
                }
            ),
            "{error}"
        );
    }
    let error = client
        .retrieve::<Capability>("transfers")
        .send()
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "objects of type \"capability\" are below another (account): say which one with .parent(id)"
    );
    assert_eq!(fake.received().len(), 0);

    fake.add(
        "/v1/customers/cus_1/sources",
        json!({"id": "card_1", "object": "card"}),
    );
    client
        .retrieve::<Card>("card_1")
        .parent("cus_1")
        .send()
        .await
        .unwrap();
    assert_eq!(fake.last().path, "/v1/customers/cus_1/sources/card_1");
}

#[tokio::test]
async fn what_cannot_be_a_header_is_an_error_and_sends_nothing() {
    let (fake, client) = pair().await;
    for call in [
        client
            .request(Method::Post, "/v1/customers")
            .account("acct_1\r\nX-Evil: 1"),
        client
            .request(Method::Post, "/v1/customers")
            .version("2020\n"),
        client
            .request(Method::Post, "/v1/customers")
            .idempotency_key("a b"),
        client
            .request(Method::Post, "/v1/customers")
            .idempotency_key("x".repeat(256)),
        client
            .request(Method::Post, "/v1/customers")
            .idempotency_key(""),
    ] {
        let error = call.send().await.unwrap_err();
        assert!(matches!(error, ClientError::Header { .. }), "{error}");
    }
    assert_eq!(fake.received().len(), 0);
}

#[tokio::test]
async fn another_servers_address_is_an_error_and_sends_nothing() {
    let (fake, client) = pair().await;
    let other = super::fake().await;
    let url = format!("{}/v1/customers", other.url());
    let error = client
        .request(Method::Get, url.as_str())
        .send()
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::OtherServer { .. }), "{error}");
    let error = client.list_at(&url).page().await.unwrap_err();
    assert!(matches!(error, ClientError::OtherServer { .. }), "{error}");
    assert_eq!(fake.received().len() + other.received().len(), 0);
    let own = format!("{}/v1/customers?email=a%40b", fake.url());
    client.list_at(&own).page().await.unwrap();
    assert_eq!(fake.last().query, "email=a%40b");
}
