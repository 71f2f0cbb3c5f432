//! How a pool is made from a URL: its limits and timeouts.
//!
//! Values only: [`Store::connect_with`](super::Store::connect_with) applies them. The URL is no part of them, so that
//! they hold no secret.

use std::time::Duration;

/// Limits and timeouts of the pool that [`Store::connect_with`](super::Store::connect_with) makes.
///
/// | setting | default | |
/// | --- | --- | --- |
/// | [`max_connections`](Self::with_max_connections) | 10 | |
/// | [`min_connections`](Self::with_min_connections) | 0 | |
/// | [`acquire_timeout`](Self::with_acquire_timeout) | 30 s | |
/// | [`idle_timeout`](Self::with_idle_timeout) | 10 min | |
/// | [`max_lifetime`](Self::with_max_lifetime) | 30 min | |
/// | [`lock_timeout`](Self::with_lock_timeout) | SQLite 30 s, PostgreSQL as the server has it | |
/// | [`statement_timeout`](Self::with_statement_timeout) | as the server has it | PostgreSQL only |
///
/// A database in memory (`sqlite::memory:`) always has one connection, which nothing closes.
///
/// ```
/// use std::time::Duration;
/// use stripe_store::store::ConnectOptions;
///
/// let options = ConnectOptions::new()
///     .with_max_connections(30)
///     .with_acquire_timeout(Duration::from_secs(5))
///     .with_statement_timeout(Duration::from_secs(20));
/// assert_eq!(options.max_connections(), 30);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "give it to `Store::connect_with`"]
pub struct ConnectOptions {
    max_connections: u32,
    min_connections: u32,
    acquire_timeout: Duration,
    idle_timeout: Option<Duration>,
    max_lifetime: Option<Duration>,
    lock_timeout: Option<Duration>,
    statement_timeout: Option<Duration>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl ConnectOptions {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            max_connections: 10,
            min_connections: 0,
            acquire_timeout: Duration::from_secs(30),
            idle_timeout: Some(Duration::from_mins(10)),
            max_lifetime: Some(Duration::from_mins(30)),
            lock_timeout: None,
            statement_timeout: None,
        }
    }

    /// How many connections there may be at once; 0 counts as 1. Default: 10.
    ///
    /// On PostgreSQL those of all processes together have to stay below the server's `max_connections`. On SQLite more
    /// than one only help reading: it has one writer at a time.
    pub const fn with_max_connections(mut self, count: u32) -> Self {
        self.max_connections = if count == 0 { 1 } else { count };
        self
    }

    /// How many connections are kept open when nobody uses them; more than the most count as the most. Default: 0.
    pub const fn with_min_connections(mut self, count: u32) -> Self {
        self.min_connections = count;
        self
    }

    /// How long a call waits for a connection, for opening a new one included, before it fails with
    /// [`PoolTimedOut`](super::StoreError::PoolTimedOut). Default: 30 s.
    ///
    /// Also how long [`connect_with`](super::Store::connect_with) waits for a PostgreSQL server to answer.
    pub const fn with_acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// How long a connection may lie unused before it is closed; `None` for ever. Default: 10 minutes.
    pub fn with_idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = timeout.into();
        self
    }

    /// How old a connection may become before it is closed and another one is opened in its place; `None` for any age.
    /// Default: 30 minutes.
    pub fn with_max_lifetime(mut self, lifetime: impl Into<Option<Duration>>) -> Self {
        self.max_lifetime = lifetime.into();
        self
    }

    /// How long a statement waits for a lock that another connection holds, before it fails with a
    /// [transient](super::StoreError::is_transient) error. Counted in whole milliseconds, at least one.
    ///
    /// * PostgreSQL: `lock_timeout` of every connection. Default: what the server, database or role sets, which is no
    ///   limit unless somebody changed it.
    /// * SQLite: the busy timeout, for writers of other processes; those of this store queue, and wait for no lock.
    ///   Default: 30 s.
    ///
    /// [`migrate`](super::Store::migrate) is not bound by it on PostgreSQL.
    pub fn with_lock_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.lock_timeout = timeout.into();
        self
    }

    /// How long a statement may run before the server cancels it, which is a
    /// [transient](super::StoreError::is_transient) error. Counted in whole milliseconds, at least one.
    ///
    /// * PostgreSQL: `statement_timeout` of every connection. Default: what the server, database or role sets, which is
    ///   no limit unless somebody changed it. Statements that read the whole table, as
    ///   [`counts`](super::Store::counts) does, need their time.
    /// * SQLite: no effect. It runs in this process, and a statement there ends when it is done.
    ///
    /// This and [`with_lock_timeout`](Self::with_lock_timeout) reach PostgreSQL as start-up options, which some
    /// connection poolers refuse. Nothing is sent when neither is set.
    ///
    /// [`migrate`](super::Store::migrate) is not bound by it.
    pub fn with_statement_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.statement_timeout = timeout.into();
        self
    }

    /// How many connections there may be at once.
    pub const fn max_connections(&self) -> u32 {
        self.max_connections
    }

    /// How many connections are kept open, never more than the most.
    pub fn min_connections(&self) -> u32 {
        self.min_connections.min(self.max_connections)
    }

    /// How long a call waits for a connection.
    pub const fn acquire_timeout(&self) -> Duration {
        self.acquire_timeout
    }

    /// How long a connection may lie unused.
    pub const fn idle_timeout(&self) -> Option<Duration> {
        self.idle_timeout
    }

    /// How old a connection may become.
    pub const fn max_lifetime(&self) -> Option<Duration> {
        self.max_lifetime
    }

    /// How long a statement waits for a lock, where this was set.
    pub const fn lock_timeout(&self) -> Option<Duration> {
        self.lock_timeout
    }

    /// How long a statement may run, where this was set.
    pub const fn statement_timeout(&self) -> Option<Duration> {
        self.statement_timeout
    }

    /// The settings of a PostgreSQL connection, with their values in milliseconds.
    #[cfg(feature = "postgres")]
    pub(crate) fn server_settings(&self) -> Vec<(&'static str, i32)> {
        let settings = [
            ("lock_timeout", self.lock_timeout),
            ("statement_timeout", self.statement_timeout),
        ];
        settings
            .into_iter()
            .filter_map(|(name, timeout)| Some((name, whole_millis(timeout?))))
            .collect()
    }
}

/// A timeout as PostgreSQL takes it: a positive number of milliseconds, since 0 would turn it off.
#[cfg(feature = "postgres")]
fn whole_millis(timeout: Duration) -> i32 {
    i32::try_from(timeout.as_millis())
        .unwrap_or(i32::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_make_no_sense_become_the_nearest_that_do() {
        let options = ConnectOptions::new()
            .with_max_connections(0)
            .with_min_connections(5);
        assert_eq!(
            (options.max_connections(), options.min_connections()),
            (1, 1)
        );
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn only_what_was_set_is_sent_to_the_server() {
        assert!(ConnectOptions::new().server_settings().is_empty());
        let options = ConnectOptions::new()
            .with_statement_timeout(Duration::from_micros(1))
            .with_lock_timeout(Duration::MAX);
        assert_eq!(
            options.server_settings(),
            [("lock_timeout", i32::MAX), ("statement_timeout", 1)]
        );
    }
}
