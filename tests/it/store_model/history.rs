//! Lives of objects at Stripe, and what is told of them: events in whole seconds, responses with their intervals.

use proptest::prelude::*;
use serde_json::{Value, json};
use stripe_store::store::Change;

use super::model::Told;

/// One thing that happens to an object, `gap` milliseconds after the one before.
#[derive(Debug, Clone)]
struct Step {
    gap: i64,
    act: Act,
}

#[derive(Debug, Clone)]
enum Act {
    /// A field gets a value, and an `*.updated` event says so.
    Set { field: u8, value: u8 },
    /// The same, told by an event of another kind, which has no previous attributes, as well.
    SetAndAnnounce { field: u8, value: u8 },
    /// The object is read: the request took `before`, and the response's interval ends `after` the moment, both in
    /// milliseconds. The process that asked may be one that keeps count.
    Read {
        before: i64,
        after: i64,
        process: Option<u8>,
    },
}

/// How a life ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Lives,
    /// An event brings the object as it was.
    DeletedByEvent,
    /// The response to a deletion has hardly more than the id.
    DeletedByRequest,
    /// Canceled: no tombstone, and yet the last event.
    Canceled,
}

fn step() -> impl Strategy<Value = Step> {
    let gap =
        prop_oneof![4 => Just(0), 3 => Just(1), 3 => Just(300), 2 => Just(1000), 1 => Just(2700)];
    let act = prop_oneof![
        5 => (0..3_u8, 0..3_u8).prop_map(|(field, value)| Act::Set { field, value }),
        2 => (0..3_u8, 0..3_u8).prop_map(|(field, value)| Act::SetAndAnnounce { field, value }),
        4 => (
            prop_oneof![Just(0), Just(40), Just(900), Just(5000)],
            prop_oneof![Just(1), Just(200), Just(1000)],
            prop_oneof![1 => Just(None), 2 => (0..2_u8).prop_map(Some)],
        )
            .prop_map(|(before, after, process)| Act::Read { before, after, process }),
    ];
    (gap, act).prop_map(|(gap, act)| Step { gap, act })
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        6 => Just(End::Lives),
        1 => Just(End::DeletedByEvent),
        1 => Just(End::DeletedByRequest),
        1 => Just(End::Canceled),
    ]
}

/// All that is told of one object, in the order in which it happened, and its last state.
pub(crate) fn life(object: u16) -> impl Strategy<Value = (Vec<Told>, Value)> {
    let sources = proptest::collection::vec(0..40_u8, 20);
    let spellings = proptest::collection::vec(any::<bool>(), 20);
    (
        0..2000_i64,
        proptest::collection::vec(step(), 0..6),
        end(),
        sources,
        spellings,
    )
        .prop_map(move |(birth, steps, end, sources, spellings)| {
            live(object, birth, &steps, end, &sources, &spellings)
        })
}

fn live(
    object: u16,
    birth: i64,
    steps: &[Step],
    end: End,
    sources: &[u8],
    spellings: &[bool],
) -> (Vec<Told>, Value) {
    let mut now = 1_700_000_000_000 + birth;
    let mut state =
        json!({"object": "invoice", "id": format!("in_{object}"), "f0": 0, "f1": {"x": 0}});
    let mut told = Vec::new();
    let mut tell = |state: &Value, (start, until), previous: Option<Value>, change, order| {
        let at = told.len();
        let source = format!("evt_{:02}_{at}", sources[at]);
        told.push(Told {
            object,
            data: state.clone(),
            start,
            until,
            source: match order {
                None => source,
                Some((process, sent, answered)) => {
                    format!("{source}@{process}.{sent}.{answered}")
                }
            },
            order,
            previous,
            change,
            tombstone: false,
            respelled: spellings[at],
        });
    };
    let second = |now: i64| (now - now % 1000, now - now % 1000 + 1000);
    tell(&state, second(now), None, Change::Created, None);
    for Step { gap, act } in steps {
        now += gap;
        match *act {
            Act::Set { field, value } | Act::SetAndAnnounce { field, value } => {
                let previous = set(&mut state, field, value);
                let Some(previous) = previous else { continue };
                if matches!(act, Act::SetAndAnnounce { .. }) {
                    tell(&state, second(now), None, Change::Updated, None);
                }
                tell(&state, second(now), Some(previous), Change::Updated, None);
            }
            Act::Read {
                before,
                after,
                process,
            } => {
                // The state is that of some moment before the answer is there.
                let order = process.map(|process| (process, now - before, now + 1));
                tell(
                    &state,
                    (now - before, now + after),
                    None,
                    Change::Updated,
                    order,
                );
            }
        }
    }
    let stub = json!({"object": "invoice", "id": format!("in_{object}"), "deleted": true});
    match end {
        End::Lives => {}
        End::Canceled | End::DeletedByEvent => {
            tell(&state, second(now), None, Change::Deleted, None);
        }
        End::DeletedByRequest => tell(&stub, (now - 40, now + 1000), None, Change::Updated, None),
    }
    if let (Some(last), End::DeletedByEvent | End::DeletedByRequest) = (told.last_mut(), end) {
        last.tombstone = true;
    }
    (told, state)
}

/// Sets a field, and returns what `previous_attributes` say of it; `None` if it has the value already.
fn set(state: &mut Value, field: u8, value: u8) -> Option<Value> {
    let (place, previous): (&mut Value, fn(Value) -> Value) = match field {
        0 => (&mut state["f0"], |before| json!({"f0": before})),
        1 => (&mut state["f1"]["x"], |before| json!({"f1": {"x": before}})),
        _ => {
            let fields = state.as_object_mut()?;
            let before = if value == 0 {
                fields.remove("f2")?
            } else {
                let before = fields.insert("f2".to_owned(), value.into());
                before.unwrap_or_default()
            };
            return (before != value).then(|| json!({"f2": before}));
        }
    };
    let before = std::mem::replace(place, value.into());
    (before != *place).then(|| previous(before))
}

/// What is told of a few objects, and how.
#[derive(Debug, Clone)]
pub(crate) struct Telling {
    /// Everything, once, in the order in which it happened.
    pub(crate) told: Vec<Told>,
    /// The last state of each object, and whether all was told that happened to it.
    pub(crate) truth: Vec<(Value, bool)>,
    /// The batches of each writer, by places in `told`: shuffled, some more than once, some left out.
    pub(crate) writers: Vec<Vec<Vec<usize>>>,
}

impl Telling {
    /// The snapshots that are told, of one object.
    pub(crate) fn of(&self, object: u16) -> Vec<&Told> {
        let mut places: Vec<_> = self.writers.iter().flatten().flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        places
            .into_iter()
            .map(|at| &self.told[at])
            .filter(|it| it.object == object)
            .collect()
    }
}

/// Up to three objects, told in any order by up to three writers at a time.
pub(crate) fn telling() -> impl Strategy<Value = Telling> {
    (1..=3_u8)
        .prop_flat_map(|objects| (0..u16::from(objects)).map(life).collect::<Vec<_>>())
        .prop_flat_map(|lives| {
            let truth: Vec<_> = lives.iter().map(|(_, last)| last.clone()).collect();
            let told: Vec<_> = lives.into_iter().flat_map(|(told, _)| told).collect();
            let length = told.len();
            let copies = proptest::collection::vec(
                prop_oneof![1 => Just(0_usize), 7 => Just(1), 2 => Just(2)],
                length,
            );
            (Just(told), Just(truth), any::<bool>(), copies)
        })
        .prop_flat_map(|(told, truth, is_whole, copies)| {
            let copies = copies
                .into_iter()
                .map(|count| if is_whole { count.max(1) } else { count });
            let order: Vec<usize> = copies
                .enumerate()
                .flat_map(|(at, count)| std::iter::repeat_n(at, count))
                .collect();
            let length = order.len();
            let writers = proptest::collection::vec(0..3_usize, length);
            let cuts = proptest::collection::vec(prop::bool::weighted(0.5), length);
            let truth: Vec<_> = truth.into_iter().map(|last| (last, is_whole)).collect();
            (
                Just(told),
                Just(truth),
                Just(order).prop_shuffle(),
                writers,
                cuts,
            )
        })
        .prop_map(|(told, truth, order, chosen, cuts)| {
            let mut writers: Vec<Vec<Vec<usize>>> = vec![Vec::new(); 3];
            for ((at, writer), cut) in order.into_iter().zip(chosen).zip(cuts) {
                let batches = &mut writers[writer];
                match batches.last_mut().filter(|_| !cut) {
                    Some(batch) => batch.push(at),
                    None => batches.push(vec![at]),
                }
            }
            Telling {
                told,
                truth,
                writers,
            }
        })
}
