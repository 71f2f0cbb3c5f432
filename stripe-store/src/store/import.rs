//! Writing what an export holds. The lines are read by [`ingest`](crate::ingest).

use super::dirty::DirtyReason;
use super::error::{ObjectRef, StoreError};
use super::extract::Inside;
use super::outcome::Outcome;
use super::scope::{AccountId, Mode};
use super::snapshot::Snapshot;
use super::{Store, span, with_database};
use crate::clock::UnixMillis;

/// A line of an export: what [`ExportReader`](crate::ingest::ExportReader) reads, and [`Store::import`] takes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ImportLine<'a> {
    /// The first line, which says what the others are.
    Header,
    /// An object.
    Object(Box<Snapshot<'a>>),
    /// A snapshot of an object that time cannot tell from the object's own.
    Rival(Box<Snapshot<'a>>),
    /// An object that is to be read from Stripe again.
    Dirty(DirtyMark),
    /// The last line. An export without it was cut off.
    End,
}

/// That an object has to be read from Stripe again, because nothing that is known of it tells its state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DirtyMark {
    account: AccountId,
    mode: Mode,
    object: String,
    id: String,
    not_before: UnixMillis,
    reason: DirtyReason,
}

impl DirtyMark {
    /// A mark on the object of this account (the empty id is that of the account that the API key belongs to), mode,
    /// type and id. From `not_before` on, by Stripe's clock, a new look at Stripe settles what is open.
    pub fn new(
        account: impl Into<AccountId>,
        mode: Mode,
        object: impl Into<String>,
        id: impl Into<String>,
        not_before: UnixMillis,
    ) -> Self {
        Self {
            account: account.into(),
            mode,
            object: object.into(),
            id: id.into(),
            not_before,
            reason: DirtyReason::Order,
        }
    }

    /// The same mark for another reason. Default: [`DirtyReason::Order`].
    #[must_use]
    pub fn with_reason(self, reason: DirtyReason) -> Self {
        Self { reason, ..self }
    }

    /// The account; the empty id is that of the account that the API key belongs to.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Live or test mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Stripe's name of the type.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// Stripe's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Why it has to be read.
    pub fn reason(&self) -> DirtyReason {
        self.reason
    }

    /// From when on a new look at Stripe settles what is open, by Stripe's clock.
    pub fn not_before(&self) -> UnixMillis {
        self.not_before
    }
}

impl Store {
    /// Writes lines of an export, and says what became of each, in their order.
    ///
    /// The objects go through [`write`](Self::write), with the intervals and tombstones that they had: into an empty
    /// table they come out as they were, into a newer one they change nothing, and importing them again, in any order
    /// and number, ends in the same rows. Each goes into its own account and mode, whatever the handle's.
    ///
    /// A mark that an object has to be read again is kept ([`Inserted`](Outcome::Inserted)) unless it is marked already
    /// ([`Unchanged`](Outcome::Unchanged)) or the row holds what was read later ([`Stale`](Outcome::Stale)). Marks are
    /// written after all objects of the call, in a transaction of their own; if that fails, import the lines again.
    ///
    /// ```
    /// # use stripe_store::Store;
    /// use stripe_store::ingest::{Documents, ExportReader};
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # store.migrate().await?;
    /// let file = concat!(
    ///     r#"{"row":"header","format":"stripe-store","version":1}"#, "\n",
    ///     r#"{"row":"object","account":"","livemode":true,"object":"customer","stripe_id":"cus_1","as_of":0,"#,
    ///     r#""as_of_until":1000,"source":"evt_1","change":"updated","data":{"id":"cus_1","object":"customer"}}"#, "\n",
    ///     r#"{"row":"end","lines":1}"#, "\n",
    /// );
    /// let mut reader = ExportReader::new();
    /// for document in Documents::new(file.as_bytes()) {
    ///     let document = document?;
    ///     // In a program, several hundred lines at a time.
    ///     store.import(&[reader.read(&document)?]).await?;
    /// }
    /// assert!(reader.is_complete());
    /// assert!(store.get_object("customer", "cus_1").await?.is_some());
    /// # Ok::<(), stripe_store::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn import(&self, lines: &[ImportLine<'_>]) -> Result<Vec<Outcome>, StoreError> {
        let snapshots: Vec<Snapshot<'_>> = lines
            .iter()
            .filter_map(|line| match line {
                ImportLine::Object(snapshot) | ImportLine::Rival(snapshot) => {
                    Some(snapshot.as_ref().clone())
                }
                _ => None,
            })
            .collect();
        let marks: Vec<&DirtyMark> = lines
            .iter()
            .filter_map(|line| match line {
                ImportLine::Dirty(mark) => Some(mark),
                _ => None,
            })
            .collect();
        // What is inside the objects has lines of its own.
        let plain = Self {
            inside: Inside::Left,
            ..self.clone()
        };
        let mut written = plain.write(&snapshots).await?.into_iter();
        let mut marked = self.mark_dirty(&marks).await?.into_iter();
        let outcomes = lines.iter().map(|line| match line {
            ImportLine::Object(_) | ImportLine::Rival(_) => written.next(),
            ImportLine::Dirty(_) => marked.next(),
            ImportLine::Header | ImportLine::End => None,
        });
        Ok(outcomes
            .map(|outcome| outcome.unwrap_or(Outcome::Unchanged))
            .collect())
    }

    async fn mark_dirty(&self, marks: &[&DirtyMark]) -> Result<Vec<Outcome>, StoreError> {
        if marks.is_empty() {
            return Ok(Vec::new());
        }
        let span = tracing::debug_span!(
            "stripe_store.mark_dirty",
            marks = marks.len(),
            duration_ms = tracing::field::Empty
        );
        let now = self.inner.clock.now();
        let tables = &self.inner.tables;
        span::timed(span, async {
            with_database!(self, database => database.import_marks(tables, marks, now).await)
        })
        .await
        .map_err(|source| self.database_error("mark", ObjectRef::Batch(marks.len()), source))
    }
}
