//! A subscription whose items come and go, told in any order, number and batches, by several writers: an item is deleted
//! here if, and only if, what was told shows that it is.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::try_join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};
use stripe_store::Store;
use stripe_store::clock::UnixMillis;
use stripe_store::store::{Interval, Snapshot};
use stripe_store_tests::{TestDb, databases};

/// How many histories are told to each database; `PROPTEST_CASES` sets another number.
const CASES: u32 = 600;

/// What proptest takes when nobody says.
const PROPTEST_DEFAULT: u32 = 256;

/// When the histories begin, in unix milliseconds. A step in them is a tenth of a second.
const BEGIN: i64 = 1_700_000_000_000;
const STEP: i64 = 100;

/// An item, from when on it is there, and from when on no more.
#[derive(Debug, Clone)]
struct Item {
    born: i64,
    gone: i64,
}

impl Item {
    fn is_there(&self, moment: i64) -> bool {
        (self.born..self.gone).contains(&moment)
    }
}

/// What was looked at, when, and how many steps that may have been earlier; `None` for an event, which tells its second.
#[derive(Debug, Clone)]
struct Look {
    /// The subscription, or one item of it.
    item: Option<usize>,
    moment: i64,
    took: Option<i64>,
}

impl Look {
    fn interval(&self) -> (i64, i64) {
        let moment = BEGIN + self.moment * STEP;
        let second = moment - moment % 1000;
        let start = self.took.map_or(second, |took| moment - took * STEP);
        (start, second + 1000)
    }
}

#[derive(Debug, Clone)]
struct History {
    items: Vec<Item>,
    looks: Vec<Look>,
    /// By writer and batch, the places of looks.
    writers: Vec<Vec<Vec<usize>>>,
    says_created: bool,
}

impl History {
    fn item(&self, at: usize) -> Value {
        let mut item = json!({"id": format!("si_{at}"), "object": "subscription_item", "subscription": "sub_1"});
        if self.says_created {
            item["created"] = json!((BEGIN + self.items[at].born * STEP) / 1000);
        }
        item
    }

    fn subscription(&self, moment: i64) -> Value {
        let listed = (0..self.items.len()).filter(|at| self.items[*at].is_there(moment));
        let data: Vec<_> = listed.map(|at| self.item(at)).collect();
        json!({
            "id": "sub_1", "object": "subscription",
            "items": {"object": "list", "has_more": false, "data": data},
        })
    }

    fn json(&self, look: &Look) -> String {
        let object = look
            .item
            .map_or_else(|| self.subscription(look.moment), |at| self.item(at));
        object.to_string()
    }

    /// The looks that saw the item.
    fn sightings(&self, at: usize) -> impl Iterator<Item = &Look> {
        self.looks.iter().filter(move |look| match look.item {
            Some(item) => item == at,
            None => self.items[at].is_there(look.moment),
        })
    }

    /// The beginnings of the lists without the item.
    fn lists_without(&self, at: usize) -> impl Iterator<Item = i64> {
        let lists = self.looks.iter().filter(|look| look.item.is_none());
        lists
            .filter(move |look| !self.items[at].is_there(look.moment))
            .map(|look| look.interval().0)
    }

    /// Whether a list that begins at `moment` or later does not have the item.
    fn is_missing_since(&self, at: usize, moment: i64) -> bool {
        self.lists_without(at).any(|start| start >= moment)
    }
}

fn history() -> impl Strategy<Value = History> {
    let item = (0_i64..50, 1_i64..40).prop_map(|(born, life)| Item {
        born,
        gone: born + life,
    });
    let look = (
        0_i64..70,
        proptest::option::weighted(0.3, 0_i64..15),
        proptest::option::weighted(0.2, any::<prop::sample::Index>()),
    );
    let parts = (
        prop::collection::vec(item, 1..4),
        prop::collection::vec(look, 1..9),
        any::<bool>(),
    );
    parts
        .prop_flat_map(|(items, looks, says_created)| {
            let looks: Vec<Look> = looks
                .into_iter()
                .map(|(moment, took, item)| match item {
                    // An item is looked at while it is there.
                    Some(index) => {
                        let at = index.index(items.len());
                        let Item { born, gone } = items[at];
                        Look {
                            item: Some(at),
                            moment: born + moment % (gone - born),
                            took,
                        }
                    }
                    None => Look {
                        item: None,
                        moment,
                        took,
                    },
                })
                .collect();
            let all: Vec<usize> = (0..looks.len()).collect();
            let again = prop::collection::vec(prop::sample::select(all.clone()), 0..4);
            let told = again
                .prop_flat_map(move |again| Just([all.clone(), again].concat()).prop_shuffle());
            (
                Just(items),
                Just(looks),
                Just(says_created),
                told,
                prop::collection::vec(1_usize..4, 16),
                1_usize..4,
            )
        })
        .prop_map(|(items, looks, says_created, told, sizes, writers)| {
            let mut batches = vec![Vec::new(); writers];
            let mut rest = told.as_slice();
            for (number, size) in sizes.iter().cycle().enumerate() {
                if rest.is_empty() {
                    break;
                }
                let (batch, left) = rest.split_at((*size).min(rest.len()));
                batches[number % writers].push(batch.to_vec());
                rest = left;
            }
            History {
                items,
                looks,
                writers: batches,
                says_created,
            }
        })
}

async fn write(store: &Store, told: &[(String, (i64, i64), String)]) {
    let snapshots: Vec<_> = told
        .iter()
        .map(|(json, (start, until), source)| {
            let interval = Interval::new(UnixMillis::new(*start), UnixMillis::new(*until));
            Snapshot::read(json)
                .unwrap()
                .taken(interval.unwrap(), source.as_str())
        })
        .collect();
    store.write(&snapshots).await.unwrap();
}

/// A store for an account of its own, which stands in for a fresh database.
fn fresh(db: &TestDb) -> Store {
    static ACCOUNTS: AtomicUsize = AtomicUsize::new(0);
    let account = format!("acct_{}", ACCOUNTS.fetch_add(1, Ordering::Relaxed));
    db.store().account(account).extract_expanded()
}

async fn check(db: &TestDb, history: &History) -> Result<(), TestCaseError> {
    let store = fresh(db);
    let tell = |at: &usize| {
        let look = &history.looks[*at];
        (history.json(look), look.interval(), format!("evt_{at}"))
    };
    let writers = history.writers.iter().map(|batches| {
        let store = store.clone();
        let batches: Vec<Vec<_>> = batches
            .iter()
            .map(|batch| batch.iter().map(tell).collect())
            .collect();
        tokio::spawn(async move {
            for batch in &batches {
                write(&store, batch).await;
            }
        })
    });
    try_join_all(writers).await.unwrap();

    let all = store.including_deleted();
    for (at, item) in history.items.iter().enumerate() {
        let name = format!("si_{at}");
        let row = all.get_object("subscription_item", &name).await.unwrap();
        let about = || format!("{name} on {}, {history:#?}", db.name());
        let Some(last) = history.sightings(at).map(|look| look.interval().1).max() else {
            prop_assert!(row.is_none(), "was never seen: {}", about());
            continue;
        };
        prop_assert!(row.is_some(), "was seen: {}", about());
        let deleted_at = row.unwrap().deleted_at().map(UnixMillis::as_millis);
        if history.says_created {
            let second = (BEGIN + item.born * STEP) / 1000;
            let is_deleted = history.is_missing_since(at, (second + 1) * 1000);
            prop_assert_eq!(deleted_at.is_some(), is_deleted, "{}", about());
        } else if history.is_missing_since(at, last) {
            prop_assert!(deleted_at.is_some(), "{}", about());
        }
        if let Some(moment) = deleted_at {
            // It is the beginning of a list without it, and at Stripe it was gone when that was taken.
            prop_assert!(
                history.lists_without(at).any(|start| start == moment),
                "{}",
                about()
            );
            prop_assert!(item.gone <= 70, "{}", about());
        }
    }
    // A later look shows what there is, whatever was left open.
    let end = Look {
        item: None,
        moment: 100,
        took: None,
    };
    write(
        &store,
        &[(history.json(&end), end.interval(), "evt_end".to_owned())],
    )
    .await;
    let left = store.list_object("subscription_item").page().await.unwrap();
    prop_assert_eq!(left.data.len(), 0);
    prop_assert_eq!(store.dirty_objects(1).await.unwrap(), []);
    Ok(())
}

#[test]
fn c045_however_a_history_is_told_an_item_is_deleted_when_what_was_told_shows_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let databases = runtime.block_on(databases());
    let config = Config::default();
    let cases = match config.cases {
        PROPTEST_DEFAULT => CASES,
        asked => asked,
    };
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..config
    });
    let began = std::time::Instant::now();
    let result = runner.run(&history(), |history| {
        runtime.block_on(async {
            for db in &databases {
                check(db, &history).await?;
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
