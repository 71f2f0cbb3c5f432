//! Some values of an object, and not the object: the column that a projection reads.
//!
//! A JSON array of arrays, because a function takes only so many arguments, with `null` for what is not there. The values
//! are JSON, so that what is made of them is what the getters read.

use std::collections::BTreeSet;

use super::expression::{postgres_path, sqlite_path};
use crate::model::Column;
use crate::store::Dialect;
use crate::view::Segment;

/// How many values go into one array; PostgreSQL takes a hundred arguments.
const ARGUMENTS: usize = 90;

/// How long the name of a column can be on PostgreSQL, in bytes.
const NAME: usize = 63;

/// The expression.
pub(super) fn values(dialect: Dialect, columns: &[Column]) -> String {
    let arrays: Vec<_> = columns
        .chunks(ARGUMENTS)
        .map(|columns| match dialect {
            Dialect::Postgres => postgres(columns),
            Dialect::Sqlite => sqlite(columns),
        })
        .collect();
    format!("'[' || {} || ']'", arrays.join(" || ',' || "))
}

/// The object is unpacked once, by the function that makes a record of its fields.
fn postgres(columns: &[Column]) -> String {
    let keys: Option<BTreeSet<&str>> = columns.iter().map(|column| top(column)).collect();
    let Some(keys) = keys else {
        let values = columns
            .iter()
            .map(|column| postgres_path("data", &column.steps));
        return format!("jsonb_build_array({})::text", join(values));
    };
    let values = columns.iter().map(|column| {
        let (first, rest) = column.steps.split_at(1);
        let root = first.iter().map(|step| match step {
            Segment::Key(key) => format!("f.{}", quoted(key)),
            Segment::Index(_) => String::new(),
        });
        postgres_path(&root.collect::<String>(), rest)
    });
    let record = keys.iter().map(|key| format!("{} jsonb", quoted(key)));
    format!(
        "(SELECT jsonb_build_array({})::text FROM jsonb_to_record(data) AS f ({}))",
        join(values),
        join(record)
    )
}

/// The first key, where it can be the name of a column.
fn top(column: &Column) -> Option<&str> {
    match column.steps.first()? {
        Segment::Key(key) if key.len() <= NAME && !key.is_empty() && !key.contains('\0') => {
            Some(key)
        }
        _ => None,
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
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
