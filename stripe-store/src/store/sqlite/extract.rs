//! Families on SQLite: what there is of a parent and its children is read, decided on, and written with the batch, in one
//! transaction that holds the file's lock.

use sqlx::{Connection as _, Row as _, SqlStr, SqliteConnection};

use super::write::bind_key;
use super::{SqliteDatabase, checked, to_json};
use crate::clock::UnixMillis;
use crate::store::Dialect;
use crate::store::batch::Key;
use crate::store::changes::Ledger;
use crate::store::dirty::DirtyReason;
use crate::store::extract::family::{
    Child, Completion, FamilyKey, FamilyWrite, Known, MarkChange, Seen, Work,
};
use crate::store::extract::lists::{OWNED, Owned};
use crate::store::outcome::Outcome;
use crate::store::scope::Scope;
use crate::store::sql::created;
use crate::store::tables::TableNames;
use crate::store::transaction::Isolation;

/// The statements for families.
#[derive(Debug)]
pub(super) struct Statements {
    snapshots: SqlStr,
    pub(super) children: [SqlStr; OWNED.len()],
    mark: SqlStr,
    unmark: SqlStr,
    marked: SqlStr,
}

impl Statements {
    pub(super) fn new(tables: &TableNames) -> Self {
        let (table, rivals, dirty) = (tables.objects(), tables.rivals(), tables.dirty());
        let by_key = format!(
            "account = ?1 AND livemode = ?2 AND object = ?3 AND stripe_id = ?4 AND reason = {}",
            DirtyReason::Truncated.as_column()
        );
        let of_family = |row: &str| {
            format!(
                "{row}.account = k.value ->> 0 AND {row}.livemode = k.value ->> 1 AND {row}.object = k.value ->> 2 \
                 AND {row}.stripe_id = k.value ->> 3"
            )
        };
        Self {
            snapshots: checked(format!(
                "SELECT k.key, o.object, o.data, o.as_of, o.as_of_until, o.deleted_at IS NOT NULL FROM json_each(?1) AS k \
                 CROSS JOIN {table} AS o WHERE {} \
                 UNION ALL SELECT k.key, r.object, r.data, r.as_of, r.as_of_until, 0 FROM json_each(?1) AS k \
                 CROSS JOIN {table} AS o CROSS JOIN {rivals} AS r WHERE {} AND o.has_rivals AND {}",
                of_family("o"),
                of_family("o"),
                of_family("r")
            )),
            children: OWNED.map(|owned| checked(children_sql(&table, &rivals, &owned))),
            mark: checked(format!(
                "INSERT INTO {dirty} (account, livemode, object, stripe_id, reason, not_before, created_at) \
                 VALUES (?1, ?2, ?3, ?4, {}, ?5, ?6) ON CONFLICT (account, livemode, object, stripe_id, reason) \
                 DO UPDATE SET not_before = max(not_before, excluded.not_before)",
                DirtyReason::Truncated.as_column()
            )),
            unmark: checked(format!(
                "DELETE FROM {dirty} WHERE {by_key} AND not_before <= ?5"
            )),
            marked: checked(format!("SELECT 1 FROM {dirty} WHERE {by_key}")),
        }
    }
}

/// The children of families by one kind of list, by way of the index on the field that refers to the parent: the place
/// of the family, the child, its intervals, and whether it is deleted.
fn children_sql(table: &str, rivals: &str, owned: &Owned) -> String {
    let by = owned.by;
    let created = created(Dialect::Sqlite);
    let parent = format!("coalesce(data ->> '$.{by}.id', data ->> '$.{by}')");
    let types = owned.children.join("', '");
    let of_rivals = |what: &str| {
        format!(
            "SELECT {what} FROM {rivals} AS r WHERE c.has_rivals AND r.account = c.account \
             AND r.livemode = c.livemode AND r.object = c.object AND r.stripe_id = c.stripe_id"
        )
    };
    let until = "max(as_of_until, as_of + 1)";
    format!(
        "SELECT k.key, c.object, c.stripe_id, {created}, \
         min({until}, coalesce(({first}), {until})), max(as_of, coalesce(({start}), as_of)), \
         max({until}, coalesce(({last}), {until})), c.deleted_at \
         FROM json_each(?1) AS k CROSS JOIN {table} AS c \
         WHERE k.value ->> 2 = '{}' AND c.account = k.value ->> 0 AND c.livemode = k.value ->> 1 AND c.object IN ('{types}') \
         AND {parent} = k.value ->> 3 AND {parent} IS NOT NULL",
        owned.parent,
        first = of_rivals("min(max(r.as_of_until, r.as_of + 1))"),
        start = of_rivals("max(r.as_of)"),
        last = of_rivals("max(max(r.as_of_until, r.as_of + 1))"),
    )
}

impl SqliteDatabase {
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
                let _turn = self.writer.lock().await;
                let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
                let outcomes = self
                    .write_families(&mut transaction, &write, ledger)
                    .await?;
                transaction.commit().await?;
                // Before the next writer has its turn, so that changes are told in the order of commits.
                ledger.committed();
                Ok(outcomes)
            }
        }
    }

    pub(crate) async fn write_work_in(
        &self,
        connection: &mut SqliteConnection,
        work: Work<'_>,
        _isolation: Isolation,
        ledger: &mut Ledger<'_>,
    ) -> Result<Vec<Outcome>, sqlx::Error> {
        match work {
            Work::Plain(batch) => {
                let answers = self.write_in(connection, &batch.candidates, ledger).await?;
                Ok(batch.outcomes(answers))
            }
            Work::Families(write) => {
                self.take_lock(connection).await?;
                let mut savepoint = connection.begin().await?;
                let outcomes = self.write_families(&mut savepoint, &write, ledger).await?;
                savepoint.commit().await?;
                Ok(outcomes)
            }
        }
    }

    /// What lists that were read to their ends say; whether the parent is complete.
    pub(crate) async fn complete(
        &self,
        completion: &Completion,
        scope: &Scope,
        ledger: &mut Ledger<'_>,
    ) -> Result<bool, sqlx::Error> {
        let _turn = self.writer.lock().await;
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let key = completion.family.as_key();
        if !self.is_marked(&mut transaction, key).await? {
            return Ok(true);
        }
        let known = self.known(&mut transaction, &[&completion.family]).await?;
        let decisions = completion.decide(known.first().unwrap_or(&Known::default()));
        let batch = decisions.batch(scope);
        self.write_all(&mut transaction, &batch.candidates, ledger)
            .await?;
        let until = completion.as_of.start().as_millis();
        self.unmark(&mut transaction, key, until).await?;
        let is_marked = self.is_marked(&mut transaction, key).await?;
        transaction.commit().await?;
        ledger.committed();
        Ok(!is_marked)
    }

    async fn write_families(
        &self,
        connection: &mut SqliteConnection,
        write: &FamilyWrite<'_>,
        ledger: &mut Ledger<'_>,
    ) -> Result<Vec<Outcome>, sqlx::Error> {
        let families: Vec<&FamilyKey> = write.families.iter().map(|family| &family.key).collect();
        let known = self.known(connection, &families).await?;
        let decisions = write.decide(&known);
        let batch = write.batch(&decisions);
        let answers = self
            .write_all(connection, &batch.candidates, ledger)
            .await?;
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
                        .bind(ledger.now().to_string())
                        .execute(&mut *connection)
                        .await?;
                }
            }
        }
        Ok(batch.outcomes(answers))
    }

    /// What there is of the families, in their order.
    async fn known(
        &self,
        connection: &mut SqliteConnection,
        families: &[&FamilyKey],
    ) -> Result<Vec<Known>, sqlx::Error> {
        let mut known: Vec<Known> = families.iter().map(|_| Known::default()).collect();
        let keys: Vec<_> = families
            .iter()
            .map(|family| {
                let livemode = i32::from(family.livemode);
                (&family.account, livemode, &family.object, &family.id)
            })
            .collect();
        let keys = to_json(&keys)?;
        let rows = sqlx::query(self.families.snapshots.clone())
            .bind(&keys)
            .fetch_all(&mut *connection)
            .await?;
        for row in &rows {
            let (object, data): (&str, &str) = (row.try_get(1)?, row.try_get(2)?);
            let seen = Seen::of_row(object, data, row.try_get(3)?, row.try_get(4)?);
            if let Some(known) = known.get_mut(place(row.try_get(0)?)) {
                known.snapshots.extend(seen);
                known.is_deleted |= row.try_get::<bool, _>(5)?;
            }
        }
        for (kind, sql) in self.families.children.iter().enumerate() {
            if !families
                .iter()
                .any(|family| family.owned().any(|(of, _)| of == kind))
            {
                continue;
            }
            let rows = sqlx::query(sql.clone())
                .bind(&keys)
                .fetch_all(&mut *connection)
                .await?;
            for row in &rows {
                let mut child = Child::new(
                    row.try_get(1)?,
                    row.try_get(2)?,
                    row.try_get(3)?,
                    row.try_get(4)?,
                    (row.try_get(5)?, row.try_get(6)?),
                );
                child.is_stored = true;
                let deleted_at: Option<&str> = row.try_get(7)?;
                child.deleted_at = deleted_at
                    .and_then(UnixMillis::parse)
                    .map(UnixMillis::as_millis);
                if let Some(known) = known.get_mut(place(row.try_get(0)?)) {
                    known.children.push(child);
                }
            }
        }
        Ok(known)
    }

    async fn is_marked(
        &self,
        connection: &mut SqliteConnection,
        key: Key<'_>,
    ) -> Result<bool, sqlx::Error> {
        let row = bind_key(sqlx::query(self.families.marked.clone()), key)
            .fetch_optional(connection)
            .await?;
        Ok(row.is_some())
    }

    async fn unmark(
        &self,
        connection: &mut SqliteConnection,
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

fn place(at: i64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
