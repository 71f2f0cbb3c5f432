//! What the tables are called: a PostgreSQL schema, a prefix, or neither.

use std::fmt;

/// PostgreSQL cuts names after 63 bytes; the longest of ours is an index of 33, and leaves room for later ones.
const MAX_PREFIX_BYTES: usize = 20;
const MAX_SCHEMA_BYTES: usize = 63;

/// Every table that a migration names.
pub(super) const TABLES: [&str; 7] = [
    "stripe_objects",
    "stripe_rivals",
    "stripe_dirty_objects",
    "stripe_sync_state",
    "stripe_events",
    "stripe_idempotency_keys",
    "stripe_webhook_deliveries",
];

/// Where the store's tables live: in a schema of their own, under a prefix, or plainly as `stripe_objects`.
///
/// The names apply to reading, writing and migrations alike, so two stores with different names share a database
/// without seeing each other.
///
/// ```
/// use stripe_store::store::TableNames;
///
/// let names = TableNames::new().with_schema("billing")?.with_prefix("eu_")?;
/// assert_eq!(names.objects(), r#""billing"."eu_stripe_objects""#);
/// assert!(TableNames::new().with_prefix("eu; DROP TABLE").is_err());
/// # Ok::<(), stripe_store::store::TableNamesError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TableNames {
    schema: Option<String>,
    prefix: String,
}

impl TableNames {
    /// The plain names, in the schema that the connection's `search_path` names.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts the tables into a schema, which [`migrate`](super::Store::migrate) creates when it is missing.
    ///
    /// PostgreSQL only; a SQLite store refuses it in [`with_tables`](super::Store::with_tables).
    ///
    /// # Errors
    ///
    /// [`TableNamesError`] when the name is empty, longer than 63 bytes, holds anything but lower-case ASCII letters,
    /// digits and underscores, begins with a digit, or with `pg_`, which PostgreSQL keeps to itself.
    pub fn with_schema(self, schema: &str) -> Result<Self, TableNamesError> {
        check("schema", schema, MAX_SCHEMA_BYTES)?;
        if schema.starts_with("pg_") {
            return Err(TableNamesError::new("schema", schema, Fault::Reserved));
        }
        Ok(Self {
            schema: Some(schema.to_owned()),
            ..self
        })
    }

    /// Puts a prefix before every table and index name: `app_` makes `app_stripe_objects`.
    ///
    /// # Errors
    ///
    /// [`TableNamesError`] when the prefix is empty, longer than 20 bytes, holds anything but lower-case ASCII
    /// letters, digits and underscores, or begins with a digit.
    pub fn with_prefix(self, prefix: &str) -> Result<Self, TableNamesError> {
        check("prefix", prefix, MAX_PREFIX_BYTES)?;
        if prefix.starts_with("sqlite_") {
            return Err(TableNamesError::new("prefix", prefix, Fault::Reserved));
        }
        Ok(Self {
            prefix: prefix.to_owned(),
            ..self
        })
    }

    /// The schema, when one was chosen.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The prefix; empty when none was chosen.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The table of objects, quoted and qualified, as it stands in a statement.
    pub fn objects(&self) -> String {
        self.qualified("stripe_objects")
    }

    /// The table of snapshots that time cannot tell from an object's, quoted and qualified.
    pub(crate) fn rivals(&self) -> String {
        self.qualified("stripe_rivals")
    }

    /// The table of objects to be read again, quoted and qualified.
    pub(crate) fn dirty(&self) -> String {
        self.qualified("stripe_dirty_objects")
    }

    /// The table of how far lists have been read, quoted and qualified.
    #[cfg(feature = "client")]
    pub(crate) fn sync_state(&self) -> String {
        self.qualified("stripe_sync_state")
    }

    /// The table of events, quoted and qualified.
    pub(crate) fn events(&self) -> String {
        self.qualified("stripe_events")
    }

    /// The log of what reached the webhook endpoints, quoted and qualified.
    pub(crate) fn deliveries(&self) -> String {
        self.qualified("stripe_webhook_deliveries")
    }

    /// The table of idempotency keys, quoted and qualified.
    #[cfg(feature = "client")]
    pub(crate) fn idempotency_keys(&self) -> String {
        self.qualified("stripe_idempotency_keys")
    }

    /// The table in which migrations are recorded, quoted and qualified.
    pub fn migrations(&self) -> String {
        self.qualified("_stripe_store_migrations")
    }

    fn qualified(&self, table: &str) -> String {
        self.in_schema(&format!("{}{table}", self.prefix))
    }

    /// A name, which has the prefix already, quoted and qualified.
    pub(crate) fn in_schema(&self, name: &str) -> String {
        match &self.schema {
            Some(schema) => format!("\"{schema}\".\"{name}\""),
            None => format!("\"{name}\""),
        }
    }

    /// `sql` with the prefix before every word that begins with the name of one of [`TABLES`]: they and their indexes.
    ///
    /// The schema is not written into the text; whoever runs it sets the `search_path`.
    pub(crate) fn apply_prefix(&self, sql: &str) -> String {
        if self.prefix.is_empty() {
            return sql.to_owned();
        }
        let mut out = String::with_capacity(sql.len() + 16 * self.prefix.len());
        let mut in_word = false;
        for (at, c) in sql.char_indices() {
            let word = c == '_' || c.is_ascii_alphanumeric();
            let named = |rest: &str| TABLES.iter().any(|table| rest.starts_with(table));
            if word && !in_word && sql.get(at..).is_some_and(named) {
                out.push_str(&self.prefix);
            }
            in_word = word;
            out.push(c);
        }
        out
    }
}

fn check(what: &'static str, name: &str, max_bytes: usize) -> Result<(), TableNamesError> {
    let fault = if name.is_empty() {
        Fault::Empty
    } else if name.len() > max_bytes {
        Fault::TooLong { max_bytes }
    } else if !name
        .bytes()
        .all(|b| b == b'_' || b.is_ascii_lowercase() || b.is_ascii_digit())
    {
        Fault::Character
    } else if name.starts_with(|c: char| c.is_ascii_digit()) {
        Fault::Digit
    } else {
        return Ok(());
    };
    Err(TableNamesError::new(what, name, fault))
}

/// A schema or prefix cannot be part of a table's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {name:?} {fault}")]
pub struct TableNamesError {
    what: &'static str,
    name: String,
    fault: Fault,
}

impl TableNamesError {
    fn new(what: &'static str, name: &str, fault: Fault) -> Self {
        Self {
            what,
            name: name.to_owned(),
            fault,
        }
    }

    /// The name that was refused.
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    Empty,
    TooLong { max_bytes: usize },
    Character,
    Digit,
    Reserved,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty: leave it out for the plain names"),
            Self::TooLong { max_bytes } => write!(f, "is longer than {max_bytes} bytes"),
            Self::Character => {
                f.write_str("may hold only lower-case ASCII letters, digits and underscores")
            }
            Self::Digit => f.write_str("begins with a digit"),
            Self::Reserved => f.write_str("begins with what the database keeps to itself"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_qualified() {
        assert_eq!(TableNames::new().objects(), r#""stripe_objects""#);
        let names = TableNames::new().with_prefix("eu_").unwrap();
        assert_eq!(names.objects(), r#""eu_stripe_objects""#);
        let names = names.with_schema("user").unwrap();
        assert_eq!(names.objects(), r#""user"."eu_stripe_objects""#);
        assert_eq!(
            names.migrations(),
            r#""user"."eu__stripe_store_migrations""#
        );
    }

    #[test]
    fn the_prefix_goes_before_our_names_only() {
        let names = TableNames::new().with_prefix("eu_").unwrap();
        assert_eq!(
            names.apply_prefix(
                "CREATE INDEX stripe_objects_x_idx ON stripe_objects (stripe_id, my_stripe_y)"
            ),
            "CREATE INDEX eu_stripe_objects_x_idx ON eu_stripe_objects (stripe_id, my_stripe_y)"
        );
    }

    #[test]
    fn names_that_need_care_are_refused() {
        let long = "x".repeat(64);
        for bad in ["", "Upper", "a b", "a\"b", "a;b", "1a", "é", &long] {
            assert!(TableNames::new().with_schema(bad).is_err(), "{bad}");
            assert!(TableNames::new().with_prefix(bad).is_err(), "{bad}");
        }
        assert!(TableNames::new().with_schema("pg_x").is_err());
        assert!(TableNames::new().with_prefix("sqlite_").is_err());
        let error = TableNames::new().with_prefix("Up").unwrap_err();
        assert_eq!(
            error.to_string(),
            "prefix \"Up\" may hold only lower-case ASCII letters, digits and underscores"
        );
    }
}
