//! `stripe-store sync` against the fake Stripe: what it prints, how it fails, and that being killed costs nothing.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stripe_store_tests::fake::{Fake, Fault, Reply};
use stripe_store_tests::{TestDb, on_both, on_sqlite};

use super::{Run, on};

/// How often the process is killed, on each database; `STRIPE_STORE_KILLS` sets another number.
const KILLS: usize = 20;

fn customer(n: usize) -> Value {
    json!({"id": format!("cus_{n:04}"), "object": "customer", "created": 1_700_000_000 + n, "livemode": false})
}

/// The command with a key of test mode, and the fake for Stripe.
fn sync(db: &TestDb, fake: &Fake, arguments: &[&str]) -> Run {
    let mut run = on(db, &[&["sync"], arguments].concat());
    run.command
        .env("STRIPE_SECRET_KEY", "sk_test_Abc123")
        .env("STRIPE_API_BASE", fake.url())
        .args(["--rate", "100000"]);
    run
}

/// Runs it beside the fake, which lives in this thread.
async fn ended(run: Run) -> super::Ended {
    tokio::task::spawn_blocking(|| run.end()).await.unwrap()
}

fn lines(printed: &str) -> Vec<Value> {
    let lines = printed.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn it_says_what_it_read_to_people_and_to_programs() {
    on_both(async |db: &TestDb| {
        let fake = Fake::start().await.unwrap();
        for n in 0..120 {
            fake.add("/v1/customers", customer(n));
        }
        fake.fail_path("/v1/issuing", Some(Fault::not_set_up("Issuing")));
        let first = ended(sync(db, &fake, &[])).await;
        assert_eq!((first.status, first.stderr.as_str()), (Some(0), ""));
        let lines_of_it: Vec<_> = first.stdout.lines().collect();
        assert!(
            lines_of_it.contains(&"/v1/customers: 120 objects"),
            "{}",
            first.stdout
        );
        let skipped = "/v1/issuing/cards: skipped: the account does not have it: ";
        assert!(first.stdout.contains(skipped), "{}", first.stdout);
        assert!(
            lines_of_it.last().unwrap().starts_with("120 objects of "),
            "{}",
            first.stdout
        );

        let again = ended(sync(db, &fake, &["customer", "--full", "--json"])).await;
        assert_eq!((again.status, again.stderr.as_str()), (Some(0), ""));
        let told = lines(&again.stdout);
        let pages = told.iter().filter(|line| line["event"] == "page");
        assert_eq!(
            pages
                .map(|page| page["objects"].as_u64().unwrap())
                .sum::<u64>(),
            120
        );
        let summary = told.last().unwrap();
        assert_eq!(summary["event"], "summary");
        assert_eq!(
            (&summary["objects"], &summary["changed"]),
            (&json!(120), &json!(0))
        );
        assert_eq!(summary["complete"], true);
    })
    .await;
}

#[tokio::test]
async fn what_failed_is_named_and_the_exit_status_tells() {
    on_sqlite(async |db: &TestDb| {
        let fake = Fake::start().await.unwrap();
        fake.add("/v1/customers", customer(1));
        fake.add(
            "/v1/coupons",
            json!({"id": "gold", "object": "coupon", "created": 1}),
        );
        fake.fail_path("/v1/coupons", Some(Fault::Instead(Reply::error(402))));
        let run = ended(sync(db, &fake, &["customer", "coupon"])).await;
        assert_eq!(run.status, Some(1));
        assert!(
            run.stdout.contains("/v1/coupons: failed: "),
            "{}",
            run.stdout
        );
        assert!(
            run.stdout.contains("/v1/customers: 1 object"),
            "{}",
            run.stdout
        );
        assert!(
            run.stderr.starts_with("error: not everything was read"),
            "{}",
            run.stderr
        );
    })
    .await;
}

#[tokio::test]
async fn faults_of_the_network_are_told_with_what_to_do_about_them() {
    on_sqlite(async |db: &TestDb| {
        let fake = Fake::start().await.unwrap();
        fake.add("/v1/customers", customer(1));
        // Longer than the command waits, so that it gives up at once.
        fake.fail_path("/v1/coupons", Some(Fault::too_many("3600")));
        fake.fail_path("/v1/products", Some(Fault::LostBefore));
        fake.fail_path("/v1/plans", Some(Fault::html(502)));
        let types = ["customer", "coupon", "product", "plan"];
        let run = ended(sync(db, &fake, &types)).await;
        assert_eq!(run.status, Some(1));
        for line in [
            "/v1/customers: 1 object\n",
            "/v1/coupons: failed: Stripe refused GET /v1/coupons with 429 invalid_request_error/rate_limit: \
             Too many requests [",
            "]; set a lower rate, and run it again: it goes on where it stopped\n",
            "/v1/products: failed: no answer to GET /v1/products after 4 tries: ",
            "; see whether Stripe can be reached, and run it again: it goes on where it stopped\n",
            "/v1/plans: failed: the answer to GET /v1/plans, with status 502, is text/html; charset=utf-8 instead of \
             JSON (without a request id: was it a proxy that answered?); see what answers in Stripe's place, and run \
             it again: it goes on where it stopped\n",
        ] {
            assert!(run.stdout.contains(line), "{line}: {}", run.stdout);
        }
        assert_eq!(
            run.stderr,
            "error: not everything was read: what failed is named above, and the next run goes on there\n"
        );
        assert!(!run.stdout.contains("sk_test"), "{}", run.stdout);

        fake.fail_always(Some(Fault::status(401)));
        let run = ended(sync(db, &fake, &types)).await;
        assert_eq!(run.status, Some(1));
        let hint = "; see whether STRIPE_SECRET_KEY holds a key that is still valid\n";
        assert!(run.stderr.ends_with(hint), "{}", run.stderr);
    })
    .await;
}

#[tokio::test]
async fn without_a_usable_key_or_type_nothing_is_sent() {
    on_sqlite(async |db: &TestDb| {
        let fake = Fake::start().await.unwrap();
        let with = |key: Option<&str>, arguments: &[&str]| {
            let mut run = sync(db, &fake, arguments);
            match key {
                Some(key) => run.command.env("STRIPE_SECRET_KEY", key),
                None => run.command.env_remove("STRIPE_SECRET_KEY"),
            };
            run
        };
        let cases = [
            (with(None, &[]), "STRIPE_SECRET_KEY is not set"),
            (
                with(Some("pk_test_Hidden99"), &[]),
                "STRIPE_SECRET_KEY cannot be used",
            ),
            (
                with(Some("sk_test_Hidden99"), &["--live"]),
                "holds a key of test mode",
            ),
            (
                with(Some("sk_test_Hidden99"), &["customers"]),
                "did you mean customer?",
            ),
        ];
        for (run, message) in cases {
            let run = ended(run).await;
            assert_eq!(run.status, Some(1));
            assert!(run.stderr.contains(message), "{}", run.stderr);
            assert!(!run.stderr.contains("Hidden99"), "{}", run.stderr);
        }
        assert!(fake.received().is_empty());
    })
    .await;
}

/// Waits until the fake was asked for so many pages, or the command has ended; whether it is running still.
async fn runs_until(child: &mut Child, fake: &Fake, pages: usize) -> bool {
    let patience = Instant::now() + Duration::from_mins(1);
    while fake.pages_fetched().values().sum::<usize>() < pages {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(Instant::now() < patience, "the command does not go on");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    true
}

/// The ids of each type's rows.
async fn rows(db: &TestDb) -> BTreeMap<String, i64> {
    let store = db.store().test_mode();
    let counts = store.counts().await.unwrap().into_iter();
    counts
        .map(|count| (count.object, i64::try_from(count.rows).unwrap()))
        .collect()
}

#[tokio::test]
async fn a_run_that_is_killed_again_and_again_reads_each_page_once() {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a test runs is no configuration"
    )]
    let kills = std::env::var("STRIPE_STORE_KILLS").ok();
    let kills = kills.map_or(KILLS, |kills| kills.parse().unwrap());
    on_both(async |db: &TestDb| {
        let fake = Fake::start().await.unwrap();
        fake.fill(7, 4000);
        // One call at a time: the page that is under way when the process is killed is all that is asked for again.
        let start = || {
            let mut run = sync(db, &fake, &["--parallel", "1", "--json"]);
            let command = run.command.stdin(Stdio::null()).stdout(Stdio::null());
            command.stderr(Stdio::null()).spawn().unwrap()
        };
        let mut killed = 0;
        for kill in 1..=kills {
            let mut child = start();
            let seen: usize = fake.pages_fetched().values().sum();
            if !runs_until(&mut child, &fake, seen + 3 + kill % 7).await {
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
        }
        assert_eq!(killed, kills, "the world is too small");
        let run = ended(sync(db, &fake, &["--parallel", "1"])).await;
        assert_eq!(run.status, Some(0), "{}{}", run.stdout, run.stderr);

        let again: usize = fake.pages_fetched().values().map(|often| often - 1).sum();
        let often = fake
            .pages_fetched()
            .into_iter()
            .filter(|(_, often)| *often > 1);
        let often: Vec<_> = often.collect();
        assert!(
            again <= kills,
            "{again} pages were asked for again: {often:#?}"
        );
        // A run that nobody kills has the same rows.
        let calm = TestDb::sqlite().await;
        let run = ended(sync(&calm, &fake, &[])).await;
        assert_eq!(run.status, Some(0), "{}{}", run.stdout, run.stderr);
        assert_eq!(rows(db).await, rows(&calm).await);
        println!(
            "{kills} kills on {}: {again} pages asked for again",
            db.name()
        );
    })
    .await;
}
