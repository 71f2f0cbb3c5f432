//! Webhooks: whether what was posted comes from Stripe.
//!
//! Knows headers and bodies, and no framework. Verification reads nothing of a body but its bytes, so that it comes before
//! any parsing.

mod header;
mod secret;
mod signature;

pub use self::header::{SIGNATURE_HEADER, sign};
pub use self::secret::{EndpointSecret, EndpointSecretError};
pub use self::signature::{SignatureError, Verified, Verifier};
