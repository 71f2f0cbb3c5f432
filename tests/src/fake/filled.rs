//! A world of many objects: as the description has them, of about twenty types, that refer to each other.

use std::collections::BTreeMap;

use serde_json::Value;
use stripe_store::resources::{LISTINGS, facts};
use stripe_store::view::Listing;

use super::expand::{list_inside, with_id};
use super::facts::{sample, schema};
use super::world::World;
use crate::numbers::Numbers;

/// The types of their own lists, each as often as it comes up in a round; what they refer to rather before them.
const ROUND: [(&str, usize); 18] = [
    ("product", 1),
    ("price", 2),
    ("coupon", 1),
    ("tax_rate", 1),
    ("customer", 8),
    ("payment_method", 6),
    ("setup_intent", 3),
    ("payment_intent", 8),
    ("charge", 8),
    ("refund", 2),
    ("balance_transaction", 10),
    ("dispute", 1),
    ("subscription", 5),
    ("invoice", 8),
    ("invoiceitem", 4),
    ("credit_note", 1),
    ("payout", 1),
    ("transfer", 1),
];

/// What is listed below them: the type, in how many of the parents, how many at most there, and how many in one of forty.
const BELOW: [(&str, &str, u64, u64, u64); 4] = [
    ("customer", "card", 4, 2, 12),
    ("customer", "tax_id", 5, 1, 11),
    ("subscription", "subscription_item", 1, 3, 13),
    ("invoice", "line_item", 1, 4, 25),
];

/// When the first object was created, and how much later the last one was.
const BEGIN: usize = 1_700_000_000;
const YEAR: usize = 365 * 24 * 60 * 60;

/// What has been made so far.
struct Filling<'w> {
    world: &'w mut World,
    seed: u64,
    numbers: Numbers,
    count: usize,
    made: usize,
    samples: BTreeMap<&'static str, (Value, Vec<&'static str>)>,
    ids: BTreeMap<&'static str, Vec<String>>,
}

/// Adds so many objects.
pub(super) fn fill(world: &mut World, seed: u64, count: usize) {
    let below = BELOW.iter().map(|(_, object, ..)| *object);
    let objects: Vec<&'static str> = ROUND
        .iter()
        .map(|(object, _)| *object)
        .chain(below)
        .collect();
    let samples = objects.iter().map(|object| {
        let statuses = schema(object).and_then(|it| it.pointer("/properties/status/enum"));
        let statuses = statuses.and_then(Value::as_array).into_iter().flatten();
        let statuses = statuses.filter_map(Value::as_str).collect();
        (*object, (sample(object, &objects), statuses))
    });
    let mut filling = Filling {
        samples: samples.collect(),
        ids: BTreeMap::new(),
        numbers: Numbers::new(seed),
        made: 0,
        world,
        seed,
        count,
    };
    let round = || {
        ROUND
            .iter()
            .flat_map(|(object, times)| vec![*object; *times])
    };
    for object in std::iter::repeat_with(round).flatten() {
        if filling.made >= count {
            return;
        }
        filling.top(object);
    }
}

impl Filling<'_> {
    /// An object of a list of its own, with what is listed below it.
    fn top(&mut self, object: &'static str) {
        let (id, mut made) = self.object(object);
        for (parent, child, one_in, most, many) in BELOW {
            if parent != object || self.numbers.below(one_in) != 0 {
                continue;
            }
            let number = match self.numbers.below(40) {
                0 => many,
                _ => 1 + self.numbers.below(most),
            };
            let Some(listing) = listing(parent, child) else {
                continue;
            };
            for _ in 0..number {
                if self.made < self.count {
                    self.below(listing, child, (parent, &id));
                }
            }
            let Some((field, param)) = listing.parent.map(|it| (it.field, it.param)) else {
                continue;
            };
            // What always comes inside does so here; the rest has to be asked for.
            if let Some(place) = field.and_then(|field| made.get_mut(field)) {
                *place = list_inside(self.world, listing.path, param, &id);
            }
        }
        let path = facts(object)
            .and_then(|facts| facts.path)
            .unwrap_or_default();
        self.world.add(path, &made);
        self.ids.entry(object).or_default().push(id);
    }

    fn below(&mut self, listing: &Listing, object: &'static str, parent: (&str, &str)) {
        let (id, mut made) = self.object(object);
        if let Some(place) = made.get_mut(parent.0) {
            *place = parent.1.into();
        }
        self.world.add(&with_id(listing.path, parent.1), &made);
        self.ids.entry(object).or_default().push(id);
    }

    /// A new object, and its id.
    fn object(&mut self, object: &'static str) -> (String, Value) {
        let facts = facts(object);
        let prefix = facts.and_then(|facts| facts.id_prefix);
        let prefix = prefix.map_or_else(|| format!("{object}_"), str::to_owned);
        let id = format!("{prefix}{:x}f{:07}", self.seed, self.made);
        let (sample, statuses) = self.samples.get(object).cloned().unwrap_or_default();
        let mut made = sample;
        refer(&mut made, &self.ids, &mut self.numbers);
        let created = BEGIN + self.made * YEAR / self.count.max(1);
        let status = self.numbers.one_of(&statuses).copied();
        // Not every description of an object that has an id says so: a preview of an invoice has none.
        if let Some(fields) = made.as_object_mut() {
            fields.insert("id".to_owned(), id.as_str().into());
        }
        let set = [
            ("created", Some(created.into())),
            ("status", status.map(Value::from)),
            ("active", Some((self.numbers.below(4) > 0).into())),
        ];
        for (field, value) in set {
            if let (Some(place), Some(value)) = (made.get_mut(field), value) {
                *place = value;
            }
        }
        self.made += 1;
        (id, made)
    }
}

/// How objects of a type are listed below those of another.
fn listing(parent: &str, child: &str) -> Option<&'static Listing> {
    LISTINGS.iter().find(|listing| {
        listing.objects.contains(&child) && listing.parent.is_some_and(|it| it.object == parent)
    })
}

/// Puts ids where a sample has `@type`: of an object that there is, or of one that there is not.
fn refer(value: &mut Value, ids: &BTreeMap<&str, Vec<String>>, numbers: &mut Numbers) {
    match value {
        Value::String(text) => {
            if let Some(object) = text.strip_prefix('@') {
                let known = ids.get(object).and_then(|ids| numbers.one_of(ids));
                *text = known.cloned().unwrap_or_else(|| format!("{object}_none"));
            }
        }
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| refer(value, ids, numbers)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|value| refer(value, ids, numbers)),
        _ => {}
    }
}
