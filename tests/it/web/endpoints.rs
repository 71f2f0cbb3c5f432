//! Requests to endpoints, and what they are answered.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{FromRef, Request, State};
use axum::http::HeaderValue;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::post;
use serde_json::json;
use stripe_store::inbox::Handlers;
use stripe_store::resources::events::CustomerCreated;
use stripe_store::web::{receive, webhook, webhooks};
use stripe_store::webhook::{Endpoint, Outcome, Receiver};
use stripe_store_tests::{TestDb, on_both, on_sqlite};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::raw::{chunked, request, signature, signed};
use super::{SECRET, Server, event, last_delivery, last_headers, raw, rows, secret, stored};

#[tokio::test]
async fn c073_c075_a_request_is_answered_by_what_became_of_it() {
    on_both(async |db: &TestDb| {
        let server = Server::of(db, |builder| builder).await;
        let body = event("evt_1", "cus_1");

        let answer = server.post("/webhook", &body).await;
        assert_eq!(answer.said(), (200, "accepted"));
        assert!(
            answer
                .head
                .contains("content-type: text/plain; charset=utf-8"),
            "{}",
            answer.head
        );
        assert_eq!(stored(db).await, (1, 1, 1));
        assert_eq!(
            server.post("/webhook", &body).await.said(),
            (200, "duplicate")
        );
        assert_eq!(stored(db).await, (1, 1, 2));

        let unsigned = server.send(&request("POST", "/webhook", &[], &body)).await;
        let missing = "invalid: the header stripe-signature is missing";
        assert_eq!(unsigned.said(), (400, missing));
        let other = server
            .send(&signed("/webhook", "whsec_other", &event("evt_2", "cus_2")))
            .await;
        assert_eq!(other.status, 400);
        assert!(
            other.body.starts_with("invalid: no signature matches"),
            "{}",
            other.body
        );
        assert_eq!(
            server.post("/webhook/nowhere", &body).await.said(),
            (404, "invalid: there is no endpoint \"nowhere\"")
        );
        assert_eq!(server.post("/elsewhere", &body).await.status, 404);
        for method in ["GET", "PUT", "DELETE"] {
            let answer = server.send(&request(method, "/webhook", &[], b"")).await;
            assert_eq!(answer.status, 405, "{method}");
            assert!(answer.head.contains("allow: post"), "{}", answer.head);
        }
        // The three that reached an endpoint, or would have, are in the log, and brought nothing.
        assert_eq!(stored(db).await, (1, 1, 5));
    })
    .await;
}

#[tokio::test]
async fn c057_what_is_no_event_is_logged_and_not_processed() {
    on_both(async |db: &TestDb| {
        let server = Server::of(db, |builder| builder).await;
        let test_event = event("evt_00000000000000", "cus_1");
        assert_eq!(
            server.post("/webhook", &test_event).await.said(),
            (200, "ignored")
        );
        assert_eq!(
            server.post("/webhook", br#"{"type": "ping"}"#).await.said(),
            (200, "ignored")
        );
        let mut without_mode: serde_json::Value =
            serde_json::from_slice(&event("evt_1", "cus_1")).unwrap();
        without_mode["livemode"] = json!(null);
        let refused = server
            .post("/webhook", without_mode.to_string().as_bytes())
            .await;
        assert_eq!(
            refused.said(),
            (400, "invalid: event evt_1 has no livemode")
        );
        for body in ["{}", "[]", "null", "no JSON", "", r#"{"object": "event"}"#] {
            let refused = server.post("/webhook", body.as_bytes()).await;
            assert_eq!(refused.status, 400, "{body}");
        }
        assert_eq!(stored(db).await, (0, 0, 9));
    })
    .await;
}

#[tokio::test]
async fn a_body_is_what_it_is_whatever_it_says_of_itself_and_however_it_comes() {
    on_both(async |db: &TestDb| {
        let server = Server::of(db, |builder| builder).await;
        let kinds = [
            None,
            Some("Content-Type: application/x-www-form-urlencoded"),
            Some("Content-Type: text/plain; charset=utf-16"),
            Some("Content-Type: "),
        ];
        let mut expected = 0;
        for (at, kind) in kinds.into_iter().enumerate() {
            for name in ["Stripe-Signature", "stripe-signature", "STRIPE-SIGNATURE"] {
                let body = event(&format!("evt_{at}_{name}"), "cus_1");
                let signature = format!("{name}: {}", signature(SECRET, &body));
                let head: Vec<&str> = kind.into_iter().chain([signature.as_str()]).collect();
                let answer = server
                    .send(&request("POST", "/webhook", &head, &body))
                    .await;
                assert_eq!(answer.said(), (200, "accepted"), "{kind:?} {name}");
                expected += 1;
            }
        }

        // In chunks, and each byte on its own.
        let body = event("evt_chunked", "cus_1");
        let signature = format!("Stripe-Signature: {}", signature(SECRET, &body));
        let head = ["Transfer-Encoding: chunked", &signature];
        let request = request("POST", "/webhook", &head, &chunked(&body, 7));
        assert_eq!(server.send(&request).await.said(), (200, "accepted"));
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        for byte in request {
            stream.write_all(&[byte]).await.unwrap();
        }
        assert_eq!(raw::read(stream).await.said(), (200, "duplicate"));
        assert_eq!(rows(db, "stripe_events").await, expected + 1);
    })
    .await;
}

#[tokio::test]
async fn a_body_is_read_up_to_its_limit_and_one_that_says_it_is_longer_not_at_all() {
    on_both(async |db: &TestDb| {
        let body = event("evt_1", "cus_1");
        let limit = body.len();
        let server = Server::of(db, |builder| builder.body_limit(limit)).await;
        let too_large = format!("invalid: the body is longer than {limit} bytes");
        let mut long = body.clone();
        long.push(b' ');

        // The head alone is answered.
        let told = format!("Content-Length: {}", u64::MAX / 4);
        let answer = server
            .send(&request("POST", "/webhook", &[&told], b""))
            .await;
        assert_eq!(answer.said(), (413, too_large.as_str()));
        assert_eq!(
            last_delivery(db, "body_bytes").await,
            Some((u64::MAX / 4).to_string())
        );
        let answer = server.post("/webhook", &long).await;
        assert_eq!(answer.said(), (413, too_large.as_str()));
        let signature = format!("Stripe-Signature: {}", signature(SECRET, &long));
        let head = ["Transfer-Encoding: chunked", &signature];
        let answer = server
            .send(&request("POST", "/webhook", &head, &chunked(&long, 50)))
            .await;
        assert_eq!(answer.said(), (413, too_large.as_str()));
        assert_eq!(stored(db).await, (0, 0, 3));
        assert_eq!(
            last_delivery(db, "http_status").await.as_deref(),
            Some("413")
        );
        assert_eq!(
            last_delivery(db, "verdict").await.as_deref(),
            Some("invalid")
        );

        assert_eq!(
            server.post("/webhook", &body).await.said(),
            (200, "accepted")
        );
    })
    .await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_event() {
    on_both(async |db: &TestDb| {
        // The beginning that comes is an event, and nobody looks at signatures.
        let receiver = Receiver::builder(db.store())
            .endpoint("", Endpoint::unverified())
            .build();
        let server = Server::start(webhooks(receiver)).await;
        let body = event("evt_1", "cus_1");
        let told = format!("Content-Length: {}", body.len() + 1);
        for request in [
            request("POST", "/", &[&told], &body),
            request(
                "POST",
                "/",
                &["Transfer-Encoding: chunked"],
                &chunked(&body, 10_000)[..body.len() + 5],
            ),
        ] {
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            stream.write_all(&request).await.unwrap();
            stream.shutdown().await.unwrap();
            let answer = raw::read(stream).await;
            assert_eq!(answer.said(), (400, "invalid: the body breaks off"));
        }
        assert_eq!(stored(db).await, (0, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn c053_the_log_has_who_sent_it() {
    on_both(async |db: &TestDb| {
        let forwarded = "X-Forwarded-For: 1.2.3.4, 203.0.113.7";
        for (proxies, expected) in [(0, "127.0.0.1"), (1, "203.0.113.7"), (2, "1.2.3.4")] {
            let server = Server::of(db, |builder| builder.trusted_proxies(proxies)).await;
            let body = event(&format!("evt_{proxies}"), "cus_1");
            let signature = format!("Stripe-Signature: {}", signature(SECRET, &body));
            let answer = server
                .send(&request(
                    "POST",
                    "/webhook",
                    &[forwarded, &signature],
                    &body,
                ))
                .await;
            assert_eq!(answer.said(), (200, "accepted"));
            assert_eq!(
                last_delivery(db, "remote_address").await.as_deref(),
                Some(expected)
            );
            let headers = last_headers(db).await;
            assert_eq!(headers["stripe-signature"], "[redacted]");
            assert_eq!(headers["x-forwarded-for"], "1.2.3.4, 203.0.113.7");

            // What was refused was sent by somebody, too.
            server
                .send(&request("POST", "/webhook", &[forwarded], &body))
                .await;
            assert_eq!(
                last_delivery(db, "verdict").await.as_deref(),
                Some("invalid")
            );
            assert_eq!(
                last_delivery(db, "remote_address").await.as_deref(),
                Some(expected)
            );
        }
    })
    .await;
}

#[tokio::test]
async fn each_endpoint_has_its_secrets_and_each_of_them_will_do() {
    on_both(async |db: &TestDb| {
        let connect = Endpoint::new([secret("whsec_connect_new"), secret("whsec_connect_old")]);
        let server = Server::of(db, |builder| builder.endpoint("connect", connect)).await;
        let mut n = 0;
        let mut status = async |path: &str, secret: &str| {
            n += 1;
            let body = event(&format!("evt_{n}"), "cus_1");
            server.send(&signed(path, secret, &body)).await.status
        };
        assert_eq!(status("/webhook", SECRET).await, 200);
        assert_eq!(status("/webhook/connect", "whsec_connect_old").await, 200);
        assert_eq!(status("/webhook/connect", "whsec_connect_new").await, 200);
        assert_eq!(
            last_delivery(db, "endpoint").await.as_deref(),
            Some("connect")
        );
        assert_eq!(status("/webhook", "whsec_connect_new").await, 400);
        assert_eq!(status("/webhook/connect", SECRET).await, 400);
        assert_eq!(status("/webhook/c%6Fnnect", "whsec_connect_new").await, 200);
        assert_eq!(status("/webhook/%FF", SECRET).await, 400);
        assert_eq!(rows(db, "stripe_events").await, 4);
    })
    .await;
}

#[tokio::test]
async fn c062_the_hook_hears_of_an_error_and_of_its_answer() {
    on_both(async |db: &TestDb| {
        let heard: Arc<Mutex<Vec<_>>> = Arc::default();
        let told = Arc::clone(&heard);
        let handlers = Handlers::new().on::<CustomerCreated>(|_, _| {
            Box::pin(std::future::ready(Err(std::io::Error::other(
                "a secret of the inside",
            )
            .into())))
        });
        let server = Server::of(db, |builder| {
            builder.handlers(handlers).on_outcome(move |outcome| {
                let error = outcome.error().map(ToString::to_string);
                told.lock()
                    .unwrap()
                    .push((outcome.status(), outcome.body(), error));
            })
        })
        .await;
        let answer = server.post("/webhook", &event("evt_1", "cus_1")).await;
        assert_eq!(answer.said(), (500, "failed"));
        let error =
            "a handler of customer.created failed on evt_1: a secret of the inside".to_owned();
        assert_eq!(
            *heard.lock().unwrap(),
            [(500, "failed\n".to_owned(), Some(error))]
        );
        assert_eq!(stored(db).await, (0, 0, 1));
    })
    .await;
}

#[derive(Clone)]
struct App {
    receiver: Receiver,
    name: &'static str,
}

impl FromRef<App> for Receiver {
    fn from_ref(app: &App) -> Self {
        app.receiver.clone()
    }
}

#[tokio::test]
async fn the_handlers_stand_on_routes_of_ones_own() {
    on_sqlite(async |db: &TestDb| {
        async fn own(State(app): State<App>, request: Request) -> Response {
            receive(&app.receiver, app.name, request).await
        }
        async fn tell(request: Request, next: Next) -> Response {
            let mut response = next.run(request).await;
            let outcome = response.extensions().get::<Arc<Outcome>>().cloned();
            let id = outcome
                .as_ref()
                .and_then(|it| it.event_id())
                .unwrap_or("none")
                .to_owned();
            response
                .headers_mut()
                .insert("x-event", HeaderValue::try_from(id).unwrap());
            response
        }
        let connect = Endpoint::new([secret("whsec_connect")]);
        let receiver = Receiver::builder(db.store())
            .secrets([secret(SECRET)])
            .endpoint("connect", connect);
        let app = App {
            receiver: receiver.build(),
            name: "connect",
        };
        let router = Router::new()
            .route("/own", post(own))
            .route("/{tenant}/stripe", post(webhook))
            .route("/{tenant}/stripe/{endpoint}/events", post(webhook))
            .layer(middleware::from_fn(tell))
            .with_state(app);
        let server = Server::start(router).await;
        for (path, secret, status) in [
            ("/own", "whsec_connect", 200),
            ("/own", SECRET, 400),
            ("/a/stripe", SECRET, 200),
            ("/a/stripe/connect/events", "whsec_connect", 200),
            ("/a/stripe/connect/events", SECRET, 400),
        ] {
            let body = event(&format!("evt_{}_{secret}", path.replace('/', "_")), "cus_1");
            let answer = server.send(&signed(path, secret, &body)).await;
            assert_eq!(answer.status, status, "{path} {secret}");
            assert_eq!(
                answer.head.contains("x-event: evt_"),
                status == 200,
                "{}",
                answer.head
            );
        }
    })
    .await;
}
