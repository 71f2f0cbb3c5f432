//! Lists below others: that some of these refuse, and that most are empty.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use serde_json::{Value, json};
use stripe_store::client::{Client, RateLimit, RetryPolicy, SecretKey};
use stripe_store::clock::{Clock, UnixMillis};
use stripe_store::sync::{BackfillEvent, BackfillReport, ListEnd, ListReport, SkipReason};
use stripe_store::{Error, Store};
use stripe_store_tests::fake::{Fake, Fault, Reply};
use stripe_store_tests::{TestDb, on_both};

/// The store's clock, moved by hand.
#[derive(Debug, Clone)]
struct Hand(Arc<AtomicI64>);

impl Hand {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_700_000_000_000)))
    }

    /// Past what a later run takes for changed.
    fn go_on(&self) {
        self.0.fetch_add(3_600_000, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> UnixMillis {
        UnixMillis::new(self.0.load(Ordering::SeqCst))
    }
}

const PERSONS: &str = "/v1/accounts/{account}/persons";

async fn pair() -> (Arc<Fake>, Client) {
    let fake = Fake::start().await.unwrap();
    let client = Client::builder(SecretKey::new("sk_test_Abc123").unwrap())
        .base_url(fake.url())
        .rate_limit(RateLimit::unlimited())
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    (Arc::new(fake), client)
}

fn of_account(n: usize) -> String {
    format!("/v1/accounts/acct_{n:02}/persons")
}

fn person(n: usize) -> Value {
    let (id, account) = (format!("person_{n:02}"), format!("acct_{n:02}"));
    json!({"id": id, "object": "person", "account": account, "created": 1})
}

/// A fake with so many accounts of one person each.
async fn filled(accounts: usize) -> (Arc<Fake>, Client) {
    let (fake, client) = pair().await;
    for n in 0..accounts {
        let id = format!("acct_{n:02}");
        fake.add("/v1/accounts", json!({"id": id, "object": "account"}));
        fake.add(&of_account(n), person(n));
    }
    (fake, client)
}

/// What an account says that does not show its persons.
fn refusal(status: u16, n: usize) -> Fault {
    let message = format!("The account acct_{n:02} does not show its persons.");
    let code = (status == 403).then_some("account_invalid");
    Fault::Instead(Reply::refusal(
        status,
        "invalid_request_error",
        code,
        &message,
    ))
}

async fn run(store: &Store, client: &Client, types: &[&str]) -> Result<BackfillReport, Error> {
    let backfill = store.backfill(client);
    let run = if types.is_empty() {
        backfill
    } else {
        backfill.types(types.iter().copied())
    };
    run.run().await
}

fn persons(report: &BackfillReport) -> &ListReport {
    let found = report.lists.iter().find(|list| list.list.path() == PERSONS);
    found.unwrap()
}

fn refused(list: &ListReport) -> Vec<&str> {
    let mut ids: Vec<_> = list.refused.iter().map(|it| it.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// The accounts whose persons were asked for from a request on, in order.
fn asked(fake: &Fake, from: usize) -> Vec<String> {
    let received = fake.received();
    let ids = received[from..].iter().filter_map(|request| {
        let id = request.path.strip_prefix("/v1/accounts/")?;
        Some(id.strip_suffix("/persons")?.to_owned())
    });
    let mut ids: Vec<_> = ids.collect();
    ids.sort();
    ids
}

async fn count(db: &TestDb, what: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {what}");
    db.scalar_i64(&sql).await.unwrap()
}

const NOTED: &str = "stripe_sync_state WHERE name LIKE '%#%'";
const ROWS: &str = "stripe_objects WHERE object = 'person'";

#[tokio::test]
async fn those_that_refuse_are_named_the_others_read_and_later_runs_ask_again() {
    on_both(async |db: &TestDb| {
        for status in [400, 403, 404] {
            let (fake, client) = filled(30).await;
            let clock = Hand::new();
            let store = db.store().clone().with_clock(clock.clone());
            let store = store.test_mode().account(format!("acct_{status}"));
            for n in [3, 17] {
                fake.fail_path(&of_account(n), Some(refusal(status, n)));
            }
            let report = run(&store, &client, &["person"]).await.unwrap();
            let list = persons(&report);
            assert!(matches!(list.end, ListEnd::ReadInPart), "{list:?}");
            assert!(!list.end.is_read() && report.is_complete());
            assert_eq!((list.refused_count, list.objects), (2, 28));
            assert_eq!(refused(list), ["acct_03", "acct_17"]);
            assert!(list.refused[0].error.status() == Some(status));

            // What was written while the last run was made counts as changed since; after one more, nothing does, and
            // those two are asked again.
            clock.go_on();
            run(&store, &client, &["person"]).await.unwrap();
            let before = fake.received().len();
            clock.go_on();
            let report = run(&store, &client, &["person"]).await.unwrap();
            let list = persons(&report);
            assert!(matches!(list.end, ListEnd::ReadInPart), "{list:?}");
            assert_eq!(refused(list), ["acct_03", "acct_17"]);
            assert_eq!(asked(&fake, before), ["acct_03", "acct_17"]);

            fake.fail_path(&of_account(3), None);
            clock.go_on();
            let report = run(&store, &client, &["person"]).await.unwrap();
            assert_eq!(refused(persons(&report)), ["acct_17"]);
            fake.fail_path(&of_account(17), None);
            clock.go_on();
            let report = run(&store, &client, &["person"]).await.unwrap();
            assert!(persons(&report).end.is_read(), "{report:?}");
            assert_eq!(persons(&report).refused_count, 0);
            // And then no more.
            let before = fake.received().len();
            clock.go_on();
            let report = run(&store, &client, &["person"]).await.unwrap();
            assert!(persons(&report).end.is_read());
            assert_eq!(asked(&fake, before), [""; 0]);
        }
        assert_eq!((count(db, ROWS).await, count(db, NOTED).await), (90, 0));
    })
    .await;
}

#[tokio::test]
async fn when_ten_refuse_alike_and_nobody_gives_it_the_list_is_refused_and_nobody_else_asked() {
    on_both(async |db: &TestDb| {
        for (status, is_named, is_complete) in [
            (403, true, true),
            (403, false, true),
            (400, false, true),
            (400, true, false),
        ] {
            let (fake, client) = filled(40).await;
            let store = db.store().test_mode();
            let store = store.account(format!("acct_{status}_{is_named}"));
            for n in 0..40 {
                fake.fail_path(&of_account(n), Some(refusal(status, n)));
            }
            let types = ["account", "person"];
            let types = if is_named { &types[..] } else { &[] };
            let report = run(&store, &client, types).await.unwrap();
            let list = persons(&report);
            let is_fit = match status {
                403 => matches!(list.end, ListEnd::Skipped(SkipReason::NotPermitted(_))),
                _ if is_named => matches!(list.end, ListEnd::Failed(_)),
                _ => matches!(list.end, ListEnd::Skipped(SkipReason::NotAvailable(_))),
            };
            assert!(is_fit, "{list:?}");
            assert_eq!(report.is_complete(), is_complete);
            assert_eq!((list.refused_count, count(db, NOTED).await), (0, 0));
            // Eight at a time: those who were asked when the tenth refused.
            let often = asked(&fake, 0).len();
            assert!((10..=17).contains(&often), "{often}");

            // Nothing of it is done: the next run reads all.
            for n in 0..40 {
                fake.fail_path(&of_account(n), None);
            }
            let report = run(&store, &client, types).await.unwrap();
            assert_eq!((persons(&report).objects, report.is_complete()), (40, true));
        }
    })
    .await;
}

#[tokio::test]
async fn a_few_that_all_refuse_are_the_list_at_first_and_themselves_once_it_was_read() {
    on_both(async |db: &TestDb| {
        let ((fake, client), clock) = (filled(3).await, Hand::new());
        let store = db.store().clone().with_clock(clock.clone()).test_mode();
        let types = ["account", "person"];
        for n in 0..3 {
            fake.fail_path(&of_account(n), Some(refusal(403, n)));
        }
        let report = run(&store, &client, &types).await.unwrap();
        let end = &persons(&report).end;
        assert!(
            matches!(end, ListEnd::Skipped(SkipReason::NotPermitted(_))),
            "{end:?}"
        );
        assert_eq!(count(db, NOTED).await, 0);

        // One of them refuses in another way.
        fake.fail_path(&of_account(2), Some(refusal(400, 2)));
        clock.go_on();
        let report = run(&store, &client, &types).await.unwrap();
        assert_eq!(refused(persons(&report)), ["acct_00", "acct_01", "acct_02"]);

        fake.fail_path(&of_account(2), None);
        clock.go_on();
        let report = run(&store, &client, &types).await.unwrap();
        assert_eq!(refused(persons(&report)), ["acct_00", "acct_01"]);
        assert_eq!((count(db, ROWS).await, count(db, NOTED).await), (1, 2));

        // Nobody gives it now, and an earlier run was given it.
        clock.go_on();
        let report = run(&store, &client, &types).await.unwrap();
        assert_eq!(refused(persons(&report)), ["acct_00", "acct_01"]);
        assert!(matches!(persons(&report).end, ListEnd::ReadInPart));
    })
    .await;
}

#[tokio::test]
async fn a_run_that_goes_on_does_not_forget_who_refused_the_one_before() {
    on_both(async |db: &TestDb| {
        let ((fake, client), clock) = (filled(30).await, Hand::new());
        let store = db.store().clone().with_clock(clock.clone()).test_mode();
        let types = ["account", "person"];
        fake.fail_path(&of_account(3), Some(refusal(403, 3)));
        fake.fail_path(&of_account(25), Some(Fault::status(402)));
        let report = run(&store, &client, &types).await.unwrap();
        let list = persons(&report);
        assert!(matches!(list.end, ListEnd::Failed(_)), "{list:?}");
        assert_eq!(
            (refused(list), report.is_complete()),
            (vec!["acct_03"], false)
        );

        // It goes on where that one failed, and asks nobody twice.
        fake.fail_path(&of_account(25), None);
        let before = fake.received().len();
        let report = run(&store, &client, &types).await.unwrap();
        let list = persons(&report);
        assert!(matches!(list.end, ListEnd::ReadInPart), "{list:?}");
        assert_eq!((list.refused_count, list.refused.len()), (1, 0));
        let again = asked(&fake, before);
        assert!(again.contains(&"acct_25".to_owned()), "{again:?}");
        assert!(!again.contains(&"acct_03".to_owned()), "{again:?}");
        assert_eq!(asked(&fake, 0).len(), 31);

        // Later ones do. (What was written while this one was made counts as changed in the next.)
        clock.go_on();
        run(&store, &client, &["person"]).await.unwrap();
        clock.go_on();
        let before = fake.received().len();
        run(&store, &client, &["person"]).await.unwrap();
        assert_eq!(asked(&fake, before), ["acct_03"]);
    })
    .await;
}

#[tokio::test]
async fn who_refused_and_is_gone_is_asked_no_more() {
    on_both(async |db: &TestDb| {
        let ((fake, client), clock) = (filled(5).await, Hand::new());
        let store = db.store().clone().with_clock(clock.clone()).test_mode();
        fake.fail_path(&of_account(3), Some(refusal(403, 3)));
        run(&store, &client, &["person"]).await.unwrap();
        assert_eq!(count(db, NOTED).await, 1);
        let missing = Some("resource_missing");
        let gone = Reply::refusal(404, "invalid_request_error", missing, "No such account");
        fake.fail_path(&of_account(3), Some(Fault::Instead(gone)));
        clock.go_on();
        let report = run(&store, &client, &["person"]).await.unwrap();
        assert!(persons(&report).end.is_read(), "{report:?}");
        assert_eq!(count(db, NOTED).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_run_that_is_cut_off_among_empty_pages_asks_for_few_of_them_again() {
    on_both(async |db: &TestDb| {
        for calls in [1, 8] {
            let (fake, client) = pair().await;
            for n in 0..60 {
                let id = format!("acct_{n:02}");
                fake.add("/v1/accounts", json!({"id": id, "object": "account"}));
            }
            let store = db.store().test_mode().account(format!("acct_of_{calls}"));
            run(&store, &client, &["account"]).await.unwrap();
            let persons = || {
                let parallel = NonZeroUsize::new(calls).unwrap();
                store.backfill(&client).types(["person"]).parallel(parallel)
            };
            let cuts = [5, 11, 14, 9];
            for cut in cuts {
                let (enough, pages) = (Arc::new(tokio::sync::Notify::new()), AtomicUsize::new(0));
                let told = Arc::clone(&enough);
                let running = persons().on_event(move |event| {
                    let is_page = matches!(event, BackfillEvent::Page { .. });
                    if is_page && pages.fetch_add(1, Ordering::SeqCst) + 1 == cut {
                        told.notify_one();
                    }
                });
                tokio::select! {
                    biased;
                    () = enough.notified() => {}
                    _ = running.run() => panic!("it was not cut off"),
                }
            }
            assert!(persons().run().await.unwrap().is_complete());
            // Those under way, and of those that were there fewer than that.
            let again = asked(&fake, 0).len() - 60;
            let most = cuts.len() * (2 * calls - 1);
            assert!(again <= most, "{calls} at a time: {again} pages again");
        }
    })
    .await;
}
