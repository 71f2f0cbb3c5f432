//! The one door for writes.

use super::batch::Batch;
use super::begin::in_own;
use super::changes::Ledger;
use super::error::{ObjectRef, StoreError};
use super::extract::family::Work;
use super::extract::{self, Inside};
use super::models::LinkKey;
use super::outcome::Outcome;
use super::scope::MAX_ACCOUNT_BYTES;
use super::snapshot::Snapshot;
use super::transaction::{Isolation, TransactionMut};
use super::{Store, span, with_connection, with_database};

impl Store {
    /// Writes snapshots, and says what became of each, in their order.
    ///
    /// Any order and any number of writes of the same snapshots end in the same rows: a row holds the newest snapshot
    /// of its object, and a deletion is final. Newer is what was taken in a later interval of Stripe's clock. Of
    /// snapshots whose intervals overlap, which time cannot tell apart, the one that follows the others by their
    /// [`previous_attributes`](super::SnapshotBuilder::previous_attributes) is the newest; a creation comes before all
    /// others and a deletion after them. Where all that does not tell, a fixed rule names the row's, and the object is
    /// among the [`dirty_objects`](Self::dirty_objects) until a later snapshot settles it. Older and repeated snapshots
    /// are normal and cost next to nothing.
    ///
    /// Where [`extract_expanded`](Self::extract_expanded) is on, what is inside the objects is written as well. There is
    /// still one outcome for each snapshot that was given; what was found inside has none.
    ///
    /// A snapshot goes into the account and mode it says itself, and where it says none, into those of this handle.
    ///
    /// The batch is written whole or not at all, and durably when this returns. Concurrent writers wait for each other
    /// where they write the same rows, take rows in one order, and so never deadlock among themselves; a conflict with
    /// a transaction of another program is tried again.
    ///
    /// ```
    /// use stripe_store::Store;
    /// use stripe_store::store::{Interval, Outcome, Snapshot, Source};
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let store = Store::connect("sqlite::memory:").await?;
    /// store.migrate().await?;
    ///
    /// let new = Snapshot::read(r#"{"object": "customer", "id": "cus_1", "name": "Ada"}"#)?
    ///     .taken(Interval::second(1_700_000_060), Source::event("evt_2"));
    /// let old = Snapshot::read(r#"{"object": "customer", "id": "cus_1", "name": null}"#)?
    ///     .taken(Interval::second(1_700_000_000), Source::event("evt_1"));
    ///
    /// assert_eq!(store.write(&[new]).await?, [Outcome::Inserted]);
    /// assert_eq!(store.write(&[old]).await?, [Outcome::Stale]);
    /// # Ok::<(), stripe_store::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Account`](StoreError::Account) when an account's id is longer than 255 bytes;
    /// [`Database`](StoreError::Database) or [`NotMigrated`](StoreError::NotMigrated) when the database refuses.
    /// Nothing is written then.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the store as it was before the call or as it is after it, never between.
    pub async fn write(&self, batch: &[Snapshot<'_>]) -> Result<Vec<Outcome>, StoreError> {
        let mut ledger = self.ledger();
        let outcomes = if self.links(batch) {
            self.write_and_link(batch, &mut ledger).await
        } else {
            self.write_by(batch, None, &mut ledger, async |work, ledger| {
                with_database!(self, database => database.write_work(work, ledger).await)
            })
            .await
            .map(|(outcomes, _)| outcomes)
        };
        if !outcomes.as_ref().is_err_and(StoreError::is_uncertain) {
            // What was committed was told.
            ledger.refused();
        }
        outcomes
    }

    /// As [`write`](Self::write), in the caller's transaction: what it writes is there when that commits, together with
    /// the caller's own rows.
    ///
    /// [`changes`](Self::changes) of this process do not have what it writes, because the store does not see the
    /// caller's commit; [`write_in_pending`](Self::write_in_pending) is for that.
    ///
    /// Rows that it writes stay locked until then, on SQLite the whole database. It takes them in the order of their
    /// keys; several calls in one transaction, or the caller's own locks, can lead to a deadlock with another writer,
    /// which the database ends with an error that [is transient](StoreError::is_transient): begin the transaction
    /// again. The same holds on PostgreSQL for a conflict in the isolation levels above `READ COMMITTED`, and on SQLite
    /// for a transaction that has read before another one wrote; `BEGIN IMMEDIATE` is safe from that.
    ///
    /// ```
    /// use stripe_store::store::{Interval, Snapshot, Store};
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let directory = std::env::temp_dir().join(format!("stripe-store-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&directory)?;
    /// # let path = directory.join("write_in.db");
    /// # let store = Store::connect(&format!("sqlite://{}", path.display())).await?;
    /// store.migrate().await?;
    /// # let pool = match store.pool() { stripe_store::store::Pool::Sqlite(pool) => pool.clone(), _ => unreachable!() };
    /// # sqlx::query("CREATE TABLE users (id INTEGER PRIMARY KEY, customer TEXT)").execute(&pool).await?;
    /// let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    /// sqlx::query("INSERT INTO users (customer) VALUES ('cus_1')").execute(&mut *transaction).await?;
    /// let customer = Snapshot::read(r#"{"object": "customer", "id": "cus_1"}"#)?;
    /// store.write_in(&mut transaction, &[customer.taken(Interval::second(1_700_000_000), "req_1")]).await?;
    /// transaction.commit().await?;
    ///
    /// assert!(store.get_object("customer", "cus_1").await?.is_some());
    /// # pool.close().await;
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), and [`OtherDatabase`](StoreError::OtherDatabase) when the transaction is on another
    /// database than the store. After an error on PostgreSQL the transaction can only be rolled back; on SQLite it is
    /// as it was before the call.
    ///
    /// # Cancellation
    ///
    /// After dropping the future, roll the transaction back: part of the batch may have been written in it.
    pub async fn write_in<'t>(
        &self,
        transaction: impl Into<TransactionMut<'t>>,
        batch: &[Snapshot<'_>],
    ) -> Result<Vec<Outcome>, StoreError> {
        let mut ledger = self.ledger_of_caller(false);
        self.write_in_with(
            transaction.into(),
            batch,
            None,
            Isolation::Callers,
            &mut ledger,
        )
        .await
    }

    /// As [`write_in`](Self::write_in), noting changes down; with what is inside, if that is known.
    pub(crate) async fn write_in_with<'b>(
        &self,
        mut transaction: TransactionMut<'_>,
        batch: &'b [Snapshot<'b>],
        inside: Option<Vec<Snapshot<'b>>>,
        isolation: Isolation,
        ledger: &mut Ledger<'_>,
    ) -> Result<Vec<Outcome>, StoreError> {
        self.fits(&transaction)?;
        let written = self.write_by(batch, inside, ledger, async |work, ledger| {
            with_connection!(self, &mut transaction.0, database, connection => {
                database.write_work_in(connection, work, isolation, ledger).await
            })
        });
        let (outcomes, keys) = written.await?;
        self.link_written(&mut transaction, &keys).await?;
        Ok(outcomes)
    }

    /// What is inside of a batch, and the numbers of the locks that writing it takes, for who takes them before.
    #[cfg(feature = "webhook")]
    pub(crate) fn look_into<'b>(&self, batch: &'b [Snapshot<'b>]) -> (Vec<Snapshot<'b>>, Vec<i64>) {
        if self.inside == Inside::Left {
            return (Vec::new(), Vec::new());
        }
        let found = extract::extract(batch);
        let locks = match &self.inner.database {
            #[cfg(feature = "postgres")]
            super::Database::Postgres(database) => {
                match Work::with_families(batch.iter().chain(&found).collect(), &self.scope) {
                    Work::Plain(_) => Vec::new(),
                    Work::Families(write) => database.locks_of(&write.families),
                }
            }
            #[cfg(feature = "sqlite")]
            super::Database::Sqlite(_) => Vec::new(),
        };
        (found, locks)
    }

    /// Writes in a transaction of its own, in which models are filled, too.
    async fn write_and_link(
        &self,
        batch: &[Snapshot<'_>],
        ledger: &mut Ledger<'_>,
    ) -> Result<Vec<Outcome>, StoreError> {
        in_own!(self, ledger, transaction => {
            self.write_in_with(transaction.reborrow(), batch, None, Isolation::Ours, ledger).await
        })
    }

    /// Whether a write of the batch may have to link objects.
    fn links(&self, batch: &[Snapshot<'_>]) -> bool {
        // What is inside of the objects may be of any type.
        !self.models.is_empty()
            && (self.inside == Inside::Extracted
                || batch
                    .iter()
                    .any(|snapshot| self.models.concerns(snapshot.object())))
    }

    /// Checks the batch and adds to it, has it written, and says what became of each snapshot, and what there may be to
    /// link.
    async fn write_by<'b>(
        &self,
        batch: &'b [Snapshot<'b>],
        inside: Option<Vec<Snapshot<'b>>>,
        ledger: &mut Ledger<'_>,
        write: impl AsyncFnOnce(Work<'_>, &mut Ledger<'_>) -> Result<Vec<Outcome>, sqlx::Error>,
    ) -> Result<(Vec<Outcome>, Vec<LinkKey>), StoreError> {
        let accounts = batch
            .iter()
            .filter_map(Snapshot::account)
            .chain(self.scope.account());
        if let Some(account) = accounts
            .into_iter()
            .find(|id| id.as_str().len() > MAX_ACCOUNT_BYTES)
        {
            return Err(StoreError::Account {
                bytes: account.as_str().len(),
                max_bytes: MAX_ACCOUNT_BYTES,
            });
        }
        if batch.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let span = match batch {
            [one] => tracing::debug_span!(
                "stripe_store.write",
                stripe.object = one.object(),
                stripe.id = one.id(),
                extracted = tracing::field::Empty,
                duration_ms = tracing::field::Empty
            ),
            many => tracing::debug_span!(
                "stripe_store.write",
                snapshots = many.len(),
                extracted = tracing::field::Empty,
                duration_ms = tracing::field::Empty
            ),
        };
        for odd in batch
            .iter()
            .filter(|snapshot| snapshot.replaced_escapes() > 0)
        {
            tracing::warn!(
                parent: &span,
                stripe.object = odd.object(),
                stripe.id = odd.id(),
                escapes = odd.replaced_escapes(),
                "stored with U+FFFD in place of characters that no database takes"
            );
        }
        let found = match (self.inside, inside) {
            (_, Some(inside)) => inside,
            (Inside::Left, None) => Vec::new(),
            (Inside::Extracted, None) => span.in_scope(|| extract::extract(batch)),
        };
        let work = match self.inside {
            Inside::Left => Work::Plain(Batch::new(batch, &self.scope)),
            Inside::Extracted => {
                span.record("extracted", found.len());
                let all: Vec<_> = batch.iter().chain(&found).collect();
                Work::with_families(all, &self.scope)
            }
        };
        let mut outcomes = span::timed(span, write(work, ledger))
            .await
            .map_err(|source| {
                let object = match batch {
                    [one] => ObjectRef::one(one.object(), one.id()),
                    many => ObjectRef::Batch(many.len()),
                };
                self.database_error("write", object, source)
            })?;
        let written = batch.iter().chain(&found).zip(outcomes.iter().copied());
        let keys = self.link_keys_of(written, &self.scope);
        // What was found inside comes after what was given.
        outcomes.truncate(batch.len());
        Ok((outcomes, keys))
    }
}
