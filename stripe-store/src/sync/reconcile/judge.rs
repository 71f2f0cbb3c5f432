//! What Stripe answered, held against the rows, and what is repaired of it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{MutexGuard, PoisonError};

use super::Run;
use super::compare::differences;
use super::report::{Finding, FindingKind, Gone, ReconcileEvent, TypeReport};
use crate::client::Meta;
use crate::clock::UnixMillis;
use crate::error::Error;
use crate::resources;
use crate::store::{ObjectRef, Snapshot, StoreError, Stored, same_json};
use crate::sync::pages::Stopped;
use crate::sync::snapshot_of;
use crate::view::AnyObject;

/// How many deletions are written at a time.
const BURIED: usize = 100;

/// How many deletions wait for a sign that the key is of the right account.
const MAX_WAITING: usize = 1000;

/// What is known so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    reports: BTreeMap<String, TypeReport>,
    /// The ids that lists had, by type.
    seen: HashMap<String, HashSet<Box<str>>>,
    /// When the first list of a type was begun, by Stripe's clock.
    pub(super) begun: HashMap<String, UnixMillis>,
    /// Types of which lists may have left out some.
    pub(super) cut_short: HashSet<String>,
    /// Types of which a list was not read to its end.
    pub(super) unread: HashSet<String>,
    /// Types of which no more is asked for.
    pub(super) given_up: HashSet<String>,
    /// Whether Stripe knows an object of which there is a row.
    is_met: bool,
    /// What Stripe has no more, to be deleted.
    waiting: Vec<(Snapshot<'static>, Finding)>,
}

impl Tally {
    pub(super) fn report(&mut self, object: &str) -> &mut TypeReport {
        let report = self.reports.entry(object.to_owned());
        report.or_insert_with(|| TypeReport::of(object))
    }

    pub(super) fn has_seen(&self, object: &str, id: &str) -> bool {
        self.seen.get(object).is_some_and(|ids| ids.contains(id))
    }

    /// Notes an id; `false` if it was noted before.
    fn sees(&mut self, object: &str, id: &str) -> bool {
        if let Some(ids) = self.seen.get_mut(object) {
            return ids.insert(id.into());
        }
        let ids = HashSet::from([id.into()]);
        self.seen.insert(object.to_owned(), ids);
        true
    }

    pub(super) fn forget(&mut self, object: &str) {
        self.seen.remove(object);
    }

    pub(super) fn into_reports(self) -> Vec<TypeReport> {
        self.reports.into_values().collect()
    }
}

/// Which deletions are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Those of whole batches.
    Batches,
    /// All that wait.
    All,
}

/// What a row is beside an answer.
enum Verdict {
    Same,
    Meanwhile,
    OtherVersion,
    Found(FindingKind),
}

/// A difference on its way into the report.
struct Found<'a> {
    snapshot: Snapshot<'a>,
    finding: Finding,
    /// Whether the row is a tombstone, which nothing revives.
    is_final: bool,
}

impl Run {
    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares objects that Stripe answered with, of one page or one by one; `object` is the type that was asked for.
    pub(super) async fn judge(
        &self,
        object: &str,
        answers: &[(&str, &Meta)],
    ) -> Result<(), Stopped> {
        let mut by_type: BTreeMap<String, Vec<Snapshot<'_>>> = BTreeMap::new();
        for (text, meta) in answers {
            let read = match Snapshot::read(*text) {
                Ok(read) if self.is_wanted(read.object()) => read,
                Ok(_) => continue,
                Err(error) => {
                    let mut tally = self.tally();
                    let named = ObjectRef::of_type(object);
                    tally.report(object).add_failure(named, error.into());
                    continue;
                }
            };
            let snapshot = snapshot_of(read, meta)?;
            // The same object may be on several lists.
            if self.tally().sees(snapshot.object(), snapshot.id()) {
                let of_type = by_type.entry(snapshot.object().to_owned());
                of_type.or_default().push(snapshot);
            }
        }
        for (object, snapshots) in by_type {
            self.judge_type(&object, snapshots).await?;
        }
        Ok(())
    }

    async fn judge_type(
        &self,
        object: &str,
        snapshots: Vec<Snapshot<'_>>,
    ) -> Result<(), StoreError> {
        let ids: Vec<&str> = snapshots.iter().map(Snapshot::id).collect();
        let rows = self.rows(object, &ids).await?;
        let expandable = resources::facts(object).map_or(&[][..], |facts| facts.expandable);
        let mut found = Vec::new();
        {
            let mut tally = self.tally();
            for snapshot in snapshots {
                let row = rows.get(snapshot.id());
                tally.is_met |= row.is_some();
                let report = tally.report(object);
                report.compared += 1;
                match verdict(row, &snapshot, expandable) {
                    Verdict::Same => {}
                    Verdict::Meanwhile => report.changed_meanwhile += 1,
                    Verdict::OtherVersion => report.other_version += 1,
                    Verdict::Found(kind) => found.push(Found {
                        finding: finding(object, snapshot.id(), kind),
                        is_final: row.is_some_and(Stored::is_deleted),
                        snapshot,
                    }),
                }
            }
        }
        if self.is_fixing && !found.is_empty() {
            let batch: Vec<Snapshot<'_>> = found.iter().map(|it| it.snapshot.clone()).collect();
            let outcomes = self.store.write(&batch).await?;
            for (found, outcome) in found.iter_mut().zip(outcomes) {
                found.finding.is_repaired = outcome.is_change();
            }
        }
        for Found {
            finding, is_final, ..
        } in found
        {
            if self.is_fixing && !finding.is_repaired && !is_final {
                // Something newer came before the repair.
                self.tally().report(object).changed_meanwhile += 1;
                continue;
            }
            self.record(&finding);
        }
        Ok(())
    }

    /// The rows of these ids.
    pub(super) async fn rows(
        &self,
        object: &str,
        ids: &[&str],
    ) -> Result<HashMap<String, Stored<AnyObject>>, StoreError> {
        let rows = self.store.rows_by_id(object, ids).await?;
        let read = rows.into_iter().map(|row| {
            let row: Stored<AnyObject> = self.store.read_row(row)?;
            Ok((row.row().stripe_id().to_owned(), row))
        });
        read.collect()
    }

    /// Notes a difference.
    pub(super) fn record(&self, finding: &Finding) {
        self.tally().report(&finding.object).add(finding);
        self.tell(&ReconcileEvent::Found { finding });
    }

    /// Notes that Stripe knows nothing of an object that there is a row of; `stub` deletes the row, where it may be.
    pub(super) async fn lost(
        &self,
        object: &str,
        id: &str,
        stub: Option<Snapshot<'static>>,
    ) -> Result<(), Error> {
        let finding = finding(object, id, FindingKind::Extra(Gone::NotFound));
        match stub {
            Some(stub) if self.is_fixing => {
                self.tally().waiting.push((stub, finding));
                self.bury(Rest::Batches).await
            }
            _ => {
                self.record(&finding);
                Ok(())
            }
        }
    }

    /// Deletes what Stripe has no more, if it is certain that Stripe was asked for the right account.
    pub(super) async fn bury(&self, rest: Rest) -> Result<(), Error> {
        let (waiting, is_met) = {
            let mut tally = self.tally();
            let limit = if tally.is_met { BURIED } else { MAX_WAITING };
            if rest == Rest::Batches && tally.waiting.len() < limit {
                return Ok(());
            }
            (std::mem::take(&mut tally.waiting), tally.is_met)
        };
        let mut waiting = waiting.into_iter().peekable();
        while waiting.peek().is_some() {
            let (stubs, mut findings): (Vec<_>, Vec<_>) = waiting.by_ref().take(BURIED).unzip();
            if is_met {
                let outcomes = self.store.write(&stubs).await?;
                for (finding, outcome) in findings.iter_mut().zip(outcomes) {
                    finding.is_repaired = outcome.is_change();
                }
            }
            for finding in &findings {
                self.record(finding);
            }
        }
        Ok(())
    }
}

pub(super) fn finding(object: &str, id: &str, kind: FindingKind) -> Finding {
    Finding {
        object: object.to_owned(),
        id: id.to_owned(),
        kind,
        is_repaired: false,
    }
}

/// Whether a row may hold something of after this moment.
pub(super) fn is_newer(row: &Stored<AnyObject>, moment: UnixMillis) -> bool {
    row.as_of().end() > moment || row.deleted_at().is_some_and(|deleted| deleted >= moment)
}

fn verdict(
    row: Option<&Stored<AnyObject>>,
    snapshot: &Snapshot<'_>,
    expandable: &[&str],
) -> Verdict {
    let Some(row) = row else {
        return if snapshot.is_deleted() {
            Verdict::Same
        } else {
            Verdict::Found(FindingKind::Missing)
        };
    };
    let is_same = match (row.is_deleted(), snapshot.is_deleted()) {
        (false, false) => same_json(row.json(), snapshot.data()),
        (here, there) => here == there,
    };
    if is_same {
        return Verdict::Same;
    }
    if is_newer(row, snapshot.as_of().start()) {
        return Verdict::Meanwhile;
    }
    if row.is_deleted() {
        return Verdict::Found(FindingKind::Missing);
    }
    if snapshot.is_deleted() {
        return Verdict::Found(FindingKind::Extra(Gone::Deleted));
    }
    let fields = differences(row.json(), snapshot.data(), expandable);
    if fields.named.is_empty() && fields.more == 0 {
        return Verdict::Same;
    }
    if let (Some(here), Some(there)) = (row.api_version(), snapshot.api_version())
        && here != there
    {
        return Verdict::OtherVersion;
    }
    Verdict::Found(FindingKind::Differing {
        fields: fields.named,
        more: fields.more,
    })
}
