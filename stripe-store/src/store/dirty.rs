//! Objects of which only a new look at Stripe can tell the state.

use std::fmt;

use super::error::{ObjectRef, RowError, StoreError};
use super::scope::Mode;
use super::stored::RawTime;
use super::{Store, span, with_database};
use crate::clock::UnixMillis;

/// The most objects that one call returns.
const MAX_DIRTY: usize = 10_000;

/// Why an object has to be read from Stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DirtyReason {
    /// Its newest snapshot is not known for certain: several were taken at one time, as far as their intervals tell, and
    /// neither `previous_attributes` nor the object's life says which came last.
    ///
    /// Its row holds the one of them that a fixed rule names, the same in every order of arrival. To settle it, read the
    /// object and [write](Store::write) what comes: that is newer than all of them.
    Order,
    /// Stripe cut a list inside it short (`has_more: true`), so that not all it lists is here. Noted where
    /// [`extract_expanded`](Store::extract_expanded) is on.
    ///
    /// To settle it, read its lists to their ends, write what they list, and call
    /// [`mark_complete`](Store::mark_complete).
    Truncated,
}

impl DirtyReason {
    /// The reason as a word: `"order"`, `"truncated"`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Truncated => "truncated",
        }
    }

    /// The reason of this [word](Self::as_str).
    pub(crate) fn named(word: &str) -> Option<Self> {
        [Self::Order, Self::Truncated]
            .into_iter()
            .find(|reason| reason.as_str() == word)
    }

    /// As the column `reason` has it.
    pub(crate) const fn as_column(self) -> i16 {
        match self {
            Self::Order => 0,
            Self::Truncated => 1,
        }
    }

    pub(crate) const fn from_column(column: i16) -> Self {
        match column {
            1 => Self::Truncated,
            _ => Self::Order,
        }
    }
}

impl fmt::Display for DirtyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An object that has to be read from Stripe at [`not_before`](Self::not_before) or later, and the
/// [reason](Self::reason), of which an object can have both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirtyObject {
    account: String,
    livemode: bool,
    object: String,
    stripe_id: String,
    not_before: i64,
    reason: DirtyReason,
    since: UnixMillis,
}

impl DirtyObject {
    /// The account that owns the object; `None` for the account that the API key belongs to.
    pub fn account(&self) -> Option<&str> {
        Some(self.account.as_str()).filter(|account| !account.is_empty())
    }

    /// Live or test mode.
    pub fn mode(&self) -> Mode {
        Mode::from_livemode(self.livemode)
    }

    /// Stripe's name of the type.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// Stripe's id.
    pub fn stripe_id(&self) -> &str {
        &self.stripe_id
    }

    /// Why it has to be read.
    pub fn reason(&self) -> DirtyReason {
        self.reason
    }

    /// Whether lists inside it have to be completed.
    pub fn is_truncated(&self) -> bool {
        self.reason == DirtyReason::Truncated
    }

    /// From when on, by Stripe's clock, a new look at Stripe settles the matter.
    pub fn not_before(&self) -> UnixMillis {
        UnixMillis::new(self.not_before)
    }

    /// Since when it is known, by the store's clock.
    pub fn since(&self) -> UnixMillis {
        self.since
    }
}

/// A row of the table, as the databases return it.
#[derive(Debug)]
pub(crate) struct RawDirty {
    pub(crate) account: String,
    pub(crate) livemode: bool,
    pub(crate) object: String,
    pub(crate) stripe_id: String,
    pub(crate) not_before: i64,
    pub(crate) created_at: RawTime,
    pub(crate) reason: DirtyReason,
}

impl Store {
    /// The objects that have to be read again from Stripe, of every account and mode, those first that can be read
    /// again first; at most `limit` of them. An object with two reasons comes twice.
    ///
    /// ```
    /// use stripe_store::store::{Interval, Snapshot, Store};
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let store = Store::connect("sqlite::memory:").await?;
    /// store.migrate().await?;
    /// let second = Interval::second(1_700_000_000);
    /// let one = Snapshot::read(r#"{"object": "customer", "id": "cus_1", "name": "Ada"}"#)?;
    /// let other = Snapshot::read(r#"{"object": "customer", "id": "cus_1", "name": "Grace"}"#)?;
    /// store.write(&[one.taken(second, "evt_1"), other.taken(second, "evt_2")]).await?;
    ///
    /// let dirty = store.dirty_objects(100).await?;
    /// assert_eq!(dirty[0].stripe_id(), "cus_1");
    /// assert_eq!(dirty[0].not_before(), second.end());
    /// # Ok::<(), stripe_store::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Limit`](StoreError::Limit) when `limit` is not 1 to 10,000; [`Database`](StoreError::Database),
    /// [`NotMigrated`](StoreError::NotMigrated) or [`Row`](StoreError::Row) when the table cannot be read.
    pub async fn dirty_objects(&self, limit: usize) -> Result<Vec<DirtyObject>, StoreError> {
        let rows = i64::try_from(limit)
            .ok()
            .filter(|_| (1..=MAX_DIRTY).contains(&limit))
            .ok_or(StoreError::Limit {
                limit,
                max: MAX_DIRTY,
            })?;
        let span = tracing::debug_span!(
            "stripe_store.dirty_objects",
            duration_ms = tracing::field::Empty
        );
        let rows = span::timed(span, async {
            with_database!(self, database => database.dirty(rows).await)
        })
        .await
        .map_err(|source| self.database_error("read", ObjectRef::All, source))?;
        rows.into_iter().map(|row| self.dirty_object(row)).collect()
    }

    fn dirty_object(&self, row: RawDirty) -> Result<DirtyObject, StoreError> {
        let since = row.created_at.map_err(|text| StoreError::Row {
            table: self.tables().dirty().replace('"', ""),
            column: "created_at",
            object: ObjectRef::one(&row.object, &row.stripe_id),
            source: RowError::Time { text },
        })?;
        Ok(DirtyObject {
            account: row.account,
            livemode: row.livemode,
            object: row.object,
            stripe_id: row.stripe_id,
            not_before: row.not_before,
            reason: row.reason,
            since,
        })
    }
}
