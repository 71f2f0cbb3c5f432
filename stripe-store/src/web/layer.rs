//! Verification before any service.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::body;
use super::reject::Rejection;
use crate::webhook::{SIGNATURE_HEADER, Verifier};

/// How long a body may be unless the caller says, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;

/// Lets requests pass that are known to come from Stripe, and answers the others, as a tower layer: for routes and services
/// that read the body as they always did.
///
/// The body is read up to its limit and passed on as it was; what is known of the signature is in the request's extensions,
/// as a [`Verified`](crate::webhook::Verified).
///
/// ```
/// use axum::routing::post;
/// use axum::{Extension, Router};
/// use stripe_store::web::VerifyLayer;
/// use stripe_store::webhook::{Verified, Verifier};
///
/// async fn webhook(Extension(verified): Extension<Verified>, body: String) {
///     println!("{} bytes, signed at {}", body.len(), verified.timestamp());
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::new(["whsec_123".try_into()?]);
/// let router: Router = Router::new()
///     .route("/webhook", post(webhook))
///     .layer(VerifyLayer::new(verifier));
/// # drop(router);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a layer does nothing before it is put before a service"]
pub struct VerifyLayer {
    verifier: Verifier,
    body_limit: usize,
}

impl VerifyLayer {
    /// One that lets pass what this verifier takes.
    pub fn new(verifier: Verifier) -> Self {
        Self {
            verifier,
            body_limit: BODY_LIMIT,
        }
    }

    /// How long a body may be, in bytes. Default: 1 MiB.
    pub fn with_body_limit(self, bytes: usize) -> Self {
        Self {
            body_limit: bytes,
            ..self
        }
    }
}

impl<S> Layer<S> for VerifyLayer {
    type Service = Verify<S>;

    fn layer(&self, inner: S) -> Verify<S> {
        Verify {
            layer: self.clone(),
            inner,
        }
    }
}

/// A service behind a [`VerifyLayer`].
#[derive(Debug, Clone)]
pub struct Verify<S> {
    layer: VerifyLayer,
    inner: S,
}

impl<S> Service<Request> for Verify<S>
where
    S: Service<Request> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The one that said it is ready is the one to be called; the clone takes its place.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        Box::pin(async move {
            match layer.verify(request).await {
                Ok(request) => inner.call(request).await.map(IntoResponse::into_response),
                Err(rejection) => Ok(rejection.into_response()),
            }
        })
    }
}

impl VerifyLayer {
    async fn verify(&self, request: Request) -> Result<Request, Rejection> {
        let (mut parts, body) = request.into_parts();
        let body = body::read(body, self.body_limit).await?;
        let signature = parts.headers.get(SIGNATURE_HEADER);
        let header = signature.map(axum::http::HeaderValue::as_bytes);
        let verified = self.verifier.verify(&body, header)?;
        parts.extensions.insert(verified);
        Ok(Request::from_parts(parts, Body::from(body)))
    }
}
