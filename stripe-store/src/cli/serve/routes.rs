//! The routes: webhooks, and what those who run the server ask for.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::metrics::Metrics;
use crate::error::chain;
use crate::store::{Backlog, Store};
use crate::web::webhooks;
use crate::webhook::{Outcome, Receiver};

/// How long the database may take to answer.
const TIME: Duration = Duration::from_secs(5);

/// What the routes have.
#[derive(Debug, Clone)]
struct Served {
    store: Store,
    metrics: Arc<Metrics>,
}

pub(super) fn router(receiver: Receiver, store: Store, metrics: Arc<Metrics>) -> Router {
    let measured = middleware::from_fn_with_state(Arc::clone(&metrics), measure);
    Router::new()
        .nest("/webhook", webhooks(receiver).route_layer(measured))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(show_metrics))
        .with_state(Served { store, metrics })
}

/// Counts a request to an endpoint, whatever becomes of it.
async fn measure(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    // The nest has taken its part off.
    let begun = metrics.begin(request.uri().path().trim_start_matches('/'));
    let response = next.run(request).await;
    let outcome = response.extensions().get::<Arc<Outcome>>();
    begun.end(outcome.map(|outcome| outcome.verdict()));
    response
}

async fn health() -> &'static str {
    "ok\n"
}

/// Whether an event that comes now can be stored.
async fn ready(State(served): State<Served>) -> (StatusCode, &'static str) {
    let unready = |reason| (StatusCode::SERVICE_UNAVAILABLE, reason);
    match tokio::time::timeout(TIME, served.store.is_migrated()).await {
        Ok(Ok(true)) => (StatusCode::OK, "ready\n"),
        Ok(Ok(false)) => {
            unready("the database has not the tables of this version: run `stripe-store migrate`\n")
        }
        Ok(Err(error)) => {
            tracing::warn!(error = %chain(&error), "not ready: the database cannot be asked");
            unready("the database cannot be asked\n")
        }
        Err(_) => unready("the database does not answer\n"),
    }
}

async fn show_metrics(State(served): State<Served>) -> Response {
    let backlog: Option<Backlog> = tokio::time::timeout(TIME, served.store.backlog())
        .await
        .ok()
        .and_then(Result::ok);
    let text = served.metrics.render(backlog);
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
