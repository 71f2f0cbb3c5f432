//! Writing on PostgreSQL: one statement where time decides, a look at all that is known where it does not.

use std::convert::identity;

use futures_util::future;
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Row as _, SqlStr};

use super::pieces::{Piece, Pieces};
use super::statement::{Flags, Tells, write_sql};
use super::time::PgMillis;
use super::{BEGIN, PgDatabase, checked};
use crate::clock::UnixMillis;
use crate::store::batch::{Answer, Candidate, Key};
use crate::store::begin::{Attempts, ended};
use crate::store::changes::{Facts, Ledger};
use crate::store::contest::{self, Effect, Held, Origin, Plan};
use crate::store::dirty::DirtyReason;
use crate::store::error::{can_be_tried_again, is_contested};
use crate::store::outcome::Verdict;
use crate::store::rivals::{Change, Rival};
use crate::store::tables::TableNames;
use crate::store::text::digest;

/// What a contest is decided by.
const SNAPSHOT: &str =
    "data::text, api_version, as_of, as_of_until, source, previous_attributes::text, change";

/// The statements of a write.
#[derive(Debug)]
pub(super) struct Statements {
    write: SqlStr,
    /// The same, when changes are to be known.
    write_told: SqlStr,
    known: SqlStr,
    held: SqlStr,
    rivals: SqlStr,
    insert: SqlStr,
    update: SqlStr,
    forget_rivals: SqlStr,
    insert_rivals: SqlStr,
    mark_dirty: SqlStr,
    unmark_dirty: SqlStr,
}

impl Statements {
    pub(super) fn new(tables: &TableNames) -> Self {
        let table = tables.objects();
        let (rivals, dirty) = (tables.rivals(), tables.dirty());
        let order = DirtyReason::Order.as_column();
        let by_key = "account = $1 AND livemode = $2 AND object = $3 AND stripe_id = $4";
        Self {
            write: checked(write_sql(&table, Tells::Nothing)),
            write_told: checked(write_sql(&table, Tells::Changes)),
            known: checked(format!(
                "SELECT {SNAPSHOT}, deleted_at, has_rivals, -1 AS place FROM {table} WHERE {by_key} \
                 UNION ALL SELECT {SNAPSHOT}, NULL, NULL, place FROM {rivals} WHERE {by_key} \
                 AND EXISTS (SELECT FROM {table} WHERE {by_key}) ORDER BY place"
            )),
            held: checked(format!(
                "SELECT {SNAPSHOT}, deleted_at, has_rivals FROM {table} WHERE {by_key} FOR UPDATE"
            )),
            rivals: checked(format!(
                "SELECT {SNAPSHOT} FROM {rivals} WHERE {by_key} ORDER BY place"
            )),
            insert: checked(format!(
                "INSERT INTO {table} (account, livemode, object, stripe_id, data, api_version, as_of, as_of_until, \
                 source, previous_attributes, change, deleted_at, has_rivals, created_at, updated_at, data_digest) \
                 VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, $10::jsonb, $11, $12, $13, $14, $14, $15) \
                 ON CONFLICT (account, livemode, object, stripe_id) DO NOTHING"
            )),
            update: checked(format!(
                "UPDATE {table} SET data = coalesce($5::jsonb, data), api_version = $6, as_of = $7, as_of_until = $8, \
                 source = $9, previous_attributes = $10::jsonb, change = $11, deleted_at = $12, has_rivals = $13, \
                 updated_at = coalesce($14, updated_at), data_digest = $15 WHERE {by_key}"
            )),
            forget_rivals: checked(format!("DELETE FROM {rivals} WHERE {by_key}")),
            insert_rivals: checked(format!(
                "INSERT INTO {rivals} (account, livemode, object, stripe_id, place, data, api_version, as_of, \
                 as_of_until, source, previous_attributes, change) \
                 SELECT $1, $2, $3, $4, place, data::jsonb, api_version, as_of, as_of_until, source, previous::jsonb, \
                 change FROM unnest($5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::text[], $10::text[], \
                 $11::smallint[]) WITH ORDINALITY \
                 AS u (data, api_version, as_of, as_of_until, source, previous, change, place)"
            )),
            mark_dirty: checked(format!(
                "INSERT INTO {dirty} (account, livemode, object, stripe_id, not_before, created_at, reason) \
                 VALUES ($1, $2, $3, $4, $5, $6, {order}) \
                 ON CONFLICT (account, livemode, object, stripe_id, reason) DO UPDATE \
                 SET not_before = excluded.not_before"
            )),
            unmark_dirty: checked(format!(
                "DELETE FROM {dirty} WHERE {by_key} AND reason = {order}"
            )),
        }
    }
}

/// What a statement does when it finds with a row locked, as another writer left it, that time does not decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contested {
    /// It fails, and so writes nothing of the batch, which is tried again.
    Fails,
    /// It leaves the row as it is, and locked: the transaction, in which nothing may fail, goes on with that row.
    Waits,
}

impl PgDatabase {
    pub(crate) async fn write(
        &self,
        candidates: &[Candidate<'_>],
        ledger: &mut Ledger<'_>,
    ) -> Result<Vec<Answer>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let mut pieces = Pieces::new(candidates);
        let mut is_single = pieces.is_single();
        let mut when = Contested::Fails;
        let mut attempts = Attempts::new();
        loop {
            let result = if is_single {
                let told = self
                    .write_chunk(
                        &mut connection,
                        &mut pieces,
                        0,
                        candidates,
                        Contested::Fails,
                        ledger,
                    )
                    .await;
                match told {
                    Ok(Told::All(answers)) => Ok(answers),
                    Ok(Told::Nothing(places)) => {
                        pieces.contest(0, &places);
                        is_single = false;
                        continue;
                    }
                    Err(error) => Err(error),
                }
            } else {
                let mut transaction = connection.begin_with(BEGIN).await?;
                let written = self
                    .write_pieces(&mut transaction, &mut pieces, when, ledger)
                    .await;
                ended(transaction, written, identity).await
            };
            if result.as_ref().is_err_and(is_contested) {
                (is_single, when) = (false, Contested::Waits);
            }
            if attempts.are_over(&result, can_be_tried_again, ledger) {
                return result;
            }
        }
    }

    /// Writes, in a transaction, the candidates in the order of keys, the contested ones in their places among the
    /// others, so that all writers take rows in one order. An error leaves the transaction broken, as every error of
    /// PostgreSQL does.
    pub(super) async fn write_pieces(
        &self,
        connection: &mut PgConnection,
        pieces: &mut Pieces<'_, '_>,
        when: Contested,
        ledger: &mut Ledger<'_>,
    ) -> Result<Vec<Answer>, sqlx::Error> {
        let mut answers = Vec::with_capacity(pieces.all().len());
        while let Some(piece) = pieces.at(answers.len()) {
            match piece {
                Piece::Contested(candidate) => {
                    answers.push(self.settle(connection, candidate, ledger).await?);
                }
                Piece::Chunk(chunk) => {
                    let first = answers.len();
                    let told = self
                        .write_chunk(connection, pieces, first, chunk, when, ledger)
                        .await?;
                    match told {
                        Told::All(told) => answers.extend(told),
                        // Each time, at least one more is known to be contested.
                        Told::Nothing(places) => pieces.contest(first, &places),
                    }
                }
            }
        }
        Ok(answers)
    }

    /// Writes a chunk in which time decides, from `first` on. Where it does not, nothing is written, unless another
    /// writer has made it so just now: then see [`Contested`].
    async fn write_chunk(
        &self,
        connection: &mut PgConnection,
        pieces: &mut Pieces<'_, '_>,
        first: usize,
        chunk: &[Candidate<'_>],
        when: Contested,
        ledger: &mut Ledger<'_>,
    ) -> Result<Told, sqlx::Error> {
        fn column<'c, T>(
            chunk: &'c [Candidate<'_>],
            value: impl Fn(&'c Candidate<'_>) -> T,
        ) -> Vec<T> {
            chunk.iter().map(value).collect()
        }
        let (now, tells) = (ledger.now(), ledger.is_on());
        let sql = if tells {
            &self.writing.write_told
        } else {
            &self.writing.write
        };
        let mut query = sqlx::query(sql.clone())
            .bind(column(chunk, |c| c.key.account))
            .bind(column(chunk, |c| c.key.livemode))
            .bind(column(chunk, |c| c.key.object))
            .bind(column(chunk, |c| c.key.id))
            .bind(column(chunk, |c| c.snapshot.data()))
            .bind(column(chunk, |c| c.snapshot.api_version()))
            .bind(column(chunk, |c| c.snapshot.as_of().start().as_millis()))
            .bind(column(chunk, |c| c.snapshot.as_of().end().as_millis()))
            .bind(column(chunk, |c| c.snapshot.source().as_str()))
            .bind(column(chunk, |c| c.deleted_at.map(PgMillis)))
            .bind(PgMillis(now.as_millis()))
            .bind(column(chunk, |c| c.snapshot.previous_attributes()))
            .bind(column(chunk, |c| c.snapshot.change().as_column()))
            .bind(column(chunk, |c| c.snapshot.is_full()))
            .bind(when == Contested::Fails)
            .bind(pieces.digests(first, chunk.len()));
        if tells {
            query = query.bind(ledger.notifies()).bind(now.as_millis());
        }
        let (rows, ()) = future::join(
            query.fetch_all(&mut *connection),
            pieces.digest_ahead(first + chunk.len()),
        )
        .await;
        let rows = rows?;
        let flags: Vec<Flags> = rows
            .iter()
            .map(|row| row.try_get(0).map(Flags::new))
            .collect::<Result<_, _>>()?;
        let contested: Vec<usize> = (0_usize..)
            .zip(&flags)
            .filter(|(_, flags)| flags.has(Flags::CONTESTED))
            .map(|(at, _)| at)
            .collect();
        if !contested.is_empty() {
            return Ok(Told::Nothing(contested));
        }
        let mut answers = Vec::with_capacity(rows.len());
        for ((row, flags), candidate) in rows.iter().zip(flags).zip(chunk) {
            let (written, newer) = (flags.has(Flags::WRITTEN), flags.has(Flags::NEWER));
            let verdict = Verdict {
                inserted: flags.has(Flags::INSERTED),
                written,
                was_deleted: flags.has(Flags::WAS_DELETED),
                // If it was newer and is not any more, the row is not the one that was the same.
                same: flags.has(Flags::SAME) && (written || !newer),
                newer,
            };
            if tells && row.try_get(1)? {
                let old: (Option<i64>, Option<i64>) = (row.try_get(2)?, row.try_get(3)?);
                ledger.note(&Facts {
                    key: candidate.key,
                    old: old.0.zip(old.1),
                    new: (row.try_get(4)?, row.try_get(5)?),
                    inserted: verdict.inserted,
                    was_deleted: verdict.was_deleted,
                    is_deleted: row.try_get(6)?,
                    now,
                });
            }
            let is_left = newer && !written;
            answers.push(if is_left && when == Contested::Waits {
                self.settle(connection, candidate, ledger).await?
            } else {
                Answer::Told(verdict)
            });
        }
        Ok(Told::All(answers))
    }

    /// Decides over one object that time does not decide on, and writes what was decided.
    async fn settle(
        &self,
        connection: &mut PgConnection,
        candidate: &Candidate<'_>,
        ledger: &mut Ledger<'_>,
    ) -> Result<Answer, sqlx::Error> {
        let now = ledger.now();
        let key = candidate.key;
        // Without a lock, which would write the log: most of what comes here was delivered before.
        let rows = bind_key(sqlx::query(self.writing.known.clone()), key)
            .fetch_all(&mut *connection)
            .await?;
        if let Some((row, rivals)) = rows.split_first() {
            let rivals = rivals.iter().map(rival).collect::<Result<_, _>>()?;
            let plan = contest::plan(Some(&held(row)?), rivals, candidate);
            if plan.effect == Effect::Nothing {
                return Ok(Answer::Settled(plan.outcomes));
            }
        }
        loop {
            let row = bind_key(sqlx::query(self.writing.held.clone()), key)
                .fetch_optional(&mut *connection)
                .await?;
            let held = row.as_ref().map(held).transpose()?;
            let has_rivals = row.map_or(Ok(false), |row| row.try_get(8))?;
            let rivals = if has_rivals {
                let rows = bind_key(sqlx::query(self.writing.rivals.clone()), key)
                    .fetch_all(&mut *connection)
                    .await?;
                rows.iter().map(rival).collect::<Result<_, _>>()?
            } else {
                Vec::new()
            };
            let exists = held.is_some();
            let plan = contest::plan(held.as_ref(), rivals, candidate);
            if plan.effect == Effect::Nothing {
                return Ok(Answer::Settled(plan.outcomes));
            }
            let sql = if exists {
                &self.writing.update
            } else {
                &self.writing.insert
            };
            let row = &plan.row;
            let written = bind_key(sqlx::query(sql.clone()), key)
                .bind((plan.effect == Effect::Data).then_some(row.data.as_str()))
                .bind(row.api_version.as_deref())
                .bind(row.as_of)
                .bind(row.as_of_until)
                .bind(row.source.as_str())
                .bind(row.previous.as_deref())
                .bind(row.change.as_column())
                .bind(row.deleted_at.map(PgMillis))
                .bind(!plan.others.is_empty())
                .bind((!exists || plan.is_change).then_some(PgMillis(now.as_millis())))
                .bind(digest(&row.data))
                .execute(&mut *connection)
                .await?;
            if written.rows_affected() == 0 {
                // Another writer made the row in between: now there is one to lock.
                continue;
            }
            if !plan.keeps_all {
                self.keep_rivals(connection, key, &plan, has_rivals, now)
                    .await?;
            }
            if ledger.is_on() && plan.is_change {
                let facts = plan.facts(key, held.as_ref(), now);
                self.tell(connection, ledger, &facts).await?;
            }
            return Ok(Answer::Settled(plan.outcomes));
        }
    }

    async fn keep_rivals(
        &self,
        connection: &mut PgConnection,
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
        let others = &plan.others;
        if !others.is_empty() {
            let column = |value: fn(&Rival<Origin>) -> Option<&str>| -> Vec<Option<&str>> {
                others.iter().map(value).collect()
            };
            bind_key(sqlx::query(self.writing.insert_rivals.clone()), key)
                .bind(column(|rival| Some(&rival.data)))
                .bind(column(|rival| rival.tag.api_version.as_deref()))
                .bind(others.iter().map(|rival| rival.as_of).collect::<Vec<_>>())
                .bind(
                    others
                        .iter()
                        .map(|rival| rival.as_of_until)
                        .collect::<Vec<_>>(),
                )
                .bind(column(|rival| Some(&rival.source)))
                .bind(column(|rival| rival.previous.as_deref()))
                .bind(
                    others
                        .iter()
                        .map(|rival| rival.change.as_column())
                        .collect::<Vec<_>>(),
                )
                .execute(&mut *connection)
                .await?;
        }
        if let Some(until) = plan.open_until {
            bind_key(sqlx::query(self.writing.mark_dirty.clone()), key)
                .bind(until)
                .bind(PgMillis(now.as_millis()))
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }
}

/// What became of a chunk.
enum Told {
    All(Vec<Answer>),
    /// Nothing was written: time does not decide for those at these places.
    Nothing(Vec<usize>),
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Binds the first four parameters.
pub(super) fn bind_key<'q>(query: Query<'q>, key: Key<'q>) -> Query<'q> {
    query
        .bind(key.account)
        .bind(key.livemode)
        .bind(key.object)
        .bind(key.id)
}

fn rival(row: &PgRow) -> Result<Rival<Origin>, sqlx::Error> {
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

fn held(row: &PgRow) -> Result<Held, sqlx::Error> {
    Ok(Held {
        data: row.try_get(0)?,
        api_version: row.try_get(1)?,
        as_of: row.try_get(2)?,
        as_of_until: row.try_get(3)?,
        source: row.try_get(4)?,
        previous: row.try_get(5)?,
        change: Change::from_column(row.try_get(6)?),
        deleted_at: row.try_get::<Option<PgMillis>, _>(7)?.map(|at| at.0),
    })
}
