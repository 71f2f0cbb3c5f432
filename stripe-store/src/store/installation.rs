//! What tells one installation from others that use the same Stripe account.

use super::begin::in_own;
use super::progress::Note;
use super::scope::Scope;
use super::{Store, StoreError};
use crate::inbox::unique;

/// What it is noted under, of the platform in live mode whatever the handle's account and mode; no list has such a path.
const NAME: &str = "installation";

impl Store {
    /// An id of this database, made the first time that it is asked for and the same ever after: what an installation marks
    /// as its own at Stripe can carry it. It is no secret.
    ///
    /// A copy of the database has the same id.
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database), [`PoolTimedOut`](StoreError::PoolTimedOut) or
    /// [`NotMigrated`](StoreError::NotMigrated) when the database refuses.
    #[cfg_attr(docsrs, doc(cfg(feature = "client")))]
    pub async fn installation_id(&self) -> Result<String, StoreError> {
        let store = self.with_scope(Scope::default());
        if let Some(id) = store.progress(NAME).await? {
            return Ok(id);
        }
        let made = Note {
            name: NAME.to_owned(),
            state: Some(unique(store.now())),
        };
        in_own!(store, &mut store.ledger(), transaction => {
            store.note_if_new(&mut transaction, &made).await
        })?;
        // Whoever was first.
        let id = store.progress(NAME).await?;
        Ok(id.or(made.state).unwrap_or_default())
    }
}
