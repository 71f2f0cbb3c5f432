//! A write is a transaction that is tried again where another one was in conflict with it.

use sqlx::PgTransaction;

use crate::store::changes::Ledger;
use crate::store::error::{is_conflict, is_contested};

/// How often a write is tried. Each conflict means that the other transaction went through.
const ATTEMPTS: usize = 10;

/// Each statement sees what was committed before it, also by those who held the locks.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// The attempts at one write.
#[derive(Debug)]
pub(super) struct Attempts {
    left: usize,
}

impl Attempts {
    pub(super) const fn new() -> Self {
        Self { left: ATTEMPTS }
    }

    /// Whether `result` is what the write came to, and not to be tried again; tells the ledger.
    pub(super) fn are_over<T>(
        &mut self,
        result: &Result<T, sqlx::Error>,
        ledger: &mut Ledger<'_>,
    ) -> bool {
        self.left = self.left.saturating_sub(1);
        match result {
            Ok(_) => ledger.committed(),
            Err(error) if self.left > 0 && (is_conflict(error) || is_contested(error)) => {
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
pub(super) async fn ended<T>(
    transaction: PgTransaction<'_>,
    done: Result<T, sqlx::Error>,
) -> Result<T, sqlx::Error> {
    match done {
        Ok(done) => transaction.commit().await.map(|()| done),
        Err(error) => {
            // If that fails, too, what failed first is what there is to say.
            let _rolled_back = transaction.rollback().await;
            Err(error)
        }
    }
}
