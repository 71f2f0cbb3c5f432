//! Secret keys: what they are for, and which one a request takes. Their text is never printed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::mode::Mode;

/// A secret (`sk_…`) or restricted (`rk_…`) key of Stripe's API.
///
/// Kept in memory that is wiped when it is freed. `Debug` prints `[redacted]`, and there is no `Display`.
///
/// ```
/// use stripe_store::client::{Mode, SecretKey};
///
/// let key = SecretKey::new("sk_test_123")?;
/// assert_eq!(key.mode(), Some(Mode::Test));
/// assert_eq!(format!("{key:?}"), "SecretKey([redacted])");
/// # Ok::<(), stripe_store::client::SecretKeyError>(())
/// ```
#[derive(Clone)]
pub struct SecretKey {
    text: Arc<SecretString>,
    mode: Option<Mode>,
}

impl SecretKey {
    /// Takes a key's text; white space around it, as files have it at their end, is no part of it.
    ///
    /// # Errors
    ///
    /// [`SecretKeyError`] when it is empty, is a publishable key, or has characters that no key has. The text is not in
    /// the error.
    pub fn new(key: impl AsRef<str>) -> Result<Self, SecretKeyError> {
        let key = key.as_ref().trim();
        if key.is_empty() {
            return Err(SecretKeyError::Empty);
        }
        if key.starts_with("pk_") {
            return Err(SecretKeyError::Publishable);
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SecretKeyError::Malformed);
        }
        Ok(Self {
            text: Arc::new(SecretString::from(key.to_owned())),
            mode: mode_of(key),
        })
    }

    /// The mode that the key is for, which its text says; `None` where it does not.
    pub fn mode(&self) -> Option<Mode> {
        self.mode
    }

    /// `Authorization`, marked so that nothing prints it; `None` cannot be, since the key was checked.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let text = SecretString::from(format!("Bearer {}", self.text.expose_secret()));
        let mut value = HeaderValue::from_str(text.expose_secret()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// `text` without the key, which a server may have echoed.
    pub(super) fn redact(&self, text: String) -> String {
        let secret = self.text.expose_secret();
        if text.contains(secret) {
            text.replace(secret, "[redacted]")
        } else {
            text
        }
    }
}

/// Of `sk_test_…`, `rk_live_…`, `sk_org_live_…`: what stands before the random part.
fn mode_of(key: &str) -> Option<Mode> {
    key.split('_').take(4).find_map(|part| match part {
        "test" => Some(Mode::Test),
        "live" => Some(Mode::Live),
        _ => None,
    })
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey([redacted])")
    }
}

impl TryFrom<&str> for SecretKey {
    type Error = SecretKeyError;

    fn try_from(key: &str) -> Result<Self, SecretKeyError> {
        Self::new(key)
    }
}

impl TryFrom<String> for SecretKey {
    type Error = SecretKeyError;

    fn try_from(key: String) -> Result<Self, SecretKeyError> {
        Self::new(SecretString::from(key).expose_secret())
    }
}

/// A text is no secret key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretKeyError {
    /// There is nothing but white space.
    #[error("the secret key is empty")]
    Empty,
    /// It begins with `pk_`.
    #[error("this is a publishable key: take a secret (sk_…) or restricted (rk_…) one")]
    Publishable,
    /// It has white space or characters outside ASCII in it.
    #[error(
        "the secret key has characters that no key has: was all of it copied, and nothing else?"
    )]
    Malformed,
}

/// The keys that a client has, and which of them a request takes.
///
/// In this order: the key that the request names, a key of the account that it is for, the key for its mode, the plain
/// one.
#[derive(Debug, Clone)]
pub struct SecretKeys {
    plain: SecretKey,
    modes: Vec<SecretKey>,
    accounts: BTreeMap<String, Vec<SecretKey>>,
}

/// The key that a request takes.
#[derive(Debug)]
pub(super) struct Choice<'a> {
    pub(super) key: &'a SecretKey,
    /// Whether it is a key of the account that the request is for, so that there is no need to name the account.
    pub(super) is_own: bool,
}

impl SecretKeys {
    /// One key, for all that no other is added for.
    pub fn new(plain: SecretKey) -> Self {
        Self {
            plain,
            modes: Vec::new(),
            accounts: BTreeMap::new(),
        }
    }

    /// Adds a key for the requests that name its mode and no account.
    #[must_use]
    pub fn with_mode_key(mut self, key: SecretKey) -> Self {
        self.modes.push(key);
        self
    }

    /// Adds a key of a connected account's own: requests for that account take it, and need no `Stripe-Account`.
    #[must_use]
    pub fn with_account_key(mut self, account: impl Into<String>, key: SecretKey) -> Self {
        self.accounts.entry(account.into()).or_default().push(key);
        self
    }

    /// The key for `account` and `mode`; `None` when every key that could be taken says that it is for the other mode.
    pub(super) fn choose(&self, account: Option<&str>, mode: Option<Mode>) -> Option<Choice<'_>> {
        let fits = |key: &&SecretKey| match (mode, key.mode()) {
            (Some(wanted), Some(is)) => wanted == is,
            _ => true,
        };
        let own = account.and_then(|account| self.accounts.get(account)?.iter().find(fits));
        if let Some(key) = own {
            return Some(Choice { key, is_own: true });
        }
        let of_mode = mode.and_then(|mode| self.modes.iter().find(|key| key.mode() == Some(mode)));
        let key = of_mode.or_else(|| Some(&self.plain).filter(fits))?;
        Some(Choice { key, is_own: false })
    }

    /// Every key.
    pub(super) fn all(&self) -> impl Iterator<Item = &SecretKey> {
        let accounts = self.accounts.values().flatten();
        std::iter::once(&self.plain)
            .chain(&self.modes)
            .chain(accounts)
    }

    /// The mode of the plain key.
    pub(super) fn mode(&self) -> Option<Mode> {
        self.plain.mode()
    }
}

impl From<SecretKey> for SecretKeys {
    fn from(key: SecretKey) -> Self {
        Self::new(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> SecretKey {
        SecretKey::new(text).unwrap()
    }

    #[track_caller]
    fn check(keys: &SecretKeys, account: Option<&str>, mode: Option<Mode>, expected: Option<&str>) {
        let choice = keys.choose(account, mode);
        let text = choice.map(|choice| choice.key.text.expose_secret().to_owned());
        assert_eq!(text.as_deref(), expected, "{account:?} {mode:?}");
    }

    #[test]
    fn c026_the_accounts_own_key_goes_before_that_of_the_mode_and_the_plain_one_is_last() {
        let keys = SecretKeys::new(key("sk_plain"))
            .with_mode_key(key("sk_live_1"))
            .with_mode_key(key("sk_test_1"))
            .with_account_key("acct_1", key("sk_live_own"));
        check(&keys, Some("acct_1"), Some(Mode::Live), Some("sk_live_own"));
        check(&keys, Some("acct_1"), None, Some("sk_live_own"));
        check(&keys, Some("acct_1"), Some(Mode::Test), Some("sk_test_1"));
        check(&keys, Some("acct_2"), Some(Mode::Live), Some("sk_live_1"));
        check(&keys, None, None, Some("sk_plain"));
    }

    #[test]
    fn a_key_of_the_other_mode_is_never_taken() {
        let keys = SecretKeys::new(key("sk_test_1"));
        check(&keys, None, Some(Mode::Live), None);
        check(&keys, None, Some(Mode::Test), Some("sk_test_1"));
        check(&keys, None, None, Some("sk_test_1"));
    }

    #[test]
    fn the_mode_of_a_key_is_what_its_text_says() {
        for (text, mode) in [
            ("sk_live_1", Some(Mode::Live)),
            ("rk_test_1", Some(Mode::Test)),
            ("sk_org_live_1", Some(Mode::Live)),
            ("sk_1", None),
        ] {
            assert_eq!(key(text).mode(), mode, "{text}");
        }
    }

    #[test]
    fn what_is_no_secret_key_is_refused_and_not_repeated() {
        for (text, error) in [
            ("  \n", SecretKeyError::Empty),
            ("pk_live_1", SecretKeyError::Publishable),
            ("sk_live_1 sk_live_2", SecretKeyError::Malformed),
            ("sk_live_é", SecretKeyError::Malformed),
        ] {
            assert_eq!(SecretKey::new(text).unwrap_err(), error, "{text}");
            assert!(!error.to_string().contains("live"), "{error}");
        }
        assert!(SecretKey::new("sk_test_1\n").is_ok());
    }
}
