//! Everything that can go wrong at once, and what is to be there afterwards nevertheless.
//!
//! Two receivers on one PostgreSQL, each killed and started again while events are posted to both, and the server crashed
//! and started again. What they have to be: a program that takes `serve --database URL --listen ADDRESS`, verifies with
//! the secrets of `STRIPE_WEBHOOK_SECRET`, and has two handlers of all events, of which one inserts the event's id into
//! the table `effects` in the transaction, and the other, queued, into `queued_effects`.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, Row as _};
use stripe_store::Store;
use stripe_store::webhook::EndpointSecret;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::{Deliveries, EventMix, Process, Report, Resend, Sender};
use crate::RawPool;
use crate::postgres::{Cluster, programs};

/// What the receivers verify with.
const SECRET: &str = "whsec_soak";
/// How many receivers there are.
const RECEIVERS: usize = 2;
/// How long PostgreSQL is away.
const AWAY: Duration = Duration::from_millis(500);
/// How long what is queued may take once everything has arrived.
const PATIENCE: Duration = Duration::from_mins(5);

/// What handlers leave behind. Neither table has a unique key: what happens twice is to be seen.
const EFFECTS: [&str; 2] = ["effects", "queued_effects"];

/// How much of it, and with what.
#[derive(Debug, Clone)]
pub struct Soak {
    /// The receiver's program.
    pub program: PathBuf,
    /// How many distinct events.
    pub events: usize,
    /// What they are made from.
    pub seed: u64,
    /// How many requests at a time.
    pub concurrency: usize,
    /// How often each receiver is killed.
    pub kills: usize,
    /// How often PostgreSQL crashes.
    pub crashes: usize,
    /// In windows of how many events they are shuffled.
    pub window: usize,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// What the sender saw.
    pub report: Report,
    /// How many requests of each sort were made: valid ones, and others.
    pub sent: (usize, usize),
    /// How many objects there should be, and how many of them are deleted.
    pub objects: (usize, usize),
    /// Everything that is not as it should be, in words; of each sort the first.
    pub faults: Vec<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (valid, others) = self.sent;
        let (objects, deleted) = self.objects;
        writeln!(f, "sent: {valid} valid requests, {others} others")?;
        writeln!(f, "answered: {}", self.report)?;
        writeln!(
            f,
            "to be there: {objects} objects, {deleted} of them deleted"
        )?;
        for fault in &self.faults {
            writeln!(f, "WRONG: {fault}")?;
        }
        match self.faults.len() {
            0 => write!(f, "everything is as it should be"),
            faults => write!(f, "{faults} things are wrong"),
        }
    }
}

impl Soak {
    /// That of an afternoon: 200,000 events, each receiver killed five times, PostgreSQL crashed twice.
    pub fn large(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            events: 200_000,
            seed: 6,
            concurrency: 32,
            kills: 5,
            crashes: 2,
            window: 500,
        }
    }

    /// That of every day: 2,000 events, and everything happens once.
    pub fn small(program: impl Into<PathBuf>) -> Self {
        Self {
            events: 2_000,
            concurrency: 16,
            kills: 1,
            crashes: 1,
            window: 200,
            ..Self::large(program)
        }
    }

    /// Runs it; `say` is told what happens meanwhile.
    ///
    /// # Panics
    ///
    /// When there is no PostgreSQL, a receiver does not start, or nothing is acknowledged any more.
    pub async fn run(&self, say: impl Fn(&str)) -> Outcome {
        let cluster = spawn_blocking(|| Cluster::start_durable(&programs()).expect("a server"));
        let cluster = cluster.await.expect("a server starts");
        let url = prepare(&cluster).await;
        let mut receivers = Vec::new();
        for _ in 0..RECEIVERS {
            let args = ["serve", "--database", &url];
            let environment = [("STRIPE_WEBHOOK_SECRET", SECRET)];
            receivers.push(Process::start(&self.program, args, environment).await);
        }
        let urls: Vec<String> = receivers
            .iter()
            .map(|it| format!("{}/webhook", it.url()))
            .collect();
        let secret = EndpointSecret::new(SECRET).expect("a secret");
        let sender = Sender::new(&urls, secret)
            .with_concurrency(self.concurrency)
            .with_resend(Resend::After(Duration::from_millis(50)));
        let mix = EventMix::new(self.seed, self.events);
        let mut deliveries = Deliveries::new(mix, self.seed)
            .shuffled(self.window)
            .with_duplicates(50)
            .with_garbage(5, 5);
        let (mut valid, mut others) = (0, 0);
        let mut source = deliveries.by_ref().inspect(|delivery| {
            if delivery.kind.is_valid() {
                valid += 1;
            } else {
                others += 1;
            }
        });
        let accepted = sender.accepted();
        let (report, (cluster, mut receivers)) = tokio::join!(
            sender.send(&mut source),
            self.disturb(cluster, receivers, &accepted, &say)
        );
        say("everything was posted");
        let mut faults = Vec::new();
        let pool = PgPool::connect(&url).await.expect("the server is there");
        faults.extend(settle(&pool).await);
        for (number, receiver) in receivers.iter_mut().enumerate() {
            if receiver.id().is_none() {
                faults.push(format!("receiver {number} has ended by itself"));
            }
            receiver.kill().await;
        }
        let reference = deliveries.reference();
        let differences = reference
            .differences(&RawPool::Postgres(pool.clone()))
            .await;
        let shown = differences.iter().take(5).map(ToString::to_string);
        faults.extend(shown);
        if differences.len() > 5 {
            faults.push(format!(
                "{} objects in all are other than they should be",
                differences.len()
            ));
        }
        faults.extend(self.missing(&pool).await);
        faults.extend(report.unexpected.iter().cloned());
        if (report.accepted, report.refused) != (valid, others) {
            faults.push(format!(
                "{} of {valid} valid requests were acknowledged, {} of {others} others refused",
                report.accepted, report.refused
            ));
        }
        let objects = (reference.len(), reference.deleted());
        pool.close().await;
        drop(cluster);
        Outcome {
            report,
            sent: (valid, others),
            objects,
            faults,
        }
    }

    /// Kills and crashes, spread over the events.
    async fn disturb(
        &self,
        mut cluster: Cluster,
        mut receivers: Vec<Process>,
        accepted: &AtomicUsize,
        say: &impl Fn(&str),
    ) -> (Cluster, Vec<Process>) {
        let kills = self.kills * RECEIVERS;
        let total = kills + self.crashes;
        let (mut killed, mut crashed) = (0, 0);
        for turn in 1..=total {
            let threshold = self.events * turn / (total + 1);
            while accepted.load(Ordering::Relaxed) < threshold {
                sleep(Duration::from_millis(5)).await;
            }
            // The crashes among the kills, as evenly as they go.
            let is_crash =
                crashed < self.crashes && (crashed + 1) * (total + 1) <= turn * (self.crashes + 1);
            if is_crash || killed == kills {
                crashed += 1;
                say(&format!("after {threshold} events: PostgreSQL crashes"));
                // Waited for in a thread: meanwhile the sender goes on.
                let again = spawn_blocking(move || {
                    cluster.crash().expect("the server stops");
                    std::thread::sleep(AWAY);
                    cluster.start_again().expect("the server starts again");
                    cluster
                });
                cluster = again.await.expect("the server starts again");
            } else {
                let number = killed % RECEIVERS;
                killed += 1;
                say(&format!(
                    "after {threshold} events: receiver {number} is killed"
                ));
                receivers[number].restart().await;
            }
        }
        (cluster, receivers)
    }

    /// What the inbox and the effects should have and do not, and the other way round.
    async fn missing(&self, pool: &PgPool) -> Vec<String> {
        let mut faults = Vec::new();
        let count = async |sql: String| -> i64 {
            let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(pool).await;
            row.expect("a count").get(0)
        };
        let events = i64::try_from(self.events).expect("so many events");
        let inbox = count("SELECT count(*) FROM stripe_events".to_owned()).await;
        if inbox != events {
            faults.push(format!("{inbox} of {events} events are in the inbox"));
        }
        let other = "SELECT count(*) FROM stripe_events WHERE status <> 'applied'";
        let other = count(other.to_owned()).await;
        if other != 0 {
            faults.push(format!("{other} events are not applied"));
        }
        for table in EFFECTS {
            let all = count(format!("SELECT count(*) FROM {table}")).await;
            let distinct = count(format!("SELECT count(DISTINCT event_id) FROM {table}")).await;
            let known = format!("SELECT count(*) FROM {table} JOIN stripe_events USING (event_id)");
            let known = count(known).await;
            if (all, distinct, known) != (events, events, events) {
                faults.push(format!(
                    "{table} has {all} rows of {distinct} events, {known} of them in the inbox, and should have {events}"
                ));
            }
        }
        faults
    }
}

/// Makes a database with all tables, and gives its URL.
async fn prepare(cluster: &Cluster) -> String {
    let mut admin = PgConnection::connect(&cluster.url("postgres"))
        .await
        .expect("the server is there");
    let made = sqlx::raw_sql("CREATE DATABASE soak")
        .execute(&mut admin)
        .await;
    made.expect("a database is made");
    admin.close().await.expect("it lets go");
    let url = cluster.url("soak");
    let store = Store::connect(&url).await.expect("the database is there");
    store.migrate().await.expect("the tables are made");
    store.pool().close().await;
    make_effects(&url).await;
    url
}

/// Makes the tables that the handlers of `soak serve` insert into.
///
/// # Panics
///
/// When they cannot be made.
pub async fn make_effects(url: &str) {
    let mut connection = PgConnection::connect(url)
        .await
        .expect("the database is there");
    for table in EFFECTS {
        let sql = format!("CREATE TABLE {table} (event_id text NOT NULL)");
        let made = sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await;
        made.expect("a table is made");
    }
    connection.close().await.expect("it lets go");
}

/// Waits until nothing is queued any more; or says what is.
async fn settle(pool: &PgPool) -> Option<String> {
    let begin = Instant::now();
    loop {
        let sql = "SELECT count(*) FROM stripe_events WHERE status IN ('pending', 'queued')";
        let left: i64 = sqlx::query_scalar(sql)
            .fetch_one(pool)
            .await
            .expect("a count");
        if left == 0 {
            return None;
        }
        if begin.elapsed() > PATIENCE {
            return Some(format!("{left} events are still queued after {PATIENCE:?}"));
        }
        sleep(Duration::from_millis(50)).await;
    }
}
