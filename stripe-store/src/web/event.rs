//! An extractor of events that are known to come from Stripe.

use std::fmt;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRef, FromRequest, Request};
use serde_json::Value;

use super::reject::Rejection;
use crate::resources::Event;
use crate::view::View;
use crate::webhook::{SIGNATURE_HEADER, Verified, Verifier};

/// An event that is known to come from Stripe, as an axum extractor: for those who want the verification, and neither inbox
/// nor mirror.
///
/// The [`Verifier`] is taken from the router's state. A body may be as long as axum's `DefaultBodyLimit` says: 2 MB, unless
/// the router is given another one. Stripe sends events again and in any order: what a handler does with one it has to be
/// able to do twice.
///
/// ```
/// use axum::Router;
/// use axum::extract::FromRef;
/// use axum::http::StatusCode;
/// use axum::routing::post;
/// use stripe_store::web::VerifiedEvent;
/// use stripe_store::webhook::Verifier;
///
/// #[derive(Clone)]
/// struct App {
///     verifier: Verifier,
/// }
///
/// impl FromRef<App> for Verifier {
///     fn from_ref(app: &App) -> Self {
///         app.verifier.clone()
///     }
/// }
///
/// async fn webhook(event: VerifiedEvent) -> StatusCode {
///     println!("{}: {:?}", event.event().id(), event.event().type_());
///     StatusCode::OK
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::new(["whsec_123".try_into()?]);
/// let router: Router = Router::new().route("/webhook", post(webhook)).with_state(App { verifier });
/// # drop(router);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct VerifiedEvent {
    body: Bytes,
    value: Value,
    verified: Verified,
}

impl VerifiedEvent {
    /// The event. A thin one (API v2) reads as one without data.
    pub fn event(&self) -> &Event {
        Event::view(&self.value)
    }

    /// The object that it carries; `None` for an event without one, such as a thin one.
    ///
    /// Any view reads any object: see the type of the [event](Self::event) first.
    pub fn object<T: View>(&self) -> Option<&T> {
        let object = self.value.get("data")?.get("object")?;
        object.is_object().then(|| T::view(object))
    }

    /// The body as JSON.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The body as it was received, byte for byte: what was signed.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// What is known of the signature.
    pub fn verified(&self) -> Verified {
        self.verified
    }
}

/// Without the data, which is other people's.
impl fmt::Debug for VerifiedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedEvent")
            .field("id", &self.event().id())
            .field("verified", &self.verified)
            .finish_non_exhaustive()
    }
}

impl<S> FromRequest<S> for VerifiedEvent
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Rejection> {
        let ours = Verifier::from_ref(state);
        let signature = request.headers().get(SIGNATURE_HEADER).cloned();
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|it| unread(&it))?;
        let header = signature.as_ref().map(axum::http::HeaderValue::as_bytes);
        let verified = ours.verify(&body, header)?;
        let value = serde_json::from_slice(&body).map_err(|_| Rejection::NotJson)?;
        Ok(Self {
            body,
            value,
            verified,
        })
    }
}

fn unread(rejection: &BytesRejection) -> Rejection {
    match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            Rejection::TooLarge
        }
        _ => Rejection::BrokenOff,
    }
}
