//! The statements of SQLite.
//!
//! A write is one transaction that holds the write lock from its beginning, so that what it reads stays true until it
//! commits, and it never finds out half way that another writer was faster.

use std::collections::HashMap;

use sqlx::migrate::{Migrate, MigrateError};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, SqlSafeStr, SqlStr, SqliteConnection, SqlitePool};
use tokio::sync::Mutex;

use super::batch::{Candidate, Rank, chunks};
use super::list::{ListQuery, ListedRow};
use super::outcome::Verdict;
use super::read::RawCount;
use super::scope::Scope;
use super::stored::{RawRow, RawTime};
use super::tables::TableNames;
use super::text::same_json;
use super::{Deleted, Dialect, migrate};
use crate::clock::UnixMillis;

/// How many rows one `INSERT` takes. Few sizes, so that few statements are prepared; any number is a sum of them.
const INSERT_ROWS: [usize; 4] = [64, 16, 4, 1];
const INSERT_COLUMNS: usize = 12;

/// How many rows one query for the state of a batch asks for.
const STATE_ROWS: usize = 1000;

/// Sorts lists; the same expression as in the index `stripe_objects_created_idx`.
const CREATED: &str = "(CASE WHEN json_type(data, '$.created') IN ('integer', 'real') \
    THEN CAST(min(max(data ->> '$.created', 0), 9999999999) AS INTEGER) ELSE 0 END)";

/// What a read asks for; it knows the scope and the type itself.
const COLUMNS: &str =
    "stripe_id, data, api_version, as_of, as_of_until, source, deleted_at, created_at, updated_at";

/// A pool, and the statements for the names of its tables.
#[derive(Debug)]
pub(crate) struct SqliteDatabase {
    pool: SqlitePool,
    /// SQLite has one writer at a time. Those of this process wait here, in order, and not in the file's lock, where
    /// who waits sleeps and who comes first is a matter of luck.
    writer: Mutex<()>,
    get: SqlStr,
    get_many: SqlStr,
    list_after: SqlStr,
    list_from: SqlStr,
    counts: SqlStr,
    state: SqlStr,
    inserts: [SqlStr; INSERT_ROWS.len()],
    update: SqlStr,
}

/// The names in a statement were checked by [`TableNames`]; everything else in it is a constant.
fn checked(sql: String) -> SqlStr {
    AssertSqlSafe(std::sync::Arc::<str>::from(sql)).into_sql_str()
}

impl SqliteDatabase {
    pub(crate) fn new(pool: SqlitePool, tables: &TableNames) -> Self {
        let table = tables.objects();
        let one_type = format!(
            "SELECT {COLUMNS} FROM {table} WHERE account = ?1 AND livemode = ?2 AND object = ?3 \
             AND (?4 OR deleted_at IS NULL)"
        );
        // Where the last page ended, then everything older. SQLite does not take a comparison of a pair with an
        // expression in it to an index, as PostgreSQL does, and would read every earlier page again.
        let list = |comparison: &str| {
            let part = |place: &str, order: &str| {
                format!(
                    "SELECT * FROM (SELECT {COLUMNS}, {CREATED} AS created FROM {table} \
                     WHERE account = ?1 AND livemode = ?2 AND object = ?3 \
                     AND (?4 OR deleted_at IS NULL) AND {place} ORDER BY {order} LIMIT ?7)"
                )
            };
            checked(format!(
                "{} UNION ALL {} ORDER BY created DESC, stripe_id DESC LIMIT ?7",
                part(
                    &format!("{CREATED} = ?5 AND stripe_id {comparison} ?6"),
                    "stripe_id DESC"
                ),
                part(
                    &format!("{CREATED} < ?5"),
                    &format!("{CREATED} DESC, stripe_id DESC")
                ),
            ))
        };
        Self {
            pool,
            writer: Mutex::new(()),
            get: checked(format!("{one_type} AND stripe_id = ?5")),
            get_many: checked(format!(
                "{one_type} AND stripe_id IN (SELECT value FROM json_each(?5))"
            )),
            list_after: list("<"),
            list_from: list("<="),
            counts: checked(format!(
                "SELECT account, livemode, object, count(*), count(deleted_at) FROM {table} \
                 GROUP BY account, livemode, object ORDER BY account, livemode, object"
            )),
            // The order of the join is fixed: a look into the primary key for each key, never a scan of the table.
            state: checked(format!(
                "SELECT k.key, r.data, r.api_version, r.as_of, r.as_of_until, r.source, r.deleted_at, r.updated_at \
                 FROM json_each(?1) AS k CROSS JOIN {table} AS r \
                 WHERE r.account = k.value ->> 0 AND r.livemode = k.value ->> 1 AND r.object = k.value ->> 2 \
                 AND r.stripe_id = k.value ->> 3"
            )),
            inserts: INSERT_ROWS.map(|rows| checked(insert_sql(&table, rows))),
            update: checked(format!(
                "UPDATE {table} SET api_version = ?5, as_of = ?6, as_of_until = ?7, source = ?8, deleted_at = ?9, \
                 updated_at = ?10 WHERE account = ?1 AND livemode = ?2 AND object = ?3 AND stripe_id = ?4"
            )),
        }
    }

    pub(crate) async fn get(
        &self,
        scope: &Scope,
        object: &str,
        id: &str,
        deleted: Deleted,
    ) -> Result<Option<RawRow>, sqlx::Error> {
        let row = sqlx::query(self.get.clone())
            .bind(scope.account_column())
            .bind(scope.mode().is_live())
            .bind(object)
            .bind(deleted.is_included())
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| raw_row(&row, scope, object)).transpose()
    }

    pub(crate) async fn get_many(
        &self,
        scope: &Scope,
        object: &str,
        ids: &[&str],
        deleted: Deleted,
    ) -> Result<Vec<RawRow>, sqlx::Error> {
        let rows = sqlx::query(self.get_many.clone())
            .bind(scope.account_column())
            .bind(scope.mode().is_live())
            .bind(object)
            .bind(deleted.is_included())
            .bind(to_json(&ids)?)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| raw_row(row, scope, object)).collect()
    }

    pub(crate) async fn list(&self, query: ListQuery<'_>) -> Result<Vec<ListedRow>, sqlx::Error> {
        let after = query.after();
        let sql = if after.inclusive {
            &self.list_from
        } else {
            &self.list_after
        };
        let rows = sqlx::query(sql.clone())
            .bind(query.scope.account_column())
            .bind(query.scope.mode().is_live())
            .bind(query.object)
            .bind(query.deleted.is_included())
            .bind(after.created)
            .bind(after.id)
            .bind(query.limit)
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ListedRow {
                    created: row.try_get("created")?,
                    row: raw_row(row, query.scope, query.object)?,
                })
            })
            .collect()
    }

    pub(crate) async fn counts(&self) -> Result<Vec<RawCount>, sqlx::Error> {
        sqlx::query_as(self.counts.clone())
            .fetch_all(&self.pool)
            .await
    }

    pub(crate) async fn write(
        &self,
        candidates: &[Candidate<'_>],
        now: UnixMillis,
    ) -> Result<Vec<Verdict>, sqlx::Error> {
        let _turn = self.writer.lock().await;
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let mut states = self.states(&mut transaction, candidates).await?;
        let mut verdicts = Vec::with_capacity(candidates.len());
        let mut inserts = Vec::new();
        for (at, candidate) in candidates.iter().enumerate() {
            let decision = decide(candidate, states.remove(&at), now);
            verdicts.push(decision.verdict());
            match decision {
                Decision::Keep(_) => {}
                Decision::Replace(row, _) => inserts.push((candidate, row)),
                Decision::Touch(row, _) => self.update(&mut transaction, candidate, &row).await?,
            }
        }
        self.insert(&mut transaction, &inserts).await?;
        transaction.commit().await?;
        Ok(verdicts)
    }

    /// The rows that there are for `candidates`, by the candidate's place.
    async fn states(
        &self,
        connection: &mut SqliteConnection,
        candidates: &[Candidate<'_>],
    ) -> Result<HashMap<usize, State>, sqlx::Error> {
        let mut states = HashMap::new();
        let mut first = 0;
        for chunk in chunks(candidates, STATE_ROWS, usize::MAX) {
            let keys: Vec<_> = chunk
                .iter()
                .map(|Candidate { key, .. }| {
                    (key.account, i32::from(key.livemode), key.object, key.id)
                })
                .collect();
            let rows = sqlx::query(self.state.clone())
                .bind(to_json(&keys)?)
                .fetch_all(&mut *connection)
                .await?;
            for row in &rows {
                let at = usize::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default();
                states.insert(
                    first + at,
                    State {
                        data: row.try_get(1)?,
                        columns: Columns {
                            api_version: row.try_get(2)?,
                            as_of: row.try_get(3)?,
                            as_of_until: row.try_get(4)?,
                            source: row.try_get(5)?,
                            deleted_at: row.try_get(6)?,
                            updated_at: row.try_get(7)?,
                        },
                    },
                );
            }
            first += chunk.len();
        }
        Ok(states)
    }

    async fn insert(
        &self,
        connection: &mut SqliteConnection,
        mut rows: &[(&Candidate<'_>, Columns)],
    ) -> Result<(), sqlx::Error> {
        for (size, sql) in INSERT_ROWS.into_iter().zip(&self.inserts) {
            while let Some((group, rest)) = rows.split_at_checked(size) {
                let mut query = sqlx::query(sql.clone());
                for (candidate, row) in group {
                    query = query
                        .bind(candidate.key.account)
                        .bind(candidate.key.livemode)
                        .bind(candidate.key.object)
                        .bind(candidate.key.id)
                        .bind(candidate.snapshot.data())
                        .bind(row.api_version.as_deref())
                        .bind(row.as_of)
                        .bind(row.as_of_until)
                        .bind(row.source.as_str())
                        .bind(row.deleted_at.as_deref())
                        .bind(row.updated_at.as_str())
                        .bind(row.updated_at.as_str());
                }
                query.execute(&mut *connection).await?;
                rows = rest;
            }
        }
        Ok(())
    }

    async fn update(
        &self,
        connection: &mut SqliteConnection,
        candidate: &Candidate<'_>,
        row: &Columns,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(self.update.clone())
            .bind(candidate.key.account)
            .bind(candidate.key.livemode)
            .bind(candidate.key.object)
            .bind(candidate.key.id)
            .bind(row.api_version.as_deref())
            .bind(row.as_of)
            .bind(row.as_of_until)
            .bind(row.source.as_str())
            .bind(row.deleted_at.as_deref())
            .bind(row.updated_at.as_str())
            .execute(connection)
            .await?;
        Ok(())
    }

    pub(crate) async fn migrate(&self, tables: &TableNames) -> Result<(), MigrateError> {
        let migrator = migrate::migrator(Dialect::Sqlite, tables);
        let _turn = self.writer.lock().await;
        let mut connection = self.pool.acquire().await?;
        let table = tables.migrations();
        let exists: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)",
        )
        .bind(table.trim_matches('"'))
        .fetch_one(&mut *connection)
        .await?;
        if exists {
            let applied = connection.list_applied_migrations(&table).await?;
            if migrate::is_done(&migrator, &applied) {
                return Ok(());
            }
        }
        drop(connection);
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        migrator.run_direct(None, &mut *transaction, false).await?;
        transaction.commit().await?;
        Ok(())
    }
}

fn insert_sql(table: &str, rows: usize) -> String {
    let row = format!("({})", ["?"; INSERT_COLUMNS].join(", "));
    let values = vec![row; rows].join(", ");
    format!(
        "INSERT INTO {table} (account, livemode, object, stripe_id, data, api_version, as_of, as_of_until, source, \
         deleted_at, created_at, updated_at) VALUES {values} \
         ON CONFLICT (account, livemode, object, stripe_id) DO UPDATE SET data = excluded.data, \
         api_version = excluded.api_version, as_of = excluded.as_of, as_of_until = excluded.as_of_until, \
         source = excluded.source, deleted_at = excluded.deleted_at, updated_at = excluded.updated_at"
    )
}

fn to_json(value: &impl serde::Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// A row as it is before a write.
#[derive(Debug)]
struct State {
    data: String,
    columns: Columns,
}

/// The columns of a row that a write sets, but data and key.
#[derive(Debug, Clone)]
struct Columns {
    api_version: Option<String>,
    as_of: i64,
    as_of_until: i64,
    source: String,
    deleted_at: Option<String>,
    updated_at: String,
}

/// What to do with a row, and what is known of it.
#[derive(Debug)]
enum Decision {
    /// Leave the row as it is.
    Keep(Verdict),
    /// Write the row with the candidate's data.
    Replace(Columns, Verdict),
    /// Write the row but its data.
    Touch(Columns, Verdict),
}

impl Decision {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Keep(verdict) | Self::Replace(_, verdict) | Self::Touch(_, verdict) => *verdict,
        }
    }
}

/// The rule that PostgreSQL's statement states in SQL.
fn decide(candidate: &Candidate<'_>, state: Option<State>, now: UnixMillis) -> Decision {
    let rank = candidate.rank();
    let new = Columns {
        api_version: candidate.snapshot.api_version().map(str::to_owned),
        as_of: rank.as_of,
        as_of_until: rank.as_of_until,
        source: rank.source.to_owned(),
        deleted_at: candidate
            .deleted_at
            .map(|at| UnixMillis::new(at).to_string()),
        updated_at: now.to_string(),
    };
    let Some(State { data, columns: old }) = state else {
        return Decision::Replace(
            new,
            Verdict {
                inserted: true,
                written: true,
                newer: true,
                ..Verdict::default()
            },
        );
    };
    let was_deleted = old.deleted_at.is_some();
    let newer = rank > old.rank(!(was_deleted && is_stub(&data)));
    let same = same_json(&data, candidate.snapshot.data());
    // The times are written so that text order is time order.
    let deletes = match (&new.deleted_at, &old.deleted_at) {
        (Some(new), Some(old)) => new < old,
        (new, _) => new.is_some(),
    };
    let verdict = Verdict {
        inserted: false,
        written: newer || deletes,
        was_deleted,
        same,
        newer,
    };
    if !verdict.written {
        return Decision::Keep(verdict);
    }
    let replaces = newer && !same;
    let deleted_at = if deletes {
        new.deleted_at.clone()
    } else {
        old.deleted_at.clone()
    };
    let changes = replaces || (deletes && !was_deleted);
    let updated_at = if changes {
        new.updated_at.clone()
    } else {
        old.updated_at.clone()
    };
    let columns = Columns {
        deleted_at,
        updated_at,
        ..if newer { new } else { old }
    };
    if replaces {
        Decision::Replace(columns, verdict)
    } else {
        Decision::Touch(columns, verdict)
    }
}

impl Columns {
    fn rank(&self, full: bool) -> Rank<'_> {
        Rank {
            full,
            as_of_until: self.as_of_until,
            as_of: self.as_of,
            source: &self.source,
        }
    }
}

/// Whether `data` is what remains of a deleted object, and not the object.
fn is_stub(data: &str) -> bool {
    super::snapshot::Snapshot::read(data).is_ok_and(|snapshot| snapshot.is_deleted())
}

fn raw_time(text: String) -> RawTime {
    UnixMillis::parse(&text).ok_or(text)
}

fn raw_row(row: &SqliteRow, scope: &Scope, object: &str) -> Result<RawRow, sqlx::Error> {
    Ok(RawRow {
        account: scope.account_column().to_owned(),
        livemode: scope.mode().is_live(),
        object: object.to_owned(),
        stripe_id: row.try_get(0)?,
        data: row.try_get(1)?,
        api_version: row.try_get(2)?,
        as_of: row.try_get(3)?,
        as_of_until: row.try_get(4)?,
        source: row.try_get(5)?,
        deleted_at: row.try_get::<Option<String>, _>(6)?.map(raw_time),
        created_at: raw_time(row.try_get(7)?),
        updated_at: raw_time(row.try_get(8)?),
    })
}

#[cfg(test)]
mod tests;
