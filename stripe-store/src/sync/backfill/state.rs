//! How far a list has been read: what is noted in the transaction of each page.
//!
//! Knows no list and no database: what is to be read next follows from what was read and what is asked for.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::sync::pages::{OVERLAP, number};

/// What is known of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct State {
    /// The pass that is under way.
    pub(super) pass: Option<Pass>,
    /// What the passes that came to their end have read.
    pub(super) done: Option<Done>,
}

/// A reading of a list from its beginning to its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pass {
    /// Objects from this second on, where not all of them.
    pub(super) since: Option<i64>,
    /// Objects from this second on are asked for, because the passes before have read the others.
    pub(super) created_from: Option<i64>,
    /// Of a list below others: those of them whose rows changed since, by the store's clock, in milliseconds.
    pub(super) changed_from: Option<i64>,
    /// When it began, by Stripe's clock, in milliseconds.
    pub(super) begun: Option<i64>,
    /// When it began, by the store's clock, in milliseconds.
    pub(super) begun_here: i64,
    pub(super) place: Place,
}

/// Where a pass goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// The cursor of the next page; of a list below others, the last of them up to which all are read.
    pub(super) after: Option<String>,
    /// Of a list below others: those after that are begun, and where they go on, or that they are read.
    pub(super) open: BTreeMap<String, Step>,
}

/// How far the list of one object has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Here the next page begins.
    At(String),
    Read,
}

/// What passes have read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Done {
    /// Objects from this second on; all of them if `None`.
    pub(super) since: Option<i64>,
    /// When the last pass began, by Stripe's clock, in milliseconds: what was created before is here.
    pub(super) begun: i64,
    /// When the last pass began, by the store's clock, in milliseconds.
    pub(super) begun_here: i64,
    /// When the last pass ended, by the store's clock, in milliseconds.
    pub(super) ended_here: i64,
    /// When the last pass over all objects began, by Stripe's clock, in milliseconds: changes up to then are here.
    pub(super) all_begun: i64,
}

/// What the caller wants of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) since: Option<i64>,
    /// Whether what was read before is to be read again.
    pub(super) is_full: bool,
}

/// What can be asked of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Abilities {
    pub(super) has_created: bool,
    pub(super) is_below: bool,
}

impl State {
    /// The pass to make: the one that is under way, if it reads what is wanted, or a new one.
    pub(super) fn next_pass(&self, wanted: Wanted, list: Abilities, now: i64) -> Pass {
        let new = self.new_pass(wanted, list, now);
        match &self.pass {
            Some(pass) if pass.reads_all_of(&new) => pass.clone(),
            _ => new,
        }
    }

    fn new_pass(&self, wanted: Wanted, list: Abilities, now: i64) -> Pass {
        let covered = self.done.as_ref().filter(|done| {
            !wanted.is_full && done.since.unwrap_or(i64::MIN) <= wanted.since.unwrap_or(i64::MIN)
        });
        let since = wanted.since.filter(|_| list.has_created);
        let seen = covered.map(|done| done.begun.div_euclid(1000).saturating_sub(OVERLAP));
        Pass {
            since,
            created_from: match (list.has_created, list.is_below) {
                (true, false) => since.max(seen),
                // The children of one that changed are read whole.
                (true, true) => since,
                (false, _) => None,
            },
            changed_from: covered
                .filter(|_| list.is_below)
                .map(|done| done.begun_here.saturating_sub(OVERLAP * 1000)),
            begun: None,
            begun_here: now,
            place: Place::default(),
        }
    }

    /// The state once the pass under way has come to its end.
    pub(super) fn finished(&self, pass: &Pass, now: i64) -> Self {
        let begun = pass.begun.unwrap_or(0);
        let before = self.done.as_ref();
        let is_whole = pass.created_from == pass.since && pass.changed_from.is_none();
        Self {
            pass: None,
            done: Some(Done {
                since: match (is_whole, before) {
                    (false, Some(before)) => before.since,
                    _ => pass.since,
                },
                begun,
                begun_here: pass.begun_here,
                ended_here: now,
                all_begun: match (is_whole, before) {
                    (false, Some(before)) => before.all_begun,
                    _ => begun,
                },
            }),
        }
    }

    /// As it is noted.
    pub(super) fn to_text(&self) -> String {
        let mut fields = Map::new();
        if let Some(pass) = &self.pass {
            fields.insert("pass".to_owned(), pass.to_json());
        }
        if let Some(done) = &self.done {
            let done = json!({
                "since": done.since,
                "begun": done.begun,
                "begun_here": done.begun_here,
                "ended_here": done.ended_here,
                "all_begun": done.all_begun,
            });
            fields.insert("done".to_owned(), done);
        }
        Value::Object(fields).to_string()
    }

    /// Reads what was noted; `None` if it is something else.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let fields = value.as_object()?;
        let pass = fields.get("pass").map(Pass::from_json);
        let done = fields.get("done").map(|done| {
            Some(Done {
                since: number(done, "since")?,
                begun: number(done, "begun")??,
                begun_here: number(done, "begun_here")??,
                ended_here: number(done, "ended_here")??,
                all_begun: number(done, "all_begun")??,
            })
        });
        Some(Self {
            pass: match pass {
                Some(pass) => Some(pass?),
                None => None,
            },
            done: match done {
                Some(done) => Some(done?),
                None => None,
            },
        })
    }
}

impl Pass {
    /// Whether it reads at least what `other` does.
    fn reads_all_of(&self, other: &Self) -> bool {
        let covers = |own: Option<i64>, others: Option<i64>| match (own, others) {
            (None, _) => true,
            (Some(own), Some(others)) => own <= others,
            (Some(_), None) => false,
        };
        covers(self.created_from, other.created_from)
            && covers(self.changed_from, other.changed_from)
    }

    fn to_json(&self) -> Value {
        let open: Map<String, Value> = self
            .place
            .open
            .iter()
            .map(|(id, step)| {
                let cursor = match step {
                    Step::At(cursor) => Value::from(cursor.as_str()),
                    Step::Read => Value::Null,
                };
                (id.clone(), cursor)
            })
            .collect();
        json!({
            "since": self.since,
            "created_from": self.created_from,
            "changed_from": self.changed_from,
            "begun": self.begun,
            "begun_here": self.begun_here,
            "after": self.place.after,
            "open": open,
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let open = value.get("open")?.as_object()?.iter().map(|(id, cursor)| {
            let step = match cursor {
                Value::Null => Step::Read,
                Value::String(cursor) => Step::At(cursor.clone()),
                _ => return None,
            };
            Some((id.clone(), step))
        });
        Some(Self {
            since: number(value, "since")?,
            created_from: number(value, "created_from")?,
            changed_from: number(value, "changed_from")?,
            begun: number(value, "begun")?,
            begun_here: number(value, "begun_here")??,
            place: Place {
                after: match value.get("after")? {
                    Value::Null => None,
                    Value::String(after) => Some(after.clone()),
                    _ => return None,
                },
                open: open.collect::<Option<_>>()?,
            },
        })
    }
}

impl Place {
    /// Whether the list of this object is read.
    pub(super) fn is_read(&self, id: &str) -> bool {
        self.open.get(id) == Some(&Step::Read)
    }

    /// Whether the list of this object is read, or comes before one up to which all are.
    pub(super) fn is_past(&self, id: &str) -> bool {
        self.is_read(id) || self.after.as_deref().is_some_and(|after| id <= after)
    }

    /// Where the list of this object goes on.
    pub(super) fn cursor(&self, id: &str) -> Option<&str> {
        match self.open.get(id) {
            Some(Step::At(cursor)) => Some(cursor),
            _ => None,
        }
    }

    /// Notes that the list of this object is read. `begun` are those that were begun and are not yet noted as read, in
    /// their order: what comes before the first of them is read.
    pub(super) fn read(&mut self, id: &str, mut begun: impl Iterator<Item = String>) {
        self.open.insert(id.to_owned(), Step::Read);
        let first = begun.find(|other| other != id && !self.is_read(other));
        while let Some(entry) = self.open.first_entry() {
            let is_past = first.as_ref().is_none_or(|first| entry.key() < first);
            if *entry.get() != Step::Read || !is_past {
                return;
            }
            self.after = Some(entry.remove_entry().0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOP: Abilities = Abilities {
        has_created: true,
        is_below: false,
    };
    const ALL: Wanted = Wanted {
        since: None,
        is_full: false,
    };

    fn since(since: i64) -> Wanted {
        Wanted {
            since: Some(since),
            ..ALL
        }
    }

    fn after(state: &State, wanted: Wanted, list: Abilities, begun: i64) -> State {
        let mut pass = state.next_pass(wanted, list, begun);
        pass.begun = Some(begun);
        state.finished(&pass, begun)
    }

    #[test]
    fn the_first_pass_reads_all_and_the_next_what_is_new() {
        let state = State::default();
        assert_eq!(state.next_pass(ALL, TOP, 7).created_from, None);
        let state = after(&state, ALL, TOP, 1_000_000);
        assert_eq!(state.next_pass(ALL, TOP, 7).created_from, Some(700));
        let full = Wanted {
            is_full: true,
            ..ALL
        };
        assert_eq!(state.next_pass(full, TOP, 7).created_from, None);
        let state = after(&state, ALL, TOP, 2_000_000);
        let done = state.done.unwrap();
        assert_eq!((done.begun, done.all_begun), (2_000_000, 1_000_000));
    }

    #[test]
    fn what_was_left_out_the_first_time_is_read_when_it_is_asked_for() {
        let state = after(&State::default(), since(500), TOP, 1_000_000);
        assert_eq!(state.next_pass(since(500), TOP, 7).created_from, Some(700));
        assert_eq!(state.next_pass(since(900), TOP, 7).created_from, Some(900));
        assert_eq!(state.next_pass(since(400), TOP, 7).created_from, Some(400));
        assert_eq!(state.next_pass(ALL, TOP, 7).created_from, None);
    }

    #[test]
    fn a_pass_under_way_goes_on_if_it_reads_enough() {
        let mut state = State::default();
        let mut pass = state.next_pass(since(500), TOP, 7);
        pass.place.after = Some("after:cus_1".to_owned());
        state.pass = Some(pass.clone());
        assert_eq!(state.next_pass(since(500), TOP, 9), pass);
        assert_eq!(state.next_pass(since(600), TOP, 9), pass);
        assert_eq!(state.next_pass(since(400), TOP, 9).place, Place::default());
        assert_eq!(state.next_pass(ALL, TOP, 9).place, Place::default());
    }

    #[test]
    fn a_list_that_takes_no_created_is_read_whole_each_time() {
        let list = Abilities {
            has_created: false,
            is_below: false,
        };
        let state = after(&State::default(), since(500), list, 1_000_000);
        let pass = state.next_pass(ALL, list, 7);
        assert_eq!((pass.created_from, pass.since), (None, None));
    }

    #[test]
    fn lists_below_others_are_read_of_those_that_changed() {
        let list = Abilities {
            has_created: true,
            is_below: true,
        };
        let state = after(&State::default(), ALL, list, 1_000_000);
        let pass = state.next_pass(ALL, list, 7);
        assert_eq!(
            (pass.created_from, pass.changed_from),
            (None, Some(700_000))
        );
    }

    #[test]
    fn a_place_moves_past_what_is_read_and_no_further() {
        let begun = || ["a", "b", "c", "d"].into_iter().map(str::to_owned);
        let mut place = Place::default();
        place.read("b", begun());
        assert_eq!(place.after, None);
        place
            .open
            .insert("c".to_owned(), Step::At("after:x".to_owned()));
        place.read("a", begun());
        assert_eq!(place.after.as_deref(), Some("b"));
        assert_eq!(place.cursor("c"), Some("after:x"));
        place.read("d", ["c", "d"].into_iter().map(str::to_owned));
        assert_eq!(place.after.as_deref(), Some("b"));
        place.read("c", ["c", "d"].into_iter().map(str::to_owned));
        assert_eq!(place.after.as_deref(), Some("d"));
        assert!(place.open.is_empty());
    }

    #[test]
    fn a_state_is_text_and_back() {
        let mut state = after(&State::default(), since(500), TOP, 1_000_000);
        let mut pass = state.next_pass(ALL, TOP, 7);
        pass.begun = Some(9);
        pass.place.after = Some("a".to_owned());
        pass.place.open.insert("b".to_owned(), Step::Read);
        pass.place
            .open
            .insert("c".to_owned(), Step::At("url:/x".to_owned()));
        state.pass = Some(pass);
        assert_eq!(State::from_text(&state.to_text()), Some(state));
        assert_eq!(State::from_text("{}"), Some(State::default()));
        for text in ["", "[]", r#"{"pass": 1}"#, r#"{"done": {"begun": "x"}}"#] {
            assert_eq!(State::from_text(text), None, "{text}");
        }
    }
}
