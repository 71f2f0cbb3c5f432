//! What brought a snapshot, which decides where time does not.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::label;
use crate::clock::RequestOrder;

/// What brought a snapshot: an event's id, an API request's id, or `import`.
///
/// Compared by byte where two snapshots have the same interval. Kept to 255 bytes, without NUL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(Arc<str>);

impl Source {
    /// An event, by its id (`evt_…`).
    pub fn event(id: &str) -> Self {
        Self::from(id)
    }

    /// A response of the API, by its request's id (`req_…`).
    pub fn request(id: &str) -> Self {
        Self::from(id)
    }

    /// With the request's place in the order of its process, by which two answers of the same second are told apart. It
    /// stands behind an `@`.
    #[must_use]
    pub fn ordered(&self, order: RequestOrder) -> Self {
        Self::from(order.source(self.id()))
    }

    /// A file or another store.
    pub fn import() -> Self {
        Self::from("import")
    }

    /// The source less its [order](Self::ordered): the id of the event or the request.
    pub fn id(&self) -> &str {
        match self.order() {
            Some(_) => self.0.rsplit_once('@').map_or(&*self.0, |(id, _)| id),
            None => &self.0,
        }
    }

    /// The place of the request in the order of its process, where that is known.
    pub fn order(&self) -> Option<RequestOrder> {
        RequestOrder::of_source(&self.0)
    }

    /// The source as the row holds it, the order included.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Source {
    fn from(source: &str) -> Self {
        Self(label(Cow::Borrowed(source)).into())
    }
}

impl From<String> for Source {
    fn from(source: String) -> Self {
        Self::from(source.as_str())
    }
}

impl From<&Source> for Source {
    fn from(source: &Source) -> Self {
        source.clone()
    }
}

impl AsRef<str> for Source {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
