//! Own columns: what the table has of them, and the constants that filters and orders are made from. Knows no statement.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use sqlx::error::BoxDynError;

use super::codec::{Codec, Compares, Native, Orders, Typed};
use super::filter::{ModelFilter, ModelOrder};
use crate::query::{Comparison, Direction, Read};
use crate::store::{Arguments, Dialect};

/// A column of a model's own table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnDef {
    pub(crate) name: &'static str,
    pub(crate) postgres: &'static str,
    pub(crate) sqlite: &'static str,
    pub(crate) is_nullable: bool,
    /// An SQL expression.
    pub(crate) default: Option<&'static str>,
    pub(crate) index: Index,
    pub(crate) references: Option<Reference>,
    /// Whether the registered hook works it out anew at every change of the object.
    pub(crate) is_derived: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Index {
    None,
    Plain,
    Unique,
}

/// What a column refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reference {
    /// As the user wrote it, with a schema or without.
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
    pub(crate) on_delete: OnDelete,
}

/// What becomes of a row when the row that it refers to is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDelete {
    /// The deletion fails, at the end of the statement.
    NoAction,
    /// The deletion fails at once.
    Restrict,
    /// The row goes, too.
    Cascade,
    /// The column becomes NULL.
    SetNull,
    /// The column gets its default.
    SetDefault,
}

impl OnDelete {
    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::NoAction => "NO ACTION",
            Self::Restrict => "RESTRICT",
            Self::Cascade => "CASCADE",
            Self::SetNull => "SET NULL",
            Self::SetDefault => "SET DEFAULT",
        }
    }
}

/// For emitted code.
impl ColumnDef {
    /// A column whose type follows from the Rust type.
    #[must_use]
    pub const fn new<C: Typed<T>, T>(name: &'static str) -> Self {
        Self::typed(name, C::POSTGRES, C::SQLITE)
    }

    /// A column of a type that was given.
    #[must_use]
    pub const fn typed(name: &'static str, postgres: &'static str, sqlite: &'static str) -> Self {
        Self {
            name,
            postgres,
            sqlite,
            is_nullable: false,
            default: None,
            index: Index::None,
            references: None,
            is_derived: false,
        }
    }

    /// It may be NULL.
    #[must_use]
    pub const fn nullable(mut self) -> Self {
        self.is_nullable = true;
        self
    }

    /// What a row gets that says nothing, as SQL.
    #[must_use]
    pub const fn default(mut self, sql: &'static str) -> Self {
        self.default = Some(sql);
        self
    }

    /// It has an index.
    #[must_use]
    pub const fn index(mut self) -> Self {
        self.index = Index::Plain;
        self
    }

    /// No two rows have the same.
    #[must_use]
    pub const fn unique(mut self) -> Self {
        self.index = Index::Unique;
        self
    }

    /// It refers to a row of another table.
    #[must_use]
    pub const fn references(
        mut self,
        table: &'static str,
        column: &'static str,
        on_delete: OnDelete,
    ) -> Self {
        self.references = Some(Reference {
            table,
            column,
            on_delete,
        });
        self
    }

    /// The hook works it out anew at every change.
    #[must_use]
    pub const fn derived(mut self) -> Self {
        self.is_derived = true;
        self
    }
}

impl ColumnDef {
    pub(crate) const fn sql_type(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Postgres => self.postgres,
            Dialect::Sqlite => self.sqlite,
        }
    }
}

/// An own column of the model `M`, whose values are `T`: a constant of the model, under the field's name in capitals.
///
/// Filters of own columns and of the object's fields go together in one query; see
/// [`StripeModel::query`](super::StripeModel::query).
pub struct OwnColumn<M, T, C = Native> {
    name: &'static str,
    model: PhantomData<fn() -> M>,
    value: PhantomData<fn() -> T>,
    codec: PhantomData<fn() -> C>,
}

impl<M, T, C> OwnColumn<M, T, C> {
    /// For emitted code.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            model: PhantomData,
            value: PhantomData,
            codec: PhantomData,
        }
    }

    /// The column's name in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    fn filter(self, test: OwnTest) -> ModelFilter<M> {
        ModelFilter::own(OwnCondition {
            column: self.name,
            test,
        })
    }

    /// The column is NULL.
    pub fn is_null(self) -> ModelFilter<M> {
        !self.is_present()
    }

    /// The column has a value.
    pub fn is_present(self) -> ModelFilter<M> {
        self.filter(OwnTest::Present)
    }
}

/// Equality.
impl<M, T: Send + Sync + 'static, C: Compares<T>> OwnColumn<M, T, C> {
    /// The column has this value.
    pub fn eq(self, value: impl Into<T>) -> ModelFilter<M> {
        self.compare(Comparison::Eq, value)
    }

    /// The column does not have this value: it has another one, or none.
    pub fn ne(self, value: impl Into<T>) -> ModelFilter<M> {
        !self.eq(value)
    }

    /// The column has one of these values; never, if there are none.
    pub fn is_in(self, values: impl IntoIterator<Item = impl Into<T>>) -> ModelFilter<M> {
        let values = values
            .into_iter()
            .map(|value| OwnValue::new::<C, T>(value.into()));
        self.filter(OwnTest::In(values.collect()))
    }

    fn compare(self, comparison: Comparison, value: impl Into<T>) -> ModelFilter<M> {
        let value = OwnValue::new::<C, T>(value.into());
        self.filter(OwnTest::Compare(comparison, value))
    }
}

/// Size, as the database sees it: numbers and moments by size, text by the column's collation. NULL is neither smaller nor
/// larger than anything.
impl<M, T: Send + Sync + 'static, C: Orders<T>> OwnColumn<M, T, C> {
    /// The column is less than this.
    pub fn lt(self, value: impl Into<T>) -> ModelFilter<M> {
        self.compare(Comparison::Lt, value)
    }

    /// The column is at most this.
    pub fn le(self, value: impl Into<T>) -> ModelFilter<M> {
        self.compare(Comparison::Le, value)
    }

    /// The column is more than this.
    pub fn gt(self, value: impl Into<T>) -> ModelFilter<M> {
        self.compare(Comparison::Gt, value)
    }

    /// The column is at least this.
    pub fn ge(self, value: impl Into<T>) -> ModelFilter<M> {
        self.compare(Comparison::Ge, value)
    }

    /// Sorts by this column, the smallest first; NULL comes last.
    ///
    /// Texts are sorted byte by byte, by their first 255 characters.
    pub fn asc(self) -> ModelOrder<M> {
        ModelOrder::own(self.sorted(), Direction::Ascending)
    }

    /// Sorts by this column, the largest first; NULL comes last.
    pub fn desc(self) -> ModelOrder<M> {
        ModelOrder::own(self.sorted(), Direction::Descending)
    }

    fn sorted(self) -> OwnKey {
        OwnKey {
            column: self.name,
            sort_key: C::sort_key,
        }
    }
}

impl<M, T, C> Clone for OwnColumn<M, T, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, T, C> Copy for OwnColumn<M, T, C> {}

impl<M, T, C> fmt::Debug for OwnColumn<M, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnColumn").field(&self.name).finish()
    }
}

/// A condition on an own column. `Debug` is part of what a cursor is told by.
#[derive(Debug, Clone)]
pub(crate) struct OwnCondition {
    pub(crate) column: &'static str,
    pub(crate) test: OwnTest,
}

#[derive(Debug, Clone)]
pub(crate) enum OwnTest {
    Present,
    Compare(Comparison, OwnValue),
    In(Vec<OwnValue>),
}

/// An own column that rows are sorted by.
#[derive(Clone, Copy)]
pub(crate) struct OwnKey {
    pub(crate) column: &'static str,
    sort_key: fn(&str, Dialect) -> (String, Read),
}

impl OwnKey {
    /// The expression over the column, and how it is read.
    pub(crate) fn sort_key(&self, column: &str, dialect: Dialect) -> (String, Read) {
        (self.sort_key)(column, dialect)
    }
}

impl PartialEq for OwnKey {
    fn eq(&self, other: &Self) -> bool {
        self.column == other.column
    }
}

impl Eq for OwnKey {}

impl fmt::Debug for OwnKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnKey").field(&self.column).finish()
    }
}

/// A value that an own column is compared with, of a type that only its codec knows.
#[derive(Clone)]
pub(crate) struct OwnValue(Arc<dyn Argument>);

trait Argument: Send + Sync {
    fn add_to(&self, to: &mut Arguments) -> Result<(), BoxDynError>;
    fn type_name(&self) -> &'static str;
    fn sqlite_order(&self) -> Option<&'static str>;
    fn literal(&self, dialect: Dialect) -> String;
}

struct Typical<C, T>(T, PhantomData<fn() -> C>);

impl<C: Compares<T>, T: Send + Sync> Argument for Typical<C, T> {
    fn add_to(&self, to: &mut Arguments) -> Result<(), BoxDynError> {
        <C as Codec<T>>::encode(Some(&self.0), to)
    }

    fn type_name(&self) -> &'static str {
        C::PARAMETER
    }

    fn sqlite_order(&self) -> Option<&'static str> {
        C::SQLITE_ORDER
    }

    fn literal(&self, dialect: Dialect) -> String {
        C::literal(&self.0, dialect)
    }
}

impl OwnValue {
    fn new<C: Compares<T>, T: Send + Sync + 'static>(value: T) -> Self {
        Self(Arc::new(Typical::<C, T>(value, PhantomData)))
    }

    pub(crate) fn add_to(&self, to: &mut Arguments) -> Result<(), BoxDynError> {
        self.0.add_to(to)
    }

    /// What SQLite has to make of both before it can say which is less.
    pub(crate) fn sqlite_order(&self) -> Option<&'static str> {
        self.0.sqlite_order()
    }

    /// As PostgreSQL calls it.
    pub(crate) fn type_name(&self) -> &'static str {
        self.0.type_name()
    }

    pub(crate) fn literal(&self, dialect: Dialect) -> String {
        self.0.literal(dialect)
    }
}

/// As others see it. What `Debug` of the callers hides, and fingerprints need.
impl fmt::Debug for OwnValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.literal(Dialect::Sqlite))
    }
}

impl PartialEq for OwnValue {
    fn eq(&self, other: &Self) -> bool {
        self.literal(Dialect::Sqlite) == other.literal(Dialect::Sqlite)
    }
}
