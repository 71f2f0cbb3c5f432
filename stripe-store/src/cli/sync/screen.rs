//! What is seen of a run: bars on a terminal, plain lines elsewhere, JSON for programs.

use std::collections::BTreeMap;
use std::time::Instant;

use indicatif::{HumanCount, MultiProgress, ProgressBar};
use serde_json::json;

use super::{Ended, Told, counted};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::progress;

/// How many lists are shown while they are read.
const SHOWN: usize = 8;

/// How many of those that refused a list are named, with how.
const REFUSED: usize = 3;

/// What a person, or a program, sees while it runs.
pub(super) struct Screen {
    pub(super) began: Instant,
    bars: MultiProgress,
    total: ProgressBar,
    lists: BTreeMap<String, Line>,
    objects: u64,
    settled: u64,
}

/// A list that is being read.
struct Line {
    began: Instant,
    /// Where it is longer than a page, and there is room.
    bar: Option<ProgressBar>,
    pages: u64,
    objects: u64,
}

impl Line {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            bar: None,
            pages: 0,
            objects: 0,
        }
    }

    fn message(&self) -> String {
        let (objects, pages) = (self.objects, self.pages);
        // Of lists below others, most pages have nothing on them.
        let (count, what) = if objects > pages {
            (objects, "")
        } else {
            (pages, "pages ")
        };
        let rate = rate(count, self.began);
        format!(
            "{}, {}, {rate} {what}a second",
            counted(objects, "object"),
            counted(pages, "page")
        )
    }
}

impl Screen {
    pub(super) fn new(output: &Output) -> Self {
        let bars = progress::several(output);
        let total = bars.add(progress::of_lists(output));
        Self {
            began: Instant::now(),
            bars,
            total,
            lists: BTreeMap::new(),
            objects: 0,
            settled: 0,
        }
    }

    pub(super) fn show(&mut self, told: Told, output: &mut Output) -> Result<(), Failure> {
        match told {
            Told::Planned(lists) => {
                self.total.inc_length(u64::try_from(lists).unwrap_or(0));
                Ok(())
            }
            Told::Begun { list, is_resumed } => {
                let resumed = "goes on where an earlier run was stopped";
                if is_resumed && output.json() {
                    return output.line(json!({"event": "resumed", "list": list}));
                }
                if is_resumed {
                    self.bars
                        .suspend(|| output.note(format_args!("{list} {resumed}")));
                }
                self.lists.insert(list, Line::new());
                Ok(())
            }
            Told::Page { list, objects } => {
                self.objects += objects;
                self.total.set_message(self.message());
                if output.json() {
                    return output.line(json!({"event": "page", "list": list, "objects": objects}));
                }
                if output.err_is_terminal() {
                    self.page(list, objects, output);
                }
                Ok(())
            }
            Told::Settled => {
                self.settled += 1;
                self.total.set_message(self.message());
                Ok(())
            }
            Told::Ended(ended) => {
                self.total.inc(1);
                let line = self.lists.remove(&ended.list);
                if let Some(bar) = line.and_then(|line| line.bar) {
                    bar.finish_and_clear();
                    self.bars.remove(&bar);
                }
                self.ended(&ended, output)
            }
        }
    }

    /// Shows that a page of a list is read: below the others if it is not the only one, as far as there is room.
    fn page(&mut self, list: String, objects: u64, output: &Output) {
        let shown = self.lists.values().filter(|line| line.bar.is_some());
        let has_room = shown.count() < SHOWN;
        let line = self.lists.entry(list.clone()).or_insert_with(Line::new);
        line.pages += 1;
        line.objects += objects;
        if line.bar.is_none() && line.pages > 1 && has_room {
            let bar = progress::of_list(output);
            let bar = self.bars.insert_before(&self.total, bar);
            bar.set_prefix(list);
            line.bar = Some(bar);
        }
        if let Some(bar) = &line.bar {
            bar.set_message(line.message());
            bar.inc(1);
        }
    }

    fn ended(&self, ended: &Ended, output: &mut Output) -> Result<(), Failure> {
        if output.json() {
            return output.line(ended.json());
        }
        // Most accounts use a part of what Stripe has; empty lists are left to the summary.
        if ended.state == "read" && ended.objects == 0 {
            return Ok(());
        }
        let list = &ended.list;
        let objects = counted(ended.objects, "object");
        let line = match &ended.reason {
            Some(reason) => {
                let state = if ended.state == "failed" {
                    "failed"
                } else {
                    "skipped"
                };
                let remedy = ended.remedy.map_or(String::new(), |it| format!("; {it}"));
                format!("{list}: {state}: {reason}{remedy}")
            }
            None if ended.changed == ended.objects => format!("{list}: {objects}"),
            None => {
                let changed = HumanCount(ended.changed);
                format!("{list}: {objects}, {changed} new or newer")
            }
        };
        let (refused, parent) = (ended.refused_count, ended.parent);
        let refused = match (refused, ended.remedy) {
            (0, _) => String::new(),
            (count, remedy) => format!(
                ", refused by {} of type {parent}; {}",
                HumanCount(count),
                remedy.unwrap_or_default()
            ),
        };
        self.bars.suspend(|| {
            output.line(format_args!("{line}{refused}"))?;
            let refused = ended.refused.iter().take(REFUSED);
            for said in ended.odd.iter().chain(refused) {
                output.note(format_args!("{list}: {said}"));
            }
            output.flush()
        })
    }

    fn message(&self) -> String {
        let objects = counted(self.objects, "object");
        let read = rate(self.objects, self.began);
        match self.settled {
            0 => format!("{objects}, {read} a second"),
            settled => format!(
                "{objects}, {read} a second, {} read again",
                HumanCount(settled)
            ),
        }
    }

    pub(super) fn end(&self) {
        for bar in self.lists.values().filter_map(|line| line.bar.as_ref()) {
            bar.finish_and_clear();
        }
        self.total.finish_and_clear();
    }
}

/// How many a second, since then.
fn rate(count: u64, since: Instant) -> HumanCount {
    let millis = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    // What comes at once comes within a second.
    HumanCount(count.saturating_mul(1000) / millis.max(1000))
}
