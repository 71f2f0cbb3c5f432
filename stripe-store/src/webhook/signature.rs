//! Whether a body was signed by Stripe, lately.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::header::{Header, SIGNATURE_HEADER};
use super::secret::EndpointSecret;
use crate::clock::{Clock, SystemClock};
use crate::view::Timestamp;

/// How far a signature's time may be off, unless the caller says: what Stripe's own libraries take.
const TOLERANCE: Duration = Duration::from_mins(5);

/// Verifies that what was posted to an endpoint comes from Stripe, as
/// [Stripe documents](https://docs.stripe.com/webhooks?verify=verify-manually): a signature (HMAC with SHA-256) of the body
/// as it came, with the endpoint's secret, made at most five minutes ago.
///
/// The body has to be the bytes that were received: a body that was parsed and written anew is another one.
///
/// ```
/// use stripe_store::webhook::Verifier;
/// # use stripe_store::clock::{Clock, SystemClock};
/// # use stripe_store::webhook::{EndpointSecret, sign};
///
/// let verifier = Verifier::new(["whsec_123".try_into()?]);
/// # let body = br#"{"id": "evt_1", "object": "event"}"#;
/// # let secret = EndpointSecret::new("whsec_123")?;
/// # let header = sign(body, &secret, SystemClock.now().timestamp());
/// let verified = verifier.verify(body, Some(header.as_bytes()))?;
/// assert_eq!(verified.secret_index(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Verifier {
    secrets: Arc<[EndpointSecret]>,
    tolerance: Option<Duration>,
    clock: Arc<dyn Clock>,
}

/// A signature that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    timestamp: Timestamp,
    secret_index: usize,
}

impl Verified {
    /// When it was made, which is when Stripe sent the request: the same event sent again has another one.
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    /// Which of the verifier's secrets it was made with, counted from 0: tells when a rotated one is no longer in use.
    pub fn secret_index(&self) -> usize {
        self.secret_index
    }
}

impl Verifier {
    /// Takes signatures with any of these secrets: those of several endpoints that post to the same place, or two while
    /// one is rotated. With none, no signature holds.
    pub fn new(secrets: impl IntoIterator<Item = EndpointSecret>) -> Self {
        Self {
            secrets: secrets.into_iter().collect(),
            tolerance: Some(TOLERANCE),
            clock: Arc::new(SystemClock),
        }
    }

    /// How far a signature's time may be from now, in both directions. Default: 300 seconds.
    #[must_use]
    pub fn with_tolerance(self, tolerance: Duration) -> Self {
        Self {
            tolerance: Some(tolerance),
            ..self
        }
    }

    /// Takes signatures of any age: for requests that were kept. Who has one can send it again as often as they like.
    #[must_use]
    pub fn without_tolerance(self) -> Self {
        Self {
            tolerance: None,
            ..self
        }
    }

    /// What time it is. Default: the machine's clock.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock) -> Self {
        Self {
            clock: Arc::new(clock),
            ..self
        }
    }

    /// Verifies a body, by the value of the header [`Stripe-Signature`](SIGNATURE_HEADER).
    ///
    /// Each of the header's signatures is tried with each secret; schemes other than `v1` are passed over. The time is
    /// looked at once a signature matches.
    ///
    /// # Errors
    ///
    /// [`SignatureError`], which tells the cases apart: the header is missing or malformed, no signature matches, or one
    /// does and is too old or too far ahead.
    pub fn verify(&self, body: &[u8], header: Option<&[u8]>) -> Result<Verified, SignatureError> {
        let header = header.ok_or(SignatureError::HeaderMissing)?;
        let header = str::from_utf8(header).map_err(|_| SignatureError::Malformed {
            reason: "it is no text in UTF-8",
        })?;
        let header = Header::read(header)?;
        let mut secrets = self.secrets.iter();
        let secret_index = secrets
            .position(|secret| header.is_signed_with(secret, body))
            .ok_or(SignatureError::NoMatch)?;
        let timestamp = Timestamp::from_unix_seconds(header.timestamp);
        let verified = Verified {
            timestamp,
            secret_index,
        };
        let Some(tolerance) = self.tolerance else {
            return Ok(verified);
        };
        let tolerance_s = i64::try_from(tolerance.as_secs()).unwrap_or(i64::MAX);
        let now = self.clock.now().timestamp().unix_seconds();
        let age_s = now.saturating_sub(header.timestamp);
        if age_s > tolerance_s {
            return Err(SignatureError::TooOld { age_s, tolerance_s });
        }
        let ahead_s = header.timestamp.saturating_sub(now);
        if ahead_s > tolerance_s {
            return Err(SignatureError::TooFarAhead {
                ahead_s,
                tolerance_s,
            });
        }
        Ok(verified)
    }

    /// [`verify`](Self::verify), with the header found among all of a request's, by its name in any case.
    ///
    /// ```
    /// use stripe_store::webhook::{SignatureError, Verifier};
    ///
    /// let verifier = Verifier::new(["whsec_123".try_into()?]);
    /// let headers = [("Content-Type", b"application/json")];
    /// let refused = verifier.verify_headers(b"{}", headers);
    /// assert_eq!(refused, Err(SignatureError::HeaderMissing));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn verify_headers<N: AsRef<str>, V: AsRef<[u8]>>(
        &self,
        body: &[u8],
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Verified, SignatureError> {
        let mut headers = headers.into_iter();
        let found = headers.find(|(name, _)| name.as_ref().eq_ignore_ascii_case(SIGNATURE_HEADER));
        self.verify(body, found.as_ref().map(|(_, value)| value.as_ref()))
    }
}

/// What was posted is not known to come from Stripe.
// Written by hand, like the other error here: a program that verifies webhooks is to build in seconds, from few crates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The request has no signature at all.
    HeaderMissing,
    /// The header is not what Stripe sends.
    #[non_exhaustive]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No signature is one of this body with one of the secrets.
    NoMatch,
    /// The signature matches, and was made too long ago: an old request, sent again.
    #[non_exhaustive]
    TooOld {
        /// How old it is, in seconds.
        age_s: i64,
        /// How old it may be, in seconds.
        tolerance_s: i64,
    },
    /// The signature matches, and was made in what is the future here: a clock is wrong.
    #[non_exhaustive]
    TooFarAhead {
        /// How far it is ahead, in seconds.
        ahead_s: i64,
        /// How far it may be ahead, in seconds.
        tolerance_s: i64,
    },
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderMissing => write!(f, "the header {SIGNATURE_HEADER} is missing"),
            Self::Malformed { reason } => {
                write!(f, "the header {SIGNATURE_HEADER} cannot be read: {reason}")
            }
            Self::NoMatch => f.write_str(
                "no signature matches: the secret is another endpoint's, or the body is not the one that was sent, byte \
                 for byte",
            ),
            Self::TooOld { age_s, tolerance_s } => write!(
                f,
                "the signature is {age_s} s old, and {tolerance_s} s are allowed"
            ),
            Self::TooFarAhead {
                ahead_s,
                tolerance_s,
            } => write!(
                f,
                "the signature is {ahead_s} s ahead, and {tolerance_s} s are allowed: is this machine's clock right?"
            ),
        }
    }
}

impl std::error::Error for SignatureError {}

#[cfg(test)]
mod tests {
    use super::super::sign;
    use super::*;
    use crate::clock::UnixMillis;

    const NOW: i64 = 1_700_000_000;
    const BODY: &[u8] = br#"{"id": "evt_1"}"#;

    #[derive(Debug)]
    struct At(i64);

    impl Clock for At {
        fn now(&self) -> UnixMillis {
            UnixMillis::from_seconds(self.0)
        }
    }

    fn secret(text: &str) -> EndpointSecret {
        EndpointSecret::new(text).unwrap()
    }

    fn verifier(secrets: &[&str]) -> Verifier {
        Verifier::new(secrets.iter().map(|text| secret(text))).with_clock(At(NOW))
    }

    fn signed(text: &str, at: i64) -> String {
        sign(BODY, &secret(text), Timestamp::from_unix_seconds(at))
    }

    fn verify(ours: &Verifier, header: &str) -> Result<usize, SignatureError> {
        ours.verify(BODY, Some(header.as_bytes()))
            .map(|it| it.secret_index())
    }

    #[test]
    fn c054_a_signature_holds_for_its_body_secret_and_time() {
        let ours = verifier(&["whsec_1", "whsec_2"]);
        assert_eq!(verify(&ours, &signed("whsec_1", NOW)), Ok(0));
        assert_eq!(verify(&ours, &signed("whsec_2", NOW)), Ok(1));
        assert_eq!(
            verify(&ours, &signed("whsec_3", NOW)),
            Err(SignatureError::NoMatch)
        );
        assert_eq!(
            verify(&verifier(&[]), &signed("whsec_1", NOW)),
            Err(SignatureError::NoMatch)
        );
        let header = signed("whsec_1", NOW);
        for body in [&b"{}"[..], b"", br#"{"id": "evt_2"}"#] {
            let refused = ours.verify(body, Some(header.as_bytes()));
            assert_eq!(refused, Err(SignatureError::NoMatch));
        }
        // The time is part of what is signed.
        let later = header.replace(&NOW.to_string(), &(NOW + 1).to_string());
        assert_eq!(verify(&ours, &later), Err(SignatureError::NoMatch));
        assert_eq!(ours.verify(BODY, None), Err(SignatureError::HeaderMissing));
        assert!(matches!(
            ours.verify(BODY, Some(b"\xff")),
            Err(SignatureError::Malformed { .. })
        ));
    }

    #[test]
    fn any_of_several_signatures_is_enough() {
        let ours = verifier(&["whsec_new"]);
        let (old, new) = (signed("whsec_old", NOW), signed("whsec_new", NOW));
        let (_, old) = old.split_once(',').unwrap();
        let (_, new) = new.split_once(',').unwrap();
        assert_eq!(verify(&ours, &format!("t={NOW},{old},{new},v0=00")), Ok(0));
        assert_eq!(verify(&ours, &format!("{new},{old},t={NOW}")), Ok(0));
        assert_eq!(
            verify(&ours, &format!("t={NOW},{old}")),
            Err(SignatureError::NoMatch)
        );
        let upper = format!("t={NOW},v1={}", new[3..].to_ascii_uppercase());
        assert_eq!(verify(&ours, &upper), Ok(0));
        let other = format!("t={NOW},{}", new.replace("v1=", "v2="));
        assert!(matches!(
            verify(&ours, &other),
            Err(SignatureError::Malformed { .. })
        ));
    }

    #[test]
    fn what_is_old_or_ahead_is_told_after_the_signature() {
        let ours = verifier(&["whsec_1"]);
        for at in [NOW - 300, NOW, NOW + 300] {
            assert_eq!(verify(&ours, &signed("whsec_1", at)), Ok(0));
        }
        let (age_s, tolerance_s) = (301, 300);
        assert_eq!(
            verify(&ours, &signed("whsec_1", NOW - 301)),
            Err(SignatureError::TooOld { age_s, tolerance_s })
        );
        let ahead_s = 301;
        assert_eq!(
            verify(&ours, &signed("whsec_1", NOW + 301)),
            Err(SignatureError::TooFarAhead {
                ahead_s,
                tolerance_s
            })
        );
        assert_eq!(
            verify(&ours, &signed("whsec_2", 0)),
            Err(SignatureError::NoMatch)
        );
        assert_eq!(
            verify(&ours.clone().without_tolerance(), &signed("whsec_1", 0)),
            Ok(0)
        );
        let strict = ours.with_tolerance(Duration::ZERO);
        assert_eq!(verify(&strict, &signed("whsec_1", NOW)), Ok(0));
        assert!(verify(&strict, &signed("whsec_1", NOW - 1)).is_err());
    }

    #[test]
    fn c054_the_header_is_found_in_any_case() {
        let ours = verifier(&["whsec_1"]);
        for name in ["Stripe-Signature", "stripe-signature", "STRIPE-SIGNATURE"] {
            let headers = [("Host", "x".to_owned()), (name, signed("whsec_1", NOW))];
            assert!(ours.verify_headers(BODY, headers).is_ok());
        }
    }
}
