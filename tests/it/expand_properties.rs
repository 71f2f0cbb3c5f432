//! Any graph of objects, circles included, expands as a model of a few lines says, and can be folded back.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use stripe_store::resources;
use stripe_store::store::{Interval, Snapshot};
use stripe_store::{AnyObject, Store, Stored};
use stripe_store_tests::{TestDb, statements};
use tokio::runtime::Runtime;

/// Types that lead to each other, with how their ids begin and the paths that are used of each.
const TYPES: [(&str, &str, &[&str]); 10] = [
    (
        "customer",
        "cus_",
        &[
            "default_source",
            "invoice_settings.default_payment_method",
            "sources.data.customer",
        ],
    ),
    (
        "subscription",
        "sub_",
        &[
            "customer",
            "latest_invoice",
            "default_source",
            "items.data.price.product",
        ],
    ),
    (
        "invoice",
        "in_",
        &[
            "customer",
            "lines.data.subscription",
            "payments.data.payment.payment_intent",
            "default_source",
        ],
    ),
    (
        "payment_intent",
        "pi_",
        &["customer", "latest_charge", "payment_method"],
    ),
    ("charge", "ch_", &["customer", "payment_intent"]),
    ("payment_method", "pm_", &["customer"]),
    ("card", "card_", &["customer"]),
    // Ids that tell no type.
    ("bank_account", "odd_", &["customer"]),
    ("price", "price_", &["product"]),
    ("product", "prod_", &["default_price"]),
];

/// How many ids a type has, of which some are not in the table.
const IDS: usize = 4;

fn of_type(object: &str) -> (&'static str, &'static [&'static str]) {
    let (_, prefix, paths) = TYPES.iter().find(|it| it.0 == object).unwrap();
    (prefix, paths)
}

/// The types of [`TYPES`] that a path of a type leads to.
fn leads_to(object: &str, path: &str) -> Vec<&'static str> {
    let facts = resources::facts(object).unwrap();
    let at = facts.expandable.iter().position(|it| *it == path).unwrap();
    let all = facts.expands_to[at].iter().copied();
    all.filter(|it| TYPES.iter().any(|known| known.0 == *it))
        .collect()
}

/// Random choices; every one is 0 once the bytes are used up, so that a case shrinks to the plainest.
struct Draw<'a>(std::slice::Iter<'a, u8>);

impl Draw<'_> {
    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or_default()) % limit
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

fn id(object: &str, n: usize) -> String {
    format!("{}{n}", of_type(object).0)
}

/// An object with something at each of its type's paths; `inline` is how many more may stand in the place of ids.
fn object(draw: &mut Draw<'_>, object_type: &str, n: usize, inline: usize) -> Value {
    let mut made = json!({"id": id(object_type, n), "object": object_type, "n": n});
    for path in of_type(object_type).1 {
        let targets = leads_to(object_type, path);
        let keys: Vec<&str> = path.split('.').collect();
        place(draw, &mut made, &keys, &targets, inline);
    }
    made
}

fn place(draw: &mut Draw<'_>, at: &mut Value, keys: &[&str], targets: &[&str], inline: usize) {
    let [key, rest @ ..] = keys else { return };
    if rest.is_empty() {
        let target = draw.of(targets);
        let n = draw.below(IDS);
        at[*key] = match draw.below(8) {
            0..5 => json!(id(target, n)),
            5 => json!(null),
            6 => return,
            _ if inline == 0 => json!(id(target, n)),
            _ => object(draw, target, n, inline - 1),
        };
    } else if *key == "data" {
        at["object"] = json!("list");
        at["data"] = (0..draw.below(4))
            .map(|_| {
                let mut item = json!({"object": "item"});
                place(draw, &mut item, rest, targets, inline);
                item
            })
            .collect();
    } else {
        at[*key] = json!({"of": *key});
        place(draw, &mut at[*key], rest, targets, inline);
    }
}

/// A path of up to four references, and where each ends.
fn path(draw: &mut Draw<'_>, root: &str) -> String {
    let (mut path, mut here) = (Vec::new(), root);
    for _ in 0..=draw.below(4) {
        let next = draw.of(of_type(here).1);
        path.push(next);
        here = draw.of(&leads_to(here, next));
    }
    path.join(".")
}

/// What the table holds: the live objects and the deleted ones, by id.
#[derive(Debug, Default)]
struct World {
    objects: BTreeMap<String, Value>,
    deleted: BTreeSet<String>,
}

impl World {
    fn draw(draw: &mut Draw<'_>) -> Self {
        let mut world = Self::default();
        for (object_type, ..) in TYPES {
            for n in 0..IDS {
                let made = object(draw, object_type, n, 2);
                match draw.below(6) {
                    0..4 => {}
                    4 => continue,
                    _ => {
                        world.deleted.insert(id(object_type, n));
                    }
                }
                world.objects.insert(id(object_type, n), made);
            }
        }
        world
    }

    async fn write(&self, store: &Store) {
        let texts: Vec<String> = self.objects.values().map(Value::to_string).collect();
        let mut batch: Vec<_> = texts
            .iter()
            .map(|text| {
                Snapshot::read(text.as_str())
                    .unwrap()
                    .taken(Interval::second(1), "evt_1")
            })
            .collect();
        let gone = texts.iter().zip(self.objects.keys());
        batch.extend(
            gone.filter(|(_, id)| self.deleted.contains(*id))
                .map(|(text, _)| {
                    let read = Snapshot::read(text.as_str()).unwrap();
                    read.tombstone().taken(Interval::second(2), "evt_2")
                }),
        );
        store.write(&batch).await.unwrap();
    }

    /// What is put in the place of an id.
    fn shown(&self, id: &str) -> Option<Value> {
        let object = self.objects.get(id)?;
        Some(if self.deleted.contains(id) {
            json!({"id": id, "object": object["object"], "deleted": true})
        } else {
            object.clone()
        })
    }

    /// Expands one path in one object: the model.
    fn expand(&self, object: &mut Value, path: &str, missing: &mut BTreeSet<String>) {
        let Some(facts) = object["object"].as_str().and_then(resources::facts) else {
            return;
        };
        for reference in facts.expandable {
            let rest = match path.strip_prefix(reference) {
                Some("") => "",
                Some(rest) if rest.starts_with('.') => &rest[1..],
                _ => continue,
            };
            let keys: Vec<&str> = reference.split('.').collect();
            self.expand_at(object, &keys, rest, missing);
        }
    }

    fn expand_at(&self, at: &mut Value, keys: &[&str], rest: &str, missing: &mut BTreeSet<String>) {
        if let Value::Array(items) = at {
            for item in items {
                self.expand_at(item, keys, rest, missing);
            }
            return;
        }
        if let [key, keys @ ..] = keys {
            if let Some(inner) = at.get_mut(key) {
                self.expand_at(inner, keys, rest, missing);
            }
            return;
        }
        if let Some(id) = at.as_str().map(str::to_owned) {
            match self.shown(&id) {
                Some(object) => *at = object,
                None => {
                    missing.insert(id);
                }
            }
        }
        if at.is_object() && !rest.is_empty() {
            self.expand(at, rest, missing);
        }
    }
}

/// Folds what differs from the original back into ids.
fn collapse(expanded: &mut Value, original: &Value) {
    match (&mut *expanded, original) {
        (Value::Object(object), Value::String(_)) => *expanded = object["id"].clone(),
        (Value::Object(object), Value::Object(original)) => {
            for (key, value) in object {
                collapse(value, &original[key]);
            }
        }
        (Value::Array(items), Value::Array(original)) => {
            for (item, original) in items.iter_mut().zip(original) {
                collapse(item, original);
            }
        }
        _ => {}
    }
}

fn trees(rows: &[Stored<AnyObject>]) -> Vec<Value> {
    rows.iter().map(|row| row.deserialize().unwrap()).collect()
}

async fn check(store: &Store, bytes: &[u8]) {
    let draw = &mut Draw(bytes.iter());
    let root = draw.of(&["subscription", "customer", "invoice", "charge"]);
    let paths: Vec<String> = (0..=draw.below(4)).map(|_| path(draw, root)).collect();
    let world = World::draw(draw);
    world.write(store).await;
    let all = store.list_object(root).including_deleted();
    let original = all.page().await.unwrap().data;

    // As the model says, with what is missing.
    let mut rows = original.clone();
    let (expansion, sent) = statements(store.expand(&mut rows[..], &paths)).await;
    let expansion = expansion.unwrap();
    let mut missing = BTreeSet::new();
    let mut expected = trees(&original);
    for row in &mut expected {
        for path in &paths {
            world.expand(row, path, &mut missing);
        }
    }
    assert_eq!(trees(&rows), expected, "{paths:?}");
    let reported: Vec<String> = expansion.missing.iter().map(|it| it.id.clone()).collect();
    assert_eq!(
        reported.iter().cloned().collect::<BTreeSet<_>>(),
        missing,
        "{paths:?}"
    );
    assert!(expansion.too_deep.is_empty());

    // Each object at most once, each type at most once on a level.
    let fetched: u64 = sent.iter().map(|statement| statement.rows).sum();
    assert!(
        fetched <= u64::try_from(world.objects.len()).unwrap(),
        "{paths:?}: {sent:?}"
    );
    // A source can be of three types, of which `source` is not in TYPES.
    let most = 4 * (TYPES.len() + 1);
    assert!(sent.len() <= most, "{paths:?}: {sent:?}");

    // Twice is once, and costs nothing but asking for the missing again.
    let mut again = rows.clone();
    let (second, sent) = statements(store.expand(&mut again[..], &paths)).await;
    assert_eq!(second.unwrap().missing.len(), expansion.missing.len());
    assert!(sent.iter().all(|statement| statement.rows == 0), "{sent:?}");
    for (again, row) in again.iter().zip(&rows) {
        assert_eq!(again.json(), row.json(), "{paths:?}");
    }
    // One after the other and in another order is all at once.
    let mut single = original.clone();
    for path in paths.iter().rev() {
        store.expand(&mut single[..], &[path]).await.unwrap();
    }
    for (single, row) in single.iter().zip(&rows) {
        assert_eq!(single.json(), row.json(), "{paths:?}");
    }
    // Folded back it is what it was.
    for (row, original) in rows.iter().zip(trees(&original)) {
        let mut folded: Value = row.deserialize().unwrap();
        collapse(&mut folded, &original);
        assert_eq!(folded, original, "{paths:?}");
    }
}

/// Each case in an account of its own.
fn run(runtime: &Runtime, db: &TestDb) {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = TestRunner::new(config);
    let account = std::sync::atomic::AtomicU64::new(0);
    let bytes = proptest::collection::vec(any::<u8>(), 0..1500);
    let result = runner.run(&bytes, |bytes| {
        let account = account.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let store = db.store().account(format!("acct_{account}"));
        runtime.block_on(check(&store, &bytes));
        Ok(())
    });
    if let Err(error) = result {
        panic!("on {}: {error}", db.kind());
    }
}

#[test]
fn c014_any_graph_expands_as_the_model_says_once_and_back_on_sqlite() {
    let runtime = Runtime::new().unwrap();
    let db = runtime.block_on(TestDb::sqlite());
    run(&runtime, &db);
}

#[test]
fn c014_any_graph_expands_as_the_model_says_once_and_back_on_postgres() {
    let runtime = Runtime::new().unwrap();
    let db = runtime.block_on(TestDb::postgres());
    run(&runtime, &db);
}
