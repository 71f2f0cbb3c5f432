//! How many events of the inbox are not done with.

use super::{Store, StoreError, with_reader};

/// How many events wait, or have come to grief. Those that are done with are not counted: there may be millions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Backlog {
    /// To be applied.
    pub(crate) pending: u64,
    /// Applied, and handlers are to run.
    pub(crate) queued: u64,
    /// Could not be applied.
    pub(crate) failed: u64,
    /// Applied, and a handler gave up.
    pub(crate) dead: u64,
}

impl Store {
    /// Counts them, of every account and mode; each by an index that has no others.
    pub(crate) async fn backlog(&self) -> Result<Backlog, StoreError> {
        let events = self.tables().events();
        let count = |(at, status): (usize, &str)| {
            format!("SELECT {at} AS at, count(*) AS events FROM {events} WHERE status = '{status}'")
        };
        let statuses = ["pending", "queued", "failed", "dead"];
        let each: Vec<String> = statuses.into_iter().enumerate().map(count).collect();
        let each = each.join(" UNION ALL ");
        let sql = format!("SELECT events FROM ({each}) AS counted ORDER BY at");
        let counts = with_reader!(self, database => database.run_own(sql, self.arguments()).await);
        let counts = counts.map_err(|source| self.inbox_error("read", source))?;
        let mut counts = counts
            .into_iter()
            .map(|count| u64::try_from(count).unwrap_or(0));
        let mut next = || counts.next().unwrap_or(0);
        Ok(Backlog {
            pending: next(),
            queued: next(),
            failed: next(),
            dead: next(),
        })
    }
}
