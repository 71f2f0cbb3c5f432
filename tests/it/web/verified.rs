//! Verification alone: the extractor and the layer.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRef, Request};
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, RequestExt as _};
use serde_json::json;
use stripe_store::clock::{Clock, UnixMillis};
use stripe_store::resources::Customer;
use stripe_store::view::Timestamp;
use stripe_store::web::{Rejection, VerifiedEvent, VerifyLayer};
use stripe_store::webhook::{SignatureError, Verified, Verifier, sign};
use tower_layer::Layer as _;
use tower_service::Service;

use super::raw::{chunked, request, signature, signed};
use super::{SECRET, Server, event, secret};

#[derive(Clone)]
struct App(Verifier);

impl FromRef<App> for Verifier {
    fn from_ref(app: &App) -> Self {
        app.0.clone()
    }
}

fn verifier() -> Verifier {
    Verifier::new([secret("whsec_old"), secret(SECRET)])
}

async fn told(event: VerifiedEvent) -> String {
    let customer = event.object::<Customer>().and_then(Customer::email);
    format!(
        "{} {} {} {} {}",
        event.event().id(),
        event.event().type_().unwrap_or("-"),
        customer.unwrap_or("-"),
        event.body().len(),
        event.verified().secret_index(),
    )
}

async fn extracting() -> Server {
    let router = Router::new()
        .route("/", post(told))
        .route("/small", post(told).layer(DefaultBodyLimit::max(10)))
        .with_state(App(verifier()));
    Server::start(router).await
}

#[tokio::test]
async fn the_extractor_gives_an_event_that_is_known_to_come_from_stripe() {
    let server = extracting().await;
    let body = event("evt_1", "cus_1");
    let answer = server.post("/", &body).await;
    let expected = |secret| {
        format!(
            "evt_1 customer.created ada@example.com {} {secret}",
            body.len()
        )
    };
    assert_eq!(answer.said(), (200, expected(1).as_str()));
    let head = [
        "Transfer-Encoding: chunked",
        &format!("stripe-signature: {}", signature("whsec_old", &body)),
    ];
    let answer = server
        .send(&request("POST", "/", &head, &chunked(&body, 9)))
        .await;
    assert_eq!(answer.said(), (200, expected(0).as_str()));

    let thin = json!({"id": "evt_2", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found"});
    let answer = server.post("/", thin.to_string().as_bytes()).await;
    assert!(
        answer
            .body
            .starts_with("evt_2 v1.billing.meter.no_meter_found - "),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn the_extractor_refuses_what_is_not() {
    let server = extracting().await;
    let body = event("evt_1", "cus_1");
    let missing = server.send(&request("POST", "/", &[], &body)).await;
    assert_eq!(
        missing.said(),
        (400, "invalid: the header stripe-signature is missing")
    );
    assert!(
        missing.head.contains("content-type: text/plain"),
        "{}",
        missing.head
    );
    let other = server.send(&signed("/", "whsec_other", &body)).await;
    assert!(
        other.body.starts_with("invalid: no signature matches"),
        "{}",
        other.body
    );
    assert_eq!(other.status, 400);
    let old = sign(
        &body,
        &secret(SECRET),
        Timestamp::from_unix_seconds(1_700_000_000),
    );
    let old = format!("Stripe-Signature: {old}");
    let old = server.send(&request("POST", "/", &[&old], &body)).await;
    assert!(
        old.body.starts_with("invalid: the signature is "),
        "{}",
        old.body
    );
    assert_eq!(
        server.post("/", b"no JSON").await.said(),
        (400, "invalid: the body is no JSON")
    );
    assert_eq!(
        server.post("/small", &body).await.said(),
        (413, "invalid: the body is longer than allowed")
    );
    assert_eq!(
        server.send(&request("GET", "/", &[], b"")).await.status,
        405
    );
}

#[tokio::test]
async fn the_layer_passes_on_the_same_request() {
    async fn told(Extension(verified): Extension<Verified>, request: Request) -> String {
        let kind = request
            .headers()
            .get("x-kind")
            .map(|it| it.to_str().unwrap().to_owned());
        let body: Bytes = request.extract().await.unwrap();
        let body = String::from_utf8_lossy(&body).into_owned();
        format!("{} {kind:?} {body}", verified.secret_index())
    }
    let layer = VerifyLayer::new(verifier()).with_body_limit(1000);
    let server = Server::start(Router::new().route("/", post(told)).layer(layer)).await;
    // Bytes as they were, and no JSON asked for.
    for body in ["", " {\"a\" : 1}\r\n", "\u{0}\u{fffd} no JSON"] {
        let signature = format!("Stripe-Signature: {}", signature(SECRET, body.as_bytes()));
        let head = ["X-Kind: some", &signature];
        let answer = server
            .send(&request("POST", "/", &head, body.as_bytes()))
            .await;
        assert_eq!(
            (answer.status, answer.body),
            (200, format!("1 Some(\"some\") {body}"))
        );
    }
    assert_eq!(server.post("/", &[b'a'; 1000]).await.status, 200);
    assert_eq!(
        server.post("/", &[b'a'; 1001]).await.said(),
        (413, "invalid: the body is longer than allowed")
    );
    let refused = server.send(&signed("/", "whsec_other", b"{}")).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.body.starts_with("invalid: no signature matches"),
        "{}",
        refused.body
    );
}

/// A service that is no router, and has to be asked whether it is ready before it is called.
#[derive(Default)]
struct Counting {
    is_ready: bool,
}

/// As with services that hold a place for the one that was asked.
impl Clone for Counting {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request> for Counting {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        assert!(
            std::mem::take(&mut self.is_ready),
            "called before it was ready"
        );
        assert!(request.extensions().get::<Verified>().is_some());
        ready(Ok(Response::new(Body::from("called"))))
    }
}

#[derive(Debug)]
struct Now;

impl Clock for Now {
    fn now(&self) -> UnixMillis {
        UnixMillis::from_seconds(1_700_000_000)
    }
}

#[tokio::test]
async fn the_layer_stands_before_any_service_and_goes_by_the_verifiers_clock() {
    let mut service = VerifyLayer::new(verifier().with_clock(Now)).layer(Counting::default());
    let signature = sign(
        b"{}",
        &secret(SECRET),
        Timestamp::from_unix_seconds(1_700_000_000),
    );
    for _ in 0..2 {
        std::future::poll_fn(|cx| service.poll_ready(cx))
            .await
            .unwrap();
        let request = axum::http::Request::post("/").header("stripe-signature", &signature);
        let response = service
            .call(request.body(Body::from("{}")).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
    }
}

#[test]
fn a_rejection_is_an_error_like_others() {
    let rejection = Rejection::from(SignatureError::HeaderMissing);
    assert_eq!(rejection.status(), 400);
    let error: Box<dyn std::error::Error + Send + Sync> = rejection.into();
    assert_eq!(error.to_string(), SignatureError::HeaderMissing.to_string());
}
