//! What errors name as the thing that they are about.

use std::fmt;

/// What a statement was about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ObjectRef {
    /// One object.
    #[non_exhaustive]
    One {
        /// Its type.
        object: String,
        /// Its Stripe id.
        id: String,
    },
    /// Objects of one type.
    #[non_exhaustive]
    Type {
        /// The type.
        object: String,
    },
    /// A batch of this many objects.
    Batch(usize),
    /// Every row.
    All,
    /// Events of the inbox.
    Events,
}

impl ObjectRef {
    pub(crate) fn one(object: &str, id: &str) -> Self {
        Self::One {
            object: object.to_owned(),
            id: id.to_owned(),
        }
    }

    pub(crate) fn of_type(object: &str) -> Self {
        Self::Type {
            object: object.to_owned(),
        }
    }
}

/// `customer cus_1`, `objects of type customer`, `a batch of 3 objects`, `all objects`, `events`.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One { object, id } => write!(f, "{object} {id}"),
            Self::Type { object } => write!(f, "objects of type {object}"),
            Self::Batch(1) => f.write_str("a batch of 1 object"),
            Self::Batch(count) => write!(f, "a batch of {count} objects"),
            Self::All => f.write_str("all objects"),
            Self::Events => f.write_str("events"),
        }
    }
}
