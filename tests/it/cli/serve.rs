//! `serve`, as a process of its own, over real HTTP.

#![cfg(unix)]

mod beside;
mod ending;

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout};
use std::time::Duration;

use serde_json::{Value, json};
use stripe_store_tests::{TestDb, on_both, on_sqlite};

use super::{Run, on};
use crate::web::raw::{Answer, get, request, send, signed};

const SECRET: &str = "whsec_of_the_test";

/// A server, until it is dropped.
struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
}

/// A server that has ended.
#[derive(Debug)]
struct Gone {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(db: &TestDb, arguments: &[&str]) -> Run {
    let listen = ["serve", "--listen", "127.0.0.1:0"];
    let mut run = on(db, &[&listen[..], arguments].concat());
    run.command.env_remove("STRIPE_WEBHOOK_SECRET");
    run
}

impl Server {
    fn start(db: &TestDb, arguments: &[&str]) -> Self {
        Self::started(run(db, arguments), SECRET)
    }

    fn started(mut run: Run, secrets: &str) -> Self {
        run.command.env("STRIPE_WEBHOOK_SECRET", secrets);
        Self::of(run)
    }

    /// Waits until it says where it listens.
    fn of(run: Run) -> Self {
        let mut child = run.start();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://");
        let Some(address) = address else {
            let mut stderr = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut stderr)
                .unwrap();
            panic!("{line:?} {stderr}");
        };
        Self {
            address: address.parse().unwrap(),
            child,
            stdout,
        }
    }

    async fn post(&self, path: &str, secret: &str, body: &[u8]) -> Answer {
        send(self.address, &signed(path, secret, body)).await
    }

    async fn get(&self, path: &str) -> Answer {
        get(self.address, path).await
    }

    /// The value of a line of the metrics.
    async fn metric(&self, line: &str) -> String {
        let page = self.get("/metrics").await;
        assert_eq!(page.status, 200);
        let mut lines = page.body.lines();
        let found = lines.find_map(|it| it.strip_prefix(line)?.strip_prefix(' '));
        found
            .unwrap_or_else(|| panic!("no {line} in {}", page.body))
            .to_owned()
    }

    /// Waits until a line of the metrics has such a value.
    async fn wait_for(&self, line: &str, is: impl Fn(&str) -> bool) {
        for _ in 0..1000 {
            if is(&self.metric(line).await) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{line} stays {}", self.metric(line).await);
    }

    fn signal(&self, signal: &str) {
        super::signal::send(signal, &self.child);
    }

    /// Waits for its end.
    fn gone(mut self) -> Gone {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).unwrap();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        let status = self.child.wait().unwrap().code();
        Gone {
            status,
            stdout,
            stderr,
        }
    }

    /// Asks it to stop, and waits for its end.
    fn stop(self) -> Gone {
        self.signal("TERM");
        self.gone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Most have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An event that creates a customer of test mode.
fn event(id: &str, customer: &str) -> Vec<u8> {
    let event = json!({
        "id": id, "object": "event", "type": "customer.created", "created": 1_700_000_000, "livemode": false,
        "data": {"object": {"id": customer, "object": "customer", "email": "secret@example.com", "livemode": false}},
    });
    event.to_string().into_bytes()
}

async fn count(db: &TestDb, of: &str) -> i64 {
    db.scalar_i64(&format!("SELECT count(*) FROM {of}"))
        .await
        .unwrap()
}

/// Waits until there are so many.
async fn wait_for(db: &TestDb, of: &str, expected: i64) {
    for _ in 0..1000 {
        if count(db, of).await >= expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{expected} of {of} do not come");
}

#[tokio::test]
async fn c073_what_is_posted_is_stored_and_what_is_not_stripes_is_said_and_refused() {
    on_both(async |db: &TestDb| {
        let server = Server::start(db, &[]);
        let body = event("evt_1", "cus_1");
        assert_eq!(
            server.post("/webhook", SECRET, &body).await.said(),
            (200, "accepted")
        );
        assert_eq!(
            server.post("/webhook", SECRET, &body).await.said(),
            (200, "duplicate")
        );
        let row = on(db, &["--test", "get", "customer", "cus_1"]).succeeds();
        assert!(row.contains("secret@example.com"), "{row}");
        assert_eq!(
            server.post("/webhook", "whsec_other", &body).await.status,
            400
        );
        assert_eq!(server.post("/webhook/x", SECRET, &body).await.status, 404);
        assert_eq!(server.get("/webhook").await.status, 405);
        assert_eq!(server.get("/").await.status, 404);
        assert_eq!(server.get("/health").await.said(), (200, "ok"));

        let gone = server.stop();
        assert_eq!(
            (gone.status, gone.stdout.as_str()),
            (Some(0), ""),
            "{}",
            gone.stderr
        );
        // Of what went well nothing is said.
        let lines: Vec<&str> = gone.stderr.lines().collect();
        assert_eq!(lines.len(), 2, "{}", gone.stderr);
        assert!(
            lines[0].starts_with("warning: a request: invalid, answered 400: no signature matches"),
            "{}",
            lines[0]
        );
        assert_eq!(
            lines[1],
            "warning: a request: invalid, answered 404: there is no endpoint \"x\""
        );
    })
    .await;
}

#[tokio::test]
async fn it_creates_the_tables_unless_it_is_to_wait_for_them_and_is_ready_when_they_are_there() {
    for db in [TestDb::empty_sqlite().await, TestDb::empty_postgres().await] {
        db.execute("CREATE TABLE something_else (id INTEGER)").await;
        let server = Server::start(&db, &["--no-migrate"]);
        assert_eq!(server.get("/health").await.status, 200);
        let unready = "the database has not the tables of this version: run `stripe-store migrate`";
        assert_eq!(server.get("/ready").await.said(), (503, unready));
        // What cannot be stored is not acknowledged.
        let body = event("evt_1", "cus_1");
        assert_eq!(server.post("/webhook", SECRET, &body).await.status, 500);
        assert_eq!(server.metric("stripe_store_database_up").await, "0");

        on(&db, &["migrate"]).succeeds();
        assert_eq!(server.get("/ready").await.said(), (200, "ready"));
        assert_eq!(
            server.post("/webhook", SECRET, &body).await.said(),
            (200, "accepted")
        );
        assert_eq!(server.metric("stripe_store_database_up").await, "1");
        let gone = server.stop();
        assert_eq!(gone.status, Some(0));
        assert!(
            gone.stderr.contains(
                "warning: the inbox cannot be worked on: there is no table stripe_events"
            ),
            "{}",
            gone.stderr
        );

        let server = Server::start(&db, &["--prefix", "other_"]);
        assert_eq!(server.get("/ready").await.status, 200);
        assert_eq!(
            server.post("/webhook", SECRET, &body).await.said(),
            (200, "accepted")
        );
        assert_eq!(count(&db, "other_stripe_events").await, 1);
        // As a later version would leave it, which this one works beside.
        let later = "INSERT INTO other__stripe_store_migrations (version, description, success, checksum, execution_time) \
                     SELECT 999, 'later', success, checksum, execution_time FROM other__stripe_store_migrations WHERE version = 1";
        db.execute(later).await;
        assert_eq!(server.get("/ready").await.status, 200);
        // Gone again, as when somebody drops them.
        db.execute("DELETE FROM other__stripe_store_migrations WHERE version = 5")
            .await;
        assert_eq!(server.get("/ready").await.status, 503);
    }
}

#[tokio::test]
async fn each_endpoint_has_secrets_of_its_own_from_the_environment() {
    on_sqlite(async |db: &TestDb| {
        let mut run = run(db, &["--endpoint", "connect", "--endpoint", "eu-west"]);
        run.command
            .env("STRIPE_WEBHOOK_SECRET_CONNECT", "whsec_connect");
        run.command.env("STRIPE_WEBHOOK_SECRET_EU_WEST", "whsec_eu");
        let server = Server::started(run, "whsec_new, whsec_old");
        for (path, secret, status) in [
            ("/webhook", "whsec_new", 200),
            ("/webhook", "whsec_old", 200),
            ("/webhook", "whsec_connect", 400),
            ("/webhook/connect", "whsec_connect", 200),
            ("/webhook/connect", "whsec_new", 400),
            ("/webhook/eu-west", "whsec_eu", 200),
            ("/webhook/CONNECT", "whsec_connect", 404),
        ] {
            let answer = server.post(path, secret, &event("evt_1", "cus_1")).await;
            assert_eq!(answer.status, status, "{path} {secret}");
        }
        // No secret in what it prints.
        let gone = server.stop();
        assert!(!gone.stderr.contains("whsec_"), "{}", gone.stderr);

        let mut alone = self::run(db, &["--endpoint", "connect"]);
        alone
            .command
            .env("STRIPE_WEBHOOK_SECRET_CONNECT", "whsec_connect");
        let server = Server::of(alone);
        assert_eq!(
            server.post("/webhook", "whsec_connect", b"{}").await.status,
            404
        );
        assert_eq!(
            server
                .post(
                    "/webhook/connect",
                    "whsec_connect",
                    &event("evt_2", "cus_2")
                )
                .await
                .status,
            200
        );
    })
    .await;
}

#[tokio::test]
async fn without_secrets_it_does_not_start_and_says_what_to_do() {
    on_sqlite(async |db: &TestDb| {
        let message = run(db, &[]).fails(1);
        assert_eq!(
            message,
            "error: STRIPE_WEBHOOK_SECRET is not set: it is to hold the signing secret of the endpoint (whsec_…), which \
             Stripe's dashboard shows beside it; several are separated by commas\n"
        );
        let with = |secret: &str, arguments: &[&str]| {
            let mut run = on(db, &[&["serve"], arguments].concat());
            run.command.env("STRIPE_WEBHOOK_SECRET", secret);
            run.fails(1)
        };
        let message = with("sk_test_123", &[]);
        assert!(message.starts_with("error: STRIPE_WEBHOOK_SECRET cannot be used: this is a key of the API"), "{message}");
        assert!(!message.contains("sk_test"), "{message}");
        let message = with("whsec_a,,whsec_b", &[]);
        assert_eq!(message, "error: STRIPE_WEBHOOK_SECRET cannot be used: the endpoint's secret is empty\n");
        let message = with(SECRET, &["--endpoint", "connect"]);
        assert_eq!(
            message,
            "error: STRIPE_WEBHOOK_SECRET_CONNECT is not set: it is to hold the signing secret (whsec_…) of the endpoint \
             connect\n"
        );
        let message = with(SECRET, &["--listen", "256.0.0.1:80"]);
        assert!(message.starts_with("error: could not listen on 256.0.0.1:80: "), "{message}");
        let server = Server::start(db, &[]);
        let taken = server.address.to_string();
        let message = with(SECRET, &["--listen", &taken]);
        assert!(message.starts_with(&format!("error: could not listen on {taken}: ")), "{message}");
    })
    .await;
}

#[tokio::test]
async fn unverified_takes_everything_where_there_is_no_secret_and_warns() {
    on_sqlite(async |db: &TestDb| {
        let mut run = run(db, &["--unverified", "--endpoint", "connect"]);
        run.command.env("STRIPE_WEBHOOK_SECRET_CONNECT", "whsec_connect");
        let server = Server::of(run);
        let body = event("evt_1", "cus_1");
        let unsigned = |path| request("POST", path, &[], &body);
        assert_eq!(send(server.address, &unsigned("/webhook")).await.said(), (200, "accepted"));
        assert_eq!(send(server.address, &unsigned("/webhook/connect")).await.status, 400);
        let gone = server.stop();
        let warning = "warning: a webhook endpoint takes events without verifying that they come from Stripe\n";
        assert_eq!(gone.stderr.matches(warning).count(), 1, "{}", gone.stderr);
    })
    .await;
}

#[tokio::test]
async fn programs_read_json() {
    on_sqlite(async |db: &TestDb| {
        let mut run = run(db, &["--json", "--verbose"]);
        run.command.env("STRIPE_WEBHOOK_SECRET", SECRET);
        let mut child = run.start();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let first: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(first["event"], "listening");
        let address = first["url"]
            .as_str()
            .unwrap()
            .strip_prefix("http://")
            .unwrap();
        let server = Server {
            address: address.parse().unwrap(),
            child,
            stdout,
        };
        server
            .post("/webhook", SECRET, &event("evt_1", "cus_1"))
            .await;
        server.post("/webhook", "whsec_other", b"{\n}").await;
        let gone = server.stop();
        let lines: Vec<Value> = gone
            .stderr
            .lines()
            .map(|it| serde_json::from_str(it).unwrap())
            .collect();
        let last: Vec<_> = lines.iter().rev().take(2).rev().collect();
        assert_eq!(
            (
                &last[0]["level"],
                &last[0]["event"],
                &last[0]["type"],
                &last[0]["verdict"],
                &last[0]["status"]
            ),
            (
                &json!("info"),
                &json!("evt_1"),
                &json!("customer.created"),
                &json!("accepted"),
                &json!(200)
            )
        );
        assert_eq!(
            (&last[1]["level"], &last[1]["verdict"]),
            (&json!("warning"), &json!("invalid"))
        );
        assert!(!gone.stderr.contains("secret@"), "{}", gone.stderr);
    })
    .await;
}
