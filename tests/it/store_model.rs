//! The table against a reference model: whatever happens at Stripe, and in whatever order, number, batches and by
//! however many writers it is told, the rows are those of the model, and the newest wherever that is known.

pub(crate) mod history;
pub(crate) mod model;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::try_join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};
use stripe_store::clock::UnixMillis;
use stripe_store::store::{Interval, Snapshot};
use stripe_store::{AnyObject, Store, Stored};
use stripe_store_tests::{RawPool, TestDb, databases};

use self::history::{Telling, life, telling};
use self::model::{Row, Told};

/// How many histories are told to each database; `PROPTEST_CASES` sets another number.
const CASES: u32 = 1500;

/// What proptest takes when nobody says.
const PROPTEST_DEFAULT: u32 = 256;

impl Told {
    fn json(&self) -> String {
        let json = self.data.to_string();
        if self.respelled {
            return json
                .replace(":0", ": 0.0")
                .replace(":1", ": 1.0")
                .replace(':', " :");
        }
        json
    }

    fn snapshot<'a>(&self, json: &'a str, previous: Option<&'a str>) -> Snapshot<'a> {
        let mut read = Snapshot::read(json).unwrap().change(self.change);
        if let Some(previous) = previous {
            read = read.previous_attributes(previous);
        }
        if self.tombstone {
            read = read.tombstone();
        }
        let interval = Interval::new(UnixMillis::new(self.start), UnixMillis::new(self.until));
        read.taken(interval.unwrap(), self.source.as_str())
    }
}

/// Writes a batch, and says how many rows it made.
async fn write(store: &Store, batch: &[&Told]) -> usize {
    let texts: Vec<_> = batch
        .iter()
        .map(|it| (it.json(), it.previous.as_ref().map(Value::to_string)))
        .collect();
    let snapshots: Vec<_> = batch
        .iter()
        .zip(&texts)
        .map(|(it, (json, previous))| it.snapshot(json, previous.as_deref()))
        .collect();
    let outcomes = store.write(&snapshots).await.unwrap();
    outcomes.iter().filter(|it| it.is_change()).count()
}

/// Numbers as the model has them, however they are spelled.
fn plain(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(plain),
        // Only small digits are told.
        Value::Number(number) => {
            let digit = (0..10_u8).find(|digit| number.as_f64() == Some(f64::from(*digit)));
            *value = json!(digit.unwrap());
        }
        _ => {}
    }
}

/// The invoices of the store's account, by id.
pub(crate) async fn rows(db: &TestDb, store: &Store) -> BTreeMap<String, Row> {
    let account = store
        .scope()
        .account()
        .map_or("", |account| account.as_str());
    let beside = async |columns: &str, rest: &str| {
        let sql = format!("SELECT stripe_id, {columns} WHERE account = '{account}' {rest}");
        numbers(db, &sql).await
    };
    let dirty = beside("not_before FROM stripe_dirty_objects", "").await;
    let rivals = beside("count(*) FROM stripe_rivals", "GROUP BY stripe_id").await;
    let row = |stored: &Stored<AnyObject>| {
        let id = stored.row().stripe_id().to_owned();
        let mut data: Value = stored.deserialize().unwrap();
        plain(&mut data);
        let row = Row {
            data,
            start: stored.as_of().start().as_millis(),
            until: stored.as_of().end().as_millis(),
            source: stored.row().source().to_string(),
            deleted_at: stored.deleted_at().map(UnixMillis::as_millis),
            dirty_until: dirty.get(&id).copied(),
            rivals: rivals
                .get(&id)
                .map_or(0, |count| usize::try_from(*count).unwrap()),
        };
        (id, row)
    };
    let listing = store.list_object("invoice").including_deleted().limit(1000);
    let mut page = listing.clone().page().await.unwrap();
    let mut rows: BTreeMap<_, _> = page.data.iter().map(row).collect();
    while let Some(next) = page.next {
        page = listing.clone().after(&next).page().await.unwrap();
        rows.extend(page.data.iter().map(row));
    }
    rows
}

/// Ids with numbers.
async fn numbers(db: &TestDb, sql: &str) -> BTreeMap<String, i64> {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    let pairs: Vec<(String, i64)> = match db.pool() {
        RawPool::Sqlite(pool) => sqlx::query_as(sql).fetch_all(pool).await.unwrap(),
        RawPool::Postgres(pool) => sqlx::query_as(sql).fetch_all(pool).await.unwrap(),
    };
    pairs.into_iter().collect()
}

/// A store for an account of its own, which stands in for a fresh database.
fn fresh(db: &TestDb) -> Store {
    static ACCOUNTS: AtomicUsize = AtomicUsize::new(0);
    db.store()
        .account(format!("acct_{}", ACCOUNTS.fetch_add(1, Ordering::Relaxed)))
}

/// Tells everything as planned, and holds the rows against the model.
async fn check(db: &TestDb, telling: &Telling) -> Result<(), TestCaseError> {
    let store = fresh(db);
    let writers = telling.writers.iter().map(|batches| {
        let store = store.clone();
        let batches: Vec<Vec<Told>> = batches
            .iter()
            .map(|batch| batch.iter().map(|at| telling.told[*at].clone()).collect())
            .collect();
        tokio::spawn(async move {
            for batch in &batches {
                write(&store, &batch.iter().collect::<Vec<_>>()).await;
            }
        })
    });
    try_join_all(writers).await.unwrap();
    let found = rows(db, &store).await;
    for (object, (truth, is_whole)) in (0_u16..).zip(&telling.truth) {
        let told = telling.of(object);
        let row = found.get(&format!("in_{object}"));
        let expected = model::row(&told);
        prop_assert_eq!(row, expected.as_ref(), "on {}, told {:#?}", db.name(), told);
        // Where nothing is left open, and nothing was left out, the row is what Stripe had last.
        if let Some(row) = row.filter(|row| *is_whole && row.dirty_until.is_none()) {
            prop_assert_eq!(&row.data, truth, "on {}, told {:#?}", db.name(), told);
        }
    }
    // All of it once more, in one batch, changes nothing.
    let all: Vec<&Told> = (0_u16..)
        .zip(&telling.truth)
        .flat_map(|(object, _)| telling.of(object))
        .collect();
    if !all.is_empty() {
        prop_assert_eq!(write(&store, &all).await, 0);
        prop_assert_eq!(rows(db, &store).await, found);
    }
    Ok(())
}

/// Runs so many cases, or what `PROPTEST_CASES` asks for.
fn runner(cases: u32) -> TestRunner {
    let config = Config::default();
    TestRunner::new(Config {
        cases: match config.cases {
            PROPTEST_DEFAULT => cases,
            asked => asked,
        },
        failure_persistence: None,
        ..config
    })
}

#[test]
fn c070_however_a_history_is_told_the_rows_are_those_of_the_model() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let databases = runtime.block_on(databases());
    let mut runner = runner(CASES);
    let cases = runner.config().cases;
    let began = std::time::Instant::now();
    let result = runner.run(&telling(), |telling| {
        runtime.block_on(async {
            for db in &databases {
                check(db, &telling).await?;
            }
            Ok(())
        })
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    println!(
        "{cases} histories on {} databases in {:.1} s",
        databases.len(),
        began.elapsed().as_secs_f64()
    );
}

/// The rule itself, on many more histories than a database takes: where it leaves nothing open, it is right.
#[test]
fn what_is_settled_is_what_stripe_had_last() {
    let result = runner(20_000).run(&life(0), |(told, truth)| {
        let told: Vec<&Told> = told.iter().collect();
        let row = model::row(&told).unwrap();
        if row.dirty_until.is_none() {
            prop_assert_eq!(&row.data, &truth, "told {:#?}", told);
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
