//! Removing what nothing needs any more: old tombstones, snapshots kept for conflicts that are long settled, and, where it is
//! asked for, old events and requests.
//!
//! In short transactions of few rows each, so that writers go on meanwhile. What may go is decided here and in the
//! statements; when it is done is up to the caller.

mod inbox;

use std::fmt;
use std::time::Duration;

use self::inbox::Kept;
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
/// | events of the inbox that are applied, and their payloads | [older](Self::with_events_older_than) than asked for, at least 33 days | kept |
/// | requests in the log of webhook endpoints | [older](Self::with_deliveries_older_than) than asked for | kept |
///
/// **A tombstone is what keeps a late event from bringing a deleted object back.** Stripe lists events for 30 days, so
/// that one from before the deletion can come that much later; 3 days, as long as Stripe tries to deliver an event, are
/// the margin. No shorter age is allowed, unless [forced](Self::forced). Old files that are ingested again know no such limit: what is deleted in
/// them comes back once its tombstone is gone.
///
/// **An event in the inbox is what keeps it from being handled twice.** The same 33 days hold for it. Events that something
/// is left to do about, that failed, or whose handlers gave up, stay whatever their age.
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
    events: Option<Duration>,
    deliveries: Option<Duration>,
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

    /// The defaults: settled conflicts go after 45 days; tombstones, events and requests stay.
    pub const fn new() -> Self {
        Self {
            tombstones: None,
            settled: Duration::from_secs(DEFAULT_DAYS * DAY),
            events: None,
            deliveries: None,
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

    /// Removes events of the inbox that nothing is left to do about, that Stripe created longer ago than this, and whose rows
    /// did not change here since: those that were replayed lately stay. They can be replayed no more. Default: they are kept
    /// for ever.
    pub const fn with_events_older_than(mut self, age: Duration) -> Self {
        self.events = Some(age);
        self
    }

    /// Removes requests from the log of webhook endpoints that came longer ago than this, by the store's clock. Any age is
    /// allowed. Default: they are kept as long as the receiver's own
    /// log does.
    pub const fn with_deliveries_older_than(mut self, age: Duration) -> Self {
        self.deliveries = Some(age);
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
        let ages = [
            (Aged::Tombstones, self.tombstones),
            (Aged::Settled, Some(self.settled)),
            (Aged::Events, self.events),
        ];
        for (what, age) in ages {
            let short = age.filter(|age| *age < Self::MIN_AGE && !self.forced);
            if let Some(age) = short {
                return Err(StoreError::RetentionTooShort {
                    what,
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
            events: self.events.map(before),
            deliveries: self.deliveries.map(before),
            batch: i64::from(self.batch),
        })
    }
}

/// A [`Retention`] in moments: what is older goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) tombstones: Option<UnixMillis>,
    pub(crate) settled: UnixMillis,
    pub(crate) events: Option<UnixMillis>,
    pub(crate) deliveries: Option<UnixMillis>,
    pub(crate) batch: i64,
}

/// What has to be of some age to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Aged {
    /// Rows of deleted objects.
    Tombstones,
    /// Snapshots that an object's own was chosen over.
    Settled,
    /// Events of the inbox.
    Events,
}

impl Aged {
    /// What it would mean that something from before comes.
    pub(crate) const fn danger(self) -> &'static str {
        match self {
            Self::Tombstones => "a late event could bring the objects back",
            Self::Settled => "a late event could not be put in order",
            Self::Events => "what comes again would be handled again",
        }
    }
}

/// `tombstones`, `settled conflicts`, `events`.
impl fmt::Display for Aged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tombstones => "tombstones",
            Self::Settled => "settled conflicts",
            Self::Events => "events",
        })
    }
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
    /// Events of the inbox.
    pub events: u64,
    /// Requests of the log of webhook endpoints.
    pub deliveries: u64,
}

impl Purged {
    /// The rows of all tables together.
    pub const fn rows(self) -> u64 {
        self.tombstones
            .saturating_add(self.rivals)
            .saturating_add(self.marks)
            .saturating_add(self.events)
            .saturating_add(self.deliveries)
    }

    fn add(&mut self, more: Self) {
        self.tombstones += more.tombstones;
        self.rivals += more.rivals;
        self.marks += more.marks;
        self.events += more.events;
        self.deliveries += more.deliveries;
    }

    /// Counts as a database gives them.
    pub(crate) fn counted(tombstones: i64, rivals: i64, marks: i64) -> Self {
        let count = |rows: i64| u64::try_from(rows).unwrap_or(0);
        Self {
            tombstones: count(tombstones),
            rivals: count(rivals),
            marks: count(marks),
            ..Self::default()
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
        for kept in Kept::ALL {
            let Some(before) = kept.before(&limits) else {
                continue;
            };
            loop {
                let gone = self.purge_kept(kept, before, limits.batch).await?;
                if gone == 0 {
                    break;
                }
                let gone = u64::try_from(gone).unwrap_or(u64::MAX);
                purged.add(kept.purged(gone));
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
        let purgeable = span::timed(span, async {
            with_database!(self, database => database.purgeable(tables, &limits).await)
        });
        let mut purgeable = purgeable
            .await
            .map_err(|source| self.database_error("count", ObjectRef::All, source))?;
        for kept in Kept::ALL {
            if let Some(before) = kept.before(&limits) {
                purgeable.add(kept.purged(self.count_old(kept, before).await?));
            }
        }
        Ok(purgeable)
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
            Retention::new().with_events_older_than(day(32)),
        ] {
            let error = short.limits(now).unwrap_err();
            assert!(error.is_invalid_request(), "{error}");
            assert!(short.forced().limits(now).is_ok());
        }
        let requests = Retention::new().with_deliveries_older_than(day(0));
        assert_eq!(requests.limits(now).unwrap().deliveries, Some(now));
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
