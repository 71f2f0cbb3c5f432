//! What can go wrong with models.

use sqlx::error::BoxDynError;

use super::{ObjectRef, code_of};

/// Something is wrong with a model, its table, or its hook.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A model's table is not there, or lacks what the struct has.
    #[error(
        "there is no table {table} as the model has it in this database: call the model's `migrate`, or run its `schema_sql`"
    )]
    #[non_exhaustive]
    NotMigrated {
        /// The table.
        table: &'static str,
        /// The driver's account of it.
        source: sqlx::Error,
    },
    /// A model's table could not be made or changed; it is as it was before.
    #[error("could not migrate the table {table}")]
    #[non_exhaustive]
    Migrate {
        /// The table.
        table: &'static str,
        /// The driver's account of it.
        source: sqlx::Error,
    },
    /// A model's table could be made what the struct says only by losing or rewriting data, which is not done.
    #[error(
        "the table {table} is not what its struct says, and to change it would lose or rewrite data: {}. \
         Nothing was done. To do it by hand, look at these statements, run them, and migrate again:\n{sql}",
        changes.join("; ")
    )]
    #[non_exhaustive]
    Change {
        /// The table.
        table: &'static str,
        /// What would change, in words.
        changes: Vec<String>,
        /// The statements that change it.
        sql: String,
    },
    /// A value cannot be stored in an own column.
    #[error("could not store the column {column} of {object} in {table}")]
    #[non_exhaustive]
    Column {
        /// The model's table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's object.
        object: ObjectRef,
        /// What is wrong with the value.
        source: BoxDynError,
    },
    /// The database refused a statement on a model's table: a value that is unique is taken, or what a row refers to is
    /// not there.
    #[error("could not {action} {object} in {table}")]
    #[non_exhaustive]
    Statement {
        /// The table.
        table: &'static str,
        /// What was tried, as a verb: `"link"`, `"save"`.
        action: &'static str,
        /// What it was tried on.
        object: ObjectRef,
        /// The driver's account of it.
        source: Box<sqlx::Error>,
    },
    /// An object has a row in the model's table already.
    #[error("{object} has a row in {table} already: find it, change it and save it")]
    #[non_exhaustive]
    AlreadyLinked {
        /// The model's table.
        table: &'static str,
        /// The object.
        object: ObjectRef,
    },
    /// An object has no row in the model's table any more.
    #[error("{object} has no row in {table} any more: it was removed after it was read")]
    #[non_exhaustive]
    NotLinked {
        /// The model's table.
        table: &'static str,
        /// The object.
        object: ObjectRef,
    },
    /// The handle has no hook for the model.
    #[error(
        "no hook is registered for {table}: call `link` on the handle that `Store::register` returned"
    )]
    #[non_exhaustive]
    NotRegistered {
        /// The model's table.
        table: &'static str,
    },
    /// The hook of a model failed; nothing of the write stays.
    #[error("the hook that fills {table} failed on {object}")]
    #[non_exhaustive]
    Hook {
        /// The model's table.
        table: &'static str,
        /// The object.
        object: ObjectRef,
        /// What the hook failed with.
        source: BoxDynError,
    },
    /// An event brings an object of another type than the model's.
    #[error("the event brings {found}, and no {expected}")]
    #[non_exhaustive]
    OtherObject {
        /// The model's type.
        expected: &'static str,
        /// What the event brings.
        found: String,
    },
}

impl ModelError {
    /// Whether a hook found a row to refer to that went before its own was made: asked again, it finds another or none.
    pub(super) fn is_of_lost_reference(&self) -> bool {
        matches!(self, Self::Statement { action: "link", source, .. } if code_of(source).as_deref() == Some("23503"))
    }

    /// The driver's error behind it, also where a hook handed it on.
    pub(super) fn cause(&self) -> Option<&sqlx::Error> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = match self {
            Self::Migrate { source, .. } | Self::NotMigrated { source, .. } => return Some(source),
            Self::Statement { source, .. } => return Some(source),
            Self::Hook { source, .. } => Some(&**source),
            _ => None,
        };
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref() {
                return Some(error);
            }
            cause = error.source();
        }
        None
    }

    /// Whether a statement failed because a model's table or one of its columns is not there.
    pub(crate) fn is_of_missing_table(error: &sqlx::Error, table: &str) -> bool {
        let Some(database) = error.as_database_error() else {
            return false;
        };
        let message = database.message();
        match code_of(error).as_deref() {
            Some("42P01") => message.contains(table),
            Some("42703") => true,
            Some("1") => {
                (message.starts_with("no such table") && message.contains(table))
                    || message.contains("no such column")
                    || message.contains("has no column named")
            }
            _ => false,
        }
    }
}
