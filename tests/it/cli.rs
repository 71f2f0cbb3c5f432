//! The command `stripe-store`, run as a process of its own.

mod catch_up;
mod check_pending;
mod endpoint;
mod events;
mod ingest;
mod operations;
mod read;
mod reconcile;
mod serve;
mod signal;
mod sync;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use stripe_store_tests::TestDb;

/// The command on a test's database.
fn on(db: &TestDb, arguments: &[&str]) -> Run {
    Run::new(db.url(), arguments)
}

/// How the command is run.
struct Run {
    command: Command,
    stdin: Vec<u8>,
}

impl Run {
    fn new(url: &str, arguments: &[&str]) -> Self {
        let mut run = Self::bare(arguments);
        run.command.env("DATABASE_URL", url);
        run
    }

    /// Without a word about the database.
    fn bare(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stripe-store-command"));
        command
            .args(arguments)
            .env_remove("DATABASE_URL")
            .env_remove("STRIPE_SECRET_KEY")
            .env_remove("STRIPE_API_BASE")
            .env_remove("RUST_LOG");
        Self {
            command,
            stdin: Vec::new(),
        }
    }

    fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.stdin = input.into();
        self
    }

    fn file(mut self, path: &Path) -> Self {
        self.command.arg(path);
        self
    }

    fn folder(mut self, path: &Path) -> Self {
        self.command.current_dir(path);
        self
    }

    /// Starts it, with its three streams at the other end of pipes.
    fn start(mut self) -> Child {
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn end(mut self) -> Ended {
        let input = std::mem::take(&mut self.stdin);
        let mut child = self.start();
        let mut stdin = child.stdin.take().unwrap();
        // The command may end before it has read everything.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let ended = Ended::of(child);
        writer.join().unwrap();
        ended
    }

    /// Runs it, and gives what it printed when it ended well and without a word on standard error.
    #[track_caller]
    fn succeeds(self) -> String {
        let ended = self.end();
        assert_eq!(
            (ended.status, ended.stderr.as_str()),
            (Some(0), ""),
            "{}",
            ended.stdout
        );
        ended.stdout
    }

    /// Runs it, and gives the JSON that it printed on one line when it ended well.
    #[track_caller]
    fn json(self) -> Value {
        let printed = self.succeeds();
        assert_eq!(printed.lines().count(), 1, "{printed}");
        serde_json::from_str(&printed).unwrap()
    }

    /// Runs it, and gives its message when it ended with this status and without a result.
    #[track_caller]
    fn fails(self, status: i32) -> String {
        let ended = self.end();
        assert_eq!(
            (ended.status, ended.stdout.as_str()),
            (Some(status), ""),
            "{}",
            ended.stderr
        );
        ended.stderr
    }
}

/// A command that has ended.
#[derive(Debug)]
struct Ended {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn of(child: Child) -> Self {
        let output = child.wait_with_output().unwrap();
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A file of the quickstart.
fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/data")
        .join(name)
}

/// Stores all files of the quickstart.
fn ingest_samples(db: &TestDb) {
    let run = on(db, &["ingest", "--as-of", "2026-11-06"]);
    let files = [
        "catalog.json",
        "customers.json",
        "billing.jsonl",
        "events.jsonl",
    ];
    files
        .into_iter()
        .fold(run, |run, name| run.file(&sample(name)))
        .succeeds();
}

/// JSON lines of customers of live mode.
fn customers(ids: impl IntoIterator<Item = u32>) -> String {
    let mut lines = String::new();
    for n in ids {
        let json =
            format!(r#"{{"id":"cus_{n:06}","object":"customer","created":{n},"livemode":true}}"#);
        lines.extend([&json, "\n"]);
    }
    lines
}
