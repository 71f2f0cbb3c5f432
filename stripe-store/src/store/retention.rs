//! Removing what nothing needs any more: old tombstones, and snapshots kept for conflicts that are long settled.
//!
//! In short transactions of few rows each, so that writers go on meanwhile. What may go is decided here and in the
//! statements; when it is done is up to the caller.

use std::time::Duration;

use super::error::{ObjectRef, StoreError};
use super::{Store, span, with_database};
use crate::clock::UnixMillis;

const DAY: u64 = 24 * 60 * 60;

/// For how many days events can come that are older than a deletion: Stripe lists them for 30; 3 more are a margin, as
/// long as it tries to deliver one.
const MIN_DAYS: u64 = 33;

/// How old settled conflicts become when nobody says.
const DEFAULT_DAYS: u64 = 45;

/// How many rows a transaction removes when nobody says, and at most.
const DEFAULT_BATCH: u32 = 500;
const MAX_BATCH: u32 = 10_000;

/// What [`Store::purge`] removes.
///
/// | what | when | default |
/// | --- | --- | --- |
/// | tombstones: rows of deleted objects | [older](Self::with_tombstones_older_than) than asked for, at least 33 days | kept |
/// | snapshots that an object's own was chosen over, where nothing is left to decide | [older](Self::with_settled_older_than) than asked for, at least 33 days | 45 days |
/// | such snapshots, and marks to read an object again, of objects that are not there | at once | |
///
/// **A tombstone is what keeps a late event from bringing a deleted object back.** Stripe lists events for 30 days, so
/// that one from before the deletion can come that much later; 3 days, as long as Stripe tries to deliver an event, are
/// the margin. No shorter age is allowed, unless [forced](Self::forced). Old files that are ingested again know no such limit: what is deleted in
/// them comes back once its tombstone is gone.
///
/// Objects that are open, whose newest state only Stripe can tell, keep everything.
///
/// ```
/// use std::time::Duration;
/// use stripe_store::store::Retention;
///
/// let retention = Retention::new().with_tombstones_older_than(Duration::from_secs(60 * 24 * 60 * 60));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "give it to `Store::purge`"]
pub struct Retention {
    tombstones: Option<Duration>,
    settled: Duration,
    forced: bool,
    batch: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self::new()
    }
}

impl Retention {
    /// The shortest age that is allowed without force: 33 days.
    pub const MIN_AGE: Duration = Duration::from_secs(MIN_DAYS * DAY);

    /// The defaults: settled conflicts go after 45 days, tombstones stay.
    pub const fn new() -> Self {
        Self {
            tombstones: None,
            settled: Duration::from_secs(DEFAULT_DAYS * DAY),
            forced: false,
            batch: DEFAULT_BATCH,
        }
    }

    /// Removes the row of an object that was deleted at Stripe longer ago than this, by Stripe's clock, and did not
    /// change here since, by the store's. Default: tombstones are kept for ever.
    pub const fn with_tombstones_older_than(mut self, age: Duration) -> Self {
        self.tombstones = Some(age);
        self
    }

    /// Removes the snapshots that an object's own was chosen over, all of which were taken longer ago than this.
    /// They are kept because a late event is decided against all of them. Default: 45 days.
    pub const fn with_settled_older_than(mut self, age: Duration) -> Self {
        self.settled = age;
        self
    }

    /// Allows any age. For a store that no event comes to any more, and for tests.
    pub const fn forced(mut self) -> Self {
        self.forced = true;
        self
    }

    /// How many objects one transaction is about: 1 to 10,000; the nearest of these for other numbers. Default: 500.
    pub fn with_batch_size(mut self, objects: u32) -> Self {
        self.batch = objects.clamp(1, MAX_BATCH);
        self
    }

    fn limits(&self, now: UnixMillis) -> Result<Limits, StoreError> {
        for age in self.tombstones.into_iter().chain([self.settled]) {
            if age < Self::MIN_AGE && !self.forced {
                return Err(StoreError::RetentionTooShort {
                    age_days: age.as_secs() / DAY,
                    min_days: MIN_DAYS,
                });
            }
        }
        let before = |age: Duration| {
            let millis = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            now.plus_millis(millis.saturating_neg())
        };
        Ok(Limits {
            tombstones: self.tombstones.map(before),
            settled: before(self.settled),
            batch: i64::from(self.batch),
        })
    }
}

/// A [`Retention`] in moments: what is older goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) tombstones: Option<UnixMillis>,
    pub(crate) settled: UnixMillis,
    pub(crate) batch: i64,
}

/// How many rows were removed, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Purged {
    /// Rows of deleted objects.
    pub tombstones: u64,
    /// Snapshots that were kept beside an object's own.
    pub rivals: u64,
    /// Marks that an object has to be read from Stripe again.
    pub marks: u64,
}

impl Purged {
    /// The rows of all tables together.
    pub const fn rows(self) -> u64 {
        self.tombstones
            .saturating_add(self.rivals)
            .saturating_add(self.marks)
    }

    fn add(&mut self, more: Self) {
        self.tombstones += more.tombstones;
        self.rivals += more.rivals;
        self.marks += more.marks;
    }

    /// Counts as a database gives them.
    pub(crate) fn counted(tombstones: i64, rivals: i64, marks: i64) -> Self {
        let count = |rows: i64| u64::try_from(rows).unwrap_or(0);
        Self {
            tombstones: count(tombstones),
            rivals: count(rivals),
            marks: count(marks),
        }
    }
}

/// What is removed one after the other, each in as many transactions as it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Tombstones,
    /// Rivals of objects that nothing is open of.
    Settled,
    /// Rivals and marks without an object.
    Orphans,
}

impl Store {
    /// Removes what `retention` says, in every account and both modes, and returns how many rows that were.
    ///
    /// In transactions of a few hundred objects, each of which is short and takes no lock that a writer waits for
    /// longer than for another write. What another transaction is working on is left for the next time. What is read of
    /// objects that are not deleted stays as it is, and so does what a newer snapshot of them makes.
    ///
    /// ```
    /// use std::time::Duration;
    /// # use stripe_store::Store;
    /// use stripe_store::store::Retention;
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # store.migrate().await?;
    /// let retention = Retention::new().with_tombstones_older_than(Duration::from_secs(45 * 24 * 60 * 60));
    /// let purged = store.purge(&retention).await?;
    /// println!("{} tombstones", purged.tombstones);
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`RetentionTooShort`](StoreError::RetentionTooShort) for an age under 33 days that is not forced;
    /// [`Database`](StoreError::Database), [`PoolTimedOut`](StoreError::PoolTimedOut) or
    /// [`NotMigrated`](StoreError::NotMigrated) when the database refuses: what was removed until then stays removed.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends it between two transactions, or undoes the one at hand.
    pub async fn purge(&self, retention: &Retention) -> Result<Purged, StoreError> {
        self.purge_with(retention, |_| ()).await
    }

    /// [`purge`](Self::purge) that tells, after each transaction, how many rows were removed so far.
    ///
    /// # Errors
    ///
    /// As [`purge`](Self::purge).
    pub async fn purge_with(
        &self,
        retention: &Retention,
        mut progress: impl FnMut(Purged) + Send,
    ) -> Result<Purged, StoreError> {
        let limits = retention.limits(self.inner.clock.now())?;
        let tables = &self.inner.tables;
        let mut purged = Purged::default();
        for step in [Step::Tombstones, Step::Settled, Step::Orphans] {
            // Where the last transaction of this step ended.
            let mut after = None;
            loop {
                let span =
                    tracing::debug_span!("stripe_store.purge", duration_ms = tracing::field::Empty);
                let removed = span::timed(span, async {
                    with_database!(self, database => {
                        database.purge(tables, step, &limits, &mut after).await
                    })
                })
                .await
                .map_err(|source| self.database_error("purge", ObjectRef::All, source))?;
                let Some(removed) = removed else { break };
                purged.add(removed);
                progress(purged);
            }
        }
        Ok(purged)
    }

    /// How many rows [`purge`](Self::purge) would remove now.
    ///
    /// # Errors
    ///
    /// As [`purge`](Self::purge).
    pub async fn purgeable(&self, retention: &Retention) -> Result<Purged, StoreError> {
        let limits = retention.limits(self.inner.clock.now())?;
        let tables = &self.inner.tables;
        let span = tracing::debug_span!(
            "stripe_store.purgeable",
            duration_ms = tracing::field::Empty
        );
        span::timed(span, async {
            with_database!(self, database => database.purgeable(tables, &limits).await)
        })
        .await
        .map_err(|source| self.database_error("count", ObjectRef::All, source))
    }

    /// Makes the room that removed rows leave usable again.
    ///
    /// * SQLite: `VACUUM` writes the file anew and gives the rest back to the file system; writers wait meanwhile, and
    ///   the disk needs room for the file twice. A file in the mode `auto_vacuum = INCREMENTAL` gives back its free
    ///   pages without that.
    /// * PostgreSQL: `VACUUM (ANALYZE)` of the store's tables, which does not stop writers. Its autovacuum does the same
    ///   in its own time. The connection's statement timeout applies.
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database), [`PoolTimedOut`](StoreError::PoolTimedOut) or
    /// [`NotMigrated`](StoreError::NotMigrated) when the database refuses.
    pub async fn vacuum(&self) -> Result<(), StoreError> {
        let tables = &self.inner.tables;
        let span = tracing::info_span!("stripe_store.vacuum", duration_ms = tracing::field::Empty);
        span::timed(span, async {
            with_database!(self, database => database.vacuum(tables).await)
        })
        .await
        .map_err(|source| self.database_error("vacuum", ObjectRef::All, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_that_events_can_outlive_takes_force() {
        let now = UnixMillis::from_seconds(1_800_000_000);
        let day = |days: u64| Duration::from_secs(days * DAY);
        assert!(Retention::new().limits(now).is_ok());
        for short in [
            Retention::new().with_tombstones_older_than(day(32)),
            Retention::new().with_settled_older_than(day(32)),
        ] {
            let error = short.limits(now).unwrap_err();
            assert!(error.is_invalid_request(), "{error}");
            assert!(short.forced().limits(now).is_ok());
        }
        let limits = Retention::new()
            .with_tombstones_older_than(day(33))
            .limits(now)
            .unwrap();
        let age = now.as_millis() - limits.tombstones.unwrap().as_millis();
        assert_eq!(age, 33 * 86_400_000);
        let ever = Retention::new().with_tombstones_older_than(Duration::MAX);
        assert_eq!(ever.limits(now).unwrap().tombstones, Some(UnixMillis::MIN));
    }
}
