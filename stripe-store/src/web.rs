//! Webhook endpoints on axum: the routes of a [`Receiver`], and verification alone for handlers of one's own.
//!
//! Knows HTTP and how bodies are read. Whether a request is genuine, and what becomes of its event, is the business of
//! [`webhook`](crate::webhook); errors become answers in one place, which shows nothing of what went wrong inside.
//!
//! | to do | take |
//! | --- | --- |
//! | mirror everything that comes, run handlers | [`webhooks`], or [`receive`] in a handler (with a database) |
//! | verify, and do the rest by hand | the extractor [`VerifiedEvent`] |
//! | put a verification before a service that is there | the layer [`VerifyLayer`] |
//!
//! # Elsewhere than on axum
//!
//! [`Receiver::receive`] knows no framework. What any of them has to do is to hand it the headers and the *raw* body, and to
//! answer with what it says: in actix `HttpRequest` and `web::Bytes`, in rocket a `FromRequest` guard for the headers and
//! `Data`, on AWS lambda the event's `headers` and its `body` (decoded, where `isBase64Encoded` says so).
//!
//! ```
//! # #[cfg(any(feature = "sqlite", feature = "postgres"))]
//! # {
//! use std::net::IpAddr;
//!
//! use stripe_store::webhook::{Receiver, Request};
//!
//! async fn webhook<'h>(
//!     receiver: &Receiver,
//!     headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
//!     body: &[u8],
//!     peer: Option<IpAddr>,
//! ) -> (u16, String) {
//!     let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
//!     let mut request = Request::new(body).headers(headers);
//!     if let Some(peer) = peer {
//!         request = request.peer(peer);
//!     }
//!     let outcome = receiver.receive(request).await;
//!     (outcome.status(), outcome.body())
//! }
//! # }
//! ```
//!
//! Where the body may be longer than [`Receiver::body_limit`], have the framework stop there, and hand over
//! [`Request::too_large`](crate::webhook::Request::too_large) without a body.
//!
//! [`Receiver`]: crate::webhook::Receiver
//! [`Receiver::receive`]: crate::webhook::Receiver::receive
//! [`Receiver::body_limit`]: crate::webhook::Receiver::body_limit

mod body;
mod event;
mod layer;
mod reject;
#[cfg(feature = "_store")]
mod webhooks;

pub use self::event::VerifiedEvent;
pub use self::layer::{Verify, VerifyLayer};
pub use self::reject::Rejection;
#[cfg(feature = "_store")]
#[cfg_attr(docsrs, doc(cfg(any(feature = "sqlite", feature = "postgres"))))]
pub use self::webhooks::{receive, webhook, webhooks};
