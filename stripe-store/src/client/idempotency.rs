//! Idempotency keys: what makes it safe to send a request twice, and where they are kept when the program may die
//! between the two.

use std::collections::HashMap;
use std::fmt;
use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, SystemClock, UnixMillis};
use crate::mode::Mode;

/// How long Stripe remembers a key at least; a kept key is not used again when it is older.
pub const KEY_LIFETIME: Duration = Duration::from_hours(24);

/// The longest key that Stripe takes, in bytes.
const MAX_BYTES: usize = 255;

/// The value of `Idempotency-Key`: Stripe does what the first request with it says, and answers the others alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(Arc<str>);

impl IdempotencyKey {
    /// A key of the caller's own; `None` when it is empty, longer than 255 bytes, or not of visible ASCII characters.
    pub fn new(key: impl AsRef<str>) -> Option<Self> {
        let key = key.as_ref();
        let fits = !key.is_empty()
            && key.len() <= MAX_BYTES
            && key.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(key.into()))
    }

    /// A key out of 128 random bits.
    pub(super) fn from_random(bits: [u8; 16]) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(bits)).into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a kept key is for: the same purpose has the same key, until it is forgotten.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Purpose {
    /// The type that is acted on: `"customer"`.
    pub object: String,
    /// What is done, and for whom: `"create:42"`.
    pub action: String,
    /// The mode; `None` where neither the request nor the key says.
    pub mode: Option<Mode>,
    /// The connected account, when it is not the one that the key belongs to.
    pub account: Option<String>,
}

impl Purpose {
    /// To do `action` to an object of type `object`.
    pub fn new(object: impl Into<String>, action: impl Into<String>) -> Self {
        Self {
            object: object.into(),
            action: action.into(),
            mode: None,
            account: None,
        }
    }

    /// In this mode.
    #[must_use]
    pub fn with_mode(mut self, mode: Option<Mode>) -> Self {
        self.mode = mode;
        self
    }

    /// In this connected account.
    #[must_use]
    pub fn with_account(mut self, account: Option<String>) -> Self {
        self.account = account;
        self
    }
}

/// `customer:create:42`.
impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.object, self.action)
    }
}

/// What a place for keys answers with, later.
pub type KeyFuture<'a, T> =
    Pin<Box<dyn Future<Output = Result<T, Box<dyn std::error::Error + Send + Sync>>> + Send + 'a>>;

/// Where keys are kept, so that a request that was cut off is sent again with the key that it had.
///
/// [`KeysInMemory`] forgets them with the process.
pub trait IdempotencyKeys: fmt::Debug + Send + Sync + 'static {
    /// The key that is kept for `purpose`, or `fresh`, which is then kept. Of two callers at the same time both get the
    /// same. One that is older than [`KEY_LIFETIME`] is replaced.
    fn keep<'a>(
        &'a self,
        purpose: &'a Purpose,
        fresh: IdempotencyKey,
    ) -> KeyFuture<'a, IdempotencyKey>;

    /// Forgets the key, so that the next request for `purpose` is a new one.
    fn forget<'a>(&'a self, purpose: &'a Purpose) -> KeyFuture<'a, ()>;

    /// Removes the keys that are older than `age`, and says how many they were.
    fn clear_older_than(&self, age: Duration) -> KeyFuture<'_, u64>;
}

/// Keys for as long as the process lives.
#[derive(Debug)]
pub struct KeysInMemory {
    keys: Mutex<HashMap<Purpose, (IdempotencyKey, UnixMillis)>>,
    clock: Box<dyn Clock>,
}

impl KeysInMemory {
    /// An empty place, on the system's clock.
    pub fn new() -> Self {
        Self::with_clock(SystemClock)
    }

    /// An empty place, on `clock`.
    pub fn with_clock(clock: impl Clock) -> Self {
        Self {
            keys: Mutex::default(),
            clock: Box::new(clock),
        }
    }

    /// Whether something that was kept at `since` is older than `age`.
    fn is_older(&self, since: UnixMillis, age: Duration) -> bool {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        since.plus_millis(age) < self.clock.now()
    }
}

impl Default for KeysInMemory {
    fn default() -> Self {
        Self::new()
    }
}

impl IdempotencyKeys for KeysInMemory {
    fn keep<'a>(
        &'a self,
        purpose: &'a Purpose,
        fresh: IdempotencyKey,
    ) -> KeyFuture<'a, IdempotencyKey> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = keys
            .entry(purpose.clone())
            .and_modify(|kept| {
                if self.is_older(kept.1, KEY_LIFETIME) {
                    *kept = (fresh.clone(), self.clock.now());
                }
            })
            .or_insert_with(|| (fresh.clone(), self.clock.now()));
        Box::pin(ready(Ok(entry.0.clone())))
    }

    fn forget<'a>(&'a self, purpose: &'a Purpose) -> KeyFuture<'a, ()> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.remove(purpose);
        Box::pin(ready(Ok(())))
    }

    fn clear_older_than(&self, age: Duration) -> KeyFuture<'_, u64> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let before = keys.len();
        keys.retain(|_, kept| !self.is_older(kept.1, age));
        let removed = u64::try_from(before - keys.len()).unwrap_or(u64::MAX);
        Box::pin(ready(Ok(removed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stripe_takes_is_a_key() {
        for text in ["", "a b", "é", &"x".repeat(256)] {
            assert_eq!(IdempotencyKey::new(text), None, "{text}");
        }
        assert!(IdempotencyKey::new("x".repeat(255)).is_some());
    }

    #[test]
    fn a_random_key_has_all_its_digits() {
        let key =
            IdempotencyKey::from_random([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(key.as_str(), "000102030405060708090a0b0c0d0eff");
    }
}
