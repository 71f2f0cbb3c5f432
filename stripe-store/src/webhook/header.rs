//! The header that a signature comes in: `t=1700000000,v1=5257a8…,v1=…,v0=…`.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::secret::EndpointSecret;
use super::signature::SignatureError;
use crate::view::Timestamp;

/// The header's name. Names of headers mean the same in any case.
pub const SIGNATURE_HEADER: &str = "stripe-signature";

/// The longest header that is read, in bytes. Stripe's have 90 bytes for each secret in use.
const MAX_BYTES: usize = 8 * 1024;

/// The scheme that is verified: HMAC with SHA-256.
const SCHEME: &str = "v1";

/// What SHA-256 gives, in bytes.
const TAG: usize = 32;

type Tag = [u8; TAG];

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header<'h> {
    /// When it was signed, in unix seconds.
    pub(super) timestamp: i64,
    /// The same, as it is part of what was signed.
    text: &'h str,
    /// The signatures of our scheme.
    tags: Vec<Tag>,
}

impl<'h> Header<'h> {
    /// Reads a header. Schemes that are not known are passed over, and so is what cannot be a signature.
    pub(super) fn read(header: &'h str) -> Result<Self, SignatureError> {
        let malformed = |reason| SignatureError::Malformed { reason };
        if header.len() > MAX_BYTES {
            return Err(malformed("it is longer than 8 KiB"));
        }
        let mut text: Option<&str> = None;
        let mut tags = Vec::new();
        let mut has_scheme = false;
        for part in header.split(',') {
            match part.trim().split_once('=') {
                Some(("t", value)) if text.is_some_and(|text| text != value) => {
                    return Err(malformed("it has several timestamps"));
                }
                Some(("t", value)) => text = Some(value),
                Some((SCHEME, value)) => {
                    has_scheme = true;
                    tags.extend(tag(value));
                }
                Some(_) | None => {}
            }
        }
        let text = text.ok_or_else(|| malformed("it has no timestamp `t`"))?;
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed("its timestamp `t` is no number of seconds"));
        }
        let timestamp = text.parse();
        let timestamp =
            timestamp.map_err(|_| malformed("its timestamp `t` is no number of seconds"))?;
        if !has_scheme {
            return Err(malformed("it has no signature `v1`"));
        }
        Ok(Self {
            timestamp,
            text,
            tags,
        })
    }

    /// Whether one of its signatures is that of this body with this secret. Takes the same time whatever they say.
    pub(super) fn is_signed_with(&self, secret: &EndpointSecret, body: &[u8]) -> bool {
        let mac = mac(secret, self.text, body);
        let matching = |tag: &Tag| {
            mac.as_ref()
                .is_some_and(|mac| mac.clone().verify_slice(tag).is_ok())
        };
        // Each is looked at, so that which one matches cannot be measured.
        self.tags.iter().filter(|tag| matching(tag)).count() > 0
    }
}

/// A signature as the header has it; `None` for what is not 64 hexadecimal digits.
fn tag(text: &str) -> Option<Tag> {
    let (digits, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let mut tag = [0; TAG];
    if digits.len() != TAG {
        return None;
    }
    for (byte, [high, low]) in tag.iter_mut().zip(digits) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(tag)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Over the timestamp, a full stop and the body; a key may have any length, so that there always is one.
fn mac(secret: &EndpointSecret, timestamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.bytes()).ok()?;
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac)
}

/// Signs a body as Stripe does, and returns the value of the [header](SIGNATURE_HEADER): for tests, and for tools that
/// post to one's own endpoint. Before 1970 nothing can be signed: no verifier takes such a header.
///
/// Source: [manual verification](https://docs.stripe.com/webhooks?verify=verify-manually) in Stripe's documentation.
///
/// ```
/// use stripe_store::view::Timestamp;
/// use stripe_store::webhook::{EndpointSecret, sign};
///
/// let secret = EndpointSecret::new("whsec_test")?;
/// let header = sign(b"{}", &secret, Timestamp::from_unix_seconds(1_700_000_000));
/// assert_eq!(
///     header,
///     "t=1700000000,v1=35495024f4ef3f94e5a93e22221544c4b75e9a42300cd965ab81cb85cd994e91"
/// );
/// # Ok::<(), stripe_store::webhook::EndpointSecretError>(())
/// ```
pub fn sign(body: &[u8], secret: &EndpointSecret, at: Timestamp) -> String {
    use std::fmt::Write as _;
    let timestamp = at.unix_seconds().to_string();
    let mut header = format!("t={timestamp},{SCHEME}=");
    for byte in mac(secret, &timestamp, body)
        .into_iter()
        .flat_map(|mac| mac.finalize().into_bytes())
    {
        // Writing to a string does not fail.
        let _ = write!(header, "{byte:02x}");
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(header: &str) -> String {
        Header::read(header).unwrap_err().to_string()
    }

    #[test]
    fn what_no_header_can_be_is_told_apart() {
        let of = |reason| format!("the header stripe-signature cannot be read: {reason}");
        assert_eq!(reason(""), of("it has no timestamp `t`"));
        assert_eq!(reason("v1=00"), of("it has no timestamp `t`"));
        assert_eq!(reason("t=1"), of("it has no signature `v1`"));
        assert_eq!(reason("t=1,v0=00"), of("it has no signature `v1`"));
        assert_eq!(reason("t=1,t=2,v1=00"), of("it has several timestamps"));
        for t in ["", "x", "-1", "+1", "1.5", "99999999999999999999"] {
            let header = format!("t={t},v1=00");
            assert_eq!(
                reason(&header),
                of("its timestamp `t` is no number of seconds")
            );
        }
        let long = format!("t=1,v1={}", "0".repeat(MAX_BYTES));
        assert_eq!(reason(&long), of("it is longer than 8 KiB"));
    }

    #[test]
    fn what_is_no_signature_is_passed_over() {
        let good = "0a".repeat(TAG);
        let bad = [
            "",
            "0",
            "zz",
            "0é",
            &"0a".repeat(TAG + 1),
            &good.replace('a', "g"),
        ];
        for bad in bad {
            let header = format!("v9=x, t=7 ,v1={bad},, v1={good},v1");
            let read = Header::read(&header).unwrap();
            assert_eq!(
                (read.timestamp, read.tags.as_slice()),
                (7, &[[10; TAG]][..])
            );
            let header = format!("t=7,v1={bad}");
            assert!(Header::read(&header).unwrap().tags.is_empty());
        }
    }
}
