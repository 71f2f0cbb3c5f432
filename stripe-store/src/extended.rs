//! Models of the user's own: columns in a table of theirs, beside an object of Stripe's.
//!
//! ```
//! # #[cfg(all(feature = "sqlite", feature = "derive"))]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use stripe_store::resources::Customer;
//! use stripe_store::store::{Interval, Source};
//! use stripe_store::{Snapshot, Store, Stored, StripeModel};
//!
//! #[derive(StripeModel)]
//! #[stripe(object = Customer, table = "app_customers")]
//! struct AppCustomer {
//!     #[stripe(base)]
//!     customer: Stored<Customer>,
//!     /// The user that the customer is.
//!     #[stripe(index)]
//!     user_id: i64,
//!     notes: Option<String>,
//!     #[stripe(path = "metadata.tier")]
//!     tier: Option<String>,
//! }
//!
//! let store = Store::connect("sqlite::memory:").await?;
//! store.migrate().await?;
//! AppCustomer::migrate(&store).await?;
//!
//! // Whoever writes a customer through this handle links it, in the same transaction.
//! let store = store.register::<AppCustomer>(|customer| {
//!     let user_id = customer.metadata().get("user_id").and_then(|id| id.parse().ok());
//!     Ok(user_id.map(|user_id| AppCustomerOwn { user_id, notes: None }))
//! });
//! let json = r#"{"object": "customer", "id": "cus_1", "metadata": {"user_id": "7", "tier": "gold"}}"#;
//! store.write(&[Snapshot::read(json)?.taken(Interval::second(1), Source::event("evt_1"))]).await?;
//!
//! let of_user = AppCustomer::query().filter(AppCustomer::USER_ID.eq(7));
//! let mut customer = of_user.first(&store).await?.ok_or("no such customer")?;
//! assert_eq!((customer.id(), customer.tier.as_deref()), ("cus_1", Some("gold")));
//!
//! customer.notes = Some("called on Monday".to_owned());
//! customer.save(&store).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! The object stays in the one table, where every write brings it up to date; the own columns are only ever written by
//! the program, and by the hooks that it registered. What links the two is the object's key, so a row of a model has
//! exactly one object, and an object without a row is one that nobody linked yet.
//!
//! Knows what models are, and how their columns are written and read; statements are the store's.

mod codec;
mod column;
mod filter;
mod query;
mod types;

use std::fmt;
use std::future::Future;

use sqlx::error::BoxDynError;

pub use self::codec::{AsJson, Codec, Compares, Native, Orders, Sqlx, Typed};
pub use self::column::{ColumnDef, OnDelete, OwnColumn};
pub(crate) use self::column::{Index, OwnCondition, OwnKey, OwnTest, OwnValue, Reference};
pub use self::filter::{ModelFilter, ModelOrder};
pub use self::query::{ModelPage, ModelQuery};
pub use self::types::{Bits128, ColumnType, Days, Micros, Primitive};
use crate::ingest::Content;
use crate::store::{
    Arguments, Cell, Dialect, ModelError, Store, StoreError, Stored, TransactionMut, is_of_type,
};
use crate::view::Resource;

/// A struct with columns in a table of its own beside an object, by
/// [`#[derive(StripeModel)]`][derive] with a `table`.
///
/// See the [module](self) for an example. The struct derefs to its [`Stored`] object, and through that to the view.
///
#[cfg_attr(feature = "derive", doc = "[derive]: macro@crate::StripeModel")]
#[cfg_attr(
    not(feature = "derive"),
    doc = "[derive]: https://docs.rs/stripe-store/latest/stripe_store/derive.StripeModel.html"
)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no extended model",
    note = "`#[derive(StripeModel)] #[stripe(object = Customer, table = \"app_customers\")]` makes a struct one"
)]
pub trait StripeModel: Sized + Send + 'static {
    /// The resource that it extends.
    type Object: Resource;

    /// The own columns by themselves: what a hook works out, and what [`insert_for`](Self::insert_for) takes.
    type Own: Send + 'static;

    /// The table of the own columns, as the attribute says it.
    const TABLE: &'static str;

    #[doc(hidden)]
    const COLUMNS: &'static [ColumnDef];

    /// The object.
    fn base(&self) -> &Stored<Self::Object>;

    #[doc(hidden)]
    fn encode_own(own: &Self::Own, to: &mut Encoder<'_>) -> Result<(), EncodeError>;

    #[doc(hidden)]
    fn encode(&self, to: &mut Encoder<'_>) -> Result<(), EncodeError>;

    #[doc(hidden)]
    fn decode(from: &mut Decoder<'_>) -> Result<Self::Own, DecodeError>;

    #[doc(hidden)]
    fn assemble(base: Stored<Self::Object>, own: Self::Own, id: i64) -> Self;

    /// Creates the table, or adds what the struct has and the table lacks: columns and indexes. Calling it again changes
    /// nothing.
    ///
    /// What would lose or rewrite data is refused: a column of another type, one that the struct has no more, one that may
    /// not be NULL any more. The error has the statements that do it, to be read and run by hand.
    ///
    /// On PostgreSQL an index of a table with rows is made concurrently, while others write.
    ///
    /// # Errors
    ///
    /// [`Change`](ModelError::Change) when something is refused, and nothing is done then;
    /// [`Database`](StoreError::Database) when the database refuses, such as a reference to a table that is not there.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the table as before or migrated, but for indexes, which the next call makes.
    fn migrate(store: &Store) -> impl Future<Output = Result<(), StoreError>> + Send {
        store.migrate_model::<Self>()
    }

    /// The statements that create the table and its indexes, for those who run their own migrations.
    fn schema_sql(dialect: Dialect) -> String {
        crate::store::Extension::of::<Self>().create_sql(dialect)
    }

    /// Asks for rows, by own columns and fields of the object together. The store comes with the method at the end.
    fn query() -> ModelQuery<Self> {
        ModelQuery::new()
    }

    /// The row of an object, by Stripe's id; `None` if there is no such object or no row for it.
    ///
    /// # Errors
    ///
    /// As [`ModelQuery::fetch_all`].
    fn find(
        store: &Store,
        id: &str,
    ) -> impl Future<Output = Result<Option<Self>, StoreError>> + Send {
        let query = Self::query().of_id(id);
        async move { query.any(store).await }
    }

    /// A row that fulfils the condition, such as `AppCustomer::REFERRAL_CODE.eq("x")`; `None` if there is none. Where
    /// there may be several, [`query`](Self::query).
    ///
    /// # Errors
    ///
    /// As [`ModelQuery::fetch_all`].
    fn find_by(
        store: &Store,
        filter: impl Into<ModelFilter<Self>>,
    ) -> impl Future<Output = Result<Option<Self>, StoreError>> + Send {
        let query = Self::query().filter(filter);
        async move { query.any(store).await }
    }

    /// As [`find_by`](Self::find_by), in the caller's transaction, as in a hook: with what that has written.
    ///
    /// # Errors
    ///
    /// As [`ModelQuery::fetch_all_in`].
    fn find_by_in<'t>(
        store: &Store,
        transaction: impl Into<TransactionMut<'t>> + Send,
        filter: impl Into<ModelFilter<Self>>,
    ) -> impl Future<Output = Result<Option<Self>, StoreError>> + Send {
        let query = Self::query().filter(filter).limit(1);
        async move { Ok(query.fetch_all_in(store, transaction).await?.pop()) }
    }

    /// Links an object: makes a row for it.
    ///
    /// # Errors
    ///
    /// [`AlreadyLinked`](ModelError::AlreadyLinked) when there is a row for the object, which stays as it is;
    /// [`Column`](ModelError::Column) when a value cannot be stored; [`Database`](StoreError::Database) when the database
    /// refuses, such as a second row of what is `unique`.
    fn insert_for(
        store: &Store,
        object: Stored<Self::Object>,
        own: Self::Own,
    ) -> impl Future<Output = Result<Self, StoreError>> + Send {
        store.insert_model(None, object, own)
    }

    /// As [`insert_for`](Self::insert_for), in the caller's transaction.
    ///
    /// # Errors
    ///
    /// As [`insert_for`](Self::insert_for), and [`OtherDatabase`](StoreError::OtherDatabase).
    fn insert_for_in<'t>(
        store: &Store,
        transaction: impl Into<TransactionMut<'t>>,
        object: Stored<Self::Object>,
        own: Self::Own,
    ) -> impl Future<Output = Result<Self, StoreError>> + Send {
        store.insert_model(Some(transaction.into()), object, own)
    }

    /// Writes the own columns, all of them. Nothing else of the struct is written: the object is Stripe's.
    ///
    /// # Errors
    ///
    /// [`NotLinked`](ModelError::NotLinked) when the row is not there any more; else as
    /// [`insert_for`](Self::insert_for).
    fn save(&self, store: &Store) -> impl Future<Output = Result<(), StoreError>> + Send
    where
        Self: Sync,
    {
        store.save_model(None, self)
    }

    /// As [`save`](Self::save), in the caller's transaction.
    ///
    /// # Errors
    ///
    /// As [`save`](Self::save), and [`OtherDatabase`](StoreError::OtherDatabase).
    fn save_in<'t>(
        &self,
        store: &Store,
        transaction: impl Into<TransactionMut<'t>>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send
    where
        Self: Sync,
    {
        store.save_model(Some(transaction.into()), self)
    }

    /// Removes the row, and leaves the object as it is. A hook links it again when the object is written next.
    ///
    /// # Errors
    ///
    /// [`NotLinked`](ModelError::NotLinked) when the row is not there any more; [`Database`](StoreError::Database) when
    /// the database refuses, such as a row that others refer to.
    fn unlink(self, store: &Store) -> impl Future<Output = Result<(), StoreError>> + Send
    where
        Self: Sync,
    {
        async move { store.unlink_model::<Self>(self.base().row()).await }
    }

    /// Reads the object from Stripe anew and writes it, as [`Store::refresh`], then reads its row; `None` if it was unlinked
    /// meanwhile, or is deleted at Stripe.
    ///
    /// # Errors
    ///
    /// As [`Store::refresh`].
    #[cfg(feature = "client")]
    #[cfg_attr(docsrs, doc(cfg(feature = "client")))]
    fn refresh(
        &self,
        store: &Store,
        client: &crate::client::Client,
    ) -> impl Future<Output = Result<Option<Self>, crate::Error>> + Send
    where
        Self: Sync,
    {
        async move {
            let row = store.refresh(client, self.base()).await?;
            let there = store.with_scope(row.row().scope());
            Ok(Self::find(&there, row.row().stripe_id()).await?)
        }
    }

    /// Writes the object that an event brings, as [`Store::write`] does: the newest state wins. Then reads its row; `None`
    /// if nobody linked it, or if the event deleted it.
    ///
    /// `event` is the JSON that Stripe sent. The account is the event's, and that of the handle where it names none.
    ///
    /// # Errors
    ///
    /// [`Ingest`](crate::Error::Ingest) when it is no event, or its object is of another type;
    /// [`Store`](crate::Error::Store) as [`Store::write`].
    fn apply_event(
        store: &Store,
        event: &str,
    ) -> impl Future<Output = Result<Option<Self>, crate::Error>> + Send {
        async move {
            let expected = || <Self::Object as Resource>::OBJECT;
            let snapshot = match crate::ingest::event(event)? {
                Content::Snapshot(snapshot) => snapshot,
                Content::Skipped(skipped) => {
                    return Err(StoreError::from(ModelError::OtherObject {
                        expected: expected(),
                        found: skipped.to_string(),
                    })
                    .into());
                }
            };
            if !is_of_type::<Self::Object>(snapshot.object()) {
                return Err(StoreError::from(ModelError::OtherObject {
                    expected: expected(),
                    found: snapshot.object().to_owned(),
                })
                .into());
            }
            let mut scope = store.scope().clone();
            if let Some(account) = snapshot.account() {
                scope = scope.with_account(account.clone());
            }
            if let Some(mode) = snapshot.mode() {
                scope = scope.with_mode(mode);
            }
            let store = store.with_scope(scope);
            store.write(std::slice::from_ref(&*snapshot)).await?;
            Ok(Self::find(&store, snapshot.id()).await?)
        }
    }
}

/// Arguments of a statement that writes own columns.
#[doc(hidden)]
#[derive(Debug)]
pub struct Encoder<'a> {
    arguments: &'a mut Arguments,
    columns: std::slice::Iter<'static, ColumnDef>,
}

impl<'a> Encoder<'a> {
    pub(crate) fn new<M: StripeModel>(arguments: &'a mut Arguments) -> Self {
        Self {
            arguments,
            columns: M::COLUMNS.iter(),
        }
    }

    /// The next column's value.
    ///
    /// # Errors
    ///
    /// When the value cannot be stored.
    pub fn put<C: Codec<T>, T>(&mut self, value: Option<&T>) -> Result<(), EncodeError> {
        let column = self.columns.next().map_or("", |column| column.name);
        C::encode(value, self.arguments).map_err(|source| EncodeError { column, source })
    }
}

/// The own columns of a row.
#[doc(hidden)]
pub struct Decoder<'a> {
    cell: Cell<'a>,
    columns: std::slice::Iter<'static, ColumnDef>,
}

impl<'a> Decoder<'a> {
    /// From the first own column on.
    pub(crate) fn new<M: StripeModel>(cell: Cell<'a>) -> Self {
        Self {
            cell,
            columns: M::COLUMNS.iter(),
        }
    }

    /// The next column, which may be NULL.
    ///
    /// # Errors
    ///
    /// When it holds no value of the field.
    pub fn optional<C: Codec<T>, T>(&mut self) -> Result<Option<T>, DecodeError> {
        let column = self.columns.next().map_or("", |column| column.name);
        let value = C::decode(&self.cell).map_err(|error| DecodeError {
            column,
            source: Some(Box::new(error)),
        });
        self.cell = self.cell.next();
        value
    }

    /// The next column, which may not be NULL.
    ///
    /// # Errors
    ///
    /// When it is NULL or holds no value of the field.
    pub fn required<C: Codec<T>, T>(&mut self) -> Result<T, DecodeError> {
        let column = self
            .columns
            .as_slice()
            .first()
            .map_or("", |column| column.name);
        self.optional::<C, T>()?.ok_or(DecodeError {
            column,
            source: None,
        })
    }
}

impl fmt::Debug for Decoder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

/// A value of an own column cannot be stored.
#[doc(hidden)]
#[derive(Debug)]
pub struct EncodeError {
    pub(crate) column: &'static str,
    pub(crate) source: BoxDynError,
}

/// An own column holds what is no value of the field.
#[doc(hidden)]
#[derive(Debug)]
pub struct DecodeError {
    pub(crate) column: &'static str,
    /// `None` where it is NULL and should not be.
    pub(crate) source: Option<BoxDynError>,
}
