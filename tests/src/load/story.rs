//! What becomes of a customer, or of a product: the objects, and one event after the other.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value, json};

use crate::fake::facts::sample;
use crate::fixture_text;
use crate::numbers::Numbers;

/// What ids are made of.
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const NAMES: [&str; 6] = [
    "Zoë Lindqvist",
    "Ada Nwosu",
    "João Câmara",
    "Wei 陈",
    "Noor van den Berg",
    "Oluwaseun Adébáyò-Fitzgerald",
];

/// What ids of objects begin with that come inside others only.
pub(super) const INSIDE: &str = "price_1inside";

/// A month, in seconds.
const MONTH: i64 = 30 * 24 * 60 * 60;

/// What objects are made from: a fixture for each type, as text.
#[derive(Debug)]
pub(super) struct Templates(BTreeMap<&'static str, String>);

impl Templates {
    pub(super) fn read() -> Self {
        let fixtures = [
            ("charge", "charge"),
            ("customer", "customer"),
            ("invoice", "invoice"),
            ("payment_intent", "payment_intent"),
            ("payment_method", "payment_method_card"),
            ("price", "price"),
            ("product", "product"),
            ("subscription", "subscription"),
        ];
        let mut texts: BTreeMap<_, _> = fixtures
            .into_iter()
            .map(|(object, name)| (object, fixture_text(name)))
            .collect();
        texts.insert("checkout.session", session().to_string());
        Self(texts)
    }
}

/// A finished session: no fixture has one, the description tells its fields.
fn session() -> Value {
    let known = ["customer", "invoice", "subscription"];
    let mut session = sample("checkout.session", &known);
    let set = json!({
        "id": "@session",
        "amount_subtotal": 4750,
        "amount_total": 4156,
        "cancel_url": "https://example.com/plans",
        "customer": "cus_zoe",
        "customer_details": {
            "address": {"city": "Malmö", "country": "SE", "line1": "Storgatan 1", "line2": null, "postal_code": "211 34", "state": null},
            "business_name": null,
            "email": "zoe@example.com",
            "individual_name": null,
            "name": "Zoë Lindqvist",
            "phone": null,
            "tax_exempt": "none",
            "tax_ids": [],
        },
        "invoice": "in_paid",
        "livemode": true,
        "metadata": {"campaign": "autumn", "landing": "/plans?from=newsletter&page=2"},
        "mode": "subscription",
        "payment_method_types": ["card", "link", "sepa_debit"],
        "payment_status": "paid",
        "status": "complete",
        "subscription": "sub_gold",
        "success_url": "https://example.com/welcome?session={CHECKOUT_SESSION_ID}",
        "url": null,
    });
    if let (Some(fields), Value::Object(set)) = (session.as_object_mut(), set) {
        fields.extend(set);
    }
    session
}

/// What happens next.
#[derive(Debug, Clone, Copy)]
struct Step {
    object: &'static str,
    event_type: &'static str,
    /// In the second of the one before it.
    same_second: bool,
}

/// What an event tells.
#[derive(Debug)]
pub(super) struct Told<'s> {
    pub(super) event_type: &'static str,
    pub(super) object: &'s Value,
    pub(super) previous: Option<Value>,
    pub(super) created: i64,
}

/// The objects of a customer or a product, and what is still to happen to them.
#[derive(Debug)]
pub(super) struct Story {
    objects: BTreeMap<&'static str, Value>,
    /// Ids of the fixtures, and what stands in their places.
    ids: BTreeMap<&'static str, String>,
    steps: VecDeque<Step>,
    /// In unix seconds.
    last: i64,
    /// The values before the last change.
    previous: Value,
    revision: u64,
}

impl Story {
    fn new(ids: BTreeMap<&'static str, String>) -> Self {
        Self {
            objects: BTreeMap::new(),
            ids,
            steps: VecDeque::new(),
            last: 0,
            previous: Value::Null,
            revision: 0,
        }
    }

    /// Of a product and its price, which change for ever.
    pub(super) fn of_product(number: usize) -> Self {
        let ids = BTreeMap::from([
            ("prod_gold", format!("prod_load{number:06}")),
            ("price_gold_monthly", format!("price_1load{number:06}")),
        ]);
        let mut story = Self::new(ids);
        story.then("product", "product.created");
        story.then("price", "price.created");
        story
    }

    /// Something else about the product.
    pub(super) fn goes_on(&mut self, numbers: &mut Numbers) {
        match numbers.below(2) {
            0 => self.then("product", "product.updated"),
            _ => self.then("price", "price.updated"),
        }
    }

    /// Of a customer who subscribes to a product, from the first day to the last.
    pub(super) fn of_customer(product: usize, numbers: &mut Numbers) -> Self {
        let mut ids = Self::of_product(product).ids;
        let customer = text_of(numbers, 14);
        ids.insert("zoe@example.com", format!("{customer}@example.com"));
        ids.insert("cus_zoe", format!("cus_{customer}"));
        // What is inside a subscription is as it was then, and not as the product's own story goes on.
        ids.insert("price_gold_monthly", format!("{INSIDE}{customer}"));
        let name = numbers.one_of(&NAMES).copied().unwrap_or_default();
        ids.insert("Zoë Lindqvist", name.to_owned());
        let mut story = Self::new(ids);
        story.then("customer", "customer.created");
        story.then("payment_method", "payment_method.attached");
        if numbers.per_mille(700) {
            story.then("customer", "customer.updated");
        }
        story.then("subscription", "customer.subscription.created");
        if numbers.per_mille(250) {
            story.at_once("subscription", "customer.subscription.updated");
        }
        for cycle in 0..=numbers.below(3) {
            story.pays();
            story.then("subscription", "customer.subscription.updated");
            if cycle == 0 && numbers.per_mille(330) {
                story.then("checkout.session", "checkout.session.completed");
            }
            if numbers.per_mille(300) {
                story.then("customer", "customer.updated");
            }
        }
        if numbers.per_mille(150) {
            story.then("subscription", "customer.subscription.deleted");
            if numbers.per_mille(500) {
                story.then("customer", "customer.deleted");
            }
        }
        story
    }

    /// An invoice, and its payment.
    fn pays(&mut self) {
        self.then("invoice", "invoice.created");
        self.then("invoice", "invoice.finalized");
        self.then("payment_intent", "payment_intent.created");
        self.then("payment_intent", "payment_intent.succeeded");
        self.at_once("charge", "charge.succeeded");
        // One payment, three events in its second, and all of them carry the same.
        self.then("invoice", "invoice.paid");
        self.at_once("invoice", "invoice.payment_succeeded");
        self.at_once("invoice", "invoice.updated");
    }

    fn then(&mut self, object: &'static str, event_type: &'static str) {
        self.steps.push_back(Step {
            object,
            event_type,
            same_second: false,
        });
    }

    fn at_once(&mut self, object: &'static str, event_type: &'static str) {
        self.steps.push_back(Step {
            object,
            event_type,
            same_second: true,
        });
    }

    pub(super) fn is_over(&self) -> bool {
        self.steps.is_empty()
    }

    /// The next event, at this time or later, in unix seconds.
    pub(super) fn next(
        &mut self,
        templates: &Templates,
        numbers: &mut Numbers,
        now: i64,
    ) -> Option<Told<'_>> {
        let step = self.steps.pop_front()?;
        let created = if step.same_second {
            self.last
        } else {
            now.max(self.last + 1)
        };
        self.last = created;
        let is_first = matches!(
            step.event_type,
            "charge.succeeded"
                | "checkout.session.completed"
                | "customer.created"
                | "customer.subscription.created"
                | "invoice.created"
                | "payment_intent.created"
                | "payment_method.attached"
                | "price.created"
                | "product.created"
        );
        if is_first {
            self.make(step.object, templates, numbers, created);
        }
        self.change(step, numbers, created);
        let is_update = step.event_type.ends_with(".updated");
        let previous = is_update.then(|| self.previous.clone());
        Some(Told {
            event_type: step.event_type,
            object: self.objects.get(step.object)?,
            previous,
            created,
        })
    }

    /// A new object of a type, in the place of the one before.
    fn make(
        &mut self,
        object: &'static str,
        templates: &Templates,
        numbers: &mut Numbers,
        created: i64,
    ) {
        let fresh: &[(&'static str, &str)] = match object {
            "charge" => &[("ch_succeeded", "ch_")],
            "checkout.session" => &[("@session", "cs_live_")],
            "invoice" => &[
                ("in_paid", "in_"),
                ("il_gold_november", "il_"),
                ("pi_succeeded", "pi_"),
                ("ch_succeeded", "ch_"),
            ],
            "payment_method" => &[("pm_card_visa", "pm_")],
            "subscription" => &[("sub_gold", "sub_"), ("si_gold", "si_")],
            _ => &[],
        };
        for (old, prefix) in fresh {
            // Ids of a payment are known from its invoice on.
            if object != "charge" || !self.ids.contains_key(old) {
                let time = u64::try_from(created).unwrap_or_default();
                let id = format!("{prefix}1{}{}", number_text(time, 6), text_of(numbers, 17));
                self.ids.insert(old, id);
            }
        }
        let mut text = templates.0.get(object).cloned().unwrap_or_default();
        for (old, new) in &self.ids {
            text = text.replace(old, new);
        }
        let mut made: Value = serde_json::from_str(&text).expect("a template is JSON");
        made["created"] = created.into();
        match object {
            "customer" => {
                for number in 0..3 + numbers.below(8) {
                    made["metadata"][format!("field_{number}")] = text_of(numbers, 24).into();
                }
            }
            "invoice" => several(&mut made["lines"], 1 + numbers.place(3)),
            "subscription" => several(&mut made["items"], 1 + numbers.place(2)),
            _ => {}
        }
        self.objects.insert(object, made);
    }

    /// What an event has changed.
    fn change(&mut self, step: Step, numbers: &mut Numbers, created: i64) {
        self.revision += 1;
        let revision = self.revision.to_string();
        let status = |status: &str| vec![("/status", json!(status))];
        let edits = match step.event_type {
            "customer.updated" => vec![
                ("/metadata/tier", json!(revision)),
                ("/description", json!(text_of(numbers, 40))),
            ],
            "customer.subscription.created" => status("incomplete"),
            "customer.subscription.updated" => {
                let mut items = self.objects[step.object]["items"].clone();
                for item in items["data"].as_array_mut().into_iter().flatten() {
                    item["current_period_start"] = created.into();
                    item["current_period_end"] = (created + MONTH).into();
                }
                vec![
                    ("/status", json!("active")),
                    ("/items", items),
                    ("/metadata/revision", json!(revision)),
                ]
            }
            "customer.subscription.deleted" => vec![
                ("/status", json!("canceled")),
                ("/canceled_at", created.into()),
                ("/ended_at", created.into()),
            ],
            "invoice.created" => vec![
                ("/status", json!("draft")),
                ("/amount_paid", 0.into()),
                ("/amount_remaining", 4156.into()),
                ("/attempted", false.into()),
            ],
            "invoice.finalized" => vec![
                ("/status", json!("open")),
                ("/status_transitions/finalized_at", created.into()),
            ],
            "invoice.paid" => vec![
                ("/status", json!("paid")),
                ("/amount_paid", 4156.into()),
                ("/amount_remaining", 0.into()),
                ("/attempted", true.into()),
                ("/status_transitions/paid_at", created.into()),
            ],
            "payment_intent.created" => vec![
                ("/status", json!("requires_confirmation")),
                ("/amount_received", 0.into()),
                ("/latest_charge", Value::Null),
            ],
            "payment_intent.succeeded" => vec![
                ("/status", json!("succeeded")),
                ("/amount_received", 4156.into()),
                ("/latest_charge", json!(self.ids.get("ch_succeeded"))),
            ],
            "price.updated" => vec![("/nickname", json!(format!("Gold, {revision}")))],
            "product.updated" => vec![
                ("/description", json!(text_of(numbers, 60))),
                ("/updated", created.into()),
            ],
            // Tells what there is; of an invoice, what its payment has changed.
            _ => return,
        };
        let object = self.objects.get_mut(step.object).expect("it was made");
        self.previous = json!({});
        for (path, value) in edits {
            let old = if let Some(place) = object.pointer_mut(path) {
                std::mem::replace(place, value)
            } else {
                let (parent, field) = path.rsplit_once('/').unwrap_or_default();
                object.pointer_mut(parent).expect("it has the parent")[field] = value;
                Value::Null
            };
            remember(&mut self.previous, path, old);
        }
    }
}

/// Puts an old value where it was.
fn remember(previous: &mut Value, path: &str, old: Value) {
    let mut place = previous;
    for step in path.split('/').skip(1) {
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[step];
    }
    *place = old;
}

/// So many entries in the place of the one in a list.
fn several(list: &mut Value, count: usize) {
    if let Some(entries) = list["data"].as_array_mut() {
        let first = entries.first().cloned().unwrap_or_default();
        for number in 1..count {
            let mut entry = first.clone();
            let id = first["id"].as_str().unwrap_or_default();
            entry["id"] = format!("{id}_{number}").into();
            entries.push(entry);
        }
    }
}

/// Letters and digits, so many.
pub(super) fn text_of(numbers: &mut Numbers, length: usize) -> String {
    let letter = |_| char::from(LETTERS[numbers.place(LETTERS.len())]);
    (0..length).map(letter).collect()
}

/// A number as letters and digits, in whose order it is.
pub(super) fn number_text(mut number: u64, length: usize) -> String {
    let mut letters = Vec::with_capacity(length);
    for _ in 0..length {
        letters.push(LETTERS[usize::try_from(number % 62).unwrap_or_default()]);
        number /= 62;
    }
    letters.reverse();
    String::from_utf8(letters).unwrap_or_default()
}
