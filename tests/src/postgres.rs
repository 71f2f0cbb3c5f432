//! A PostgreSQL server for tests: the one that `TEST_DATABASE_URL` names, or one of our own per test process.
//!
//! Our own server lives in a throw-away folder, listens on a Unix socket there only, and goes with the process, however
//! that ends (see [`Cluster`]). Tests never meet on a database: each creates its own.

mod cluster;
mod install;
mod programs;

use std::sync::OnceLock;

pub use cluster::{Cluster, ClusterError};
pub use programs::{Programs, Search};

/// The variable that names a PostgreSQL server to use; its user must be allowed to create databases.
pub const URL_VARIABLE: &str = "TEST_DATABASE_URL";

/// A server on which test databases can be created.
#[derive(Debug)]
pub enum Server {
    /// The one that the environment names; its URL, which may hold a password.
    Given(String),
    /// Our own.
    Own(Cluster),
}

impl Server {
    /// The server of this test process, started at the first call.
    ///
    /// # Panics
    ///
    /// When there is none and none can be started; the message says what to install or set.
    pub fn get() -> &'static Self {
        static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
        match SERVER.get_or_init(Self::find) {
            Ok(server) => server,
            Err(message) => panic!("no PostgreSQL to test with: {message}"),
        }
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        match self {
            Self::Given(url) => with_database(url, database),
            Self::Own(cluster) => cluster.url(database),
        }
    }

    /// The URL to create and drop databases through.
    pub fn admin_url(&self) -> String {
        match self {
            Self::Given(url) => url.clone(),
            Self::Own(cluster) => cluster.url("postgres"),
        }
    }

    fn find() -> Result<Self, String> {
        if let Some(url) = setting(URL_VARIABLE) {
            return Ok(Self::Given(url));
        }
        let programs = install::programs(&Search::from_environment())?;
        Cluster::start(&programs, &[])
            .map(Self::Own)
            .map_err(|error| error.to_string())
    }
}

/// The programs of a server on this machine, installed first where that can be done.
///
/// # Panics
///
/// When there are none; the message says what to install.
pub fn programs() -> Programs {
    match install::programs(&Search::from_environment()) {
        Ok(programs) => programs,
        Err(message) => panic!("no PostgreSQL on this machine: {message}"),
    }
}

/// A variable of the environment, if it is set and not empty.
#[expect(
    clippy::disallowed_methods,
    reason = "the harness is configured by the environment, like the command"
)]
pub(crate) fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The URL with another database: the path replaced, everything else as it was.
fn with_database(url: &str, database: &str) -> String {
    let (base, query) = url
        .split_once('?')
        .map_or((url, None), |(base, query)| (base, Some(query)));
    let start = base.find("://").map_or(0, |at| at + 3);
    let end = base
        .get(start..)
        .and_then(|rest| rest.find('/'))
        .map_or(base.len(), |at| start + at);
    let server = base.get(..end).unwrap_or(base);
    query.map_or_else(
        || format!("{server}/{database}"),
        |query| format!("{server}/{database}?{query}"),
    )
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[track_caller]
    fn check(url: &str, expected: &str) {
        assert_eq!(with_database(url, "fresh"), expected);
    }

    #[test]
    fn only_the_path_of_a_url_is_replaced() {
        check("postgres://localhost", "postgres://localhost/fresh");
        check("postgres://localhost/", "postgres://localhost/fresh");
        check(
            "postgres://me:secret@host:5433/main",
            "postgres://me:secret@host:5433/fresh",
        );
        check(
            "postgres://me@host/main?sslmode=require",
            "postgres://me@host/fresh?sslmode=require",
        );
        check(
            "postgres:///main?host=/run/postgresql",
            "postgres:///fresh?host=/run/postgresql",
        );
        check(
            "postgres://host?host=/run/postgresql",
            "postgres://host/fresh?host=/run/postgresql",
        );
    }
}
