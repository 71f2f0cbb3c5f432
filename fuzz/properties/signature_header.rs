//! What holds of any signature header and any body.
//!
//! An input is three parts, so that it can be read and written by hand: a line `NOW TOLERANCE` in seconds (a tolerance of
//! `any` is none at all), a line with the header, and the body. In the header, `$1` and `$2` stand for the signatures with
//! the secrets that are trusted, `$3` for that with another one, and `^1` to `^3` for the same in capitals: nothing finds
//! those by chance.

use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use stripe_store::clock::{Clock, UnixMillis};
use stripe_store::view::Timestamp;
use stripe_store::webhook::{EndpointSecret, SignatureError, Verified, Verifier, sign};

const TRUSTED: [&str; 2] = ["whsec_1", "whsec_2"];
const STRANGER: &str = "whsec_stranger";

/// The last second that a [`Clock`] can tell.
const LAST_SECOND: i64 = 253_402_300_799;

/// The longest header that is read, in bytes.
const MAX_HEADER: usize = 8192;

/// Says what is wrong by panicking.
pub(crate) fn check(input: &[u8]) {
    let input = Input::read(input);
    let verifier = input.verifier();
    let header = input.signed_header();
    let found = verifier.verify(input.body, Some(&header));
    assert_eq!(Answer::of(found), input.expected(&header));
    let headers = [
        ("Content-Type", b"application/json".as_slice()),
        ("sTRIPE-sIGNATURE", &header),
    ];
    assert_eq!(verifier.verify_headers(input.body, headers), found);
    if let Err(error) = found {
        let told = error.to_string();
        assert!(told.len() < 200, "a message shows what was sent: {told}");
    }
    input.check_own();
}

struct Input<'i> {
    now: i64,
    /// In seconds; `None` for any age.
    tolerance: Option<u64>,
    header: &'i [u8],
    body: &'i [u8],
}

impl<'i> Input<'i> {
    fn read(input: &'i [u8]) -> Self {
        let (settings, rest) = split_line(input);
        let (header, body) = split_line(rest);
        let settings = String::from_utf8_lossy(settings);
        let mut settings = settings.split_ascii_whitespace();
        let now = settings.next().and_then(|now| now.parse().ok());
        let tolerance = match settings.next() {
            Some("any") => None,
            Some(seconds) => Some(seconds.parse().unwrap_or(300)),
            None => Some(300),
        };
        Self {
            now: now.unwrap_or(1_700_000_000),
            tolerance,
            header,
            body,
        }
    }

    fn verifier(&self) -> Verifier {
        let verifier = Verifier::new(TRUSTED.map(|text| EndpointSecret::new(text).unwrap()));
        let verifier = verifier.with_clock(At(self.now));
        match self.tolerance {
            Some(seconds) => verifier.with_tolerance(Duration::from_secs(seconds)),
            None => verifier.without_tolerance(),
        }
    }

    /// The header, with the signatures that its marks stand for.
    fn signed_header(&self) -> Vec<u8> {
        let text = String::from_utf8_lossy(self.header);
        let timestamp = values(&text, "t=").next().unwrap_or_default();
        let mut signed = Vec::new();
        let mut rest = self.header;
        while let Some((byte, behind)) = rest.split_first() {
            let Some((secret, is_upper)) = mark(rest) else {
                signed.push(*byte);
                rest = behind;
                continue;
            };
            let mut signature = signature(secret, timestamp, self.body);
            if is_upper {
                signature.make_ascii_uppercase();
            }
            signed.extend_from_slice(signature.as_bytes());
            rest = &rest[2..];
        }
        signed
    }

    /// What Stripe's description of its signatures makes of a header.
    fn expected(&self, header: &[u8]) -> Answer {
        let Ok(header) = str::from_utf8(header) else {
            return Answer::Malformed;
        };
        let mut timestamps = values(header, "t=");
        let signatures: Vec<&str> = values(header, "v1=").collect();
        let Some(timestamp) = timestamps.next() else {
            return Answer::Malformed;
        };
        let is_number = timestamp.chars().all(|char| char.is_ascii_digit());
        let (true, Ok(seconds)) = (is_number, timestamp.parse::<i64>()) else {
            return Answer::Malformed;
        };
        if timestamps.any(|other| other != timestamp)
            || signatures.is_empty()
            || header.len() > MAX_HEADER
        {
            return Answer::Malformed;
        }
        let is_signed = |secret: &&str| {
            let right = signature(secret, timestamp, self.body);
            signatures
                .iter()
                .any(|given| given.eq_ignore_ascii_case(&right))
        };
        let Some(secret) = TRUSTED.iter().position(is_signed) else {
            return Answer::NoMatch;
        };
        let now = i128::from(self.now.clamp(0, LAST_SECOND));
        let age = now - i128::from(seconds);
        match self.tolerance.map(i128::from) {
            Some(tolerance) if age > tolerance => Answer::TooOld { age },
            Some(tolerance) if -age > tolerance => Answer::TooFarAhead { ahead: -age },
            _ => Answer::Verified { seconds, secret },
        }
    }

    /// What we sign holds, and nothing that differs from it by so little.
    fn check_own(&self) {
        let (secret, seconds) = (0, self.now);
        let own = EndpointSecret::new(TRUSTED[secret]).unwrap();
        let verifier = Verifier::new([own.clone()]).without_tolerance();
        let header = sign(self.body, &own, Timestamp::from_unix_seconds(seconds));
        let verify = |body: &[u8], header: &str| {
            let found = verifier.verify(body, Some(header.as_bytes()));
            Answer::of(found)
        };
        if seconds < 0 {
            // Before 1970 there is nothing that could have been signed.
            assert_eq!(verify(self.body, &header), Answer::Malformed);
            return;
        }
        let right = Answer::Verified { seconds, secret };
        assert_eq!(verify(self.body, &header), right);

        let chosen = self.chosen();
        let mut longer = self.body.to_vec();
        longer.extend(self.body.last().or(Some(&b' ')));
        assert_eq!(verify(&longer, &header), Answer::NoMatch);
        if let Some((_, shorter)) = self.body.split_last() {
            assert_eq!(verify(shorter, &header), Answer::NoMatch);
            let mut other = self.body.to_vec();
            other[chosen % self.body.len()] ^= 1 << (chosen % 8);
            assert_eq!(verify(&other, &header), Answer::NoMatch);
        }

        let (time, signature) = header.split_once(",v1=").unwrap();
        let other = with_another_digit(signature, chosen % signature.len(), 16, chosen);
        let other = format!("{time},v1={other}");
        assert_eq!(verify(self.body, &other), Answer::NoMatch, "{other}");
        let shorter = &header[..header.len() - 1];
        assert_eq!(verify(self.body, shorter), Answer::NoMatch);
        let digits = &time[2..];
        let other = with_another_digit(digits, chosen % digits.len(), 10, chosen);
        let other = format!("t={other},v1={signature}");
        let found = verify(self.body, &other);
        assert!(
            matches!(found, Answer::NoMatch | Answer::Malformed),
            "{other}"
        );
    }

    /// A number that is another one for nearly every input.
    fn chosen(&self) -> usize {
        let sum = |sum: usize, byte: &u8| sum.wrapping_mul(31).wrapping_add(usize::from(*byte));
        self.header.iter().chain(self.body).fold(7, sum)
    }
}

/// What was said of a signature, as far as it can be foretold.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Malformed,
    NoMatch,
    TooOld { age: i128 },
    TooFarAhead { ahead: i128 },
    Verified { seconds: i64, secret: usize },
}

impl Answer {
    fn of(found: Result<Verified, SignatureError>) -> Self {
        match found {
            Ok(verified) => Self::Verified {
                seconds: verified.timestamp().unix_seconds(),
                secret: verified.secret_index(),
            },
            Err(SignatureError::Malformed { .. }) => Self::Malformed,
            Err(SignatureError::NoMatch) => Self::NoMatch,
            Err(SignatureError::TooOld { age_s, .. }) => Self::TooOld { age: age_s.into() },
            Err(SignatureError::TooFarAhead { ahead_s, .. }) => Self::TooFarAhead {
                ahead: ahead_s.into(),
            },
            Err(other) => panic!("there was a header: {other}"),
        }
    }
}

#[derive(Debug)]
struct At(i64);

impl Clock for At {
    fn now(&self) -> UnixMillis {
        UnixMillis::from_seconds(self.0)
    }
}

/// Up to the first line end, and what comes behind it.
fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let mut next = || parts.next().unwrap_or_default();
    (next(), next())
}

/// The values of a header's parts that begin so.
fn values<'h>(header: &'h str, prefix: &'h str) -> impl Iterator<Item = &'h str> {
    let parts = header.split(',').map(str::trim);
    parts.filter_map(move |part| part.strip_prefix(prefix))
}

/// Which secret's signature a mark stands for, and whether in capitals.
fn mark(bytes: &[u8]) -> Option<(&'static str, bool)> {
    let secret = match bytes.get(1)? {
        b'1' => TRUSTED[0],
        b'2' => TRUSTED[1],
        b'3' => STRANGER,
        _ => return None,
    };
    match bytes.first()? {
        b'$' => Some((secret, false)),
        b'^' => Some((secret, true)),
        _ => None,
    }
}

/// HMAC with SHA-256 over the time, a full stop and the body, in hexadecimal digits.
fn signature(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(&[timestamp.as_bytes(), b".", body].concat());
    let mut digits = String::new();
    for byte in mac.finalize().into_bytes() {
        write!(digits, "{byte:02x}").unwrap();
    }
    digits
}

/// The text with another digit at a place.
fn with_another_digit(text: &str, at: usize, radix: u32, chosen: usize) -> String {
    let digit = text[at..].chars().next().unwrap();
    let others = usize::try_from(radix).unwrap() - 1;
    let steps = u32::try_from(chosen / 256 % others).unwrap() + 1;
    let other = (digit.to_digit(radix).unwrap() + steps) % radix;
    let other = char::from_digit(other, radix).unwrap();
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}
