//! Endpoints' secrets. Their text is never printed.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

/// The secret of a webhook endpoint (`whsec_…`), with which Stripe signs what it posts there.
///
/// Kept in memory that is wiped when it is freed. `Debug` prints `[redacted]`, and there is no `Display`.
///
/// ```
/// use stripe_store::webhook::EndpointSecret;
///
/// let secret = EndpointSecret::new("whsec_123")?;
/// assert_eq!(format!("{secret:?}"), "EndpointSecret([redacted])");
/// # Ok::<(), stripe_store::webhook::EndpointSecretError>(())
/// ```
#[derive(Clone)]
pub struct EndpointSecret(Arc<SecretString>);

impl EndpointSecret {
    /// Takes a secret's text; white space around it, as files have it at their end, is no part of it.
    ///
    /// # Errors
    ///
    /// [`EndpointSecretError`] when it is empty, has characters that no secret has, or is another kind of secret. The text
    /// is not in the error.
    pub fn new(secret: impl AsRef<str>) -> Result<Self, EndpointSecretError> {
        let secret = secret.as_ref().trim();
        if secret.is_empty() {
            return Err(EndpointSecretError::Empty);
        }
        if ["sk_", "rk_", "pk_"]
            .iter()
            .any(|prefix| secret.starts_with(prefix))
        {
            return Err(EndpointSecretError::ApiKey);
        }
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(EndpointSecretError::Malformed);
        }
        Ok(Self(Arc::new(SecretString::from(secret.to_owned()))))
    }

    /// Takes several, separated by commas: those of several endpoints, or the old and the new one while they are rotated.
    ///
    /// ```
    /// use stripe_store::webhook::EndpointSecret;
    ///
    /// assert_eq!(EndpointSecret::list("whsec_old, whsec_new")?.len(), 2);
    /// # Ok::<(), stripe_store::webhook::EndpointSecretError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), for any of them.
    pub fn list(secrets: impl AsRef<str>) -> Result<Vec<Self>, EndpointSecretError> {
        secrets.as_ref().split(',').map(Self::new).collect()
    }

    /// What signatures are made with: the whole text, `whsec_` included.
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

impl fmt::Debug for EndpointSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndpointSecret([redacted])")
    }
}

impl TryFrom<&str> for EndpointSecret {
    type Error = EndpointSecretError;

    fn try_from(secret: &str) -> Result<Self, EndpointSecretError> {
        Self::new(secret)
    }
}

impl TryFrom<String> for EndpointSecret {
    type Error = EndpointSecretError;

    fn try_from(secret: String) -> Result<Self, EndpointSecretError> {
        Self::new(SecretString::from(secret).expose_secret())
    }
}

/// A text is no secret of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointSecretError {
    /// There is nothing but white space.
    Empty,
    /// It begins as keys of the API do.
    ApiKey,
    /// It has white space or characters outside ASCII in it.
    Malformed,
}

impl fmt::Display for EndpointSecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the endpoint's secret is empty",
            Self::ApiKey => {
                "this is a key of the API: take the endpoint's own secret (whsec_…), which the dashboard shows beside it"
            }
            Self::Malformed => {
                "the endpoint's secret has characters that no secret has: was it copied whole?"
            }
        })
    }
}

impl std::error::Error for EndpointSecretError {}
