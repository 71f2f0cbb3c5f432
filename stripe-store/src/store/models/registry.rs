//! Which models a handle fills as it writes.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use super::hook::{HookContext, HookError, HookFuture};
use super::link::{LinkKey, Rows};
use crate::extended::StripeModel;
use crate::store::extension::Extension;
use crate::store::snapshot::is_of_type;
use crate::store::transaction::TransactionMut;
use crate::store::{Store, StoreError, Stored};

/// The models of a handle, in the order in which they were registered.
#[derive(Clone, Default)]
pub(in crate::store) struct Registry(Arc<Vec<Arc<dyn Registered>>>);

/// A model with its hook, whatever their types.
pub(super) trait Registered: Send + Sync {
    fn extension(&self) -> Extension;

    /// Whether objects of this type are the model's.
    fn is_of(&self, object: &str) -> bool;

    /// Has the hook link those that are not linked, and says how many it linked.
    fn link<'a>(
        &'a self,
        store: &'a Store,
        transaction: TransactionMut<'a>,
        keys: &'a [LinkKey],
    ) -> Pin<Box<dyn Future<Output = Result<u64, StoreError>> + Send + 'a>>;
}

impl Registry {
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a model is of objects of this type.
    pub(in crate::store) fn concerns(&self, object: &str) -> bool {
        self.0.iter().any(|model| model.is_of(object))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<dyn Registered>> {
        self.0.iter()
    }

    /// With one more; a model that was there already is replaced.
    fn with(&self, model: Arc<dyn Registered>) -> Self {
        let table = model.extension().table();
        let others = self
            .0
            .iter()
            .filter(|other| other.extension().table() != table);
        Self(Arc::new(others.cloned().chain([model]).collect()))
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables = self.0.iter().map(|model| model.extension().table());
        f.debug_list().entries(tables).finish()
    }
}

impl Store {
    /// A handle that links objects of the model `M` as it writes them: `hook` works out the own columns from the object, or
    /// declines with `None`.
    ///
    /// The hook is called for every object of the type that a write of this handle brings, whoever has it write (a sync, a
    /// webhook, an import, an expanded object in another one), when the object has no row in the model's table. It gets
    /// the object as it is stored then, which need not be the snapshot that was written. The row is made in the same
    /// transaction; an error rolls that back, the objects with it.
    ///
    /// A row with a value that is `unique` and taken is not made, with a warning to `tracing`: the object stays without one.
    /// What the database refuses for another reason, such as a reference to what is not there, is an error as one of the
    /// hook's.
    ///
    /// A row that is there is left as it is, so that own columns that were set survive every write. Only columns with
    /// `#[stripe(derived)]` are taken from the hook anew whenever the object changes.
    ///
    /// What the hook declined is asked about again when it is written next. Objects that were there before the model was
    /// registered are linked by [`link`](Self::link), or one by one by
    /// [`insert_for`](crate::StripeModel::insert_for). Deleted objects are not linked; the rows of linked ones stay.
    ///
    /// Models are filled in the order in which they were registered: first those that others refer to.
    ///
    /// See the [example](crate::extended). With statements of the hook's own: [`register_with`](Self::register_with).
    #[must_use]
    pub fn register<M: StripeModel>(
        &self,
        hook: impl Fn(&Stored<M::Object>) -> Result<Option<M::Own>, HookError> + Send + Sync + 'static,
    ) -> Self {
        self.with_hook::<M>(Rows::Together, move |_, object| {
            let linked = hook(object);
            Box::pin(async move { linked })
        })
    }

    /// As [`register`](Self::register), with a hook that can ask the database: in the transaction that writes the object,
    /// with the rows that it made before. Models are read there by [`find_by_in`](crate::StripeModel::find_by_in) and
    /// [`fetch_all_in`](crate::extended::ModelQuery::fetch_all_in).
    ///
    /// ```
    /// # #[cfg(all(feature = "sqlite", feature = "derive"))]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use stripe_store::resources::Customer;
    /// use stripe_store::{Store, Stored, StripeModel};
    ///
    /// #[derive(StripeModel)]
    /// #[stripe(object = Customer, table = "app_customers")]
    /// struct AppCustomer {
    ///     #[stripe(base)]
    ///     customer: Stored<Customer>,
    ///     #[stripe(references = "users(id)", on_delete = "cascade", index)]
    ///     user_id: i64,
    /// }
    ///
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// let store = store.register_with::<AppCustomer>(|mut context, customer| Box::pin(async move {
    ///     let user: Option<i64> = sqlx::query_scalar("SELECT id FROM users WHERE email = ?")
    ///         .bind(customer.email())
    ///         .fetch_optional(context.sqlite()?)
    ///         .await?;
    ///     Ok(user.map(|user_id| AppCustomerOwn { user_id }))
    /// }));
    /// # let _ = store;
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn register_with<M: StripeModel>(
        &self,
        hook: impl for<'a> Fn(HookContext<'a>, &'a Stored<M::Object>) -> HookFuture<'a, M::Own>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.with_hook::<M>(Rows::OneByOne, hook)
    }

    fn with_hook<M: StripeModel>(
        &self,
        rows: Rows,
        hook: impl for<'a> Fn(HookContext<'a>, &'a Stored<M::Object>) -> HookFuture<'a, M::Own>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let registration = Registration::<M, _> {
            hook,
            rows,
            model: PhantomData,
        };
        Self {
            models: self.models.with(Arc::new(registration)),
            ..self.clone()
        }
    }
}

struct Registration<M, H> {
    hook: H,
    rows: Rows,
    model: PhantomData<fn() -> M>,
}

impl<M, H> Registered for Registration<M, H>
where
    M: StripeModel,
    H: for<'a> Fn(HookContext<'a>, &'a Stored<M::Object>) -> HookFuture<'a, M::Own> + Send + Sync,
{
    fn extension(&self) -> Extension {
        Extension::of::<M>()
    }

    fn is_of(&self, object: &str) -> bool {
        is_of_type::<M::Object>(object)
    }

    fn link<'a>(
        &'a self,
        store: &'a Store,
        transaction: TransactionMut<'a>,
        keys: &'a [LinkKey],
    ) -> Pin<Box<dyn Future<Output = Result<u64, StoreError>> + Send + 'a>> {
        Box::pin(store.link_keys::<M>(&self.hook, self.rows, transaction, keys))
    }
}
