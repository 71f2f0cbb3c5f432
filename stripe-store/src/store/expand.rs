//! Expanding references: stored objects in the place of their ids, as Stripe's own `expand[]` does.
//!
//! The paths are checked against what the API description lets expand ([`plan`]), the ids are found in the text of the
//! rows ([`find`]), fetched level by level and put in ([`batch`]). Works on the text, so that what is not expanded stays
//! as it was, byte for byte. Knows no SQL: it reads as [`get_many`](Store::get_many) does.

mod batch;
mod find;
mod plan;
mod resolve;

use std::collections::HashMap;

use self::batch::Batch;
pub use self::plan::ExpandError;
use self::plan::Plan;
use super::error::{ObjectRef, RowError, StoreError};
use super::list::Page;
use super::scope::Scope;
use super::stored::Stored;
use super::{Store, span, text};
use crate::resources;
use crate::view::{AnyObject, Resource, View};

/// The most JSON that one expansion makes and fetches, in bytes: some two gigabytes once it is read. A path through
/// several lists multiplies what it puts in.
const MAX_BYTES: usize = 256 << 20;

impl Store {
    /// Puts the stored objects in the place of the ids that `paths` lead to: in one row, in an array, slice or `Vec` of
    /// rows, or in a page of a list.
    ///
    /// The paths are those of Stripe's `expand[]`: dotted, through arrays (`discounts`) and with `data` for each list on
    /// the way (`items.data.price.product`), and on into the expanded object (`latest_invoice.customer`, which expands
    /// the invoice, too). For several rows a leading `data.` is taken as Stripe takes it, and may be left out. A row
    /// expands what [`Resource::EXPANDABLE`] lists, an expanded object what its own type lists, up to four references
    /// deep. An object that is there already stays as it is and is gone into, so that expanding again changes nothing.
    ///
    /// ```
    /// # use stripe_store::{Snapshot, Store, resources::{Customer, Subscription}, store::Interval};
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # store.migrate().await?;
    /// # let json = [
    /// #     r#"{"id": "cus_1", "object": "customer", "name": "Ada"}"#,
    /// #     r#"{"id": "sub_1", "object": "subscription", "customer": "cus_1", "latest_invoice": "in_1"}"#,
    /// # ];
    /// # for json in json {
    /// #     store.write(&[Snapshot::read(json)?.taken(Interval::second(1), "evt_1")]).await?;
    /// # }
    /// let mut page = store.list::<Subscription>().page().await?;
    /// let expansion = store.expand(&mut page, &["customer", "latest_invoice.customer"]).await?;
    ///
    /// let customer = page.data[0].customer().and_then(|customer| customer.object());
    /// assert_eq!(customer.and_then(|customer| customer.name()), Some("Ada"));
    /// // The invoice is not in the table: it stays an id.
    /// assert_eq!(page.data[0].latest_invoice().map(|invoice| invoice.id()), Some("in_1"));
    /// assert_eq!(expansion.missing[0].id, "in_1");
    /// # Ok::<(), stripe_store::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// Objects come from the account and mode of the row that refers to them, whatever those of the handle. In the place
    /// of a deleted one comes what Stripe shows of it, `{"id": …, "object": …, "deleted": true}`, whether or not the
    /// handle [includes deleted objects](Self::including_deleted). What is not in the table stays an id and is
    /// [reported](Expansion::missing). Lists that Stripe includes on request alone (`subscriptions` of a customer) are no
    /// references, and are not made up.
    ///
    /// One query for each level and type of object, whatever the number of rows, and none for what was fetched on an
    /// earlier level. Where a reference may be of several types (`default_source`), the id tells which by its prefix, or
    /// each type is asked for what the others do not have. A type that had [other names](Resource::ALIASES) is asked for
    /// under each while some are missing; rows of several accounts or modes take queries of their own.
    ///
    /// Every row holds its own copy of what is put in: many rows that lead to one customer multiply it, and so does a
    /// path through lists. What that comes to is worked out before it is made, and refused past 256 MiB of JSON.
    ///
    /// The view and [`json`](Stored::json) change together, after all queries: on an error the rows are as before. The
    /// table is not written to.
    ///
    /// # Errors
    ///
    /// [`Expand`](StoreError::Expand) when a path is none that can be expanded, or is too deep, and then nothing is
    /// asked of the database, or when the rows would come to [too much](ExpandError::TooLarge);
    /// [`Database`](StoreError::Database) or [`NotMigrated`](StoreError::NotMigrated) when a query fails;
    /// [`Row`](StoreError::Row) when an object was not written by a store and cannot be read.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the rows as they were.
    pub async fn expand<E>(
        &self,
        rows: &mut E,
        paths: &[impl AsRef<str> + Sync],
    ) -> Result<Expansion, StoreError>
    where
        E: Expand + Send + ?Sized,
    {
        let rows = rows.rows_mut();
        let plans = plans(rows, paths, E::LIST)?;
        let span = tracing::debug_span!(
            "stripe_store.expand",
            rows = rows.len(),
            missing = tracing::field::Empty,
            duration_ms = tracing::field::Empty
        );
        let fields = span.clone();
        span::timed(span, async {
            let expansion = self.expand_rows(rows, &plans).await?;
            fields.record("missing", expansion.missing.len());
            Ok(expansion)
        })
        .await
    }

    async fn expand_rows<T: Root>(
        &self,
        rows: &mut [Stored<T>],
        plans: &Plans,
    ) -> Result<Expansion, StoreError> {
        let mut expansion = Expansion::default();
        let mut changed = Vec::new();
        let mut batches = batches(rows, plans);
        let mut bytes = 0_usize;
        for batch in &mut batches {
            batch.fetch(self).await?;
            bytes = bytes.saturating_add(batch.measure());
            if bytes > MAX_BYTES {
                return Err(ExpandError::TooLarge {
                    max_bytes: MAX_BYTES,
                }
                .into());
            }
        }
        for batch in batches {
            for (index, json) in batch.render() {
                let value = text::to_value(&json)
                    .map_err(|error| self.unreadable(&batch, rows.get(index), error))?;
                changed.push((index, json, value));
            }
            batch.report(&mut expansion);
        }
        for (index, json, value) in changed {
            if let Some(row) = rows.get_mut(index) {
                row.put(json, value);
            }
        }
        Ok(expansion)
    }

    /// The error for a row that cannot be read once it is expanded, which names the object at fault.
    fn unreadable<T>(
        &self,
        batch: &Batch<'_, '_>,
        row: Option<&Stored<T>>,
        error: serde_json::Error,
    ) -> StoreError {
        let row = row.map(Stored::row);
        let row = row.map(|row| ObjectRef::one(row.object(), row.stripe_id()));
        let (object, source) = batch.unreadable().map_or_else(
            || (row.unwrap_or(ObjectRef::All), error),
            |(object, id, error)| (ObjectRef::one(object, id), error),
        );
        StoreError::Row {
            table: self.inner.table.clone(),
            column: "data",
            object,
            source: RowError::Data { source },
        }
    }
}

/// The rows of each account and mode, with their plans.
fn batches<'r, 'p, T: Root>(rows: &'r [Stored<T>], plans: &'p Plans) -> Vec<Batch<'r, 'p>> {
    let mut scopes: HashMap<Scope, Vec<batch::Root<'r, 'p>>> = HashMap::new();
    let mut order = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let Some(plan) = plans.get(root_object::<T>(row.row().object())) else {
            continue;
        };
        let members = scopes.entry(row.row().scope()).or_insert_with(|| {
            order.push(row.row().scope());
            Vec::new()
        });
        members.push(batch::Root {
            index,
            json: row.json(),
            plan,
        });
    }
    let batches = order.into_iter().filter_map(|scope| {
        let members = scopes.remove(&scope)?;
        Some(Batch::new(scope, members))
    });
    batches.collect()
}

/// A plan by the type of the rows that it is for.
type Plans = HashMap<String, Plan>;

fn plans<T: Root>(
    rows: &[Stored<T>],
    paths: &[impl AsRef<str>],
    list: bool,
) -> Result<Plans, ExpandError> {
    let of_rows = rows.iter().map(|row| root_object::<T>(row.row().object()));
    let mut plans = Plans::new();
    for object in T::OBJECT.into_iter().chain(of_rows) {
        if !plans.contains_key(object) {
            let plan = Plan::new(object, &T::references(object), paths, list)?;
            plans.insert(object.to_owned(), plan);
        }
    }
    Ok(plans)
}

fn root_object<T: Root>(object: &str) -> &str {
    T::OBJECT.unwrap_or(object)
}

/// What [`Store::expand`] did not put in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Expansion {
    /// The objects that the table does not have, each once, in the order in which they were met. Their ids stay ids;
    /// once they were fetched and written, expanding again puts them in.
    pub missing: Vec<Missing>,
    /// The objects that the table has and that would nest the row deeper than the 127 levels that JSON is read to.
    /// Their ids stay ids. No object of Stripe's comes near.
    pub too_deep: Vec<Missing>,
}

impl Expansion {
    /// Whether every reference was expanded.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.too_deep.is_empty()
    }
}

/// A reference that stayed an id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Missing {
    /// The names of the types that the object can be of; one, unless the reference is to one of several.
    pub objects: &'static [&'static str],
    /// The object's id.
    pub id: String,
    /// The path that first led to it, without a leading `data.`.
    pub path: String,
    /// The account and mode that it is of.
    pub scope: Scope,
}

/// What [`Store::expand`] takes: one row, several, or a page of them; of a resource, or of any type.
///
/// Rows of any type ([`AnyObject`]) expand what their own type lists, and every path has to be one of every type among
/// them.
pub trait Expand: sealed::Sealed {
    /// The view of the rows.
    #[doc(hidden)]
    type Object: Root;

    /// Whether it is several rows, as the API's lists are.
    #[doc(hidden)]
    const LIST: bool;

    /// The rows.
    #[doc(hidden)]
    fn rows_mut(&mut self) -> &mut [Stored<Self::Object>];
}

/// What rows can be of: a resource, or any type.
#[doc(hidden)]
pub trait Root: View {
    /// The one type that they are of.
    const OBJECT: Option<&'static str>;

    /// What objects of a type can expand.
    fn references(object: &str) -> References;
}

/// What objects of a type can expand.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, Default)]
pub struct References {
    paths: &'static [&'static str],
    objects: &'static [&'static [&'static str]],
}

impl References {
    /// Of a type by its name; nothing if it is newer than the API description.
    fn of(object: &str) -> Self {
        resources::facts(object).map_or_else(Self::default, |facts| Self {
            paths: facts.expandable,
            objects: facts.expands_to,
        })
    }

    /// Each path with what it leads to.
    fn iter(&self) -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
        let objects = self.objects.iter().copied();
        self.paths.iter().copied().zip(objects)
    }
}

impl<T: Resource> Root for T {
    const OBJECT: Option<&'static str> = Some(T::OBJECT);

    fn references(_: &str) -> References {
        References {
            paths: T::EXPANDABLE,
            objects: T::EXPANDS_TO,
        }
    }
}

impl Root for AnyObject {
    const OBJECT: Option<&'static str> = None;

    fn references(object: &str) -> References {
        References::of(object)
    }
}

impl<T: Root> Expand for Stored<T> {
    type Object = T;
    const LIST: bool = false;

    fn rows_mut(&mut self) -> &mut [Stored<T>] {
        std::slice::from_mut(self)
    }
}

impl<T: Root> Expand for Option<Stored<T>> {
    type Object = T;
    const LIST: bool = false;

    fn rows_mut(&mut self) -> &mut [Stored<T>] {
        self.as_mut_slice()
    }
}

impl<T: Root> Expand for [Stored<T>] {
    type Object = T;
    const LIST: bool = true;

    fn rows_mut(&mut self) -> &mut [Stored<T>] {
        self
    }
}

impl<T: Root, const N: usize> Expand for [Stored<T>; N] {
    type Object = T;
    const LIST: bool = true;

    fn rows_mut(&mut self) -> &mut [Stored<T>] {
        self
    }
}

impl<T: Root> Expand for Vec<Stored<T>> {
    type Object = T;
    const LIST: bool = true;

    fn rows_mut(&mut self) -> &mut [Stored<T>] {
        self
    }
}

impl<T: Root> Expand for Page<T> {
    type Object = T;
    const LIST: bool = true;

    fn rows_mut(&mut self) -> &mut [Stored<T>] {
        &mut self.data
    }
}

mod sealed {
    use super::{Page, Root, Stored};

    pub trait Sealed {}

    impl<T: Root> Sealed for Stored<T> {}
    impl<T: Root> Sealed for Option<Stored<T>> {}
    impl<T: Root> Sealed for [Stored<T>] {}
    impl<T: Root, const N: usize> Sealed for [Stored<T>; N] {}
    impl<T: Root> Sealed for Vec<Stored<T>> {}
    impl<T: Root> Sealed for Page<T> {}
}
