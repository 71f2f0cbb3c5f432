//! Events as a shop has them: customers who come, pay and go, and products that change.

use std::hash::{DefaultHasher, Hasher as _};

use hyper::body::Bytes;
use serde::Serialize;
use serde_json::Value;
use stripe_store::resources::API_VERSION;

use super::reference::Reference;
use super::story::{Story, Templates, number_text, text_of};
use crate::numbers::Numbers;

/// When the first event was created, in unix seconds.
const BEGIN: i64 = 1_760_000_000;
/// How many events are created in a second.
const PER_SECOND: usize = 20;
/// How many customers are under way at a time.
const CUSTOMERS: usize = 32;
/// How many products there are.
const PRODUCTS: usize = 20;
/// How many of a thousand events are of products.
const OF_PRODUCTS: u64 = 30;

/// An event, ready to be posted.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Its type.
    pub event_type: &'static str,
    /// Its object's type and id.
    pub key: (String, String),
    /// As Stripe renders it, over several lines. 1 to 12 KiB.
    pub body: Bytes,
}

/// So many distinct events, the same for the same seed, in the order in which they were created.
///
/// Each object has a stream of states. Those of one second can be told apart by what they say: they are equal, or follow
/// from the creation, or from the values before the change.
#[derive(Debug)]
pub struct EventMix {
    numbers: Numbers,
    templates: Templates,
    customers: Vec<Story>,
    products: Vec<Story>,
    made: usize,
    count: usize,
    reference: Reference,
}

#[derive(Serialize)]
struct Envelope<'e> {
    id: &'e str,
    object: &'e str,
    api_version: &'e str,
    created: i64,
    data: Data<'e>,
    livemode: bool,
    pending_webhooks: u8,
    request: Value,
    #[serde(rename = "type")]
    event_type: &'e str,
}

#[derive(Serialize)]
struct Data<'e> {
    object: &'e Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_attributes: Option<Value>,
}

impl EventMix {
    /// So many events, by a seed.
    ///
    /// # Panics
    ///
    /// When a fixture is missing.
    pub fn new(seed: u64, count: usize) -> Self {
        Self {
            numbers: Numbers::new(seed),
            templates: Templates::read(),
            customers: Vec::new(),
            products: (0..PRODUCTS).map(Story::of_product).collect(),
            made: 0,
            count,
            reference: Reference::default(),
        }
    }

    /// What is to be in the table once every event made so far has arrived.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }
}

impl Iterator for EventMix {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.made >= self.count {
            return None;
        }
        let numbers = &mut self.numbers;
        let seconds = i64::try_from(self.made / PER_SECOND).unwrap_or_default();
        let story = if numbers.per_mille(OF_PRODUCTS) {
            let place = numbers.place(PRODUCTS);
            let story = self.products.get_mut(place)?;
            if story.is_over() {
                story.goes_on(numbers);
            }
            story
        } else {
            let place = numbers.place(CUSTOMERS);
            let is_over = self.customers.get(place).is_none_or(Story::is_over);
            if is_over {
                let story = Story::of_customer(numbers.place(PRODUCTS), numbers);
                if place < self.customers.len() {
                    self.customers[place] = story;
                } else {
                    self.customers.push(story);
                }
            }
            let last = self.customers.len() - 1;
            self.customers.get_mut(place.min(last))?
        };
        let told = story.next(&self.templates, numbers, BEGIN + seconds)?;
        self.made += 1;
        let serial = u64::try_from(self.made).unwrap_or_default();
        let id = format!("evt_1{}{}", number_text(serial, 6), text_of(numbers, 17));
        let text = |field: &str| told.object[field].as_str().unwrap_or_default().to_owned();
        let key = (text("object"), text("id"));
        let is_deletion = told.event_type == "customer.deleted";
        self.reference.tell(&key, told.object, is_deletion);
        let envelope = Envelope {
            id: &id,
            object: "event",
            api_version: API_VERSION,
            created: told.created,
            data: Data {
                object: told.object,
                previous_attributes: told.previous,
            },
            livemode: true,
            pending_webhooks: 1,
            request: serde_json::json!({"id": null, "idempotency_key": null}),
            event_type: told.event_type,
        };
        let body = serde_json::to_vec_pretty(&envelope).expect("a value is JSON");
        Some(Event {
            id,
            event_type: told.event_type,
            key,
            body: body.into(),
        })
    }
}

/// A number by which equal JSON is known, however its fields are ordered.
pub(super) fn fingerprint(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    feed(&mut hasher, value);
    hasher.finish()
}

fn feed(hasher: &mut DefaultHasher, value: &Value) {
    match value {
        Value::Null => hasher.write_u8(0),
        Value::Bool(value) => hasher.write_u8(1 + u8::from(*value)),
        Value::Number(number) => {
            hasher.write_u8(3);
            hasher.write(number.to_string().as_bytes());
        }
        Value::String(text) => {
            hasher.write_u8(4);
            hasher.write(text.as_bytes());
        }
        Value::Array(values) => {
            hasher.write_u8(5);
            for value in values {
                feed(hasher, value);
            }
        }
        Value::Object(fields) => {
            hasher.write_u8(6);
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in fields {
                hasher.write(name.as_bytes());
                feed(hasher, value);
            }
        }
    }
    hasher.write_u8(255);
}
