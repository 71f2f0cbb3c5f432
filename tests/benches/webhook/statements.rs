//! What reaches PostgreSQL for an event: statements and commits, as the server's own `pg_stat_statements` counts them, and
//! rows that were written anew.

use std::collections::BTreeMap;

use sqlx::{Connection as _, PgConnection};
use stripe_store::Store;
use stripe_store_tests::load::{Deliveries, Delivery, Event, EventMix, Process};
use stripe_store_tests::postgres::{Cluster, programs};

use super::{Asked, SECRET, SEED, complain, sender};

/// How many events of the mix.
const EVENTS: usize = 4000;

pub(super) async fn count(asked: &Asked) {
    let settings = [
        "fsync=on",
        "synchronous_commit=on",
        "full_page_writes=on",
        "shared_preload_libraries=pg_stat_statements",
        "pg_stat_statements.track_utility=on",
    ];
    let cluster = Cluster::start(&programs(), &settings).unwrap();
    let url = cluster.url("postgres");
    let store = Store::connect(&url).await.unwrap();
    store.migrate().await.unwrap();
    store.pool().close().await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    let extension = "CREATE EXTENSION pg_stat_statements";
    sqlx::raw_sql(extension).execute(&mut admin).await.unwrap();

    let events: Vec<Event> = EventMix::new(SEED, EVENTS).collect();
    let mut by_type: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for event in &events {
        by_type
            .entry(event.event_type.to_owned())
            .or_default()
            .push(event.clone());
    }
    println!(
        "\n{:<46} {:>8} {:>10} {:>8} {:>14}",
        "one at a time", "events", "statements", "commits", "rows rewritten"
    );
    let run = async |what: &str,
                     deliveries: Vec<Delivery>,
                     concurrency: usize,
                     admin: &mut PgConnection| {
        let mut process = Process::start(
            &asked.receiver,
            ["serve", "--database", &url],
            [("STRIPE_WEBHOOK_SECRET", SECRET)],
        )
        .await;
        let count = deliveries.len();
        // What a process asks once, when it begins, is not an event's.
        let (first, rest) = deliveries.split_at(count.min(3));
        let send = async |deliveries: &[Delivery]| {
            let report = sender(&process, concurrency)
                .send(&mut deliveries.iter().cloned())
                .await;
            complain(&report);
            report.accepted
        };
        send(first).await;
        let before = Counts::read(admin).await;
        let accepted = send(rest).await;
        // A server process tells what it wrote when it ends.
        process.kill().await;
        let after = Counts::read(admin).await;
        after.since(&before).print(what, accepted);
    };
    for (event_type, events) in &by_type {
        let deliveries = events.iter().cloned().map(Delivery::from).collect();
        run(event_type, deliveries, 1, &mut admin).await;
    }
    let all: Vec<Delivery> = events.iter().cloned().map(Delivery::from).collect();
    run("all of them again: duplicates", all, 1, &mut admin).await;
    let others: Vec<Delivery> = Deliveries::new(EventMix::new(SEED + 1, EVENTS), SEED).collect();
    run("others, 64 at a time", others, 64, &mut admin).await;
}

#[derive(Debug, Default)]
struct Counts {
    statements: i64,
    commits: i64,
    rewritten: i64,
}

impl Counts {
    async fn read(admin: &mut PgConnection) -> Self {
        // Those of this connection are not the receiver's: it commits nothing.
        let sql = "SELECT coalesce(sum(calls) FILTER (WHERE query NOT IN ('BEGIN ISOLATION LEVEL READ COMMITTED', 'COMMIT', \
                'BEGIN') AND query LIKE '%stripe_%' OR query LIKE '%advisory%'), 0)::bigint,
            coalesce(sum(calls) FILTER (WHERE query = 'COMMIT'), 0)::bigint
            FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat%'";
        let (statements, commits): (i64, i64) =
            sqlx::query_as(sql).fetch_one(&mut *admin).await.unwrap();
        let sql = "SELECT coalesce(sum(n_tup_upd + n_tup_del), 0)::bigint FROM pg_stat_user_tables";
        let mut last = -1;
        // Until what the ended processes had to tell is there: nothing tells when it is.
        let rewritten = loop {
            let rewritten: i64 = sqlx::query_scalar(sql)
                .fetch_one(&mut *admin)
                .await
                .unwrap();
            if rewritten == last {
                break rewritten;
            }
            last = rewritten;
            tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        };
        Self {
            statements,
            commits,
            rewritten,
        }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            statements: self.statements - before.statements,
            commits: self.commits - before.commits,
            rewritten: self.rewritten - before.rewritten,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    fn print(&self, what: &str, events: usize) {
        let each = |count: i64| count as f64 / events.max(1) as f64;
        println!(
            "{what:<46} {events:>8} {:>10.2} {:>8.2} {:>14.2}",
            each(self.statements),
            each(self.commits),
            each(self.rewritten),
        );
    }
}
