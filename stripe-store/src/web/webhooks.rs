//! The routes of webhook endpoints.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{ConnectInfo, RawPathParams, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{RequestExt, Router};

use super::body::{self, Unread};
use super::reject::{Rejection, answer};
use crate::webhook::{self, Receiver};

/// The routes of a receiver's endpoints: `POST /` for the one without a name, and `POST /{endpoint}` for the others. Nest
/// them where they are to be.
///
/// * Any content type will do: what was signed is the raw body. It is read up to [`Receiver::body_limit`], and for 30 seconds
///   at most.
/// * The sender's address is that of [`ConnectInfo`], where the service was made with
///   `into_make_service_with_connect_info::<SocketAddr>()`; which proxies are believed is the
///   [receiver's](crate::webhook::ReceiverBuilder::trusted_proxies) to say.
/// * The answer has the status and the line of the [`Outcome`](crate::webhook::Outcome), and the outcome itself, as an
///   `Arc<Outcome>`, in its extensions: for metrics and logs of one's own.
/// * A body that breaks off is answered 400, one that does not come 408; neither is an event.
///
/// ```no_run
/// use std::net::SocketAddr;
///
/// use axum::Router;
/// use stripe_store::Store;
/// use stripe_store::web::webhooks;
/// use stripe_store::webhook::Receiver;
///
/// # async fn example(listener: tokio::net::TcpListener) -> Result<(), Box<dyn std::error::Error>> {
/// let store = Store::connect("sqlite://stripe.db").await?;
/// let receiver = Receiver::builder(&store).secrets(["whsec_123".try_into()?]).build();
///
/// let worker = receiver.worker();
/// tokio::spawn(worker.run(std::future::pending()));
///
/// let router: Router = Router::new().nest("/webhook", webhooks(receiver));
/// let service = router.into_make_service_with_connect_info::<SocketAddr>();
/// # drop((listener, service));
/// // axum::serve(listener, service).await?;
/// # Ok(())
/// # }
/// ```
pub fn webhooks<S: Clone + Send + Sync + 'static>(receiver: Receiver) -> Router<S> {
    Router::new()
        .route("/", post(webhook))
        .route("/{endpoint}", post(webhook))
        .with_state(receiver)
}

/// A handler for routes of one's own: receives a request to the endpoint that the path's parameter `endpoint` names, or,
/// without one, to the endpoint without a name.
///
/// ```
/// use axum::Router;
/// use axum::routing::post;
/// use stripe_store::web::webhook;
/// use stripe_store::webhook::Receiver;
///
/// fn router(receiver: Receiver) -> Router {
///     Router::new().route("/stripe/{endpoint}/events", post(webhook)).with_state(receiver)
/// }
/// ```
pub async fn webhook(State(receiver): State<Receiver>, mut request: Request) -> Response {
    let endpoint = match request.extract_parts::<RawPathParams>().await {
        Ok(params) => params
            .iter()
            .find(|(name, _)| *name == "endpoint")
            .map(|(_, value)| value.to_owned())
            .unwrap_or_default(),
        // Not called by a router.
        Err(RawPathParamsRejection::MissingPathParams(_)) => String::new(),
        Err(rejection) => return rejection.into_response(),
    };
    receive(&receiver, &endpoint, request).await
}

/// Receives a request to the endpoint of this name, from inside a handler: [`webhooks`] says what is read of it, and what is
/// answered.
///
/// ```
/// use axum::Router;
/// use axum::extract::{Request, State};
/// use axum::response::Response;
/// use axum::routing::post;
/// use stripe_store::web::receive;
/// use stripe_store::webhook::Receiver;
///
/// async fn connect(State(receiver): State<Receiver>, request: Request) -> Response {
///     receive(&receiver, "connect", request).await
/// }
///
/// fn router(receiver: Receiver) -> Router {
///     Router::new().route("/connect", post(connect)).with_state(receiver)
/// }
/// ```
///
/// # Cancellation
///
/// As [`Receiver::receive`]: once the event is on its way to the database it is written.
pub async fn receive(receiver: &Receiver, endpoint: &str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let headers = parts.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
    let read = match body::read(body, receiver.body_limit()).await {
        Ok(body) => webhook::Request::new(body),
        Err(Unread::TooLarge(bytes)) => webhook::Request::new(Vec::new()).too_large(bytes),
        Err(unread @ (Unread::BrokenOff | Unread::TooSlow)) => {
            let rejection = Rejection::from(unread);
            tracing::info!(reason = %rejection, "a request to a webhook endpoint was refused");
            return rejection.into_response();
        }
    };
    let mut whole = read.endpoint(endpoint).headers(headers);
    if let Some(ConnectInfo(peer)) = parts.extensions.get::<ConnectInfo<SocketAddr>>() {
        // An IPv4 address is one, also where the socket takes both.
        whole = whole.peer(peer.ip().to_canonical());
    }
    let outcome = receiver.receive(whole).await;
    let status =
        StatusCode::from_u16(outcome.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = answer(status, outcome.body());
    response.extensions_mut().insert(Arc::new(outcome));
    response
}
