//! Transactions that the store itself begins, tries again where they are in conflict, and commits.

use super::changes::Ledger;
use super::error::{ObjectRef, StoreError};
use super::transaction::{Connection, TransactionMut};
use super::{Database, Store};

/// How often a transaction is tried. Each conflict means that the other one went through.
const ATTEMPTS: usize = 10;

/// Does `$work` in a transaction of the store's own, again where that was in conflict with another one, and tells of changes
/// once they are committed. `$work` may be left early with `?`. No function, because whether a future that is handed over can
/// be sent to another thread cannot be said of it.
macro_rules! in_own {
    ($store:expr, $ledger:expr, $transaction:ident => $work:expr) => {{
        let mut attempts = $crate::store::Attempts::new();
        loop {
            let mut own = $store.begin().await?;
            let done = async {
                let mut $transaction = own.borrowed();
                $work
            };
            let done = done.await;
            if let Some(result) = $store.end(own, done, &mut attempts, $ledger).await {
                break result;
            }
        }
    }};
}
pub(crate) use in_own;

/// A transaction of this store's.
pub(crate) enum OwnTransaction {
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgTransaction<'static>),
    /// With the turn among this process's writers, which ends after it.
    #[cfg(feature = "sqlite")]
    Sqlite(
        sqlx::SqliteTransaction<'static>,
        tokio::sync::OwnedMutexGuard<()>,
    ),
}

/// What the work in a transaction fails with.
pub(crate) trait WorkError: From<StoreError> {
    /// Whether it was in conflict with another transaction, and can be begun again.
    fn is_conflict(&self) -> bool;
}

impl WorkError for StoreError {
    fn is_conflict(&self) -> bool {
        Self::is_conflict(self)
    }
}

/// The attempts at one transaction.
#[derive(Debug)]
pub(crate) struct Attempts {
    left: usize,
}

impl Attempts {
    pub(crate) const fn new() -> Self {
        Self { left: ATTEMPTS }
    }

    /// Whether `result` is what the transaction came to, and not to be tried again; tells the ledger.
    pub(super) fn are_over<T, E>(
        &mut self,
        result: &Result<T, E>,
        can_be_tried_again: impl Fn(&E) -> bool,
        ledger: &mut Ledger<'_>,
    ) -> bool {
        self.left = self.left.saturating_sub(1);
        match result {
            Ok(_) => ledger.committed(),
            Err(error) if self.left > 0 && can_be_tried_again(error) => {
                ledger.rolled_back();
                tracing::debug!(
                    "a write was in conflict with another transaction and is tried again"
                );
                return false;
            }
            Err(_) => {}
        }
        true
    }
}

/// Ends the transaction as what was done in it says.
pub(super) async fn ended<D: sqlx::Database, T, E>(
    transaction: sqlx::Transaction<'_, D>,
    done: Result<T, E>,
    not_committed: impl FnOnce(sqlx::Error) -> E,
) -> Result<T, E> {
    match done {
        Ok(done) => {
            let committed = transaction.commit().await;
            committed.map(|()| done).map_err(not_committed)
        }
        Err(error) => {
            // If that fails, too, what failed first is what there is to say.
            let _rolled_back = transaction.rollback().await;
            Err(error)
        }
    }
}

impl Store {
    /// Begins a transaction that may write.
    pub(crate) async fn begin(&self) -> Result<OwnTransaction, StoreError> {
        let begun = match &self.inner.database {
            #[cfg(feature = "postgres")]
            Database::Postgres(database) => database.begin().await.map(OwnTransaction::Postgres),
            #[cfg(feature = "sqlite")]
            Database::Sqlite(database) => database
                .begin()
                .await
                .map(|(transaction, turn)| OwnTransaction::Sqlite(transaction, turn)),
        };
        begun.map_err(|source| self.database_error("write", ObjectRef::All, source))
    }

    /// Commits a transaction in which the store itself wrote no object.
    #[cfg(any(feature = "client", feature = "webhook"))]
    pub(crate) async fn commit(&self, transaction: OwnTransaction) -> Result<(), StoreError> {
        let committed = match transaction {
            #[cfg(feature = "postgres")]
            OwnTransaction::Postgres(transaction) => transaction.commit().await,
            #[cfg(feature = "sqlite")]
            OwnTransaction::Sqlite(transaction, _turn) => transaction.commit().await,
        };
        committed.map_err(|source| self.database_error("write", ObjectRef::All, source))
    }

    /// Ends a transaction as what was done in it says, and tells of changes that were committed; `None` when it was in
    /// conflict with another one, and is to be tried again.
    pub(crate) async fn end<T, E: WorkError>(
        &self,
        transaction: OwnTransaction,
        done: Result<T, E>,
        attempts: &mut Attempts,
        ledger: &mut Ledger<'_>,
    ) -> Option<Result<T, E>> {
        let failed = |source| E::from(self.database_error("write", ObjectRef::All, source));
        let mut is_over =
            |result: &_, ledger: &mut Ledger<'_>| attempts.are_over(result, E::is_conflict, ledger);
        let (result, is_over) = match transaction {
            #[cfg(feature = "postgres")]
            OwnTransaction::Postgres(transaction) => {
                let result = ended(transaction, done, failed).await;
                let is_over = is_over(&result, ledger);
                (result, is_over)
            }
            #[cfg(feature = "sqlite")]
            OwnTransaction::Sqlite(transaction, _turn) => {
                let result = ended(transaction, done, failed).await;
                // Before the next writer has its turn, so that changes are told in the order of commits.
                let is_over = is_over(&result, ledger);
                (result, is_over)
            }
        };
        is_over.then_some(result)
    }
}

impl OwnTransaction {
    pub(crate) fn borrowed(&mut self) -> TransactionMut<'_> {
        TransactionMut(match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(transaction) => Connection::Postgres(transaction),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction, _) => Connection::Sqlite(transaction),
        })
    }
}
