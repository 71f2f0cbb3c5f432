//! Families on PostgreSQL: what there is of a parent and its children is read, decided on, and written with the batch, in
//! one transaction.
//!
//! Two writers of one family come after each other, by an advisory lock that each takes before it reads: otherwise the
//! one would not see the list, and the other not the child that is missing in it, and the child would stay. It is no lock
//! of rows, since what is to be kept apart may have none yet, and since rows are taken in the order of keys by all.

use std::collections::BTreeSet;
use std::convert::identity;

use sqlx::{Connection as _, PgConnection, Row as _, SqlStr};

use super::pieces::Pieces;
use super::time::PgMillis;
use super::write::{Contested, bind_key};
use super::{BEGIN, PgDatabase, checked};
use crate::store::Dialect;
use crate::store::batch::{Batch, Key};
use crate::store::begin::{Attempts, ended};
use crate::store::changes::Ledger;
use crate::store::cursor::hash;
use crate::store::dirty::DirtyReason;
use crate::store::error::can_be_tried_again;
use crate::store::extract::family::{
    Child, Completion, Decisions, FamilyKey, FamilyWrite, Known, MarkChange, Seen, Work,
};
use crate::store::extract::lists::{OWNED, Owned};
use crate::store::outcome::Outcome;
use crate::store::scope::Scope;
use crate::store::sql::created;
use crate::store::tables::TableNames;
use crate::store::transaction::Isolation;

/// How many locks the families of a store share. The server has room for some thousands in all.
const LOCKS: u64 = 256;

/// The statements for families.
#[derive(Debug)]
pub(super) struct Statements {
    /// What the locks of this table are numbered from.
    first_lock: u64,
    lock: SqlStr,
    lock_rows: SqlStr,
    /// What there is of families: of the parents themselves, and of each kind of children. Those that are asked for become
    /// one statement.
    snapshots: String,
    children: [String; OWNED.len()],
    mark: SqlStr,
    unmark: SqlStr,
    marked: SqlStr,
}

/// Keys as [`bind_families`] binds them, with their places. The arrays come out of subqueries, which hide their length from
/// the planner: where it sees a short one it plans anew each time, which takes longer than all the rest.
const FAMILIES: &str = "unnest((SELECT $1::text[]), (SELECT $2::boolean[]), (SELECT $3::text[]), (SELECT $4::text[]), \
    (SELECT $5::bigint[])) AS k (account, livemode, object, stripe_id, at)";

impl Statements {
    pub(super) fn new(tables: &TableNames) -> Self {
        let (table, rivals, dirty) = (tables.objects(), tables.rivals(), tables.dirty());
        let same = |a: &str, b: &str| {
            format!(
                "{a}.account = {b}.account AND {a}.livemode = {b}.livemode AND {a}.object = {b}.object \
                 AND {a}.stripe_id = {b}.stripe_id"
            )
        };
        let by_key = format!(
            "account = $1 AND livemode = $2 AND object = $3 AND stripe_id = $4 AND reason = {}",
            DirtyReason::Truncated.as_column()
        );
        Self {
            first_lock: hash_parts(&[table.as_bytes()]) & !(LOCKS - 1),
            lock: checked(
                "SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) AS k".to_owned(),
            ),
            lock_rows: checked(format!(
                "SELECT FROM {table} AS o JOIN {FAMILIES} ON {} \
                 ORDER BY o.account, o.livemode, o.object, o.stripe_id FOR NO KEY UPDATE OF o",
                same("o", "k")
            )),
            snapshots: format!(
                "SELECT k.at, o.object, NULL AS stripe_id, o.data::text, o.as_of, o.as_of_until, NULL::bigint, NULL::bigint, \
                 o.deleted_at FROM {FAMILIES} JOIN {table} AS o ON {} \
                 UNION ALL SELECT k.at, r.object, NULL, r.data::text, r.as_of, r.as_of_until, NULL, NULL, NULL \
                 FROM {FAMILIES} JOIN {table} AS o ON {} AND o.has_rivals JOIN {rivals} AS r ON {}",
                same("o", "k"),
                same("o", "k"),
                same("r", "k")
            ),
            children: OWNED.map(|owned| children_sql(&table, &rivals, &owned)),
            mark: checked(format!(
                "INSERT INTO {dirty} AS t (account, livemode, object, stripe_id, reason, not_before, created_at) \
                 VALUES ($1, $2, $3, $4, {}, $5, $6) ON CONFLICT (account, livemode, object, stripe_id, reason) \
                 DO UPDATE SET not_before = greatest(t.not_before, excluded.not_before)",
                DirtyReason::Truncated.as_column()
            )),
            unmark: checked(format!(
                "DELETE FROM {dirty} WHERE {by_key} AND not_before <= $5"
            )),
            marked: checked(format!("SELECT 1 FROM {dirty} WHERE {by_key}")),
        }
    }
}

/// The children of families by one kind of list, by way of the index on the field that refers to the parent: the place
/// of the family, the child, its intervals, and whether it is deleted.
fn children_sql(table: &str, rivals: &str, owned: &Owned) -> String {
    let by = owned.by;
    let created = created(Dialect::Postgres);
    let parent = format!("left(coalesce(data #>> '{{{by},id}}', data ->> '{by}'), 255)");
    // One type at a time: a list of types that an index is limited to would not be looked up in it, but all of it read.
    let of_type = |object: &&str| {
        format!(
            "SELECT account, livemode, object, stripe_id, as_of, greatest(as_of_until, as_of + 1) AS as_of_until, \
             deleted_at, has_rivals, {created} AS created FROM {table} \
             WHERE k.object = '{}' AND account COLLATE \"POSIX\" = k.account AND livemode = k.livemode \
             AND object COLLATE \"POSIX\" = '{object}' AND {parent} = k.stripe_id AND {parent} IS NOT NULL",
            owned.parent
        )
    };
    let of_types: Vec<String> = owned.children.iter().map(of_type).collect();
    format!(
        "SELECT k.at, c.object, c.stripe_id, NULL, c.created, least(c.as_of_until, r.first_until), \
         greatest(c.as_of, r.last_start), greatest(c.as_of_until, r.last_until), c.deleted_at \
         FROM {FAMILIES} CROSS JOIN LATERAL ({} OFFSET 0) AS c LEFT JOIN LATERAL ( \
            SELECT min(greatest(as_of_until, as_of + 1)) AS first_until, max(as_of) AS last_start, \
            max(greatest(as_of_until, as_of + 1)) AS last_until FROM {rivals} AS r \
            WHERE c.has_rivals AND r.account = c.account AND r.livemode = c.livemode AND r.object = c.object \
            AND r.stripe_id = c.stripe_id \
         ) AS r ON true",
        of_types.join(" UNION ALL ")
    )
}

impl PgDatabase {
    pub(crate) async fn write_work(
        &self,
        work: Work<'_>,
        ledger: &mut Ledger<'_>,
    ) -> Result<Vec<Outcome>, sqlx::Error> {
        match work {
            Work::Plain(batch) => {
                let answers = self.write(&batch.candidates, ledger).await?;
                Ok(batch.outcomes(answers))
            }
            Work::Families(write) => {
                let mut connection = self.pool.acquire().await?;
                let mut attempts = Attempts::new();
                loop {
                    let mut transaction = connection.begin_with(BEGIN).await?;
                    let written = self
                        .write_families(&mut transaction, &write, Isolation::Ours, ledger)
                        .await;
                    let result = ended(transaction, written, identity).await;
                    if attempts.are_over(&result, can_be_tried_again, ledger) {
                        return result;
                    }
                }
            }
        }
    }

    pub(crate) async fn write_work_in(
        &self,
        connection: &mut PgConnection,
        work: Work<'_>,
        isolation: Isolation,
        ledger: &mut Ledger<'_>,
    ) -> Result<Vec<Outcome>, sqlx::Error> {
        match work {
            Work::Plain(batch) => self.write_batch(connection, batch, ledger).await,
            Work::Families(write) => {
                self.write_families(connection, &write, isolation, ledger)
                    .await
            }
        }
    }

    /// The numbers of the locks of families, each once, in the order in which they are taken.
    #[cfg(feature = "webhook")]
    pub(crate) fn locks_of(&self, families: &[crate::store::extract::family::Family]) -> Vec<i64> {
        let locks: BTreeSet<i64> = families
            .iter()
            .map(|family| self.families.lock_of(&family.key))
            .collect();
        locks.into_iter().collect()
    }

    /// What lists that were read to their ends say; whether the parent is complete.
    pub(crate) async fn complete(
        &self,
        completion: &Completion,
        scope: &Scope,
        ledger: &mut Ledger<'_>,
    ) -> Result<bool, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let mut attempts = Attempts::new();
        loop {
            let mut transaction = connection.begin_with(BEGIN).await?;
            let completed = self
                .complete_in(&mut transaction, completion, scope, ledger)
                .await;
            let result = ended(transaction, completed, identity).await;
            if attempts.are_over(&result, can_be_tried_again, ledger) {
                return result;
            }
        }
    }

    async fn complete_in(
        &self,
        connection: &mut PgConnection,
        completion: &Completion,
        scope: &Scope,
        ledger: &mut Ledger<'_>,
    ) -> Result<bool, sqlx::Error> {
        let families = [&completion.family];
        self.lock_families(connection, &families, Isolation::Ours)
            .await?;
        let key = completion.family.as_key();
        if !self.is_marked(connection, key).await? {
            return Ok(true);
        }
        let known = self.known(connection, &families).await?;
        let decisions = completion.decide(known.first().unwrap_or(&Known::default()));
        let batch = decisions.batch(scope);
        self.write_batch(connection, batch, ledger).await?;
        let until = completion.as_of.start().as_millis();
        self.unmark(connection, key, until).await?;
        Ok(!self.is_marked(connection, key).await?)
    }

    async fn write_families(
        &self,
        connection: &mut PgConnection,
        write: &FamilyWrite<'_>,
        isolation: Isolation,
        ledger: &mut Ledger<'_>,
    ) -> Result<Vec<Outcome>, sqlx::Error> {
        let families: Vec<&FamilyKey> = write.families.iter().map(|family| &family.key).collect();
        match isolation {
            #[cfg(feature = "webhook")]
            Isolation::Locked => {}
            isolation => self.lock_families(connection, &families, isolation).await?,
        }
        let known = self.known(connection, &families).await?;
        let decisions: Decisions = write.decide(&known);
        let batch = write.batch(&decisions);
        let outcomes = self.write_batch(connection, batch, ledger).await?;
        for (at, mark) in &decisions.marks {
            let Some(family) = families.get(*at) else {
                continue;
            };
            match mark {
                MarkChange::Keep => {}
                MarkChange::Clear(until) => {
                    self.unmark(connection, family.as_key(), *until).await?;
                }
                MarkChange::Set(not_before) => {
                    bind_key(sqlx::query(self.families.mark.clone()), family.as_key())
                        .bind(not_before)
                        .bind(PgMillis(ledger.now().as_millis()))
                        .execute(&mut *connection)
                        .await?;
                }
            }
        }
        Ok(outcomes)
    }

    async fn write_batch(
        &self,
        connection: &mut PgConnection,
        batch: Batch<'_>,
        ledger: &mut Ledger<'_>,
    ) -> Result<Vec<Outcome>, sqlx::Error> {
        let mut pieces = Pieces::new(&batch.candidates);
        let answers = self
            .write_pieces(connection, &mut pieces, Contested::Waits, ledger)
            .await?;
        Ok(batch.outcomes(answers))
    }

    async fn lock_families(
        &self,
        connection: &mut PgConnection,
        families: &[&FamilyKey],
        isolation: Isolation,
    ) -> Result<(), sqlx::Error> {
        // In one order, as rows are, so that two never wait for each other.
        let locks: BTreeSet<i64> = families
            .iter()
            .map(|family| self.families.lock_of(family))
            .collect();
        sqlx::query(self.families.lock.clone())
            .bind(locks.into_iter().collect::<Vec<_>>())
            .execute(&mut *connection)
            .await?;
        if isolation == Isolation::Callers {
            // Fails above READ COMMITTED, where another writer has changed a row since the transaction began to look.
            bind_families(sqlx::query(self.families.lock_rows.clone()), families)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }

    /// What there is of the families, in their order.
    async fn known(
        &self,
        connection: &mut PgConnection,
        families: &[&FamilyKey],
    ) -> Result<Vec<Known>, sqlx::Error> {
        let mut known: Vec<Known> = families.iter().map(|_| Known::default()).collect();
        let mut sql = self.families.snapshots.clone();
        for (kind, children) in self.families.children.iter().enumerate() {
            let is_of = |family: &&FamilyKey| family.owned().any(|(of, _)| of == kind);
            if families.iter().any(is_of) {
                sql.push_str(" UNION ALL ");
                sql.push_str(children);
            }
        }
        let rows = bind_families(sqlx::query(checked(sql)), families)
            .fetch_all(&mut *connection)
            .await?;
        for row in &rows {
            let Some(known) = known.get_mut(place(row.try_get(0)?)) else {
                continue;
            };
            let deleted_at = row.try_get::<Option<PgMillis>, _>(8)?.map(|at| at.0);
            let Some(id) = row.try_get(2)? else {
                let (object, data): (&str, &str) = (row.try_get(1)?, row.try_get(3)?);
                let seen = Seen::of_row(object, data, row.try_get(4)?, row.try_get(5)?);
                known.snapshots.extend(seen);
                known.is_deleted |= deleted_at.is_some();
                continue;
            };
            let mut child = Child::new(
                row.try_get(1)?,
                id,
                row.try_get(4)?,
                row.try_get(5)?,
                (row.try_get(6)?, row.try_get(7)?),
            );
            child.is_stored = true;
            child.deleted_at = deleted_at;
            known.children.push(child);
        }
        Ok(known)
    }

    async fn is_marked(
        &self,
        connection: &mut PgConnection,
        key: Key<'_>,
    ) -> Result<bool, sqlx::Error> {
        let row = bind_key(sqlx::query(self.families.marked.clone()), key)
            .fetch_optional(connection)
            .await?;
        Ok(row.is_some())
    }

    async fn unmark(
        &self,
        connection: &mut PgConnection,
        key: Key<'_>,
        until: i64,
    ) -> Result<(), sqlx::Error> {
        bind_key(sqlx::query(self.families.unmark.clone()), key)
            .bind(until)
            .execute(connection)
            .await?;
        Ok(())
    }
}

impl Statements {
    /// The number of the lock that the family shares with others.
    fn lock_of(&self, family: &FamilyKey) -> i64 {
        let own = hash_parts(&[
            family.account.as_bytes(),
            &[u8::from(family.livemode)],
            family.object.as_bytes(),
            family.id.as_bytes(),
        ]);
        let lock = self.first_lock | (own & (LOCKS - 1));
        i64::from_ne_bytes(lock.to_ne_bytes())
    }
}

/// A lock of a name's own, apart from those of families.
#[cfg(any(feature = "client", feature = "webhook"))]
pub(super) fn lock_for(name: &str) -> i64 {
    let hash = hash_parts(&[b"queue", name.as_bytes()]);
    i64::from_ne_bytes(hash.to_ne_bytes())
}

/// The same number in every process and every version of this library; each part ends with a zero, so that none runs into
/// the next.
fn hash_parts(parts: &[&[u8]]) -> u64 {
    hash(parts.iter().flat_map(|part| [*part, &[0]]))
}

fn place(at: i64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Binds the first five parameters.
fn bind_families<'q>(query: Query<'q>, families: &[&'q FamilyKey]) -> Query<'q> {
    fn column<'q, T>(families: &[&'q FamilyKey], value: impl Fn(&'q FamilyKey) -> T) -> Vec<T> {
        families.iter().map(|family| value(family)).collect()
    }
    let places = 0..i64::try_from(families.len()).unwrap_or(i64::MAX);
    query
        .bind(column(families, |family| family.account.as_str()))
        .bind(column(families, |family| family.livemode))
        .bind(column(families, |family| family.object.as_str()))
        .bind(column(families, |family| family.id.as_str()))
        .bind(places.collect::<Vec<_>>())
}
