//! Pages of lists, and the objects on them, one by one as they came.

mod body;
mod cursor;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde_json::Value;
use serde_json::value::RawValue;

use self::body::{ListBody, text_field};
pub use self::cursor::{PageCursor, PageCursorError};
use super::check::Check;
use super::error::{ClientError, Unusable};
use super::response::{Meta, Response};
use crate::view::{ObjectMismatch, View};

/// A page of a list, in Stripe's order: the newest object first.
///
/// What is on it is kept as it came. An object that is not what the list is of, or that nothing can read, is on the page
/// like the others, and an error only to who asks for its view.
#[derive(Debug, Clone)]
pub struct Page<T> {
    items: Vec<Item<T>>,
    has_more: bool,
    total_count: Option<u64>,
    next: Option<PageCursor>,
    previous: Option<PageCursor>,
    meta: Arc<Meta>,
}

/// Which way a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From newer to older, as Stripe lists.
    Forward,
    /// From older to newer.
    Backward,
}

impl<T> Page<T> {
    /// Reads a page that was asked for at `cursor`.
    pub(super) fn read(
        response: &Response,
        cursor: Option<&PageCursor>,
        direction: Direction,
        check: Check,
    ) -> Result<Self, ClientError> {
        let fault = |reason| Err(super::call::unreadable(response, reason));
        let body = match ListBody::read(response.text()) {
            Ok(Some(body)) => body,
            Ok(None) => return fault(Unusable::OtherForm),
            Err(error) => return fault(Unusable::BadJson(error)),
        };
        // The ids are those of objects that have one; one without does not stand in the way of the rest.
        let ids = || body.data.iter().filter_map(|raw| text_field(raw, "id"));
        let next = match (&body.next_page_url, &body.next_page, direction) {
            (Some(url), ..) => Some(PageCursor::Url(url.clone())),
            (None, Some(token), _) => Some(PageCursor::Token(token.clone())),
            (None, None, Direction::Forward) => ids().next_back().map(PageCursor::After),
            (None, None, Direction::Backward) => ids().next().map(PageCursor::Before),
        };
        let has_more = body.has_more || body.next_page_url.is_some();
        let next = next.filter(|next| has_more && Some(next) != cursor);
        let meta = Arc::clone(&response.meta);
        let item = |raw: &RawValue| Item {
            json: raw.to_owned(),
            meta: Arc::clone(&meta),
            check,
            of: PhantomData,
        };
        Ok(Self {
            items: body.data.into_iter().map(item).collect(),
            has_more,
            total_count: body.total_count,
            next,
            previous: body.previous_page_url.map(PageCursor::Url),
            meta,
        })
    }

    /// The objects, in Stripe's order.
    pub fn items(&self) -> &[Item<T>] {
        &self.items
    }

    /// The objects, in Stripe's order.
    pub fn into_items(self) -> Vec<Item<T>> {
        self.items
    }

    /// Whether Stripe has more, in the direction in which the list is read.
    pub fn has_more(&self) -> bool {
        self.has_more
    }

    /// Where the next page begins; `None` after the last one.
    ///
    /// # Errors
    ///
    /// [`ClientError::NoWayOn`] when Stripe has more, and the page does not say where: no object on it has an id, or it is
    /// the same as before.
    pub fn next(&self) -> Result<Option<&PageCursor>, ClientError> {
        match (&self.next, self.has_more) {
            (Some(next), true) => Ok(Some(next)),
            (_, false) => Ok(None),
            (None, true) => Err(ClientError::NoWayOn {
                request: self.meta.request.clone(),
            }),
        }
    }

    /// Where the page before begins, in lists of v2, which say it.
    pub fn previous(&self) -> Option<&PageCursor> {
        self.previous.as_ref()
    }

    /// How many there are in all, where Stripe was asked for it.
    pub fn total_count(&self) -> Option<u64> {
        self.total_count
    }

    /// What is known of the answer besides.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }
}

/// An object on a page, as it came.
///
/// `Debug` shows its type and id.
pub struct Item<T> {
    json: Box<RawValue>,
    meta: Arc<Meta>,
    check: Check,
    of: PhantomData<fn() -> T>,
}

impl<T> Item<T> {
    /// The object, byte for byte.
    pub fn json(&self) -> &RawValue {
        &self.json
    }

    /// The object as text.
    pub fn text(&self) -> &str {
        self.json.get()
    }

    /// Its id, where it has one.
    pub fn id(&self) -> Option<String> {
        text_field(&self.json, "id")
    }

    /// What it says that it is: `"customer"`.
    pub fn object(&self) -> Option<String> {
        text_field(&self.json, "object")
    }

    /// What is known of the answer that brought it.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }
}

impl<T: View> Item<T> {
    /// A view of it.
    ///
    /// # Errors
    ///
    /// [`ItemError`] when it is an object of another type, or cannot be held in memory as a tree. The other objects on the
    /// page are none the worse for it.
    pub fn view(&self) -> Result<T, ItemError> {
        let value: Value =
            serde_json::from_str(self.text()).map_err(|source| ItemError::Unreadable { source })?;
        self.check
            .run(&value)
            .map_err(|source| ItemError::OtherType { source })?;
        Ok(T::from_value(value))
    }
}

impl<T> Clone for Item<T> {
    fn clone(&self) -> Self {
        Self {
            json: self.json.clone(),
            meta: Arc::clone(&self.meta),
            check: self.check,
            of: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Item<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item")
            .field("object", &self.object())
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

/// An object of a list has no view. Its JSON is there all the same.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ItemError {
    /// It is not what the list is of.
    #[error("the list has another object on it")]
    #[non_exhaustive]
    OtherType {
        /// What was expected, and what it is.
        source: ObjectMismatch,
    },
    /// It is nested past 128 levels, or has a number past what an `f64` holds.
    #[error("the object cannot be held in memory")]
    #[non_exhaustive]
    Unreadable {
        /// What is in the way.
        source: serde_json::Error,
    },
}
