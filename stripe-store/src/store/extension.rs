//! The tables of extended models: their statements.
//!
//! A row has its own id, the key of its object, and the own columns. There is no foreign key to the objects, which may be
//! purged and come back.

mod create;
mod difference;

pub(crate) use self::difference::{Catalog, CatalogColumn, CatalogReference, Difference};
use super::Dialect;
use super::sql::IndexPlan;
use crate::extended::{ColumnDef, Index, Reference, StripeModel};
use crate::view::Resource;

/// Where the columns of a model begin in a row of a query, with its own id; those of the object come before.
pub(crate) const OWN_AT: usize = 10;

/// What makes a row of the one table and a row of the other one. With a sign before its columns the one table is not
/// looked up by them on SQLite: it is the one that leads, and by another index.
pub(super) fn on(sign_of_object: &str, sign_of_own: &str) -> String {
    let key: Vec<_> = KEY
        .split(", ")
        .map(|column| format!("{sign_of_object}{column} = {sign_of_own}own_{column}"))
        .collect();
    key.join(" AND ")
}

/// The key of an object.
pub(super) const KEY: &str = "account, livemode, object, stripe_id";

/// The table of a model, whatever its type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extension {
    /// As the user wrote it, with a schema or without.
    table: &'static str,
    object: &'static str,
    columns: &'static [ColumnDef],
}

/// What becomes of a row with a value that is `unique` and taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// The statement fails.
    Fails,
    /// The row is not made.
    IsLeft,
}

/// What an own column is called in queries, where the object's columns keep their names.
pub(super) fn own_name(column: &str) -> String {
    format!("\"own_{column}\"")
}

fn quoted(name: &str) -> String {
    let parts: Vec<_> = name
        .split('.')
        .map(|part| format!("\"{}\"", part.replace('"', "\"\"")))
        .collect();
    parts.join(".")
}

/// One after the other.
fn concat(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().concat()
}

impl Extension {
    pub(crate) const fn of<M: StripeModel>() -> Self {
        Self {
            table: M::TABLE,
            object: <M::Object as Resource>::OBJECT,
            columns: M::COLUMNS,
        }
    }

    /// The table, as messages name it.
    pub(crate) const fn table(&self) -> &'static str {
        self.table
    }

    /// The table, quoted.
    pub(super) fn quoted_table(&self) -> String {
        quoted(self.table)
    }

    /// The schema, where the user names one.
    pub(crate) fn schema(&self) -> Option<&'static str> {
        self.table.split_once('.').map(|(schema, _)| schema)
    }

    /// The table's name alone.
    pub(crate) fn name(&self) -> &'static str {
        self.table.rsplit('.').next().unwrap_or(self.table)
    }

    fn names(&self) -> impl Iterator<Item = String> {
        self.columns.iter().map(|column| quoted(column.name))
    }

    /// Whether an index of the table's own leads to the rows with a value of the column.
    pub(super) fn has_index(&self, column: &str) -> bool {
        column == "id"
            || self
                .columns
                .iter()
                .any(|own| own.name == column && own.index != Index::None)
    }

    /// What a column refers to.
    pub(super) fn reference(&self, column: &str) -> Option<Reference> {
        let column = self.columns.iter().find(|own| own.name == column);
        column.and_then(|column| column.references)
    }

    /// The names and types of the own columns, as in `CREATE TABLE`; `None` where there are none.
    #[cfg(feature = "postgres")]
    pub(super) fn column_types(&self, dialect: Dialect) -> Option<String> {
        let types = self
            .columns
            .iter()
            .map(|column| format!("{} {}", quoted(column.name), column.sql_type(dialect)));
        let types: Vec<_> = types.collect();
        (!types.is_empty()).then(|| types.join(", "))
    }

    /// Whether a hook works out columns anew at every change.
    pub(crate) fn has_derived(&self) -> bool {
        self.columns.iter().any(|column| column.is_derived)
    }

    /// The rows as a part of a query, under names that none of the object's columns has.
    pub(super) fn joined(&self) -> String {
        // With the table's name before them: a name in quotes alone that SQLite does not know is a text to it.
        let own = self
            .columns
            .iter()
            .map(|column| format!(", e.{} AS {}", quoted(column.name), own_name(column.name)));
        let own = concat(own);
        format!(
            "(SELECT e.id AS own_id, e.account AS own_account, e.livemode AS own_livemode, e.object AS own_object, \
             e.stripe_id AS own_stripe_id{own} FROM {} AS e) AS own",
            self.quoted_table()
        )
    }

    /// What a query asks for of a row of the table, after the object's columns.
    pub(super) fn selected(&self) -> String {
        let own = self.columns.iter().map(|column| own_name(column.name));
        format!(", own_id{}", concat(own.map(|name| format!(", {name}"))))
    }

    /// Makes rows, unless they are there; returns the ids of those that it made. The parameters are, for each row, the
    /// key, the own columns and the time.
    pub(super) fn insert_sql(&self, dialect: Dialect, rows: usize, taken: Taken) -> String {
        let taken = match taken {
            Taken::Fails => format!("({KEY}) "),
            Taken::IsLeft => String::new(),
        };
        let own = concat(self.names().map(|name| format!(", {name}")));
        let count = 4 + self.columns.len();
        let mut number = 0;
        let mut next = || {
            number += 1;
            place(dialect, number)
        };
        let rows: Vec<_> = (0..rows)
            .map(|_| {
                let values: Vec<_> = (0..count).map(|_| next()).collect();
                let now = next();
                format!("({}, {now}, {now})", values.join(", "))
            })
            .collect();
        format!(
            "INSERT INTO {} ({KEY}{own}, created_at, updated_at) VALUES {} ON CONFLICT {taken}DO NOTHING RETURNING id",
            self.quoted_table(),
            rows.join(", ")
        )
    }

    /// Writes the own columns of a row, all or those that a hook works out; returns its id. The parameters are the own
    /// columns, all of them, then the time and the key.
    pub(super) fn update_sql(&self, dialect: Dialect, only_derived: bool) -> String {
        let set = concat(
            (1_usize..)
                .zip(self.columns)
                .filter(|(_, column)| column.is_derived || !only_derived)
                .map(|(number, column)| {
                    format!("{} = {}, ", quoted(column.name), place(dialect, number))
                }),
        );
        let at = self.columns.len() + 1;
        format!(
            "UPDATE {} SET {set}updated_at = {} WHERE {} RETURNING id",
            self.quoted_table(),
            place(dialect, at),
            by_key(dialect, at + 1)
        )
    }

    /// Removes a row, and returns its id. The parameters are the key.
    pub(super) fn delete_sql(&self, dialect: Dialect) -> String {
        format!(
            "DELETE FROM {} WHERE {} RETURNING id",
            self.quoted_table(),
            by_key(dialect, 1)
        )
    }

    /// The ids of objects of a type without a row, from after an id on. The parameters are account, mode, type and id.
    pub(super) fn unlinked_sql(&self, dialect: Dialect, objects: &str, limit: usize) -> String {
        let conditions = by_key(dialect, 1).replace("stripe_id =", "stripe_id >");
        format!(
            "SELECT stripe_id FROM {objects} AS o WHERE {conditions} AND deleted_at IS NULL AND NOT {} \
             ORDER BY stripe_id LIMIT {limit}",
            self.has_row("o")
        )
    }

    /// The rows of objects, by keys: the columns of a row, its account, mode and type, the place among the keys, and
    /// whether the object has a row here. Those that have are left out where nothing is derived.
    pub(super) fn linkable_sql(&self, dialect: Dialect, objects: &str) -> String {
        let (keys, key, data) = match dialect {
            Dialect::Postgres => (
                "unnest($1::text[], $2::boolean[], $3::text[], $4::text[]) WITH ORDINALITY \
                 AS k (account, livemode, object, stripe_id, place) JOIN",
                "o.account = k.account AND o.livemode = k.livemode AND o.object = k.object \
                 AND o.stripe_id = k.stripe_id",
                "o.data::text, o.api_version, o.as_of, o.as_of_until, o.source, o.deleted_at, o.created_at, \
                 o.updated_at, o.account, o.livemode, o.object, k.place - 1",
            ),
            Dialect::Sqlite => (
                "json_each(?1) AS k CROSS JOIN",
                "o.account = k.value ->> 0 AND o.livemode = k.value ->> 1 AND o.object = k.value ->> 2 \
                 AND o.stripe_id = k.value ->> 3",
                "o.data, o.api_version, o.as_of, o.as_of_until, o.source, o.deleted_at, o.created_at, o.updated_at, \
                 o.account, o.livemode, o.object, k.key",
            ),
        };
        let has_row = self.has_row("o");
        let left_out = if self.has_derived() {
            String::new()
        } else {
            format!(" AND NOT {has_row}")
        };
        format!(
            "SELECT o.stripe_id, {data}, {has_row} FROM {keys} {objects} AS o ON {key} \
             WHERE o.deleted_at IS NULL{left_out} ORDER BY 13"
        )
    }

    /// Whether there is a row for the object.
    fn has_row(&self, object: &str) -> String {
        let key: Vec<_> = KEY
            .split(", ")
            .map(|column| format!("own.{column} = {object}.{column}"))
            .collect();
        format!(
            "EXISTS (SELECT 1 FROM {} AS own WHERE {})",
            self.quoted_table(),
            key.join(" AND ")
        )
    }

    /// Makes the indexes.
    fn indexes_sql(&self) -> String {
        concat(
            self.indexes()
                .map(|index| format!("{};\n", index.create_sql(""))),
        )
    }

    /// The indexes of single columns.
    pub(super) fn indexes(&self) -> impl Iterator<Item = IndexPlan> + '_ {
        self.columns.iter().filter_map(|column| {
            let (suffix, is_unique) = match column.index {
                Index::None => return None,
                Index::Plain => ("idx", false),
                Index::Unique => ("key", true),
            };
            let name = create::index_name(self.name(), column.name, suffix);
            Some(IndexPlan {
                qualified: match self.schema() {
                    Some(schema) => format!("{}.{}", quoted(schema), quoted(&name)),
                    None => quoted(&name),
                },
                name,
                table: self.quoted_table(),
                columns: format!("({})", quoted(column.name)),
                is_unique,
            })
        })
    }
}

#[cfg(feature = "postgres")]
impl Reference {
    /// The table that is referred to, quoted.
    pub(super) fn quoted_table(&self) -> String {
        quoted(self.table)
    }
}

/// That columns equal the parameters from a place on.
pub(super) fn equal(dialect: Dialect, first: usize, columns: &[&str]) -> String {
    let equal = (first..)
        .zip(columns)
        .map(|(number, column)| format!("{column} = {}", place(dialect, number)));
    equal.collect::<Vec<_>>().join(" AND ")
}

/// The place of a parameter.
pub(super) fn place(dialect: Dialect, number: usize) -> String {
    match dialect {
        Dialect::Postgres => format!("${number}"),
        Dialect::Sqlite => format!("?{number}"),
    }
}

fn by_key(dialect: Dialect, first: usize) -> String {
    equal(
        dialect,
        first,
        &["account", "livemode", "object", "stripe_id"],
    )
}
