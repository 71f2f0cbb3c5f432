//! How far a reading of Stripe's lists has come, kept in the transaction of what was read.
//!
//! Knows names and texts; what they say is the business of whoever reads the lists.

use sqlx::error::BoxDynError;

use super::arguments::Arguments;
use super::begin::in_own;
use super::dirty::DirtyReason;
use super::error::{ObjectRef, StoreError};
use super::extension::{equal, place};
use super::outcome::Outcome;
use super::snapshot::Snapshot;
use super::transaction::{Isolation, TransactionMut};
use super::{Store, with_connection, with_database};
use crate::clock::UnixMillis;

/// An object that has to be read again, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DirtyKey {
    reason: DirtyReason,
    /// From when on that settles it, in unix milliseconds of Stripe's clock.
    pub(crate) not_before: i64,
    pub(crate) object: String,
    pub(crate) id: String,
}

/// Something to be noted under a name, for the handle's account and mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) name: String,
    /// What; `None` for nothing any more.
    pub(crate) state: Option<String>,
}

impl DirtyKey {
    /// Reads what [`Store::dirty_of_scope`] asks for. Names of types have no colon.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ':');
        Some(Self {
            reason: DirtyReason::from_column(parts.next()?.parse().ok()?),
            not_before: parts.next()?.parse().ok()?,
            object: parts.next()?.to_owned(),
            id: parts.next()?.to_owned(),
        })
    }

    /// Whether lists inside it have to be completed.
    pub(crate) fn is_truncated(&self) -> bool {
        self.reason == DirtyReason::Truncated
    }
}

impl Store {
    /// What is noted under a name for the handle's account and mode.
    pub(crate) async fn progress(&self, name: &str) -> Result<Option<String>, StoreError> {
        let table = self.tables().sync_state();
        let sql = format!(
            "SELECT state FROM {table} WHERE {}",
            equal(self.dialect(), 1, &["account", "livemode", "name"])
        );
        let found = self.texts(None, sql, |arguments| {
            self.add_progress_key(arguments, name)
        });
        Ok(found.await?.into_iter().next())
    }

    /// Everything that is noted for the handle's account and mode: names, and what is noted under them.
    pub(crate) async fn all_progress(&self) -> Result<Vec<(String, String)>, StoreError> {
        let key = equal(self.dialect(), 1, &["account", "livemode"]);
        let table = self.tables().sync_state();
        // No name has a line break.
        let sql = format!("SELECT name || '\n' || state FROM {table} WHERE {key} ORDER BY name");
        let found = self.texts(None, sql, |arguments| {
            arguments.add(self.scope().account_column().to_owned())?;
            arguments.add(self.scope().mode().is_live())
        });
        let split = |text: String| {
            let (name, state) = text.split_once('\n')?;
            Some((name.to_owned(), state.to_owned()))
        };
        Ok(found.await?.into_iter().filter_map(split).collect())
    }

    /// The names, in their order, that begin with `prefix` and a `#`, without these, and under which something is noted.
    pub(crate) async fn noted_below(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let table = self.tables().sync_state();
        let [from, to] = [3, 4].map(|at| place(self.dialect(), at));
        // The character after `#`; names compare by their bytes.
        let sql = format!(
            "SELECT name FROM {table} WHERE {} AND name > {from} AND name < {to} ORDER BY name",
            equal(self.dialect(), 1, &["account", "livemode"])
        );
        let from = format!("{prefix}#");
        let found = self.texts(None, sql, |arguments| {
            self.add_progress_key(arguments, &from)?;
            arguments.add(format!("{prefix}$"))
        });
        let names = found.await?.into_iter();
        Ok(names
            .filter_map(|name| name.strip_prefix(&from).map(str::to_owned))
            .collect())
    }

    /// Writes a batch, and notes in the same transaction how far the reading of it has come.
    pub(crate) async fn write_with_notes(
        &self,
        batch: &[Snapshot<'_>],
        notes: &[Note],
    ) -> Result<Vec<Outcome>, StoreError> {
        let mut ledger = self.ledger();
        let result = in_own!(self, &mut ledger, transaction => {
            let outcomes = self
                .write_in_with(transaction.reborrow(), batch, None, Isolation::Ours, &mut ledger)
                .await?;
            for note in notes {
                self.note_progress(&mut transaction, note).await?;
            }
            Ok(outcomes)
        });
        if !result.as_ref().is_err_and(StoreError::is_uncertain) {
            // What was committed was told.
            ledger.refused();
        }
        result
    }

    /// Notes something, unless something is noted under the name.
    pub(super) async fn note_if_new(
        &self,
        transaction: &mut TransactionMut<'_>,
        note: &Note,
    ) -> Result<(), StoreError> {
        let values: Vec<String> = (1..=5).map(|at| place(self.dialect(), at)).collect();
        let sql = format!(
            "INSERT INTO {} (account, livemode, name, state, updated_at) VALUES ({}) \
             ON CONFLICT (account, livemode, name) DO NOTHING RETURNING name",
            self.tables().sync_state(),
            values.join(", ")
        );
        let now = self.inner.clock.now();
        let noted = self.texts(Some(transaction), sql, |arguments| {
            self.add_progress_key(arguments, &note.name)?;
            arguments.add(note.state.clone().unwrap_or_default())?;
            arguments.add_time(now)
        });
        noted.await.map(drop)
    }

    pub(super) async fn note_progress(
        &self,
        transaction: &mut TransactionMut<'_>,
        note: &Note,
    ) -> Result<(), StoreError> {
        let table = self.tables().sync_state();
        let Some(state) = &note.state else {
            let sql = format!(
                "DELETE FROM {table} WHERE {} RETURNING name",
                equal(self.dialect(), 1, &["account", "livemode", "name"])
            );
            let forgotten = self.texts(Some(transaction), sql, |arguments| {
                self.add_progress_key(arguments, &note.name)
            });
            return forgotten.await.map(drop);
        };
        let values: Vec<String> = (1..=5).map(|at| place(self.dialect(), at)).collect();
        let sql = format!(
            "INSERT INTO {table} (account, livemode, name, state, updated_at) VALUES ({}) \
             ON CONFLICT (account, livemode, name) DO UPDATE SET \
             state = excluded.state, updated_at = excluded.updated_at RETURNING name",
            values.join(", ")
        );
        let now = self.inner.clock.now();
        let noted = self.texts(Some(transaction), sql, |arguments| {
            self.add_progress_key(arguments, &note.name)?;
            arguments.add(state.clone())?;
            arguments.add_time(now)
        });
        noted.await.map(drop)
    }

    /// Ids of objects of a type that are there, in their order, from after one on; of these, where a moment is given, the
    /// ones whose rows changed since.
    pub(crate) async fn ids_of(
        &self,
        object: &str,
        after: &str,
        changed_since: Option<UnixMillis>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let objects = self.tables().objects();
        let dialect = self.dialect();
        let changed = match changed_since {
            Some(_) => format!(" AND updated_at >= {}", place(dialect, 5)),
            None => String::new(),
        };
        let sql = format!(
            "SELECT stripe_id FROM {objects} WHERE {} AND stripe_id > {} AND deleted_at IS NULL{changed} \
             ORDER BY stripe_id LIMIT {limit}",
            equal(dialect, 1, &["account", "livemode", "object"]),
            place(dialect, 4),
        );
        let found = self.texts(None, sql, |arguments| {
            self.add_progress_key(arguments, object)?;
            arguments.add(after.to_owned())?;
            match changed_since {
                Some(moment) => arguments.add_time(moment),
                None => Ok(()),
            }
        });
        found.await
    }

    /// What has to be read again of the handle's account and mode, in the order of its keys, from after one on.
    pub(crate) async fn dirty_of_scope(
        &self,
        after: Option<&DirtyKey>,
        limit: usize,
    ) -> Result<Vec<DirtyKey>, StoreError> {
        let dialect = self.dialect();
        let from = match after {
            Some(_) => {
                let [object, id, reason] = [3, 4, 5].map(|at| place(dialect, at));
                format!(" AND (object, stripe_id, reason) > ({object}, {id}, {reason})")
            }
            None => String::new(),
        };
        let sql = format!(
            "SELECT reason || ':' || not_before || ':' || object || ':' || stripe_id FROM {} \
             WHERE {}{from} ORDER BY object, stripe_id, reason LIMIT {limit}",
            self.tables().dirty(),
            equal(dialect, 1, &["account", "livemode"]),
        );
        let found = self.texts(None, sql, |arguments| {
            arguments.add(self.scope().account_column().to_owned())?;
            arguments.add(self.scope().mode().is_live())?;
            let Some(after) = after else { return Ok(()) };
            arguments.add(after.object.clone())?;
            arguments.add(after.id.clone())?;
            arguments.add(i64::from(after.reason.as_column()))
        });
        let found = found.await?;
        Ok(found
            .iter()
            .filter_map(|text| DirtyKey::read(text))
            .collect())
    }

    fn add_progress_key(&self, arguments: &mut Arguments, name: &str) -> Result<(), BoxDynError> {
        arguments.add(self.scope().account_column().to_owned())?;
        arguments.add(self.scope().mode().is_live())?;
        arguments.add(name.to_owned())
    }

    /// Runs a statement that returns texts, in the transaction if there is one.
    pub(super) async fn texts(
        &self,
        transaction: Option<&mut TransactionMut<'_>>,
        sql: String,
        add: impl FnOnce(&mut Arguments) -> Result<(), BoxDynError>,
    ) -> Result<Vec<String>, StoreError> {
        let failed = |source| self.database_error("read", ObjectRef::All, source);
        let mut arguments = self.arguments();
        add(&mut arguments).map_err(|error| failed(sqlx::Error::Encode(error)))?;
        let texts = match transaction {
            None => {
                with_database!(self, database => database.texts(sql, arguments).await)
            }
            Some(transaction) => {
                with_connection!(self, &mut transaction.0, database, connection => {
                    database.texts_in(connection, sql, arguments).await
                })
            }
        };
        texts.map_err(failed)
    }
}
