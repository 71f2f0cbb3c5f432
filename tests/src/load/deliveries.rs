//! Events on their way: doubled, shuffled, and among garbage.

use std::collections::VecDeque;

use hyper::body::Bytes;

use super::mix::{Event, EventMix};
use super::reference::Reference;
use crate::numbers::Numbers;

/// How many of the last events can come again.
const REMEMBERED: usize = 512;

/// What is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryKind {
    /// An event, for the first time.
    Event,
    /// One that was posted already, or is about to be.
    Duplicate,
    /// An event under a secret that is not the endpoint's.
    BadSignature,
    /// Something else, with a good signature.
    Garbage,
}

impl DeliveryKind {
    /// Whether it is to be accepted.
    pub const fn is_valid(self) -> bool {
        matches!(self, Self::Event | Self::Duplicate)
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// What it carries.
    pub body: Bytes,
    /// What it is.
    pub kind: DeliveryKind,
}

/// For the first time.
impl From<Event> for Delivery {
    fn from(event: Event) -> Self {
        Self {
            body: event.body,
            kind: DeliveryKind::Event,
        }
    }
}

/// The events of a mix as requests. Without anything said, each once, in order.
#[derive(Debug)]
pub struct Deliveries {
    mix: EventMix,
    numbers: Numbers,
    window: usize,
    duplicates: u64,
    garbage: u64,
    bad_signatures: u64,
    waiting: Vec<Delivery>,
    recent: VecDeque<Bytes>,
}

impl Deliveries {
    /// The events of a mix; the seed is of what else is done.
    pub fn new(mix: EventMix, seed: u64) -> Self {
        Self {
            mix,
            numbers: Numbers::new(seed ^ 0x5eed),
            window: 1,
            duplicates: 0,
            garbage: 0,
            bad_signatures: 0,
            waiting: Vec::new(),
            recent: VecDeque::new(),
        }
    }

    /// In any order within so many.
    #[must_use]
    pub fn shuffled(self, window: usize) -> Self {
        Self { window, ..self }
    }

    /// So many of a thousand events come twice, at once or later.
    #[must_use]
    pub fn with_duplicates(self, per_mille: u64) -> Self {
        Self {
            duplicates: per_mille,
            ..self
        }
    }

    /// For a thousand events, so many requests that are none, and so many that were signed with another secret.
    #[must_use]
    pub fn with_garbage(self, garbage: u64, bad_signatures: u64) -> Self {
        Self {
            garbage,
            bad_signatures,
            ..self
        }
    }

    /// What is to be in the table, once everything has been posted.
    pub fn reference(&self) -> &Reference {
        self.mix.reference()
    }

    fn fill(&mut self) {
        for _ in 0..self.window.max(1) {
            let Some(event) = self.mix.next() else {
                break;
            };
            let body = event.body;
            let mut add = |body, kind| self.waiting.push(Delivery { body, kind });
            if self.numbers.per_mille(self.garbage) {
                add(garbage(&mut self.numbers, &body), DeliveryKind::Garbage);
            }
            if self.numbers.per_mille(self.bad_signatures) {
                add(body.clone(), DeliveryKind::BadSignature);
            }
            self.recent.push_back(body.clone());
            if self.recent.len() > REMEMBERED {
                self.recent.pop_front();
            }
            if self.numbers.per_mille(self.duplicates) {
                // Half of them meet the first one, the others come when it is long done.
                let recent = self.recent.get(self.numbers.place(self.recent.len()));
                let again = recent.filter(|_| self.numbers.per_mille(500));
                add(again.unwrap_or(&body).clone(), DeliveryKind::Duplicate);
            }
            add(body, DeliveryKind::Event);
        }
        // The last one goes first.
        if self.window > 1 {
            for last in (1..self.waiting.len()).rev() {
                let other = self.numbers.place(last + 1);
                self.waiting.swap(last, other);
            }
        } else {
            self.waiting.reverse();
        }
    }
}

impl Iterator for Deliveries {
    type Item = Delivery;

    fn next(&mut self) -> Option<Delivery> {
        if self.waiting.is_empty() {
            self.fill();
        }
        self.waiting.pop()
    }
}

/// Something that is no event.
fn garbage(numbers: &mut Numbers, event: &[u8]) -> Bytes {
    match numbers.below(5) {
        0 => Bytes::new(),
        1 => Bytes::from_static(b"\xff\xfe\x00garbage"),
        2 => Bytes::copy_from_slice(event.get(..event.len() / 2).unwrap_or_default()),
        3 => Bytes::from_static(br#"{"object": "customer", "id": "cus_1"}"#),
        _ => Bytes::from_static(b"[1, 2, 3]"),
    }
}
