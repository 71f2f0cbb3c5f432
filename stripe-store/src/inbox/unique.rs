//! Texts that no other process makes, and that are in the order of time.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::UnixMillis;

/// A text that begins with the time, in hexadecimal digits; 64 random bits tell processes apart, and a count its own.
pub(crate) fn unique(now: UnixMillis) -> String {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let process = PROCESS.get_or_init(|| RandomState::new().hash_one(std::process::id()));
    let count = COUNT.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff;
    format!("{:012x}{count:08x}{process:016x}", now.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_in_the_order_of_time_and_never_the_same() {
        let (early, late) = (UnixMillis::from_seconds(9), UnixMillis::from_seconds(10));
        let (a, b, c) = (unique(early), unique(early), unique(late));
        assert!(a < b && b < c, "{a} {b} {c}");
        assert_eq!(a.len(), 36);
    }
}
