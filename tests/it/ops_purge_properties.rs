//! Purging is not noticed by those who read, nor by what is written later.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use stripe_store::Store;
use stripe_store::clock::{Clock, UnixMillis};
use stripe_store::store::{Change, Interval, Retention, Snapshot};
use stripe_store_tests::{Kind, TestDb};

use super::ops_transfer::exported;

const DAY: i64 = 24 * 60 * 60;

#[derive(Debug)]
struct Stopped(i64);

impl Clock for Stopped {
    fn now(&self) -> UnixMillis {
        UnixMillis::from_seconds(self.0)
    }
}

/// Something that is written: of one of few objects, in one of few seconds, of which the last are recent.
#[derive(Debug, Clone)]
struct Step {
    object: u8,
    value: u8,
    previous: Option<u8>,
    change: u8,
    second: i64,
    length_ms: i64,
    source: u8,
    purges: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let second = prop_oneof![1 => 0..2_i64, 2 => (60 * DAY)..(60 * DAY + 2)];
    let length_ms = prop_oneof![8 => Just(1000_i64), 1 => 0..4000_i64];
    (
        (0..2_u8, 0..3_u8, proptest::option::weighted(0.8, 0..3_u8)),
        (0..16_u8, second, length_ms, 0..6_u8),
        proptest::bool::weighted(0.5),
    )
        .prop_map(
            |((object, value, previous), (change, second, length_ms, source), purges)| Step {
                object,
                value,
                previous,
                change,
                second,
                length_ms,
                source,
                purges,
            },
        )
}

impl Step {
    async fn write(&self, store: &Store) {
        let json = format!(
            r#"{{"id":"sub_{}","object":"subscription","status":"{}"}}"#,
            self.object, self.value
        );
        let mut read = Snapshot::read(&json).unwrap();
        let previous = self
            .previous
            .map(|previous| format!(r#"{{"status":"{previous}"}}"#));
        if let Some(previous) = &previous {
            read = read.previous_attributes(previous);
        }
        read = match self.change {
            0 => read.change(Change::Created),
            1 => read.tombstone(),
            _ => read,
        };
        let start = UnixMillis::from_seconds(1000 + self.second);
        let interval = Interval::new(start, start.plus_millis(self.length_ms)).unwrap();
        store
            .write(&[read.taken(interval, format!("evt_{}", self.source))])
            .await
            .unwrap();
    }
}

/// What reads show of the objects that are there, and of the tables nothing.
async fn live(store: &Store) -> Vec<(String, String, i64, String)> {
    let page = store
        .list_object("subscription")
        .limit(100)
        .page()
        .await
        .unwrap();
    let rows = page.data.iter().map(|stored| {
        let row = stored.row();
        let source = row.source().to_string();
        (
            row.stripe_id().to_owned(),
            stored.json().to_owned(),
            row.updated_at().as_millis(),
            source,
        )
    });
    rows.collect()
}

#[test]
fn purging_changes_no_live_row_and_nothing_that_is_written_later() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (kind, cases) in [(Kind::Sqlite, 96), (Kind::Postgres, 32)] {
        let strategy = proptest::collection::vec(step(), 1..24);
        let config = Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        };
        let databases = runtime.block_on(async {
            match kind {
                Kind::Sqlite => [TestDb::sqlite().await, TestDb::sqlite().await],
                Kind::Postgres => [TestDb::postgres().await, TestDb::postgres().await],
            }
        });
        TestRunner::new(config)
            .run(&strategy, |mut steps| {
                // As they come from Stripe: what is older than the horizon of late events is there before a purge.
                steps.sort_by_key(|step| step.second >= DAY);
                runtime.block_on(check(&databases, &steps))
            })
            .unwrap();
    }
}

async fn check(databases: &[TestDb; 2], steps: &[Step]) -> Result<(), TestCaseError> {
    // Sixty days after the older ones.
    let now = 60 * DAY + 2000;
    let [plain, purged] = databases
        .each_ref()
        .map(|db| db.store().clone().with_clock(Stopped(now)));
    for db in databases {
        db.execute("DELETE FROM stripe_objects; DELETE FROM stripe_rivals; DELETE FROM stripe_dirty_objects").await;
    }
    let retention = Retention::new().with_settled_older_than(Duration::from_hours(40 * 24));
    let recent = steps
        .iter()
        .position(|step| step.second >= DAY)
        .unwrap_or(steps.len());
    for (at, step) in steps.iter().enumerate() {
        step.write(&plain).await;
        step.write(&purged).await;
        if at + 1 >= recent && (step.purges || at + 1 == recent) {
            let purgeable = purged.purgeable(&retention).await.unwrap();
            let removed = purged.purge(&retention).await.unwrap();
            prop_assert_eq!(purgeable, removed);
            prop_assert_eq!(purged.purgeable(&retention).await.unwrap().rows(), 0);
        }
        prop_assert_eq!(live(&plain).await, live(&purged).await);
    }
    // A newer snapshot of everything makes both the same, to the last column.
    for object in 0..2 {
        let last = Step {
            object,
            value: 9,
            previous: None,
            change: 9,
            second: 70 * DAY,
            length_ms: 1000,
            source: 0,
            purges: false,
        };
        last.write(&plain).await;
        last.write(&purged).await;
    }
    prop_assert_eq!(exported(&plain).await, exported(&purged).await);
    Ok(())
}
