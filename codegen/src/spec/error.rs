//! What can be wrong with a description, and where.

use std::{error::Error as StdError, fmt};

/// Reading an API description failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The text begins like JSON and is none.
    #[error("{name} is not valid JSON, see line {line}, column {column}")]
    #[non_exhaustive]
    Json {
        /// What was read.
        name: String,
        /// The line of the fault, from 1.
        line: usize,
        /// The column of the fault, from 1.
        column: usize,
        /// The parser's account of it.
        source: serde_json::Error,
    },
    /// The text does not begin like JSON and is no YAML either.
    #[error("{name} is not valid YAML, see line {line}, column {column}")]
    #[non_exhaustive]
    Yaml {
        /// What was read.
        name: String,
        /// The line of the fault, from 1; 0 where the parser does not tell.
        line: u64,
        /// The column of the fault, from 1; 0 where the parser does not tell.
        column: u64,
        /// The parser's account of it.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A key stands twice in one object, so that one of the two values would be lost.
    #[error(
        "{name} has the key `{key}` twice in the object at {place}, see line {line}, column {column}"
    )]
    #[non_exhaustive]
    DuplicateKey {
        /// What was read.
        name: String,
        /// The key.
        key: String,
        /// The object, as a JSON pointer.
        place: String,
        /// The line of the second one, from 1.
        line: u64,
        /// The column of the second one, from 1.
        column: u64,
    },
    /// The document is no OpenAPI 3.0 description.
    #[error("{name} is not an OpenAPI 3.0 description: {found}")]
    #[non_exhaustive]
    Version {
        /// What was read.
        name: String,
        /// What stands there instead.
        found: String,
    },
    /// The document says things that cannot be used as they are.
    #[error("{name} cannot be used: {}", Problems(problems))]
    #[non_exhaustive]
    Document {
        /// What was read.
        name: String,
        /// Everything that was found wrong. Never empty.
        problems: Vec<Problem>,
    },
}

/// One thing that is wrong inside a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at {place}")]
#[non_exhaustive]
pub struct Problem {
    /// Where it stands, as a JSON pointer: `#/components/schemas/foo/properties/bar`.
    pub place: String,
    /// What it is.
    pub kind: ProblemKind,
}

impl Problem {
    /// A problem at a place.
    pub(super) fn new(place: impl fmt::Display, kind: ProblemKind) -> Self {
        Self {
            place: place.to_string(),
            kind,
        }
    }
}

/// What kind of thing is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A keyword that is not known, or known and not supported.
    #[error("unsupported keyword `{keyword}`")]
    #[non_exhaustive]
    UnsupportedKeyword {
        /// The keyword.
        keyword: String,
    },
    /// A keyword beside a `$ref`: OpenAPI 3.0 has it ignored.
    #[error(
        "keyword `{keyword}` beside `$ref`, where it has no effect (wrap the reference in `anyOf`),"
    )]
    #[non_exhaustive]
    BesideReference {
        /// The keyword.
        keyword: String,
    },
    /// A reference to a schema that does not exist.
    #[error("`$ref` to `{target}`, which does not exist,")]
    #[non_exhaustive]
    DanglingReference {
        /// What it points at.
        target: String,
    },
    /// A reference to something other than a schema of this document.
    #[error("`$ref` to `{target}`, which is not under `#/components/schemas/`,")]
    #[non_exhaustive]
    ForeignReference {
        /// What it points at.
        target: String,
    },
    /// Schemas that are references, or choices, of each other and never of anything else.
    #[error("reference cycle {}", schemas.join(" -> "))]
    #[non_exhaustive]
    ReferenceCycle {
        /// The schemas, the first one again at the end.
        schemas: Vec<String>,
    },
    /// A schema's name in a vendor extension that is no schema's.
    #[error("`{keyword}` names the schema `{schema}`, which does not exist,")]
    #[non_exhaustive]
    UnknownSchema {
        /// The extension.
        keyword: String,
        /// The name.
        schema: String,
    },
    /// A value of the wrong type.
    #[error("`{keyword}` is {found} instead of {expected}")]
    #[non_exhaustive]
    WrongType {
        /// The keyword whose value it is.
        keyword: String,
        /// What it should be, with its article.
        expected: &'static str,
        /// What it is, with its article.
        found: &'static str,
    },
    /// A `type` that OpenAPI 3.0 does not have.
    #[error("unknown type `{name}`")]
    #[non_exhaustive]
    UnknownType {
        /// The type.
        name: String,
    },
    /// A keyword that has to be there.
    #[error("`{keyword}` is missing")]
    #[non_exhaustive]
    Missing {
        /// The keyword.
        keyword: String,
    },
    /// What the `openapiv3` crate has to say.
    #[error("unreadable {what}: {message},")]
    #[non_exhaustive]
    Unreadable {
        /// What could not be read: "schema", "operation".
        what: &'static str,
        /// The reason.
        message: String,
    },
}

/// Writes problems as a sentence if there is one, as a list if there are more, and cuts a long
/// list.
struct Problems<'a>(&'a [Problem]);

impl fmt::Display for Problems<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        if let [problem] = self.0 {
            return problem.fmt(f);
        }
        write!(f, "{} problems", self.0.len())?;
        for problem in self.0.iter().take(SHOWN) {
            write!(f, "\n  {problem}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
