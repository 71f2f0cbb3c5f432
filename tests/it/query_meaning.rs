//! A query finds what the views say, on any document and on both databases: conditions, orders, pages, neighbours.

mod conditions;
mod documents;
mod orders;

use std::cmp::Ordering;
use std::sync::atomic::{AtomicUsize, Ordering as Atomic};

use futures_util::TryStreamExt as _;
use proptest::test_runner::{Config, TestRunner};
use stripe_store::Store;
use stripe_store::query::Query;
use stripe_store::resources::Subscription;
use stripe_store::store::{Cursor, Interval, Snapshot, Stored};
use stripe_store_tests::{TestDb, databases, on_both};

use self::conditions::{Case, cases};
use self::documents::Document;
use self::orders::{Key, keys};

/// How many random questions are asked of each database, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 150;
const PROPTEST_DEFAULT: u32 = 256;

async fn write(store: &Store, texts: &[String]) {
    let batch: Vec<_> = texts
        .iter()
        .map(|text| {
            Snapshot::read(text)
                .unwrap()
                .taken(Interval::second(1), "evt_1")
        })
        .collect();
    store.write(&batch).await.unwrap();
}

fn ids(rows: &[Stored<Subscription>]) -> Vec<String> {
    rows.iter().map(|row| row.id().to_owned()).collect()
}

/// The rows that fulfil the condition, in the order, found in Rust.
fn expected(
    rows: &[Stored<Subscription>],
    case: &Case,
    order: &[Key],
) -> Vec<Stored<Subscription>> {
    let mut found: Vec<_> = rows.iter().filter(|row| case.holds(row)).cloned().collect();
    found.sort_by(|one, other| compare(order, one, other));
    found
}

fn compare(order: &[Key], one: &Stored<Subscription>, other: &Stored<Subscription>) -> Ordering {
    let default = [Key::newest_first()];
    let order = if order.is_empty() { &default } else { order };
    let by_id = one.id().cmp(other.id());
    let by_id = match order.last() {
        Some(key) if key.is_ascending() => by_id,
        _ => by_id.reverse(),
    };
    order
        .iter()
        .map(|key| key.compare(one, other))
        .find(|found| found.is_ne())
        .unwrap_or(by_id)
}

/// Every condition on one field, on every document with one odd value everywhere.
#[tokio::test]
async fn each_condition_holds_where_the_view_says_so() {
    let texts = documents::one_value_everywhere();
    let cases = cases();
    on_both(async |db: &TestDb| {
        write(db.store(), &texts).await;
        let rows = db
            .store()
            .query::<Subscription>()
            .fetch_all()
            .await
            .unwrap();
        assert_eq!(rows.len(), texts.len());
        let mut sometimes = 0;
        let mut wrong = Vec::new();
        for (number, case) in cases.iter().enumerate() {
            let negated = (number % 8 == 0).then(|| case.clone().negated());
            for case in negated.into_iter().chain([case.clone()]) {
                let query = db.store().query::<Subscription>().filter(case.filter());
                let found = query.fetch_all().await;
                let found = found.unwrap_or_else(|error| panic!("{}: {error:?}", case.text()));
                let expected = expected(&rows, &case, &[]);
                let odd = |these: &[Stored<Subscription>], those: &[Stored<Subscription>]| {
                    let those = ids(those);
                    these
                        .iter()
                        .filter(|row| !those.contains(&row.id().to_owned()))
                        .map(|row| row.json().to_owned())
                        .collect::<Vec<_>>()
                };
                if ids(&found) != ids(&expected) {
                    wrong.push(format!(
                        "{}\ntoo many: {:#?}\nmissing: {:#?}\n{}",
                        case.text(),
                        odd(&found, &expected),
                        odd(&expected, &found),
                        query.to_sql().unwrap().with_values()
                    ));
                }
                sometimes += usize::from(!found.is_empty() && found.len() < rows.len());
            }
        }
        assert!(
            wrong.is_empty(),
            "{} wrong, the first:\n{}",
            wrong.len(),
            wrong[0]
        );
        // Else nothing was told apart.
        assert!(
            sometimes * 2 > cases.len(),
            "{sometimes} of {}",
            cases.len()
        );
    })
    .await;
}

/// Everything that a query can be asked, held against the same in Rust.
async fn ask(
    store: &Store,
    rows: &[Stored<Subscription>],
    case: &Case,
    order: &[Key],
    limit: usize,
) {
    let expected = expected(rows, case, order);
    let query = || {
        let query = store.query::<Subscription>().filter(case.filter());
        order
            .iter()
            .fold(query, |query, key| query.order_by(key.order()))
    };
    let sql = query().to_sql().unwrap();
    let about = format!("{} by {order:?} on\n{}", case.text(), sql.with_values());
    assert_eq!(
        ids(&query().fetch_all().await.unwrap()),
        ids(&expected),
        "{about}"
    );
    let streamed: Vec<_> = query().stream().try_collect().await.unwrap();
    assert_eq!(ids(&streamed), ids(&expected), "{about}");
    let count = u64::try_from(expected.len()).unwrap();
    assert_eq!(query().count().await.unwrap(), count, "{about}");
    assert_eq!(query().exists().await.unwrap(), count > 0, "{about}");
    let first = query().first().await.unwrap();
    assert_eq!(
        first.as_ref().map(|row| row.id()),
        expected.first().map(|row| row.id()),
        "{about}"
    );
    assert_eq!(query().one().await.is_ok(), count == 1, "{about}");
    assert_eq!(
        ids(&all_pages(&query, limit).await),
        ids(&expected),
        "{limit} a page: {about}"
    );
    neighbours(&query(), &expected, &about).await;
}

async fn all_pages(
    query: &impl Fn() -> Query<Subscription>,
    limit: usize,
) -> Vec<Stored<Subscription>> {
    let mut page = query().limit(limit).page().await.unwrap();
    let mut found = page.data;
    while let Some(next) = page.next {
        // Through a browser and back.
        let next: Cursor = next.to_string().parse().unwrap();
        page = query().limit(limit).after(&next).page().await.unwrap();
        assert!(!page.data.is_empty(), "a next page has something on it");
        found.extend(page.data);
    }
    found
}

async fn neighbours(query: &Query<Subscription>, expected: &[Stored<Subscription>], about: &str) {
    for (at, row) in expected.iter().enumerate() {
        let next = query.next_after(row).await.unwrap();
        let expected_next = expected.get(at + 1).map(|row| row.id());
        assert_eq!(next.as_ref().map(|row| row.id()), expected_next, "{about}");
        let previous = query.previous_before(row).await.unwrap();
        let before = at.checked_sub(1).map(|at| expected[at].id());
        assert_eq!(previous.as_ref().map(|row| row.id()), before, "{about}");
    }
}

#[test]
fn any_question_gets_the_answer_of_the_views() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let databases = runtime.block_on(databases());
    let accounts = AtomicUsize::new(0);
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
    let questions = (
        proptest::collection::vec(Document::any(), 1..14),
        conditions::any_case(),
        proptest::collection::vec(proptest::sample::select(keys()), 0..3),
        1..5_usize,
    );
    let result = runner.run(&questions, |(documents, case, order, limit)| {
        runtime.block_on(async {
            for db in &databases {
                // An account of its own for each question stands in for a fresh database.
                let account = format!("acct_{}", accounts.fetch_add(1, Atomic::Relaxed));
                let store = db.store().account(account);
                let texts: Vec<_> = documents
                    .iter()
                    .enumerate()
                    .map(|(number, document)| document.text(number))
                    .collect();
                write(&store, &texts).await;
                let rows = store.query::<Subscription>().fetch_all().await.unwrap();
                assert_eq!(rows.len(), texts.len());
                ask(&store, &rows, &case, &order, limit).await;
            }
        });
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
