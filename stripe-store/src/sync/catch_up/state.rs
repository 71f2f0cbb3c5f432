//! How far the list of events has been read: what is noted in the transaction of each page.

use serde_json::{Value, json};

use crate::sync::pages::{OVERLAP, number};

/// For how long Stripe keeps events, in seconds: 30 days.
const KEPT: i64 = 30 * 24 * 3600;

/// What is known of the list of events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct State {
    /// The pass that is under way.
    pub(super) pass: Option<Pass>,
    /// When the last pass that came to its end began, by Stripe's clock, in milliseconds: what was created before is in the
    /// inbox, from where on there is no gap.
    seen: Option<i64>,
    gap: Option<Span>,
}

/// A reading of the list, from its newest event on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pass {
    /// Events from this second on; `None` for all that Stripe has.
    pub(super) from: Option<i64>,
    /// When it began, by Stripe's clock, in milliseconds.
    pub(super) begun: Option<i64>,
    /// The cursor of the next page.
    pub(super) after: Option<String>,
}

/// A time of which no event may ever have been seen, in unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// `None` where nothing was ever read.
    pub(super) from: Option<i64>,
    pub(super) until: i64,
}

impl State {
    /// The pass to make, and whether it is one that is under way. `synced` is when the lists were last read whole, in
    /// milliseconds.
    pub(super) fn next_pass(&self, since: Option<i64>, synced: Option<i64>) -> (Pass, bool) {
        let known = self.seen.max(synced);
        let from = since.or(known.map(|known| known.div_euclid(1000).saturating_sub(OVERLAP)));
        match &self.pass {
            Some(pass) if pass.from <= from => (pass.clone(), true),
            _ => {
                let pass = Pass {
                    from,
                    ..Pass::default()
                };
                (pass, false)
            }
        }
    }

    /// Notes what a pass that began at this millisecond cannot reach.
    pub(super) fn note_gap(&mut self, pass: &Pass, begun: i64, synced: Option<i64>) {
        let oldest = begun.div_euclid(1000).saturating_sub(KEPT);
        let reached = pass.from.map_or(oldest, |from| from.max(oldest));
        let known = self.seen.max(synced).map(|known| known.div_euclid(1000));
        if known.is_some_and(|known| reached <= known) {
            return;
        }
        let before = self.open_gap(synced);
        self.gap = Some(Span {
            from: before.map_or(known, |before| before.from.min(known)),
            until: before.map_or(reached, |before| before.until.max(reached)),
        });
    }

    /// The gap, unless the lists were read whole since.
    pub(super) fn open_gap(&self, synced: Option<i64>) -> Option<Span> {
        let synced = synced.map(|synced| synced.div_euclid(1000));
        self.gap
            .filter(|gap| synced.is_none_or(|synced| synced < gap.until))
    }

    /// Notes that the pass under way has come to its end.
    pub(super) fn finish(&mut self) {
        if let Some(pass) = self.pass.take() {
            self.seen = self.seen.max(pass.begun);
        }
    }

    /// As it is noted.
    pub(super) fn to_text(&self) -> String {
        let pass = self.pass.as_ref();
        let pass = pass.map(|it| json!({"from": it.from, "begun": it.begun, "after": it.after}));
        let gap = self
            .gap
            .map(|it| json!({"from": it.from, "until": it.until}));
        json!({"pass": pass, "seen": self.seen, "gap": gap}).to_string()
    }

    /// Reads what was noted; `None` if it is something else.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let pass = match value.get("pass")? {
            Value::Null => None,
            pass => Some(Pass {
                from: number(pass, "from")?,
                begun: number(pass, "begun")?,
                after: match pass.get("after")? {
                    Value::Null => None,
                    after => Some(after.as_str()?.to_owned()),
                },
            }),
        };
        let gap = match value.get("gap")? {
            Value::Null => None,
            gap => Some(Span {
                from: number(gap, "from")?,
                until: gap.get("until")?.as_i64()?,
            }),
        };
        Some(Self {
            pass,
            seen: number(&value, "seen")?,
            gap,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;
    const NOW: i64 = 1_800_000_000;

    /// A pass that begins at this second and comes to its end.
    fn read(state: &mut State, since: Option<i64>, synced: Option<i64>, begun: i64) -> Option<i64> {
        let synced = synced.map(|synced| synced * 1000);
        let (mut pass, _) = state.next_pass(since, synced);
        pass.begun = Some(begun * 1000);
        state.note_gap(&pass, begun * 1000, synced);
        let from = pass.from;
        state.pass = Some(pass);
        state.finish();
        from
    }

    #[test]
    fn each_pass_begins_where_the_last_one_did() {
        let mut state = State::default();
        assert_eq!(read(&mut state, None, Some(NOW - 10), NOW), Some(NOW - 310));
        assert_eq!(
            read(&mut state, None, Some(NOW - 10), NOW + DAY),
            Some(NOW - OVERLAP)
        );
        // A full sync knows what events would tell.
        let synced = Some(NOW + 5 * DAY);
        assert_eq!(
            read(&mut state, None, synced, NOW + 6 * DAY),
            Some(NOW + 5 * DAY - OVERLAP)
        );
        assert_eq!(state.open_gap(synced), None);
    }

    #[test]
    fn what_events_do_not_reach_back_to_is_a_gap_until_the_lists_were_read() {
        let mut state = State::default();
        read(&mut state, None, Some(NOW), NOW);
        read(&mut state, None, Some(NOW), NOW + 40 * DAY);
        let gap = Span {
            from: Some(NOW),
            until: NOW + 10 * DAY,
        };
        let synced = |synced: i64| Some(synced * 1000);
        assert_eq!(state.open_gap(synced(NOW)), Some(gap));
        read(&mut state, None, Some(NOW), NOW + 41 * DAY);
        assert_eq!(state.open_gap(synced(NOW)), Some(gap));
        assert_eq!(state.open_gap(synced(NOW + 9 * DAY)), Some(gap));
        assert_eq!(state.open_gap(synced(NOW + 10 * DAY)), None);
        // A second one makes it longer.
        read(&mut state, None, Some(NOW), NOW + 80 * DAY);
        let longer = Span {
            until: NOW + 50 * DAY,
            ..gap
        };
        assert_eq!(state.open_gap(synced(NOW)), Some(longer));
    }

    #[test]
    fn what_was_never_read_is_a_gap_and_so_is_what_was_left_out() {
        let mut state = State::default();
        assert_eq!(read(&mut state, None, None, NOW), None);
        let all = Span {
            from: None,
            until: NOW - KEPT,
        };
        assert_eq!(state.open_gap(None), Some(all));

        let mut state = State::default();
        read(&mut state, None, Some(NOW), NOW);
        assert_eq!(
            read(&mut state, Some(NOW + 500), Some(NOW), NOW + 900),
            Some(NOW + 500)
        );
        let left_out = Span {
            from: Some(NOW),
            until: NOW + 500,
        };
        assert_eq!(state.open_gap(Some(NOW * 1000)), Some(left_out));
    }

    #[test]
    fn a_pass_under_way_goes_on_if_it_reads_enough() {
        let mut state = State::default();
        let (mut pass, is_resumed) = state.next_pass(Some(500), None);
        assert!(!is_resumed);
        pass.after = Some("after:evt_1".to_owned());
        state.pass = Some(pass.clone());
        assert_eq!(state.next_pass(Some(500), None), (pass.clone(), true));
        assert_eq!(state.next_pass(Some(600), None), (pass, true));
        assert_eq!(state.next_pass(Some(400), None).0.after, None);
        assert_eq!(state.next_pass(None, None).0.after, None);
    }

    #[test]
    fn a_state_is_text_and_back() {
        let mut state = State::default();
        read(&mut state, None, Some(NOW), NOW);
        read(&mut state, None, None, NOW + 40 * DAY);
        state.pass = Some(Pass {
            from: Some(7),
            begun: None,
            after: Some("after:evt_1".to_owned()),
        });
        assert_eq!(State::from_text(&state.to_text()), Some(state));
        let state = State::default();
        assert_eq!(State::from_text(&state.to_text()), Some(state));
        for text in ["", "[]", "{}", r#"{"pass": 1, "seen": null, "gap": null}"#] {
            assert_eq!(State::from_text(text), None, "{text}");
        }
    }
}
