//! Whatever happens to the connection, every change is heard of or found.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt as _;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use stripe_store::clock::UnixMillis;
use stripe_store::resources::Customer;
use stripe_store::store::{ChangeCursor, Changes, Gap, Store};
use stripe_store_tests::TestDb;

use super::changes::write;
use super::changes_listen::kill_listeners;

/// Something that happens.
#[derive(Debug, Clone)]
enum Step {
    /// A write of one of a few objects, by this process or another.
    Write { other: bool, object: u8 },
    /// The connection that listens is ended by the server.
    Kill,
    /// The reader reads what has come so far.
    Read,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (any::<bool>(), 0..4_u8).prop_map(|(other, object)| Step::Write { other, object }),
        2 => Just(Step::Kill),
        2 => Just(Step::Read),
    ];
    prop::collection::vec(step, 1..40)
}

/// A reader that does what the documentation says.
struct Reader {
    store: Store,
    changes: Changes,
    /// What the feed brought, by object and second, and what the table did.
    heard: Vec<(String, i64)>,
    found: BTreeMap<String, i64>,
    gaps: usize,
}

fn second(moment: UnixMillis) -> i64 {
    moment.as_millis() / 1000
}

impl Reader {
    async fn take(&mut self, item: Result<stripe_store::store::RowChange, Gap>) {
        match item {
            Ok(change) => {
                let at = second(change.as_of().start());
                self.heard.push((change.stripe_id().to_owned(), at));
            }
            Err(gap) => {
                self.gaps += 1;
                if !gap.is_open() {
                    self.catch_up(gap.since().clone()).await;
                }
            }
        }
    }

    async fn catch_up(&mut self, mut cursor: ChangeCursor) {
        loop {
            let query = self.store.changed_since::<Customer>(&cursor).limit(2);
            let page = query.margin(Duration::from_secs(10)).page().await.unwrap();
            for row in &page.data {
                self.found
                    .insert(row.id().to_owned(), second(row.as_of().start()));
            }
            cursor = page.next;
            if !page.has_more {
                return;
            }
        }
    }

    fn has(&self, id: &str, at: i64) -> bool {
        self.heard
            .iter()
            .any(|heard| (&*heard.0, heard.1) == (id, at))
            || self.found.get(id).is_some_and(|found| *found >= at)
    }
}

async fn check(steps: &[Step]) {
    let db = TestDb::postgres().await;
    let own = db.connect().await.with_change_notifications();
    // Small, so that the reader falls behind as well.
    let own = own.with_change_capacity(16);
    let other = db.connect().await.with_change_notifications();
    let mut reader = Reader {
        changes: own.changes::<Customer>().listen().await.unwrap(),
        store: own.clone(),
        heard: Vec::new(),
        found: BTreeMap::new(),
        gaps: 0,
    };
    let mut written = Vec::new();
    for (at, step) in (1_i64..).zip(steps) {
        match step {
            Step::Write {
                other: by_other,
                object,
            } => {
                let id = format!("cus_{object}");
                write(if *by_other { &other } else { &own }, &id, at).await;
                written.push((id, at));
            }
            Step::Kill => drop(kill_listeners(&db).await),
            Step::Read => {
                while let Some(item) = reader.changes.next().now_or_never() {
                    reader.take(item.expect("the feed goes on")).await;
                }
            }
        }
    }
    write(&other, "cus_last", 1_000).await;
    while !reader.has("cus_last", 1_000) {
        let item = tokio::time::timeout(Duration::from_mins(1), reader.changes.next()).await;
        reader
            .take(item.expect("an item comes").expect("the feed goes on"))
            .await;
    }
    for (id, at) in &written {
        assert!(
            reader.has(id, *at),
            "{id} of second {at} was neither heard of nor found"
        );
    }
    let mut last: BTreeMap<&str, i64> = BTreeMap::new();
    for (id, at) in &reader.heard {
        let before = last.insert(id, *at);
        assert!(before < Some(*at), "{id} came in another order, or twice");
    }
    if reader.gaps == 0 {
        let heard = reader.heard.len();
        assert_eq!(
            heard,
            written.len() + 1,
            "without a gap each change came once"
        );
    }
    own.pool().close().await;
}

/// How many cases are tried; `PROPTEST_CASES` says otherwise.
const CASES: u32 = 24;

#[test]
fn whatever_happens_to_the_connection_every_change_is_heard_of_or_found() {
    let default = Config::default();
    let cases = if default.cases == 256 {
        CASES
    } else {
        default.cases
    };
    let config = Config {
        cases,
        failure_persistence: None,
        ..default
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let result = TestRunner::new(config).run(&steps(), |steps| {
        runtime.block_on(check(&steps));
        Ok(())
    });
    result.unwrap();
}
