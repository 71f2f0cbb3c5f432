//! Rows that no list had, or that were drawn, each asked for by its id.

use futures_util::stream::{self, StreamExt as _};

use super::Run;
use super::judge::{finding, is_newer};
use super::report::{FindingKind, Gone, ReconcileEvent};
use crate::client::{ClientError, ErrorKind};
use crate::error::Error;
use crate::resources::LISTINGS;
use crate::store::{ObjectRef, Snapshot, Source, object_stub};
use crate::sync::pages::{Stopped, is_gone};
use crate::sync::{ListEnd, SyncError, retrievable};
use crate::view::ResourceFacts;

/// How many ids are read from the table at a time.
const IDS: usize = 500;

/// After how many failures no more objects of a type are asked for.
const MAX_FAILED: u64 = 20;

impl Run {
    /// Compares the rows of a type that no list had.
    pub(super) async fn rest(&self, object: &str) -> Result<(), Error> {
        let facts = retrievable(object);
        let is_unread = self.tally().unread.contains(object);
        let mut after = String::new();
        loop {
            let ids = self.store.ids_of(object, &after, None, IDS).await?;
            let Some(last) = ids.last() else { break };
            after.clone_from(last);
            let rest: Vec<String> = {
                let tally = self.tally();
                let rest = ids.into_iter().filter(|id| !tally.has_seen(object, id));
                rest.collect()
            };
            if rest.is_empty() {
                continue;
            }
            match facts {
                _ if is_unread => self.unchecked(object, rest.len()),
                Some(facts) => self.ask(object, facts, rest).await?,
                None => self.not_listed(object, &rest).await?,
            }
        }
        self.tally().forget(object);
        Ok(())
    }

    /// Compares so many rows of a type.
    pub(super) async fn sample(&self, object: &str, rows: usize, seed: u64) -> Result<(), Error> {
        let Some(facts) = retrievable(object) else {
            return Ok(());
        };
        let mut drawn = Drawn::new(rows, seed);
        let mut after = String::new();
        loop {
            let ids = self.store.ids_of(object, &after, None, IDS).await?;
            let Some(last) = ids.last() else { break };
            after.clone_from(last);
            for id in ids {
                drawn.offer(id);
            }
        }
        self.ask(object, facts, drawn.ids).await?;
        self.tally().forget(object);
        Ok(())
    }

    fn unchecked(&self, object: &str, rows: usize) {
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        self.tally().report(object).unchecked += rows;
    }

    /// Rows that cannot be asked for: Stripe does not list them, if it lists such objects whole.
    async fn not_listed(&self, object: &str, ids: &[String]) -> Result<(), Error> {
        let begun = {
            let tally = self.tally();
            let begun = tally.begun.get(object).copied();
            begun.filter(|_| !tally.cut_short.contains(object))
        };
        let Some(begun) = begun else {
            self.unchecked(object, ids.len());
            return Ok(());
        };
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let rows = self.rows(object, &ids).await?;
        for (id, row) in rows {
            {
                let mut tally = self.tally();
                let report = tally.report(object);
                report.compared += 1;
                if is_newer(&row, begun) {
                    report.changed_meanwhile += 1;
                    continue;
                }
            }
            self.record(&finding(object, &id, FindingKind::Extra(Gone::NotListed)));
        }
        Ok(())
    }

    /// Asks for objects, one by one, and compares them.
    async fn ask(&self, object: &str, facts: ResourceFacts, ids: Vec<String>) -> Result<(), Error> {
        let asking: Vec<_> = ids
            .into_iter()
            .map(|id| self.ask_one(object, facts, id))
            .collect();
        let mut running = stream::iter(asking).buffer_unordered(self.parallel.get());
        while let Some(asked) = running.next().await {
            asked?;
        }
        Ok(())
    }

    async fn ask_one(&self, object: &str, facts: ResourceFacts, id: String) -> Result<(), Error> {
        let id = id.as_str();
        if self.tally().given_up.contains(object) {
            self.unchecked(object, 1);
            return Ok(());
        }
        let mut call = self.client.read_any(facts, id);
        for path in expanded(object) {
            call = call.expand(path);
        }
        let answer = call.send().await;
        self.tell(&ReconcileEvent::Asked { object });
        let error = match answer {
            Ok(fetched) => {
                let answers = [(fetched.json().get(), fetched.response().meta())];
                match self.judge(object, &answers).await {
                    Err(Stopped::All(error)) => return Err(error),
                    Err(Stopped::List(ListEnd::Unusable(error))) => error.into(),
                    Ok(()) | Err(Stopped::List(_)) => return Ok(()),
                }
            }
            Err(error) if is_gone(&error) => match self.gone(object, facts, id, &error).await {
                Err(Error::Sync(error)) => error.into(),
                done => return done,
            },
            Err(error) if error.status() == Some(401) => return Err(error.into()),
            Err(error) => Error::from(error),
        };
        let is_refused = match &error {
            Error::Client(error) => error
                .api()
                .is_some_and(|api| api.kind() == ErrorKind::Permission),
            _ => false,
        };
        let mut tally = self.tally();
        let report = tally.report(object);
        report.add_failure(ObjectRef::one(object, id), error);
        if is_refused || report.failed >= MAX_FAILED {
            tally.given_up.insert(object.to_owned());
        }
        Ok(())
    }

    /// Stripe knows no such object.
    async fn gone(
        &self,
        object: &str,
        facts: ResourceFacts,
        id: &str,
        error: &ClientError,
    ) -> Result<(), Error> {
        let api = error.api();
        let interval = api.and_then(crate::client::ApiError::interval);
        let interval = interval.ok_or_else(|| SyncError::NoDate {
            object: ObjectRef::one(object, id),
        })?;
        let rows = self.rows(object, &[id]).await?;
        {
            let mut tally = self.tally();
            let report = tally.report(object);
            report.compared += 1;
            match rows.get(id) {
                Some(row) if row.is_deleted() => return Ok(()),
                Some(row) if is_newer(row, interval.start()) => {
                    report.changed_meanwhile += 1;
                    return Ok(());
                }
                Some(_) => {}
                None => return Ok(()),
            }
        }
        let stub = object_stub(object, id);
        let stub = if facts.operations.delete {
            let request = error.request_id().map_or("unknown", |id| id.as_str());
            let stub = Snapshot::read(stub.as_str())?;
            let stub = stub.taken(interval, Source::request(request));
            Some(stub.into_owned())
        } else {
            None
        };
        self.lost(object, id, stub).await
    }
}

/// What has to be expanded in an object for it to be what its list has.
fn expanded(object: &str) -> impl Iterator<Item = &'static str> {
    let list = LISTINGS.iter().find(|listing| {
        listing.parent.is_none() && listing.objects == [object] && !listing.expand.is_empty()
    });
    let paths = list.map_or(&[][..], |listing| listing.expand);
    paths.iter().filter_map(|path| path.strip_prefix("data."))
}

/// Ids drawn at random, each as likely as any other, without knowing how many there are.
struct Drawn {
    ids: Vec<String>,
    rows: usize,
    offered: u64,
    state: u64,
}

impl Drawn {
    fn new(rows: usize, seed: u64) -> Self {
        Self {
            ids: Vec::new(),
            rows,
            offered: 0,
            state: seed,
        }
    }

    fn offer(&mut self, id: String) {
        self.offered += 1;
        if self.ids.len() < self.rows {
            self.ids.push(id);
            return;
        }
        let place = usize::try_from(self.next() % self.offered).unwrap_or(usize::MAX);
        if let Some(drawn) = self.ids.get_mut(place) {
            *drawn = id;
        }
    }

    /// `SplitMix64`, <https://prng.di.unimi.it/splitmix64.c>: good enough to draw with, and the same everywhere.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64) -> Vec<String> {
        let mut drawn = Drawn::new(10, seed);
        (0..1000).for_each(|n| drawn.offer(format!("{n:03}")));
        drawn.ids
    }

    #[test]
    fn a_seed_draws_the_same_and_from_everywhere() {
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        let mut all: Vec<String> = (0..100).flat_map(drawn).collect();
        let late = all.iter().filter(|id| id.as_str() >= "500").count();
        assert!((400..600).contains(&late), "{late}");
        all.sort();
        all.dedup();
        assert!(all.len() > 500, "{}", all.len());
    }
}
