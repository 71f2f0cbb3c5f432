//! Idempotency keys of calls that were begun and may have to be made again.
//!
//! Knows texts; what a key is for is the business of whoever makes the call.

use sqlx::error::BoxDynError;

use super::Store;
use super::arguments::Arguments;
use super::begin::in_own;
use super::error::StoreError;
use super::extension::{equal, place};
use crate::clock::UnixMillis;

/// What a key is kept for: account, mode, type and action, as the columns have them.
pub(crate) type KeyColumns<'k> = [&'k str; 4];

const COLUMNS: [&str; 4] = ["account", "mode", "object", "action"];

impl Store {
    /// The key that is kept, or `fresh`, which then is; also where the one that is kept is from before `oldest`.
    pub(crate) async fn keep_key(
        &self,
        purpose: KeyColumns<'_>,
        fresh: &str,
        oldest: UnixMillis,
    ) -> Result<Option<String>, StoreError> {
        let table = self.tables().idempotency_keys();
        let values: Vec<_> = (1..=6).map(|at| place(self.dialect(), at)).collect();
        let oldest_at = place(self.dialect(), 7);
        let newer = |column: &str| {
            format!(
                "{column} = CASE WHEN k.created_at < {oldest_at} THEN excluded.{column} ELSE k.{column} END"
            )
        };
        let sql = format!(
            "INSERT INTO {table} AS k ({}, idempotency_key, created_at) VALUES ({}) \
             ON CONFLICT ({}) DO UPDATE SET {}, {} RETURNING idempotency_key",
            COLUMNS.join(", "),
            values.join(", "),
            COLUMNS.join(", "),
            newer("idempotency_key"),
            newer("created_at"),
        );
        let now = self.now();
        let kept: Result<Vec<String>, _> = in_own!(self, &mut self.ledger(), transaction => {
            let add = |arguments: &mut Arguments| {
                add_purpose(arguments, purpose)?;
                arguments.add(fresh.to_owned())?;
                arguments.add_time(now)?;
                arguments.add_time(oldest)
            };
            self.texts(Some(&mut transaction), sql.clone(), add).await
        });
        Ok(kept?.into_iter().next())
    }

    /// Forgets a key.
    pub(crate) async fn forget_key(&self, purpose: KeyColumns<'_>) -> Result<(), StoreError> {
        let table = self.tables().idempotency_keys();
        let key = equal(self.dialect(), 1, &COLUMNS);
        let sql = format!("DELETE FROM {table} WHERE {key} RETURNING action");
        let gone = in_own!(self, &mut self.ledger(), transaction => {
            let add = |arguments: &mut Arguments| add_purpose(arguments, purpose);
            self.texts(Some(&mut transaction), sql.clone(), add).await
        });
        gone.map(drop)
    }

    /// Removes the keys from before a moment, and says how many they were.
    pub(crate) async fn clear_keys(&self, oldest: UnixMillis) -> Result<usize, StoreError> {
        let table = self.tables().idempotency_keys();
        let oldest_at = place(self.dialect(), 1);
        let sql = format!("DELETE FROM {table} WHERE created_at < {oldest_at} RETURNING action");
        let gone: Result<Vec<String>, _> = in_own!(self, &mut self.ledger(), transaction => {
            let add = |arguments: &mut Arguments| arguments.add_time(oldest);
            self.texts(Some(&mut transaction), sql.clone(), add).await
        });
        Ok(gone?.len())
    }
}

fn add_purpose(arguments: &mut Arguments, purpose: KeyColumns<'_>) -> Result<(), BoxDynError> {
    purpose
        .into_iter()
        .try_for_each(|column| arguments.add(column.to_owned()))
}
