//! Some values of an object, and not the object: the column that a projection reads.
//!
//! The text of a JSON array, with `null` for what is not there; several arrays, one after the other, where there are more
//! values than a function takes arguments. The values are JSON, so that what is made of them is what the getters read.
//!
//! A column for each value would be another way. On SQLite that takes 1.7 times as long: each column is another call
//! for the object, and another value that goes from the thread of the database to the caller's. On PostgreSQL it is
//! slower by a third on objects of 1 KB and quicker by a fourth on compressed ones of 5 KB.

use super::expression::{postgres_path, sqlite_path};
use crate::model::Column;
use crate::store::Dialect;

/// How many values go into one array; PostgreSQL takes a hundred arguments.
const ARGUMENTS: usize = 90;

/// The expression.
pub(super) fn values(dialect: Dialect, columns: &[Column]) -> String {
    let arrays: Vec<_> = columns
        .chunks(ARGUMENTS)
        .map(|columns| match dialect {
            Dialect::Postgres => postgres(columns),
            Dialect::Sqlite => sqlite(columns),
        })
        .collect();
    let arrays = arrays.join(" || ");
    match dialect {
        // Concatenated with nothing, the object is unpacked once and not for each value: compressed objects of 5 KB take
        // a third of the time. Without `OFFSET` the planner would put the expression into each place where `d` stands.
        Dialect::Postgres => {
            format!("(SELECT {arrays} FROM (SELECT data || '{{}}' AS d OFFSET 0) AS f)")
        }
        Dialect::Sqlite => arrays,
    }
}

fn postgres(columns: &[Column]) -> String {
    let values = columns
        .iter()
        .map(|column| postgres_path("d", &column.steps));
    format!("jsonb_build_array({})::text", join(values))
}

/// Several paths in one call are an array already; one is not.
fn sqlite(columns: &[Column]) -> String {
    if let [column] = columns {
        return format!("json_array(data -> {})", sqlite_path(&column.steps, None));
    }
    let paths = columns
        .iter()
        .map(|column| sqlite_path(&column.steps, None));
    format!("json_extract(data, {})", join(paths))
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
