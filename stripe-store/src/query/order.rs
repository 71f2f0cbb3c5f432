//! In which order rows come. Knows nothing of SQL.

use std::fmt;
use std::marker::PhantomData;

use super::filter::{Field, Read};
use super::plan::created;
use crate::extended::OwnKey;

/// Sorts objects of type `T` by a field: `Subscription::CREATED.desc()`.
///
/// What the getter reads as `None` comes last either way, unless [`nulls_first`](Self::nulls_first) says otherwise.
/// Only `created` of the object itself differs, so that an index serves it: as in lists, what has no number there
/// counts as 0, unless one of the two is called.
#[must_use = "hand it to `Query::order_by`"]
pub struct Order<T> {
    pub(crate) key: OrderKey,
    view: PhantomData<fn() -> T>,
}

impl<T> Order<T> {
    pub(crate) fn new(field: Field, direction: Direction) -> Self {
        let by = if field.read == Read::Int && field.top() == Some("created") {
            By::Created
        } else {
            By::Field(field)
        };
        Self::by(by, direction)
    }

    fn by(by: By, direction: Direction) -> Self {
        Self {
            key: OrderKey {
                by,
                direction,
                nulls: None,
            },
            view: PhantomData,
        }
    }

    fn with_nulls(self, nulls: Nulls) -> Self {
        Self {
            key: self.key.with_nulls(nulls),
            view: PhantomData,
        }
    }

    /// What has no value comes first.
    pub fn nulls_first(self) -> Self {
        self.with_nulls(Nulls::First)
    }

    /// What has no value comes last.
    pub fn nulls_last(self) -> Self {
        self.with_nulls(Nulls::Last)
    }
}

impl<T> Clone for Order<T> {
    fn clone(&self) -> Self {
        Self {
            key: self.key.clone(),
            view: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Order<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Order").field(&self.key).finish()
    }
}

/// A time of the row, and not of the object: when it was written here. By the store's clock.
///
/// ```
/// use stripe_store::query::{Order, RowTime};
/// use stripe_store::resources::Customer;
///
/// let last_changed_first: Order<Customer> = RowTime::UpdatedAt.desc();
/// # let _ = last_changed_first;
/// ```
///
/// No index serves this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RowTime {
    /// When the row was made: [`Stored::created_at`](crate::Stored::created_at).
    CreatedAt,
    /// When the row's data last changed: [`Stored::updated_at`](crate::Stored::updated_at).
    UpdatedAt,
}

impl RowTime {
    /// The oldest first.
    pub fn asc<T>(self) -> Order<T> {
        Order::by(By::Row(self), Direction::Ascending)
    }

    /// The youngest first.
    pub fn desc<T>(self) -> Order<T> {
        Order::by(By::Row(self), Direction::Descending)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderKey {
    pub(crate) by: By,
    pub(crate) direction: Direction,
    /// `None` where the caller does not say.
    pub(crate) nulls: Option<Nulls>,
}

impl OrderKey {
    pub(crate) fn with_nulls(mut self, nulls: Nulls) -> Self {
        if let By::Created = self.by {
            self.by = By::Field(created());
        }
        self.nulls = Some(nulls);
        self
    }
}

/// What rows are sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum By {
    /// The object's `created` as in lists, with 0 for what has none.
    Created,
    Field(Field),
    Row(RowTime),
    /// A column of a model's own.
    Own(OwnKey),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

impl Direction {
    pub(crate) fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    First,
    Last,
}

impl Nulls {
    pub(crate) fn reversed(self) -> Self {
        match self {
            Self::First => Self::Last,
            Self::Last => Self::First,
        }
    }
}
