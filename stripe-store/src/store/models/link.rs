//! Linking: rows of models for objects that have none, by the models' hooks.

use std::collections::BTreeMap;

use super::hook::{HookContext, HookError, HookFuture};
use super::registry::Registered;
use super::{add_key, column_error, key_of, named};
use crate::extended::{Encoder, StripeModel};
use crate::store::batch::{Key, key};
use crate::store::begin::in_own;
use crate::store::changes::Ledger;
use crate::store::error::{ModelError, ObjectRef, StoreError};
use crate::store::extension::{Extension, Taken};
use crate::store::outcome::Outcome;
use crate::store::read::names;
use crate::store::scope::Scope;
use crate::store::snapshot::Snapshot;
use crate::store::stored::{RawRow, Stored};
use crate::store::transaction::TransactionMut;
use crate::store::{Store, with_connection, with_database};

/// How many objects [`Store::link`] takes at a time.
const LINK_ROWS: usize = 500;

/// How many parameters one statement takes at most, on either database.
const PARAMETERS: usize = 30_000;

/// How many rows one statement makes at most.
const INSERT_ROWS: usize = 200;

/// When rows are made of what a hook says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// All of them at the end: it sees nothing but the object.
    Together,
    /// Each at once: the next call may look at it.
    OneByOne,
}

/// The key of an object that may have to be linked.
#[derive(Debug, Clone)]
pub(in crate::store) struct LinkKey {
    pub(in crate::store) account: String,
    pub(in crate::store) livemode: bool,
    pub(in crate::store) object: String,
    pub(in crate::store) id: String,
    /// Whether the write changed it.
    pub(in crate::store) is_changed: bool,
}

/// An object, and whether it has a row in the model's table.
#[derive(Debug)]
pub(in crate::store) struct Linkable {
    pub(in crate::store) row: RawRow,
    pub(in crate::store) is_linked: bool,
    /// Its place among the keys that were asked for.
    pub(in crate::store) place: usize,
}

impl Store {
    /// Links objects that are in the store already: has the hook that [`register`](Self::register) took look at every
    /// object of the model's type that has no row, in this handle's account and mode. Returns how many it linked.
    ///
    /// Each 500 objects are a transaction of their own, so that what is done stays done when a later one fails. Nothing
    /// happens to objects that are linked, and calling it again asks only about those that the hook declined.
    ///
    /// # Errors
    ///
    /// [`NotRegistered`](ModelError::NotRegistered) when this handle has no hook for the model;
    /// [`Hook`](ModelError::Hook) when the hook fails; else as [`write`](Self::write).
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves what was linked up to then.
    pub async fn link<M: StripeModel>(&self) -> Result<u64, StoreError> {
        let extension = Extension::of::<M>();
        let models = self.models.clone();
        let model = models
            .iter()
            .find(|model| model.extension().table() == extension.table())
            .ok_or_else(|| ModelError::NotRegistered {
                table: extension.table(),
            })?;
        let mut linked = 0;
        for name in names::<M::Object>() {
            let mut after = String::new();
            loop {
                let keys = self.unlinked(&extension, name, &after).await?;
                let Some(last) = keys.last() else {
                    break;
                };
                after.clone_from(&last.id);
                linked += self.link_page(&**model, &keys).await?;
            }
        }
        Ok(linked)
    }

    /// Links some objects, in a transaction of its own.
    async fn link_page(&self, model: &dyn Registered, keys: &[LinkKey]) -> Result<u64, StoreError> {
        let mut ledger = Ledger::of_caller(false, false, self.inner.clock.now());
        in_own!(self, &mut ledger, transaction => {
            model.link(self, transaction.reborrow(), keys).await
        })
    }

    /// Objects of a type without a row, from after an id on.
    async fn unlinked(
        &self,
        extension: &Extension,
        object: &'static str,
        after: &str,
    ) -> Result<Vec<LinkKey>, StoreError> {
        let objects = self.inner.tables.objects();
        let sql = extension.unlinked_sql(self.dialect(), &objects, LINK_ROWS);
        let (account, livemode) = (self.scope.account_column(), self.scope.mode().is_live());
        let mut arguments = self.arguments();
        let key = Key {
            account,
            livemode,
            object,
            id: after,
        };
        let encoded = add_key(&mut arguments, key);
        encoded.map_err(|error| column_error(extension, ObjectRef::of_type(object), error))?;
        let ids = with_database!(self, database => database.texts(sql, arguments).await);
        let ids = ids.map_err(|source| {
            self.model_error(extension, "link", ObjectRef::of_type(object), source)
        })?;
        let keys = ids.into_iter().map(|id| LinkKey {
            account: account.to_owned(),
            livemode,
            object: object.to_owned(),
            id,
            is_changed: false,
        });
        Ok(keys.collect())
    }

    /// The keys of what was written, as far as registered models are of their types, each once.
    pub(in crate::store) fn link_keys_of<'s>(
        &self,
        written: impl Iterator<Item = (&'s Snapshot<'s>, Outcome)>,
        scope: &'s Scope,
    ) -> Vec<LinkKey> {
        let mut keys: BTreeMap<Key<'_>, bool> = BTreeMap::new();
        for (snapshot, outcome) in written {
            if self.models.concerns(snapshot.object()) {
                *keys.entry(key(snapshot, scope)).or_default() |= outcome.is_change();
            }
        }
        let keys = keys.into_iter().map(|(key, is_changed)| LinkKey {
            account: key.account.to_owned(),
            livemode: key.livemode,
            object: key.object.to_owned(),
            id: key.id.to_owned(),
            is_changed,
        });
        keys.collect()
    }

    /// Has each model's hook link what it is of.
    pub(in crate::store) async fn link_written(
        &self,
        transaction: &mut TransactionMut<'_>,
        keys: &[LinkKey],
    ) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        for model in self.models.iter() {
            let of_model = keys.iter().filter(|key| model.is_of(&key.object));
            let of_model: Vec<LinkKey> = of_model.cloned().collect();
            if !of_model.is_empty() {
                model.link(self, transaction.reborrow(), &of_model).await?;
            }
        }
        Ok(())
    }

    /// Has the hook link those of the objects that are not linked, and work out anew what is derived of those that
    /// changed.
    pub(super) async fn link_keys<M: StripeModel>(
        &self,
        hook: &impl for<'a> Fn(HookContext<'a>, &'a Stored<M::Object>) -> HookFuture<'a, M::Own>,
        rows: Rows,
        mut transaction: TransactionMut<'_>,
        keys: &[LinkKey],
    ) -> Result<u64, StoreError> {
        let extension = Extension::of::<M>();
        let batch = || ObjectRef::Batch(keys.len());
        let found = self.linkable(&extension, &mut transaction, keys).await;
        let found =
            found.map_err(|source| self.model_error(&extension, "link", batch(), source))?;
        let mut unlinked = Vec::new();
        let mut linked = 0;
        for Linkable {
            row,
            is_linked,
            place,
        } in found
        {
            let is_changed = keys.get(place).is_some_and(|key| key.is_changed);
            if is_linked && !(is_changed && extension.has_derived()) {
                continue;
            }
            let object: Stored<M::Object> = self.read_row(row)?;
            let context = HookContext {
                store: self,
                connection: transaction.reborrow(),
            };
            let own = hook(context, &object).await;
            let own = own.map_err(|source| hook_error(&extension, &object, source))?;
            match own {
                None => {}
                Some(own) if is_linked => {
                    self.derive_anew::<M>(&extension, &mut transaction, &object, own)
                        .await?;
                }
                // The next hook is to see it.
                Some(own) if rows == Rows::OneByOne => {
                    linked += self
                        .insert_linked::<M>(&extension, &mut transaction, vec![(object, own)])
                        .await?;
                }
                Some(own) => unlinked.push((object, own)),
            }
        }
        let per_row = M::COLUMNS.len() + 5;
        let at_once = INSERT_ROWS.min(PARAMETERS / per_row).max(1);
        while !unlinked.is_empty() {
            let rest = unlinked.split_off(at_once.min(unlinked.len()));
            let rows = std::mem::replace(&mut unlinked, rest);
            linked += self
                .insert_linked::<M>(&extension, &mut transaction, rows)
                .await?;
        }
        Ok(linked)
    }

    /// Makes rows, but for those with a value that is unique and taken: their objects stay without one.
    async fn insert_linked<M: StripeModel>(
        &self,
        extension: &Extension,
        transaction: &mut TransactionMut<'_>,
        rows: Vec<(Stored<M::Object>, M::Own)>,
    ) -> Result<u64, StoreError> {
        let count = rows.len();
        let object = match rows.as_slice() {
            [(one, _)] => named(one.row()),
            many => ObjectRef::Batch(many.len()),
        };
        let sql = extension.insert_sql(self.dialect(), count, Taken::IsLeft);
        let mut arguments = self.arguments();
        for (object, own) in rows {
            let encoded = self.encode_row::<M>(&mut arguments, key_of(object.row()), &own);
            encoded.map_err(|error| column_error(extension, named(object.row()), error))?;
        }
        let made = self.run_own(Some(transaction), sql, arguments).await;
        let made =
            made.map_err(|source| self.model_error(extension, "link", object.clone(), source))?;
        if made.len() < count {
            tracing::warn!(
                table = extension.table(),
                %object,
                left = count - made.len(),
                "not linked: a value that is unique in the table is taken, or another writer was faster"
            );
        }
        Ok(u64::try_from(made.len()).unwrap_or(0))
    }

    async fn derive_anew<M: StripeModel>(
        &self,
        extension: &Extension,
        transaction: &mut TransactionMut<'_>,
        object: &Stored<M::Object>,
        own: M::Own,
    ) -> Result<(), StoreError> {
        let mut arguments = self.arguments();
        let encoded = M::encode_own(&own, &mut Encoder::new::<M>(&mut arguments))
            .and_then(|()| self.add_now(&mut arguments))
            .and_then(|()| add_key(&mut arguments, key_of(object.row())));
        encoded.map_err(|error| column_error(extension, named(object.row()), error))?;
        let sql = extension.update_sql(self.dialect(), true);
        let saved = self.run_own(Some(transaction), sql, arguments).await;
        saved.map_err(|source| self.model_error(extension, "save", named(object.row()), source))?;
        Ok(())
    }

    /// The objects that there are of the keys, but for deleted ones: those without a row, and, where something is derived,
    /// those with one, too.
    async fn linkable(
        &self,
        extension: &Extension,
        transaction: &mut TransactionMut<'_>,
        keys: &[LinkKey],
    ) -> Result<Vec<Linkable>, sqlx::Error> {
        let objects = self.inner.tables.objects();
        let sql = extension.linkable_sql(self.dialect(), &objects);
        with_connection!(self, &mut transaction.0, database, connection => {
            database.linkable(connection, sql, keys).await
        })
    }
}

fn hook_error<T>(extension: &Extension, object: &Stored<T>, source: HookError) -> StoreError {
    ModelError::Hook {
        table: extension.table(),
        object: named(object.row()),
        source,
    }
    .into()
}
