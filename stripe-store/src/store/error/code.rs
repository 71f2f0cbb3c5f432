//! What an error of the driver means, by its code.

use sqlx::error::DatabaseError;

pub(super) fn code_of(error: &sqlx::Error) -> Option<std::borrow::Cow<'_, str>> {
    error.as_database_error().and_then(DatabaseError::code)
}

/// PostgreSQL's undefined table, or SQLite's general error, told apart by its message.
pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    match code_of(error).as_deref() {
        Some("42P01") => true,
        Some("1") => error
            .as_database_error()
            .is_some_and(|error| error.message().starts_with("no such table")),
        _ => false,
    }
}

pub(super) fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(_) => code_of(error).is_some_and(|code| is_transient_code(&code)),
        _ => false,
    }
}

/// Whether the database refuses a value: data exceptions, constraints and limits of PostgreSQL; of SQLite too big a
/// value, a constraint, a mismatch.
#[cfg(any(feature = "client", feature = "webhook"))]
pub(super) fn is_of_data(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Encode(_) => true,
        sqlx::Error::Database(_) => code_of(error).is_some_and(|code| match code.parse::<u32>() {
            Ok(number) if code.len() < 5 => matches!(number & 0xff, 18..=20),
            _ => ["22", "23", "54"]
                .iter()
                .any(|class| code.starts_with(class)),
        }),
        _ => false,
    }
}

fn is_transient_code(code: &str) -> bool {
    if let Ok(number) = code.parse::<u32>() {
        // SQLite's extended codes hold the kind in their low byte: busy, or locked. A SQLSTATE of digits alone is
        // longer than any of those.
        if code.len() < 5 {
            return matches!(number & 0xff, 5 | 6);
        }
    }
    // Connection lost, out of connections or memory, shutting down or starting up, cancelled by a timeout, or a conflict
    // with another writer.
    code.starts_with("08")
        || code.starts_with("53")
        || matches!(
            code,
            "57014" | "57P01" | "57P02" | "57P03" | "40001" | "40P01" | "55P03"
        )
}

/// What the statement of a write fails with when time does not decide: a division by zero.
#[cfg(feature = "postgres")]
const CONTESTED: &str = "22012";

/// A conflict with another transaction, after which the same statement can be run again.
pub(crate) fn is_conflict(error: &sqlx::Error) -> bool {
    matches!(code_of(error).as_deref(), Some("40001" | "40P01"))
}

/// Whether a write that failed so can be tried again: in a new transaction it finds what the other one left.
#[cfg(feature = "postgres")]
pub(crate) fn can_be_tried_again(error: &sqlx::Error) -> bool {
    is_conflict(error) || is_contested(error)
}

/// Time did not decide, after all, in a statement that stands alone.
#[cfg(feature = "postgres")]
pub(crate) fn is_contested(error: &sqlx::Error) -> bool {
    code_of(error).as_deref() == Some(CONTESTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transient_codes_are_told_from_lasting_ones() {
        for transient in [
            "5", "6", "261", "517", "08006", "53300", "57014", "57P01", "40001", "40P01",
        ] {
            assert!(is_transient_code(transient), "{transient}");
        }
        for lasting in [
            "1", "19", "1555", "2067", "42P01", "22P05", "23505", "28P01", "00005",
        ] {
            assert!(!is_transient_code(lasting), "{lasting}");
        }
        assert!(is_transient(&sqlx::Error::PoolTimedOut));
        assert!(!is_transient(&sqlx::Error::PoolClosed));
    }
}
