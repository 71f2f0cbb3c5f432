//! One throw-away PostgreSQL server.

use std::{
    fmt, fs,
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use super::{install, programs::Programs};

/// The shell script that holds the server.
const SCRIPT: &str = include_str!("cluster.sh");
/// How long a server may take to come, on a machine that is busy with other things.
const START: Duration = Duration::from_secs(90);
/// What it takes for a commit to outlive a crash: what a server has when nobody says otherwise.
const DURABLE: [&str; 3] = ["fsync=on", "synchronous_commit=on", "full_page_writes=on"];

/// A running server in a folder of its own, reachable over a socket in that folder only.
///
/// A shell script holds it, and waits for the end of a pipe that only this process keeps open. So the server stops and
/// the folder vanishes when the cluster is dropped, and just as well when the process is killed: the kernel closes the
/// pipe. (`PR_SET_PDEATHSIG` would be shorter, but follows the thread that started the child, and tests come and go in
/// threads.)
#[derive(Debug)]
pub struct Cluster {
    keeper: Child,
    folder: PathBuf,
    server: u32,
    /// What the script says.
    lines: Mutex<Receiver<String>>,
}

/// A server could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The script that holds the server could not be run.
    #[error("could not run /bin/sh")]
    #[non_exhaustive]
    Shell {
        /// Why.
        source: io::Error,
    },
    /// PostgreSQL refuses to run as root, and the machine has no user `postgres` or `nobody` to run it as.
    #[error(
        "PostgreSQL does not run as root, and there is no user `postgres` or `nobody` in /etc/passwd"
    )]
    NoUser,
    /// A program failed, or took too long.
    #[error("PostgreSQL did not start: {what}\n{log}")]
    #[non_exhaustive]
    Failed {
        /// Which step.
        what: String,
        /// What it said.
        log: String,
    },
}

impl Cluster {
    /// Starts a server with these settings (`name=value`, without spaces) on top of those that make it fast.
    ///
    /// As root, it runs as the user `postgres`, or `nobody`; as anyone else, as that user.
    ///
    /// # Errors
    ///
    /// [`ClusterError`], with the end of the server's log.
    pub fn start(programs: &Programs, settings: &[&str]) -> Result<Self, ClusterError> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "cluster.sh"])
            .arg(programs.folder())
            .arg(parent())
            .args(settings);
        // Neither the caller's PG… variables nor its language may change what the server does.
        command.env_clear().env(
            "PATH",
            super::setting("PATH").unwrap_or_else(|| "/usr/bin:/bin".to_owned()),
        );
        // A group of its own: Ctrl-C and a test runner's signals go to the tests, the script ends with them.
        command.current_dir("/").process_group(0);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if install::is_root() {
            let user = unprivileged_user().ok_or(ClusterError::NoUser)?;
            command.gid(user.group).uid(user.id);
        }
        let mut keeper = command
            .spawn()
            .map_err(|source| ClusterError::Shell { source })?;
        let lines = lines_of(&mut keeper);
        match Report::default().read(&lines) {
            Ok((folder, server)) => Ok(Self {
                keeper,
                folder,
                server,
                lines: Mutex::new(lines),
            }),
            Err(error) => {
                let_go(&mut keeper);
                Err(error)
            }
        }
    }

    /// Starts a server that keeps what it has committed, as one does that nobody has configured.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_durable(programs: &Programs) -> Result<Self, ClusterError> {
        Self::start(programs, &DURABLE)
    }

    /// Stops the server at once, as `pg_ctl stop -m immediate` does: it has to recover when it is [started
    /// again](Self::start_again).
    ///
    /// # Errors
    ///
    /// [`ClusterError`] when its script does not answer.
    pub fn crash(&mut self) -> Result<(), ClusterError> {
        self.tell("stop")?;
        let lines = self.lines.get_mut().unwrap_or_else(PoisonError::into_inner);
        match lines.recv_timeout(START) {
            Ok(line) if line == "stopped" => Ok(()),
            said => Err(Report::default().failure(format_args!("not stopped, but {said:?}"))),
        }
    }

    /// Starts it again, in the same place and with the same settings.
    ///
    /// # Errors
    ///
    /// [`ClusterError`], with the end of the server's log.
    pub fn start_again(&mut self) -> Result<(), ClusterError> {
        self.tell("start")?;
        let report = Report {
            folder: Some(self.folder.clone()),
            ..Report::default()
        };
        let lines = self.lines.get_mut().unwrap_or_else(PoisonError::into_inner);
        (_, self.server) = report.read(lines)?;
        Ok(())
    }

    fn tell(&mut self, what: &str) -> Result<(), ClusterError> {
        let told = match &mut self.keeper.stdin {
            Some(stdin) => writeln!(stdin, "{what}"),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        told.map_err(|source| ClusterError::Shell { source })
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        let socket = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://postgres@localhost:5432/{database}?host={socket}&sslmode=disable")
    }

    /// The folder with the data and the socket.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process id of the server.
    pub const fn server(&self) -> u32 {
        self.server
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let_go(&mut self.keeper);
    }
}

/// Ends the pipe and waits until the script has cleaned up.
fn let_go(keeper: &mut Child) {
    drop(keeper.stdin.take());
    // It is our child and was not waited for: this cannot fail, and nothing could be done about it here.
    let _ = keeper.wait();
}

/// What the script says, line by line.
fn lines_of(keeper: &mut Child) -> Receiver<String> {
    let (send, lines) = mpsc::channel();
    if let Some(output) = keeper.stdout.take() {
        thread::spawn(move || {
            BufReader::new(output)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| send.send(line))
        });
    }
    lines
}

/// What the script has said so far.
#[derive(Default)]
struct Report {
    folder: Option<PathBuf>,
    server: Option<u32>,
    failed: Option<String>,
    log: Vec<String>,
}

impl Report {
    /// Reads until the server is ready, the script has given up, or the time is over.
    fn read(mut self, lines: &Receiver<String>) -> Result<(PathBuf, u32), ClusterError> {
        let deadline = Instant::now() + START;
        loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line == "ready" && self.failed.is_none() => {
                    match (self.folder, self.server) {
                        (Some(folder), Some(server)) => return Ok((folder, server)),
                        (folder, server) => {
                            self = Self {
                                folder,
                                server,
                                ..self
                            }
                        }
                    }
                }
                Ok(line) => self.note(line),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(self.failure(format_args!("not ready after {START:?}")));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.failure("its script ended"));
                }
            }
        }
    }

    fn note(&mut self, line: String) {
        if self.failed.is_some() {
            self.log.push(line);
        } else if let Some(folder) = line.strip_prefix("folder ") {
            self.folder = Some(PathBuf::from(folder));
        } else if let Some(server) = line.strip_prefix("server ") {
            self.server = server.parse().ok();
        } else if let Some(what) = line.strip_prefix("failed ") {
            self.failed = Some(what.to_owned());
        }
    }

    fn failure(self, otherwise: impl fmt::Display) -> ClusterError {
        ClusterError::Failed {
            what: self.failed.unwrap_or_else(|| otherwise.to_string()),
            log: self.log.join("\n"),
        }
    }
}

/// Where the folder goes: `/tmp`, since a socket's path may have at most 103 bytes on some systems, and since the
/// server's user must reach it.
fn parent() -> PathBuf {
    let short = PathBuf::from("/tmp");
    if short.is_dir() {
        short
    } else {
        std::env::temp_dir()
    }
}

/// A user who may run PostgreSQL.
struct User {
    id: u32,
    group: u32,
}

fn unprivileged_user() -> Option<User> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    ["postgres", "nobody"].iter().find_map(|name| {
        let mut fields = passwd
            .lines()
            .map(|line| line.split(':'))
            .find(|fields| fields.clone().next() == Some(name))?;
        Some(User {
            id: fields.nth(2)?.parse().ok()?,
            group: fields.next()?.parse().ok()?,
        })
    })
}
