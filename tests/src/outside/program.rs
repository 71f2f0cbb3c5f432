//! One of the programs, run to its end or for as long as it is held.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// The shell script that ends a program with the test.
const SCRIPT: &str = include_str!("tied.sh");
/// How long a program may take, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_mins(2);

/// A program to be run, with nothing of the environment but where programs are: neither keys nor proxies.
#[derive(Debug)]
pub struct Program {
    command: Command,
    name: String,
    home: Option<tempfile::TempDir>,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How; `None` where it was killed.
    pub status: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Program {
    /// A program, by its path or its name.
    pub fn new(program: impl AsRef<Path>) -> Self {
        let program = program.as_ref();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT, "tied.sh"]).arg(program);
        command.env_clear();
        if let Some(path) = crate::postgres::setting("PATH") {
            command.env("PATH", path);
        }
        // A folder of its own, for what programs leave lying about.
        let home = tempfile::tempdir().ok();
        if let Some(home) = &home {
            command.env("HOME", home.path()).current_dir(home.path());
        }
        // A group of its own: Ctrl-C and a test runner's signals go to the tests, the script ends with them.
        command.process_group(0);
        Self {
            command,
            name: program.display().to_string(),
            home,
        }
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn args<T: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.command.args(arguments);
        self
    }

    /// With a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end, beside what the test serves it.
    ///
    /// # Panics
    ///
    /// When it cannot be started, or takes longer than two minutes.
    pub async fn run(self) -> Ended {
        let ended = tokio::task::spawn_blocking(move || self.run_here()).await;
        match ended {
            Ok(ended) => ended,
            Err(error) => panic!("a program was not waited for: {error}"),
        }
    }

    /// Runs it to its end, and gives the JSON that it printed.
    ///
    /// # Panics
    ///
    /// Also when it did not end well, or printed something else.
    pub async fn json(self) -> Value {
        let name = self.name.clone();
        let ended = self.run().await;
        match serde_json::from_str(&ended.stdout) {
            Ok(value) if ended.status == Some(0) => value,
            _ => panic!("{name} does not print JSON: {ended:#?}"),
        }
    }

    fn run_here(self) -> Ended {
        let name = self.name.clone();
        let mut held = self.hold();
        let (stdout, stderr) = (
            text_of(held.child.stdout.take()),
            text_of(held.child.stderr.take()),
        );
        let said = |text: Receiver<String>| text.recv_timeout(PATIENCE).ok();
        let (stdout, stderr) = (said(stdout), said(stderr));
        let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
            panic!("{name} does not end");
        };
        match held.child.wait() {
            Ok(status) => Ended {
                status: status.code(),
                stdout,
                stderr,
            },
            Err(error) => panic!("{name} cannot be waited for: {error}"),
        }
    }

    /// Starts it.
    pub(crate) fn hold(mut self) -> Held {
        let piped = self.command.stdin(Stdio::piped()).stdout(Stdio::piped());
        match piped.stderr(Stdio::piped()).spawn() {
            Ok(child) => Held {
                child,
                name: self.name,
                _home: self.home,
            },
            Err(error) => panic!("{} cannot be run: {error}", self.name),
        }
    }
}

/// A program that runs until this is dropped, which kills it: it is told nothing before.
#[derive(Debug)]
pub(crate) struct Held {
    child: Child,
    name: String,
    _home: Option<tempfile::TempDir>,
}

impl Held {
    /// The process of the script that holds it, whose child it is.
    pub(crate) fn keeper(&self) -> u32 {
        self.child.id()
    }

    /// The first line that it prints; the rest is thrown away.
    pub(crate) fn first_line(&mut self) -> String {
        let complaints = text_of(self.child.stderr.take());
        let (send, line) = mpsc::channel();
        if let Some(stdout) = self.child.stdout.take() {
            thread::spawn(move || {
                // Nobody listens to what comes after the first.
                let lines = BufReader::new(stdout).lines().map_while(Result::ok);
                lines.for_each(|line| drop(send.send(line)));
            });
        }
        let Ok(line) = line.recv_timeout(PATIENCE) else {
            drop(self.child.stdin.take());
            let complaints = complaints.recv_timeout(PATIENCE).unwrap_or_default();
            panic!("{} does not start: {complaints}", self.name)
        };
        line
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It is our child and was not waited for, or has been: this cannot fail, and nothing could be done about it here.
        let _ = self.child.wait();
    }
}

/// Everything that comes out of a pipe, once it ends.
fn text_of(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (send, text) = mpsc::channel();
    if let Some(mut pipe) = pipe {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            // What was read until then is what there is.
            let _ = pipe.read_to_end(&mut bytes);
            let _ = send.send(String::from_utf8_lossy(&bytes).into_owned());
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Asks the kernel, without a signal.
    fn is_alive(process: &str) -> bool {
        let probe = format!("kill -0 {process} 2>/dev/null");
        let probe = Command::new("/bin/sh").args(["-c", &probe]).status();
        probe.unwrap().success()
    }

    #[test]
    fn a_program_ends_with_the_pipe_that_holds_it() {
        // As the kernel lets go of it when the test is killed.
        let program = Program::new("sh").args(["-c", "echo $$; exec sleep 1000"]);
        let mut held = program.hold();
        let process = held.first_line();
        assert!(is_alive(&process));
        drop(held.child.stdin.take());
        let deadline = Instant::now() + PATIENCE;
        while is_alive(&process) {
            assert!(Instant::now() < deadline, "{process} does not end");
            thread::yield_now();
        }
    }

    #[tokio::test]
    async fn what_a_program_says_and_how_it_ends_is_told() {
        let ended = Program::new("sh").args(["-c", "echo out; echo err >&2; env; exit 3"]);
        let ended = ended.env("GIVEN", "1").run().await;
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(3), "err\n"));
        assert!(ended.stdout.starts_with("out\n") && ended.stdout.contains("GIVEN=1"));
        // Nothing of the environment of the test, where a proxy could be.
        assert!(!ended.stdout.contains("CARGO"), "{}", ended.stdout);
    }
}
