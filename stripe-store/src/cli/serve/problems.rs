//! How many problems that anybody can cause are told.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many are told in a minute.
const A_MINUTE: u32 = 30;

/// Of problems alike, the first ones of each minute, and how many more there were.
#[derive(Debug, Default)]
pub(super) struct Problems {
    state: Mutex<Option<Minute>>,
}

#[derive(Debug)]
struct Minute {
    since: Instant,
    told: u32,
    untold: u64,
}

impl Problems {
    /// Whether one more is told; if so, how many before it were not.
    pub(super) fn take(&self) -> Option<u64> {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = state.get_or_insert(Minute {
            since: now,
            told: 0,
            untold: 0,
        });
        if now.duration_since(minute.since) >= Duration::from_mins(1) {
            minute.since = now;
            minute.told = 0;
        }
        if minute.told >= A_MINUTE {
            minute.untold = minute.untold.saturating_add(1);
            return None;
        }
        minute.told += 1;
        Some(std::mem::take(&mut minute.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_by_its_number() {
        let problems = Problems::default();
        let now = Instant::now();
        for _ in 0..30 {
            assert_eq!(problems.take_at(now), Some(0));
        }
        for _ in 0..1000 {
            assert_eq!(problems.take_at(now + Duration::from_secs(59)), None);
        }
        let next = now + Duration::from_mins(1);
        assert_eq!(problems.take_at(next), Some(1000));
        assert_eq!(problems.take_at(next), Some(0));
    }
}
