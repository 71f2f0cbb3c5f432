//! Writing on SQLite: what there is is read, decided on here, and written, in one transaction.

use std::borrow::Cow;
use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Row as _, SqlStr, SqliteConnection};

use super::decide::{Columns, Decision, State, decide, is_contested};
use super::{SqliteDatabase, checked, to_json};
use crate::clock::UnixMillis;
use crate::store::batch::{Answer, Candidate, Key, chunks};
use crate::store::changes::{Facts, Ledger};
use crate::store::contest::{self, Effect, Held, Origin, Plan};
use crate::store::dirty::DirtyReason;
use crate::store::rivals::{Change, Rival};
use crate::store::tables::TableNames;

/// How many rows one `INSERT` takes. Few sizes, so that few statements are prepared; any number is a sum of them.
const INSERT_ROWS: [usize; 4] = [64, 16, 4, 1];
const INSERT_COLUMNS: usize = 15;

/// Stands for the data of a row that is there and whose data stays: no statement writes it.
const NO_DATA: Cow<'static, str> = Cow::Borrowed("{}");

/// How many rows one query for the state of a batch asks for.
const STATE_ROWS: usize = 1000;

/// The statements of a write.
#[derive(Debug)]
pub(super) struct Statements {
    lock: SqlStr,
    pub(super) state: SqlStr,
    inserts: [SqlStr; INSERT_ROWS.len()],
    updates: [SqlStr; INSERT_ROWS.len()],
    rivals: SqlStr,
    forget_rivals: SqlStr,
    insert_rival: SqlStr,
    mark_dirty: SqlStr,
    unmark_dirty: SqlStr,
}

impl Statements {
    pub(super) fn new(tables: &TableNames) -> Self {
        let table = tables.objects();
        let (rivals, dirty) = (tables.rivals(), tables.dirty());
        let order = DirtyReason::Order.as_column();
        let by_key = "account = ?1 AND livemode = ?2 AND object = ?3 AND stripe_id = ?4";
        Self {
            lock: checked(format!("DELETE FROM {rivals} WHERE 0")),
            // The order of the join is fixed: a look into the primary key for each key, never a scan of the table.
            state: checked(format!(
                "SELECT k.key, r.data, r.api_version, r.as_of, r.as_of_until, r.source, r.deleted_at, r.updated_at, \
                 r.previous_attributes, r.change, r.has_rivals \
                 FROM json_each(?1) AS k CROSS JOIN {table} AS r \
                 WHERE r.account = k.value ->> 0 AND r.livemode = k.value ->> 1 AND r.object = k.value ->> 2 \
                 AND r.stripe_id = k.value ->> 3"
            )),
            inserts: INSERT_ROWS
                .map(|rows| checked(upsert_sql(&table, rows, "data = excluded.data, "))),
            updates: INSERT_ROWS.map(|rows| checked(upsert_sql(&table, rows, ""))),
            rivals: checked(format!(
                "SELECT data, api_version, as_of, as_of_until, source, previous_attributes, change FROM {rivals} \
                 WHERE {by_key} ORDER BY place"
            )),
            forget_rivals: checked(format!("DELETE FROM {rivals} WHERE {by_key}")),
            insert_rival: checked(format!(
                "INSERT INTO {rivals} (account, livemode, object, stripe_id, place, data, api_version, as_of, \
                 as_of_until, source, previous_attributes, change) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            )),
            mark_dirty: checked(format!(
                "INSERT INTO {dirty} (account, livemode, object, stripe_id, not_before, created_at, reason) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, {order}) \
                 ON CONFLICT (account, livemode, object, stripe_id, reason) DO UPDATE \
                 SET not_before = excluded.not_before"
            )),
            unmark_dirty: checked(format!(
                "DELETE FROM {dirty} WHERE {by_key} AND reason = {order}"
            )),
        }
    }
}

impl SqliteDatabase {
    pub(crate) async fn write(
        &self,
        candidates: &[Candidate<'_>],
        ledger: &mut Ledger<'_>,
    ) -> Result<Vec<Answer>, sqlx::Error> {
        let _turn = self.writer.lock().await;
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let answers = self.write_all(&mut transaction, candidates, ledger).await?;
        transaction.commit().await?;
        // Before the next writer has its turn, so that changes are told in the order of commits.
        ledger.committed();
        Ok(answers)
    }

    /// Writes in the caller's transaction, whole or not at all.
    ///
    /// Does not wait for its turn among this process's writers: the caller may hold the file's lock already, and who has
    /// the turn would wait for that.
    pub(crate) async fn write_in(
        &self,
        connection: &mut SqliteConnection,
        candidates: &[Candidate<'_>],
        ledger: &mut Ledger<'_>,
    ) -> Result<Vec<Answer>, sqlx::Error> {
        self.take_lock(connection).await?;
        let mut savepoint = connection.begin().await?;
        let answers = self.write_all(&mut savepoint, candidates, ledger).await?;
        savepoint.commit().await?;
        Ok(answers)
    }

    /// Takes the lock, if the caller has not: what is read from here on stays true.
    pub(super) async fn take_lock(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(self.writing.lock.clone())
            .execute(connection)
            .await?;
        Ok(())
    }

    /// The write, in a transaction that holds the lock.
    pub(super) async fn write_all(
        &self,
        connection: &mut SqliteConnection,
        candidates: &[Candidate<'_>],
        ledger: &mut Ledger<'_>,
    ) -> Result<Vec<Answer>, sqlx::Error> {
        let now = ledger.now();
        let mut states = self.states(connection, candidates).await?;
        let mut answers = Vec::with_capacity(candidates.len());
        let mut inserts = Vec::new();
        let mut updates = Vec::new();
        for (at, candidate) in candidates.iter().enumerate() {
            let state = states.remove(&at);
            if is_contested(candidate, state.as_ref()) {
                let held = state.as_ref().map(State::held);
                let plan = self
                    .plan(connection, candidate, state.as_ref(), held.as_ref())
                    .await?;
                let key = candidate.key;
                if ledger.is_on() && plan.is_change {
                    ledger.note(&plan.facts(key, held.as_ref(), now));
                }
                if plan.effect != Effect::Nothing {
                    let row = self
                        .follow(connection, key, &plan, state.as_ref(), now)
                        .await?;
                    if plan.effect == Effect::Data {
                        inserts.push((key, Cow::Owned(plan.row.data), row));
                    } else {
                        updates.push((key, NO_DATA, row));
                    }
                }
                answers.push(Answer::Settled(plan.outcomes));
                continue;
            }
            let old = state
                .as_ref()
                .map(|state| (state.columns.as_of, state.columns.as_of_until));
            let decision = decide(candidate, state, now);
            if ledger.is_on()
                && let Some(row) = decision.changed()
            {
                ledger.note(&Facts {
                    key: candidate.key,
                    old,
                    new: (row.as_of, row.as_of_until),
                    inserted: old.is_none(),
                    was_deleted: decision.verdict().was_deleted,
                    is_deleted: row.deleted_at.is_some(),
                    now,
                });
            }
            answers.push(Answer::Told(decision.verdict()));
            match decision {
                Decision::Keep(_) => {}
                Decision::Replace(row, _) => {
                    inserts.push((candidate.key, Cow::Borrowed(candidate.snapshot.data()), row));
                }
                Decision::Touch(row, _) => updates.push((candidate.key, NO_DATA, row)),
            }
        }
        Self::upsert(connection, &self.writing.inserts, &inserts).await?;
        Self::upsert(connection, &self.writing.updates, &updates).await?;
        Ok(answers)
    }

    /// What to do where time does not decide.
    async fn plan(
        &self,
        connection: &mut SqliteConnection,
        candidate: &Candidate<'_>,
        state: Option<&State>,
        held: Option<&Held>,
    ) -> Result<Plan, sqlx::Error> {
        let rivals = match state {
            Some(state) if state.columns.has_rivals => {
                let rows = bind_key(sqlx::query(self.writing.rivals.clone()), candidate.key)
                    .fetch_all(connection)
                    .await?;
                rows.iter().map(rival).collect::<Result<_, _>>()?
            }
            _ => Vec::new(),
        };
        Ok(contest::plan(held, rivals, candidate))
    }

    /// Writes what a plan says beside the row, and returns the row's columns.
    async fn follow(
        &self,
        connection: &mut SqliteConnection,
        key: Key<'_>,
        plan: &Plan,
        state: Option<&State>,
        now: UnixMillis,
    ) -> Result<Columns, sqlx::Error> {
        let old = state.map(|state| &state.columns);
        if !plan.keeps_all {
            self.keep_rivals(
                connection,
                key,
                plan,
                old.is_some_and(|old| old.has_rivals),
                now,
            )
            .await?;
        }
        let row = &plan.row;
        Ok(Columns {
            api_version: row.api_version.clone(),
            as_of: row.as_of,
            as_of_until: row.as_of_until,
            source: row.source.clone(),
            deleted_at: row.deleted_at.map(|at| UnixMillis::new(at).to_string()),
            updated_at: match old {
                Some(old) if !plan.is_change => old.updated_at.clone(),
                _ => now.to_string(),
            },
            previous: row.previous.clone(),
            change: row.change,
            has_rivals: !plan.others.is_empty(),
        })
    }

    async fn keep_rivals(
        &self,
        connection: &mut SqliteConnection,
        key: Key<'_>,
        plan: &Plan,
        had_rivals: bool,
        now: UnixMillis,
    ) -> Result<(), sqlx::Error> {
        if had_rivals {
            for sql in [&self.writing.forget_rivals, &self.writing.unmark_dirty] {
                bind_key(sqlx::query(sql.clone()), key)
                    .execute(&mut *connection)
                    .await?;
            }
        }
        for (place, rival) in (0_i64..).zip(&plan.others) {
            bind_key(sqlx::query(self.writing.insert_rival.clone()), key)
                .bind(place)
                .bind(&rival.data)
                .bind(&rival.tag.api_version)
                .bind(rival.as_of)
                .bind(rival.as_of_until)
                .bind(&rival.source)
                .bind(&rival.previous)
                .bind(rival.change.as_column())
                .execute(&mut *connection)
                .await?;
        }
        if let Some(until) = plan.open_until {
            bind_key(sqlx::query(self.writing.mark_dirty.clone()), key)
                .bind(until)
                .bind(now.to_string())
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
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
            let rows = sqlx::query(self.writing.state.clone())
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
                            previous: row.try_get(8)?,
                            change: Change::from_column(row.try_get(9)?),
                            has_rivals: row.try_get(10)?,
                        },
                    },
                );
            }
            first += chunk.len();
        }
        Ok(states)
    }

    async fn upsert(
        connection: &mut SqliteConnection,
        statements: &[SqlStr; INSERT_ROWS.len()],
        mut rows: &[(Key<'_>, Cow<'_, str>, Columns)],
    ) -> Result<(), sqlx::Error> {
        for (size, sql) in INSERT_ROWS.into_iter().zip(statements) {
            while let Some((group, rest)) = rows.split_at_checked(size) {
                let mut query = sqlx::query(sql.clone());
                for (key, data, row) in group {
                    query = bind_key(query, *key)
                        .bind(data.as_ref())
                        .bind(row.api_version.as_deref())
                        .bind(row.as_of)
                        .bind(row.as_of_until)
                        .bind(row.source.as_str())
                        .bind(row.deleted_at.as_deref())
                        .bind(row.updated_at.as_str())
                        .bind(row.updated_at.as_str())
                        .bind(row.previous.as_deref())
                        .bind(row.change.as_column())
                        .bind(row.has_rivals);
                }
                query.execute(&mut *connection).await?;
                rows = rest;
            }
        }
        Ok(())
    }
}

/// Makes rows, or writes their columns, and with `data` their data.
fn upsert_sql(table: &str, rows: usize, data: &str) -> String {
    let row = format!("({})", ["?"; INSERT_COLUMNS].join(", "));
    let values = vec![row; rows].join(", ");
    format!(
        "INSERT INTO {table} (account, livemode, object, stripe_id, data, api_version, as_of, as_of_until, source, \
         deleted_at, created_at, updated_at, previous_attributes, change, has_rivals) VALUES {values} \
         ON CONFLICT (account, livemode, object, stripe_id) DO UPDATE SET {data}\
         api_version = excluded.api_version, as_of = excluded.as_of, as_of_until = excluded.as_of_until, \
         source = excluded.source, deleted_at = excluded.deleted_at, updated_at = excluded.updated_at, \
         previous_attributes = excluded.previous_attributes, change = excluded.change, has_rivals = excluded.has_rivals"
    )
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

/// Binds the first four parameters.
pub(super) fn bind_key<'q>(query: Query<'q>, key: Key<'q>) -> Query<'q> {
    query
        .bind(key.account)
        .bind(key.livemode)
        .bind(key.object)
        .bind(key.id)
}

fn rival(row: &SqliteRow) -> Result<Rival<Origin>, sqlx::Error> {
    Ok(Rival {
        data: row.try_get(0)?,
        tag: Origin {
            api_version: row.try_get(1)?,
            place: None,
        },
        as_of: row.try_get(2)?,
        as_of_until: row.try_get(3)?,
        source: row.try_get(4)?,
        previous: row.try_get(5)?,
        change: Change::from_column(row.try_get(6)?),
    })
}
