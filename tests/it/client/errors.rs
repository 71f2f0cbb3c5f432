//! What callers see when Stripe refuses, and when it was not Stripe that answered.

use serde_json::json;
use stripe_store::client::{Client, ClientError, ErrorKind, Method, Unusable};
use stripe_store::resources::Customer;
use stripe_store_tests::fake::{Fake, Fault, Reply};

use super::{builder, fake, key, pair};

/// Tells whether a reason is the one that is meant.
type Fits = fn(&Unusable) -> bool;

async fn refused(fake: &Fake, client: &Client, reply: Reply) -> ClientError {
    fake.fail_always(Some(Fault::Instead(reply)));
    client
        .request(Method::Get, "/v1/customers/cus_1")
        .send()
        .await
        .unwrap_err()
}

#[tokio::test]
async fn c036_a_refusal_has_all_that_stripe_says_of_it() {
    let (fake, client) = pair().await;
    let body = json!({"error": {
        "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
        "message": "Your card has insufficient funds.", "param": "source",
        "doc_url": "https://docs.stripe.com/error-codes/card-declined",
        "payment_intent": {"id": "pi_1", "object": "payment_intent", "status": "requires_payment_method"},
    }});
    let error = refused(&fake, &client, Reply::json(402, &body)).await;
    let api = error.api().unwrap();
    assert_eq!(api.kind(), ErrorKind::Card);
    assert_eq!(api.type_(), Some("card_error"));
    assert_eq!(api.code(), Some("card_declined"));
    assert_eq!(error.decline_code(), Some("insufficient_funds"));
    assert_eq!(api.message(), Some("Your card has insufficient funds."));
    assert_eq!(api.param(), Some("source"));
    assert_eq!(
        api.doc_url(),
        Some("https://docs.stripe.com/error-codes/card-declined")
    );
    assert_eq!(error.status(), Some(402));
    assert_eq!(error.request_id().map(AsRef::as_ref), Some("req_1"));
    assert_eq!(api.request().to_string(), "GET /v1/customers/cus_1");
    assert_eq!(api.details()["payment_intent"]["id"], "pi_1");
    assert_eq!(api.body(), body.to_string());
    assert!(!error.is_transient() && !error.is_not_found());
    assert_eq!(fake.received().len(), 1, "a decline is not asked for again");
}

#[tokio::test]
async fn c036_kinds_of_refusals_are_told_apart() {
    let (fake, client) = pair().await;
    for (status, kind, is_transient) in [
        (400, ErrorKind::InvalidRequest, false),
        (401, ErrorKind::Authentication, false),
        (402, ErrorKind::Card, false),
        (403, ErrorKind::Permission, false),
        (404, ErrorKind::InvalidRequest, false),
        (409, ErrorKind::InvalidRequest, true),
        (429, ErrorKind::RateLimit, true),
        (500, ErrorKind::Api, true),
    ] {
        let error = refused(&fake, &client, Reply::error(status)).await;
        assert_eq!(error.api().unwrap().kind(), kind, "{error}");
        assert_eq!(error.is_transient(), is_transient, "{error}");
        assert_eq!(error.is_not_found(), status == 404, "{error}");
    }
    let grant =
        json!({"error": "invalid_grant", "error_description": "Authorization code expired"});
    let error = refused(&fake, &client, Reply::json(400, &grant)).await;
    let api = error.api().unwrap();
    assert_eq!(
        (api.kind(), api.code()),
        (ErrorKind::OAuth, Some("invalid_grant"))
    );
    assert_eq!(api.message(), Some("Authorization code expired"));
}

#[tokio::test]
async fn a_key_that_comes_again_with_other_parameters_is_an_error_of_its_own() {
    let (fake, client) = pair().await;
    let create = |email: &str| {
        client
            .create::<Customer>()
            .param("email", email)
            .idempotency_key("k")
    };
    create("a@example.com").send().await.unwrap();
    let error = create("b@example.com").send().await.unwrap_err();
    assert_eq!(error.api().unwrap().kind(), ErrorKind::Idempotency);
    assert_eq!(fake.effects("k"), 1);
}

#[tokio::test]
async fn an_answer_that_is_none_of_stripes_says_what_it_is() {
    let (fake, client) = pair().await;
    let html = Reply::text(200, "<html>").with_header("x", "y");
    let html = Reply {
        content_type: Some("text/html".to_owned()),
        ..html
    };
    let cases: [(&str, Reply, Fits); 9] = [
        ("a page", html.clone(), |reason| {
            matches!(reason, Unusable::NotJson)
        }),
        (
            "a page with an error",
            Reply {
                status: 403,
                ..html
            },
            |reason| matches!(reason, Unusable::NotJson),
        ),
        (
            "half of it",
            Reply::text(200, "{\"id\": \"cus"),
            Unusable::is_cut_off,
        ),
        ("nothing", Reply::text(200, ""), Unusable::is_cut_off),
        ("no JSON", Reply::text(200, "{]"), |reason| {
            matches!(reason, Unusable::BadJson(_)) && !reason.is_cut_off()
        }),
        ("two documents", Reply::text(200, "{}{}"), |reason| {
            matches!(reason, Unusable::BadJson(_))
        }),
        (
            "another error",
            Reply::text(400, "{\"errors\": []}"),
            |reason| matches!(reason, Unusable::OtherForm),
        ),
        (
            "another encoding",
            Reply {
                body: b"{\"a\": \"\xff\"}".to_vec(),
                ..Reply::text(200, "")
            },
            |reason| matches!(reason, Unusable::NotText),
        ),
        (
            "another place",
            Reply::text(302, "{}").with_header("location", "http://127.0.0.1:9/"),
            |reason| matches!(reason, Unusable::Redirect),
        ),
    ];
    for (name, reply, fits) in cases {
        let status = reply.status;
        let error = refused(&fake, &client, reply).await;
        let ClientError::Unusable(response) = &error else {
            panic!("{name}: {error}");
        };
        assert!(fits(response.reason()), "{name}: {error}");
        assert_eq!(response.status(), status, "{name}");
        assert!(
            error
                .to_string()
                .starts_with("the answer to GET /v1/customers/cus_1, with status"),
            "{error}"
        );
        let is_pages = status == 200 && matches!(response.reason(), Unusable::NotJson);
        assert_eq!(
            error.is_transient(),
            response.reason().is_cut_off() || is_pages,
            "{name}"
        );
    }
    let untyped = Reply {
        content_type: None,
        ..Reply::text(200, "Sorry")
    };
    let error = refused(&fake, &client, untyped).await;
    assert!(
        error.to_string().contains("does not say what it is"),
        "{error}"
    );
}

#[tokio::test]
async fn json_under_another_name_is_refused_and_a_charset_is_not() {
    let (fake, client) = pair().await;
    fake.add(
        "/v1/customers",
        json!({"id": "cus_1", "object": "customer"}),
    );
    let get = || client.retrieve::<Customer>("cus_1").send();
    fake.fail_next(Fault::WrongType("text/plain"));
    assert_eq!(get().await.unwrap().response().attempts(), 2);
    fake.fail_always(Some(Fault::WrongType("text/plain")));
    let error = get().await.unwrap_err();
    fake.fail_always(None);
    assert!(error.is_transient());
    assert!(
        error.to_string().contains("is text/plain instead of JSON"),
        "{error}"
    );
    for kind in [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/problem+json",
    ] {
        fake.fail_next(Fault::WrongType(kind));
        get().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_with_its_cause() {
    let fake = fake().await;
    let client = builder(&fake, key("sk_test_1")).build().unwrap();
    drop(fake);
    // Aborted, but maybe not gone yet: a port that nothing was ever on is as good.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    drop(client);
    let client = Client::builder(key("sk_test_1"))
        .base_url(url)
        .build()
        .unwrap();
    let call = client
        .request(Method::Get, "/v1/customers")
        .param("email", "private@example.com");
    let error = call
        .retry(stripe_store::client::RetryPolicy::none())
        .send()
        .await
        .unwrap_err();
    assert!(
        matches!(error, ClientError::Connection { attempts: 1, .. }),
        "{error}"
    );
    assert!(error.is_transient());
    assert_eq!(
        error.to_string(),
        "no answer to GET /v1/customers after 1 try"
    );
    let mut chain = format!("{error:?}");
    let mut next = std::error::Error::source(&error);
    while let Some(cause) = next {
        chain = format!("{chain}\n{cause}");
        next = cause.source();
    }
    assert!(
        chain.to_lowercase().contains("refused") && !chain.contains("private"),
        "{chain}"
    );
}
