//! What a model's struct has and its table lacks, and the other way round.
//!
//! What can be added without loss is; everything else is refused, with the statements that do it. Plain functions: knows no
//! connection.

use super::create::{column_sql, references_sql};
use super::{Extension, KEY, concat, quoted};
use crate::extended::{ColumnDef, Reference};
use crate::store::Dialect;
use crate::store::sql::IndexPlan;

/// What a table has, as the database tells it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    pub(crate) columns: Vec<CatalogColumn>,
    pub(crate) has_rows: bool,
}

/// A column that there is.
#[derive(Debug, Clone)]
pub(crate) struct CatalogColumn {
    pub(crate) name: String,
    /// In the database's spelling.
    pub(crate) sql_type: String,
    /// The same of the type that the struct says, where it has such a column.
    pub(crate) wanted_type: Option<String>,
    pub(crate) is_nullable: bool,
    /// The table, column and action of a reference, in the database's spelling.
    pub(crate) references: Option<CatalogReference>,
}

/// What a column refers to.
#[derive(Debug, Clone)]
pub(crate) struct CatalogReference {
    /// The name of the constraint, where there is one.
    pub(crate) constraint: Option<String>,
    /// Whether it is the table and column that the struct says.
    pub(crate) is_same: bool,
    /// As in `ON DELETE`.
    pub(crate) on_delete: String,
    /// For messages.
    pub(crate) target: String,
}

/// What is to be done to a table.
#[derive(Debug)]
pub(crate) enum Difference {
    /// These statements, in their order, and then these indexes.
    Additions(Vec<String>, Vec<IndexPlan>),
    /// What would lose or rewrite data: a line for each, and the statements to run by hand.
    Refused(Vec<String>, String),
}

/// The columns that every model's table has.
const OURS: [&str; 7] = [
    "id",
    "account",
    "livemode",
    "object",
    "stripe_id",
    "created_at",
    "updated_at",
];

impl Extension {
    /// What is to be done; `None` for a table that is not there.
    pub(crate) fn difference(&self, dialect: Dialect, catalog: Option<&Catalog>) -> Difference {
        let indexes = self.indexes().collect();
        let Some(catalog) = catalog else {
            let create = self.create_table(dialect, &self.quoted_table());
            return Difference::Additions(vec![create], indexes);
        };
        let mut additions = Vec::new();
        let mut refused = Refusals::default();
        for name in OURS {
            if !catalog.columns.iter().any(|column| column.name == name) {
                refused.add(
                    format!("it has no column {name}, so it is no table of a model"),
                    format!(
                        "ALTER TABLE {} RENAME TO \"{}_before\";",
                        self.quoted_table(),
                        self.name()
                    ),
                );
            }
        }
        if refused.is_empty() {
            for column in self.columns {
                let found = catalog
                    .columns
                    .iter()
                    .find(|found| found.name == column.name);
                match found {
                    Some(found) => self.compare(dialect, column, found, &mut refused),
                    None => self.add(
                        dialect,
                        column,
                        catalog.has_rows,
                        &mut additions,
                        &mut refused,
                    ),
                }
            }
            for found in &catalog.columns {
                let is_known = OURS.contains(&found.name.as_str())
                    || self.columns.iter().any(|column| column.name == found.name);
                if !is_known {
                    refused.add(
                        format!("the struct has no field for the column {}", found.name),
                        format!(
                            "ALTER TABLE {} DROP COLUMN {};",
                            self.quoted_table(),
                            quoted(&found.name)
                        ),
                    );
                }
            }
        }
        if refused.is_empty() {
            return Difference::Additions(additions, indexes);
        }
        let sql = match dialect {
            Dialect::Sqlite if refused.needs_rebuild => self.rebuild_sql(catalog),
            _ => refused.sql.join("\n"),
        };
        Difference::Refused(refused.lines, sql)
    }

    fn add(
        &self,
        dialect: Dialect,
        column: &ColumnDef,
        has_rows: bool,
        additions: &mut Vec<String>,
        refused: &mut Refusals,
    ) {
        let table = self.quoted_table();
        if column.is_nullable || column.default.is_some() || !has_rows {
            additions.push(format!(
                "ALTER TABLE {table} ADD COLUMN {}",
                column_sql(dialect, column)
            ));
            return;
        }
        let name = quoted(column.name);
        let line = format!(
            "{} may not be NULL, and what the rows that are there are to have is not said: say \
             `#[stripe(default = \"…\")]`, take an `Option`, or fill it by hand",
            column.name
        );
        match dialect {
            Dialect::Postgres => {
                let nullable = column_sql(dialect, &column.nullable());
                refused.add(
                    line,
                    format!(
                        "ALTER TABLE {table} ADD COLUMN {nullable};\n\
                         -- UPDATE {table} SET {name} = … for every row, then:\n\
                         ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL;"
                    ),
                );
            }
            Dialect::Sqlite => refused.add(
                line,
                format!(
                    "-- with the value that the rows are to have, in the place of …:\n\
                     -- ALTER TABLE {table} ADD COLUMN {} DEFAULT …;",
                    column_sql(dialect, column)
                ),
            ),
        }
    }

    fn compare(
        &self,
        dialect: Dialect,
        column: &ColumnDef,
        found: &CatalogColumn,
        refused: &mut Refusals,
    ) {
        let table = self.quoted_table();
        let name = quoted(column.name);
        let wanted = found
            .wanted_type
            .as_deref()
            .unwrap_or(column.sql_type(dialect));
        if !wanted.eq_ignore_ascii_case(&found.sql_type) {
            refused.rebuild(
                format!(
                    "{} is {}, and would become {wanted}",
                    column.name, found.sql_type
                ),
                format!(
                    "ALTER TABLE {table} ALTER COLUMN {name} TYPE {wanted} USING {name}::{wanted};"
                ),
            );
        }
        match (found.is_nullable, column.is_nullable) {
            (true, false) => refused.rebuild(
                format!("{} may be NULL, and would not be any more", column.name),
                format!(
                    "-- give every row a value first: UPDATE {table} SET {name} = … WHERE {name} IS NULL;\n\
                     ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL;"
                ),
            ),
            (false, true) => refused.rebuild(
                format!("{} may not be NULL, and would be from then on", column.name),
                format!("ALTER TABLE {table} ALTER COLUMN {name} DROP NOT NULL;"),
            ),
            _ => {}
        }
        self.compare_reference(column, found, refused);
    }

    fn compare_reference(&self, column: &ColumnDef, found: &CatalogColumn, refused: &mut Refusals) {
        let table = self.quoted_table();
        let name = quoted(column.name);
        let is_same = |wanted: &Reference, found: &CatalogReference| {
            found.is_same && wanted.on_delete.sql() == found.on_delete
        };
        let drop = |found: &CatalogReference| {
            let constraint = found.constraint.as_deref().map(quoted);
            format!(
                "ALTER TABLE {table} DROP CONSTRAINT {};",
                constraint.unwrap_or_default()
            )
        };
        let told = |wanted: &Reference| {
            format!(
                "{}({}) on delete {}",
                wanted.table,
                wanted.column,
                wanted.on_delete.sql().to_lowercase()
            )
        };
        let add = |wanted: &Reference| {
            format!(
                "ALTER TABLE {table} ADD FOREIGN KEY ({name}){};",
                references_sql(wanted)
            )
        };
        match (&column.references, &found.references) {
            (None, None) => {}
            (Some(wanted), Some(found)) if is_same(wanted, found) => {}
            (Some(wanted), Some(found)) => refused.rebuild(
                format!(
                    "{} refers to {} on delete {}, and would to {}",
                    column.name,
                    found.target,
                    found.on_delete.to_lowercase(),
                    told(wanted)
                ),
                format!("{}\n{}", drop(found), add(wanted)),
            ),
            (Some(wanted), None) => refused.rebuild(
                format!(
                    "{} refers to nothing, and would to {}",
                    column.name,
                    told(wanted)
                ),
                add(wanted),
            ),
            (None, Some(found)) => refused.rebuild(
                format!(
                    "{} refers to {}, and would not any more",
                    column.name, found.target
                ),
                drop(found),
            ),
        }
    }

    /// SQLite changes few things of a table: the rest is a new one with the old one's rows.
    fn rebuild_sql(&self, catalog: &Catalog) -> String {
        let dialect = Dialect::Sqlite;
        let table = self.quoted_table();
        let new = quoted(&format!("{}_new", self.table));
        let kept: Vec<_> = self
            .columns
            .iter()
            .filter(|column| {
                catalog
                    .columns
                    .iter()
                    .any(|found| found.name == column.name)
            })
            .collect();
        let names = |value: &dyn Fn(&ColumnDef) -> String| -> String {
            concat(kept.iter().map(|column| format!(", {}", value(column))))
        };
        let into = names(&|column| quoted(column.name));
        let from = names(&|column| {
            let found = catalog
                .columns
                .iter()
                .find(|found| found.name == column.name);
            let wanted = column.sql_type(dialect);
            match found {
                Some(found) if !found.sql_type.eq_ignore_ascii_case(wanted) => {
                    format!("CAST({} AS {wanted})", quoted(column.name))
                }
                _ => quoted(column.name),
            }
        });
        let indexes = self.indexes_sql();
        format!(
            "PRAGMA foreign_keys = OFF;\nBEGIN;\n{};\n\
             INSERT INTO {new} (id, {KEY}, created_at, updated_at{into})\n    \
             SELECT id, {KEY}, created_at, updated_at{from} FROM {table};\n\
             DROP TABLE {table};\nALTER TABLE {new} RENAME TO {table};\n{indexes}COMMIT;\nPRAGMA foreign_keys = ON;",
            self.create_table(dialect, &new)
        )
    }
}

#[derive(Debug, Default)]
struct Refusals {
    lines: Vec<String>,
    sql: Vec<String>,
    needs_rebuild: bool,
}

impl Refusals {
    fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn add(&mut self, line: String, sql: String) {
        self.lines.push(line);
        self.sql.push(sql);
    }

    /// One for which SQLite has no statement.
    fn rebuild(&mut self, line: String, sql: String) {
        self.needs_rebuild = true;
        self.add(line, sql);
    }
}
