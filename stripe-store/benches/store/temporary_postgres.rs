//! A PostgreSQL for the run: the one that the environment names, or one of its own in a temporary folder.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to start on a busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// A server and where to find it.
pub(crate) struct TemporaryPostgres {
    url: String,
    server: Option<(Child, TempDir)>,
}

impl TemporaryPostgres {
    /// The server at `TEST_DATABASE_URL`, or a fresh one; an error says what is missing.
    #[expect(
        clippy::disallowed_methods,
        reason = "a benchmark is set up by its environment"
    )]
    pub(crate) fn from_environment_or_start() -> Result<Self, String> {
        match std::env::var("TEST_DATABASE_URL") {
            Ok(url) => Ok(Self { url, server: None }),
            Err(_) => Self::start()
                .map_err(|error| format!("{error}; install postgresql or set TEST_DATABASE_URL")),
        }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn start() -> Result<Self, String> {
        let programs = programs().ok_or("no initdb and postgres were found")?;
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let user = unprivileged_user()?;
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid)).map_err(|error| error.to_string())?;
        }
        let command = |program: &str| {
            let mut command = Command::new(programs.join(program));
            command
                .current_dir(folder.path())
                .env("HOME", folder.path())
                .env("LANG", "C.UTF-8")
                .env_remove("LC_ALL")
                .stdin(Stdio::null());
            if let Some((uid, gid)) = user {
                command.gid(gid).uid(uid);
            }
            command
        };
        let initdb = command("initdb")
            .args([
                "-D",
                "data",
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ])
            .output()
            .map_err(|error| format!("initdb: {error}"))?;
        if !initdb.status.success() {
            return Err(format!(
                "initdb: {}",
                String::from_utf8_lossy(&initdb.stderr)
            ));
        }
        let log = fs::File::create(folder.path().join("log")).map_err(|error| error.to_string())?;
        let child = command("postgres")
            .arg("-D")
            .arg(folder.path().join("data"))
            .arg("-k")
            .arg(folder.path())
            .args(["-c", "listen_addresses="])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("postgres: {error}"))?;
        let host = folder.path().display().to_string().replace('/', "%2F");
        let mut server = Self {
            url: format!("postgres://postgres@localhost/postgres?host={host}"),
            server: Some((child, folder)),
        };
        server.wait()?;
        Ok(server)
    }

    /// Waits until the server says that it takes connections, in line 8 of its pid file.
    fn wait(&mut self) -> Result<(), String> {
        let Some((child, folder)) = &mut self.server else {
            return Ok(());
        };
        let start = Instant::now();
        loop {
            let state =
                fs::read_to_string(folder.path().join("data/postmaster.pid")).unwrap_or_default();
            if state.lines().nth(7).map(str::trim) == Some("ready") {
                return Ok(());
            }
            let ended = child
                .try_wait()
                .map_err(|error| error.to_string())?
                .is_some();
            if ended || start.elapsed() > START_TIMEOUT {
                return Err(fs::read_to_string(folder.path().join("log")).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for TemporaryPostgres {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.server {
            // An immediate stop. A kill would leave the server's shared memory behind.
            let _stopped = Command::new("kill")
                .args(["-QUIT", &child.id().to_string()])
                .status();
            let _ended = child.wait();
        }
    }
}

/// Where `initdb` and `postgres` are: Debian's newest version, or a folder of `PATH`.
#[expect(
    clippy::disallowed_methods,
    reason = "programs are looked for where the shell would"
)]
fn programs() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    folders.sort();
    folders.reverse();
    folders.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    let has_both =
        |folder: &PathBuf| folder.join("initdb").exists() && folder.join("postgres").exists();
    folders.into_iter().find(has_both)
}

/// The user `postgres`, when this is root, as whom PostgreSQL refuses to run.
fn unprivileged_user() -> Result<Option<(u32, u32)>, String> {
    let is_root = fs::metadata(Path::new("/proc/self")).is_ok_and(|process| process.uid() == 0);
    if !is_root {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").map_err(|error| error.to_string())?;
    let ids = users.lines().find_map(|line| {
        let mut fields = line.strip_prefix("postgres:")?.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    ids.map(Some)
        .ok_or_else(|| "there is no user postgres to run it as".to_owned())
}
