//! Why one object cannot be stored.

use std::fmt;

/// What is known of an object that could not be read: its type and id, where it has them, as far as they are fit for a
/// log: the first 80 bytes, without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    object: Option<String>,
    id: Option<String>,
}

impl Named {
    pub(super) fn new(object: Option<&str>, id: Option<&str>) -> Self {
        Self {
            object: object.filter(|text| !text.is_empty()).map(shown),
            id: id.filter(|text| !text.is_empty()).map(shown),
        }
    }

    /// The type, where the object has one.
    pub fn object(&self) -> Option<&str> {
        self.object.as_deref()
    }

    /// The id, where the object has one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// A type or an id as far as it is fit for a log: one line, and no long one, whatever was sent.
pub(crate) fn shown(text: &str) -> String {
    const MAX_BYTES: usize = 80;
    let mut shown = String::new();
    for char in text.chars() {
        let char = if char.is_control() { '\u{fffd}' } else { char };
        if shown.len() + char.len_utf8() > MAX_BYTES {
            break;
        }
        shown.push(char);
    }
    shown
}

/// `invoice in_1`, `invoice`, or `object` when nothing is known.
impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.object.as_deref().unwrap_or("object"))?;
        match &self.id {
            Some(id) => write!(f, " {id}"),
            None => Ok(()),
        }
    }
}

/// One object cannot be stored. The others of its batch can.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The text is a JSON array, string or other scalar, or no JSON at all.
    #[error("not a JSON object")]
    #[non_exhaustive]
    NotAnObject,
    /// The text is not valid JSON.
    #[error("the object is not valid JSON")]
    #[non_exhaustive]
    Json {
        /// The parser's account of it, with line and column.
        source: serde_json::Error,
    },
    /// There is no `object` field with a name in it, so the type is unknown.
    #[error("{named} has no type: its `object` field is missing or no text")]
    #[non_exhaustive]
    MissingObject {
        /// The object.
        named: Named,
    },
    /// There is no `id`, and the type is none that exists once per account. Previews, such as an upcoming invoice,
    /// have no id, and nothing that lasts to be stored.
    #[error("{named} has no id, so there is no row it could be")]
    #[non_exhaustive]
    MissingId {
        /// The object.
        named: Named,
    },
    /// The `id` or `object` field is too long for an index.
    #[error("the {field} of {named} is longer than {max_bytes} bytes")]
    #[non_exhaustive]
    InvalidKey {
        /// The object.
        named: Named,
        /// `"id"` or `"object"`.
        field: &'static str,
        /// The limit, in bytes.
        max_bytes: usize,
    },
    /// The JSON is nested too deeply to be read back.
    #[error("{named} is nested deeper than {max_depth} levels")]
    #[non_exhaustive]
    TooDeep {
        /// The object.
        named: Named,
        /// The limit, the outermost object counted.
        max_depth: usize,
    },
    /// A number has too many places before or after its point for PostgreSQL.
    #[error("{named} holds a number of more than {max_places} places")]
    #[non_exhaustive]
    NumberTooLong {
        /// The object.
        named: Named,
        /// The limit of places before the point, and of those after it.
        max_places: usize,
    },
    /// The JSON is too long.
    #[error("an object of {bytes} bytes is longer than {max_bytes} bytes")]
    #[non_exhaustive]
    TooLarge {
        /// The length, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        max_bytes: usize,
    },
    /// The object is of another type than was asked for.
    #[error("{named} is no {expected}")]
    #[non_exhaustive]
    OtherType {
        /// The object.
        named: Named,
        /// The type that was asked for.
        expected: &'static str,
    },
}
