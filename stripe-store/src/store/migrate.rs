//! The migrations: embedded files, one folder a dialect.
//!
//! Each file reads as plain SQL for the plain table names. Under a prefix its names get the prefix, and in a schema it
//! runs with the schema as its `search_path`. The checksum that the database records is that of the file as shipped,
//! so that it says the same under every name.

use std::borrow::Cow;

use sqlx::migrate::{AppliedMigration, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::error::StoreError;
use super::tables::TableNames;
use super::{Dialect, Store, span, with_database};

/// A migration as shipped. A file that was released never changes.
struct Embedded {
    version: i64,
    name: &'static str,
    postgres: &'static str,
    sqlite: &'static str,
}

const MIGRATIONS: [Embedded; 5] = [
    Embedded {
        version: 1,
        name: "stripe objects",
        postgres: include_str!("../../migrations/postgres/0001_stripe_objects.sql"),
        sqlite: include_str!("../../migrations/sqlite/0001_stripe_objects.sql"),
    },
    Embedded {
        version: 2,
        name: "stripe sync state",
        postgres: include_str!("../../migrations/postgres/0002_stripe_sync_state.sql"),
        sqlite: include_str!("../../migrations/sqlite/0002_stripe_sync_state.sql"),
    },
    Embedded {
        version: 3,
        name: "stripe events",
        postgres: include_str!("../../migrations/postgres/0003_stripe_events.sql"),
        sqlite: include_str!("../../migrations/sqlite/0003_stripe_events.sql"),
    },
    Embedded {
        version: 4,
        name: "stripe idempotency keys",
        postgres: include_str!("../../migrations/postgres/0004_stripe_idempotency_keys.sql"),
        sqlite: include_str!("../../migrations/sqlite/0004_stripe_idempotency_keys.sql"),
    },
    Embedded {
        version: 5,
        name: "stripe webhooks",
        postgres: include_str!("../../migrations/postgres/0005_stripe_webhooks.sql"),
        sqlite: include_str!("../../migrations/sqlite/0005_stripe_webhooks.sql"),
    },
];

impl Embedded {
    fn sql(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Postgres => self.postgres,
            Dialect::Sqlite => self.sqlite,
        }
    }
}

impl Store {
    /// Creates the tables, or brings them up to this version. Calling it again changes nothing.
    ///
    /// Runs in one transaction, which other processes that migrate at the same moment wait for. The migrations that
    /// ran are recorded in the table `_stripe_store_migrations`, beside an application's own. When there is nothing
    /// to do it only reads, so that a user without the right to create tables may call it.
    ///
    /// # Errors
    ///
    /// [`NewerDatabase`](StoreError::NewerDatabase) when a newer version migrated it;
    /// [`ChangedMigration`](StoreError::ChangedMigration) when a recorded migration is not ours;
    /// [`Migrate`](StoreError::Migrate) when the database refuses. It is as it was before then.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the database as before or migrated, never between.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let span = tracing::info_span!("stripe_store.migrate", duration_ms = tracing::field::Empty);
        span::timed(span, async {
            with_database!(self, database => database.migrate(&self.inner.tables).await)
        })
        .await
        .map_err(StoreError::migrate)
    }

    /// Whether the tables are those of this version, or of a newer one, by what [`migrate`](Self::migrate) recorded. Only
    /// reads.
    ///
    /// A process whose successor has migrated the database already goes on working on it.
    ///
    /// # Errors
    ///
    /// [`Migrate`](StoreError::Migrate) when the database does not answer.
    pub async fn is_migrated(&self) -> Result<bool, StoreError> {
        let tables = &self.inner.tables;
        let applied = with_database!(self, database => database.applied(tables).await);
        let applied = applied.map_err(StoreError::migrate)?;
        Ok(has_all(&migrator(self.dialect(), tables), &applied))
    }

    /// The statements of all migrations, for those who run their own: plain SQL, in order, under `tables`' prefix.
    ///
    /// Run them with the schema, if there is one, as the `search_path`. [`migrate`](Self::migrate) knows nothing of
    /// tables made this way and must not be called on them.
    ///
    /// ```
    /// use stripe_store::Store;
    /// use stripe_store::store::{Dialect, TableNames};
    ///
    /// let sql = Store::migrations_sql(Dialect::Postgres, &TableNames::new());
    /// assert!(sql.contains("CREATE TABLE stripe_objects ("));
    /// ```
    pub fn migrations_sql(dialect: Dialect, tables: &TableNames) -> String {
        let parts: Vec<_> = MIGRATIONS
            .iter()
            .map(|migration| tables.apply_prefix(migration.sql(dialect)))
            .collect();
        parts.join("\n")
    }
}

/// The migrator for these names. It takes no lock of its own: whoever runs it holds one.
pub(crate) fn migrator(dialect: Dialect, tables: &TableNames) -> Migrator {
    let migrations = MIGRATIONS.iter().map(|embedded| {
        let shipped = embedded.sql(dialect);
        let migration = |sql: String| {
            Migration::new(
                embedded.version,
                Cow::Borrowed(embedded.name),
                MigrationType::Simple,
                AssertSqlSafe(sql).into_sql_str(),
                false,
            )
        };
        let mut prefixed = migration(tables.apply_prefix(shipped));
        prefixed.checksum = migration(shipped.to_owned()).checksum;
        prefixed
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name(tables.migrations());
    migrator.set_locking(false);
    migrator
}

/// Whether exactly the migrator's migrations were applied already.
pub(crate) fn is_done(migrator: &Migrator, applied: &[AppliedMigration]) -> bool {
    applied.len() == migrator.iter().count()
        && migrator.iter().zip(applied).all(|(migration, applied)| {
            migration.version == applied.version && migration.checksum == applied.checksum
        })
}

/// Whether each of the migrator's migrations was applied, among others perhaps.
fn has_all(migrator: &Migrator, applied: &[AppliedMigration]) -> bool {
    migrator.iter().all(|migration| {
        let mut applied = applied.iter();
        applied.any(|it| it.version == migration.version && it.checksum == migration.checksum)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tables::TABLES;

    #[test]
    fn the_checksum_does_not_depend_on_the_prefix() {
        let prefixed = TableNames::new().with_prefix("eu_").unwrap();
        for dialect in [Dialect::Postgres, Dialect::Sqlite] {
            let plain = migrator(dialect, &TableNames::new());
            let named = migrator(dialect, &prefixed);
            assert_eq!(plain.migrations[0].checksum, named.migrations[0].checksum);
            assert_ne!(
                plain.migrations[0].sql.as_str(),
                named.migrations[0].sql.as_str()
            );
        }
    }

    #[test]
    fn c010_every_name_gets_the_prefix() {
        let prefixed = TableNames::new().with_prefix("eu_").unwrap();
        for dialect in [Dialect::Postgres, Dialect::Sqlite] {
            let sql = Store::migrations_sql(dialect, &prefixed);
            for table in TABLES {
                assert!(sql.contains(&format!("CREATE TABLE eu_{table} (")));
                assert!(!sql.replace(&format!("eu_{table}"), "").contains(table));
            }
            // A table that a later migration makes is to be among them.
            assert_eq!(
                sql.matches("CREATE TABLE ").count(),
                sql.matches("CREATE TABLE eu_").count()
            );
            assert!(sql.contains("    stripe_id text") || sql.contains("    stripe_id TEXT"));
        }
    }
}
