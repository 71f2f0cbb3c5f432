//! A receiver in a process of its own, which can be killed and started again.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::outside::{Held, Program};

/// What a receiver prints first, with its address behind it.
const LISTENING: &str = "listening on ";

/// How many ticks of the kernel's accounts are in a second: on every Linux of today.
const TICKS: u64 = 100;

/// A program that listens at `--listen ADDRESS`, and says so in its first line: `listening on http://127.0.0.1:1234`.
///
/// It ends with this process, however that ends.
#[derive(Debug)]
pub struct Process {
    program: PathBuf,
    args: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    url: String,
    held: Option<Held>,
}

impl Process {
    /// Starts one on a port of its own, with these arguments and nothing in its environment but this.
    ///
    /// # Panics
    ///
    /// When it does not begin to listen; the message has what it complained of.
    pub async fn start<T: Into<OsString>>(
        program: impl AsRef<Path>,
        args: impl IntoIterator<Item = T>,
        environment: impl IntoIterator<Item = (&str, &str)>,
    ) -> Self {
        let environment = environment.into_iter();
        let mut process = Self {
            program: program.as_ref().to_owned(),
            args: args.into_iter().map(Into::into).collect(),
            environment: environment
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect(),
            url: "http://127.0.0.1:0".to_owned(),
            held: None,
        };
        process.restart().await;
        process
    }

    /// Where it listens: `http://127.0.0.1:1234`, the same for its whole life.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Kills it, as `kill -9` does, and waits until it is gone.
    ///
    /// # Panics
    ///
    /// When it cannot be waited for.
    pub async fn kill(&mut self) {
        let held = self.held.take();
        // Its end is waited for, which others need not wait for.
        spawn_blocking(move || drop(held)).await.expect("it ends");
    }

    /// Kills it if it runs, and starts it where it was.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub async fn restart(&mut self) {
        self.kill().await;
        let address = self.url.trim_start_matches("http://").to_owned();
        let mut program = Program::new(&self.program)
            .args(&self.args)
            .args(["--listen", &address]);
        for (name, value) in &self.environment {
            program = program.env(name, value);
        }
        let started = spawn_blocking(move || {
            let mut held = program.hold();
            let line = held.first_line();
            (held, line)
        });
        let (held, line) = started.await.expect("it starts");
        match line.strip_prefix(LISTENING) {
            Some(url) => url.trim().trim_end_matches('/').clone_into(&mut self.url),
            None => panic!("{} says {line:?} first", self.program.display()),
        }
        self.held = Some(held);
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        let keeper = self.held.as_ref()?.keeper();
        let children = fs::read_to_string(format!("/proc/{keeper}/task/{keeper}/children")).ok()?;
        let program = fs::canonicalize(&self.program).ok()?;
        let mut ids = children.split_whitespace().filter_map(|id| id.parse().ok());
        ids.find(|id: &u32| fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|it| it == program))
    }

    /// The memory that it holds, in kilobytes; `None` where the kernel does not say.
    pub fn memory_kb(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()?)).ok()?;
        let held = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        held.trim().strip_suffix(" kB")?.parse().ok()
    }

    /// The processor's time that it has used; `None` where the kernel does not say.
    pub fn cpu(&self) -> Option<Duration> {
        cpu(&self.id()?.to_string())
    }
}

/// The processor's time that this process has used; `None` where the kernel does not say.
pub fn own_cpu() -> Option<Duration> {
    cpu("self")
}

fn cpu(process: &str) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program can hold anything, and ends with the last parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<u64>().ok();
    // User and system, the 14th and the 15th of all.
    Some(Duration::from_millis(
        (ticks(11)? + ticks(12)?) * 1000 / TICKS,
    ))
}
