//! Webhooks: whether what was posted comes from Stripe, and what becomes of it.
//!
//! Knows headers and bodies, and no framework. Verification ([`Verifier`]) reads nothing of a body but its bytes, so that it
//! comes before any parsing, and needs no store. A [`Receiver`] stands on it, and on the inbox of the store.

#[cfg(feature = "_store")]
mod ask;
#[cfg(feature = "_store")]
mod builder;
#[cfg(feature = "_store")]
mod commit;
#[cfg(feature = "_store")]
mod deliveries;
#[cfg(feature = "_store")]
mod delivery;
#[cfg(feature = "_store")]
mod endpoint;
#[cfg(feature = "_store")]
mod group;
mod header;
#[cfg(feature = "_store")]
mod outcome;
#[cfg(feature = "_store")]
mod receiver;
#[cfg(feature = "_store")]
mod request;
mod secret;
mod signature;
#[cfg(feature = "_store")]
mod sweep;

#[cfg(feature = "_store")]
pub use self::builder::ReceiverBuilder;
#[cfg(feature = "_store")]
pub use self::deliveries::{Deliveries, Delivery, DeliveryPage};
#[cfg(feature = "_store")]
pub use self::delivery::DeliveryLog;
#[cfg(feature = "_store")]
pub use self::endpoint::Endpoint;
pub use self::header::{SIGNATURE_HEADER, sign};
#[cfg(feature = "_store")]
pub use self::outcome::{Outcome, ReceiveError, Verdict};
#[cfg(feature = "_store")]
pub use self::receiver::Receiver;
#[cfg(feature = "_store")]
pub use self::request::Request;
pub use self::secret::{EndpointSecret, EndpointSecretError};
pub use self::signature::{SignatureError, Verified, Verifier};
