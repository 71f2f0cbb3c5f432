//! What requests do to the world: create, change, act on, delete.

use serde_json::{Map, Value, json};
use stripe_store::resources::{LISTINGS, RESOURCES};

use super::facts::{self, Described};
use super::list::invalid;
use super::objects::{listings, plain};
use super::server::Received;
use super::shape::Shaping;
use super::world::{World, no_such, now, params};
use super::{Reply, expand};

/// What becomes of an object: its type, what is done, the field, and the text in it.
const STEPS: [(&str, &str, &str, &str); 27] = [
    ("checkout.session", "expire", "status", "expired"),
    ("credit_note", "void", "status", "void"),
    ("dispute", "close", "status", "lost"),
    ("invoice", "finalize", "status", "open"),
    ("invoice", "mark_uncollectible", "status", "uncollectible"),
    ("invoice", "pay", "status", "paid"),
    ("invoice", "send", "status", "open"),
    ("invoice", "void", "status", "void"),
    ("payment_intent", "cancel", "status", "canceled"),
    ("payment_intent", "capture", "status", "succeeded"),
    ("payment_intent", "confirm", "status", "succeeded"),
    ("payment_method", "detach", "customer", ""),
    ("payout", "cancel", "status", "canceled"),
    ("payout", "reverse", "status", "paid"),
    ("quote", "accept", "status", "accepted"),
    ("quote", "cancel", "status", "canceled"),
    ("quote", "finalize", "status", "open"),
    ("refund", "cancel", "status", "canceled"),
    ("setup_intent", "cancel", "status", "canceled"),
    ("setup_intent", "confirm", "status", "succeeded"),
    ("source", "verify", "status", "chargeable"),
    ("subscription", "cancel", "status", "canceled"),
    ("subscription", "resume", "status", "active"),
    ("subscription_schedule", "cancel", "status", "canceled"),
    ("subscription_schedule", "release", "status", "released"),
    ("test_helpers.test_clock", "advance", "status", "ready"),
    ("topup", "cancel", "status", "canceled"),
];

/// Cards of Stripe's for tests that are declined: parts of their names.
const DECLINED: [&str; 2] = ["chargeDeclined", "chargeCustomerFail"];

/// A field of a form that is said to be true.
fn is_true(given: &Map<String, Value>, name: &str) -> bool {
    given
        .get(name)
        .is_some_and(|it| *it == true || it == "true")
}

/// What a request asks for: its parameters, but for what it wants to see expanded.
fn given(request: &Received) -> Map<String, Value> {
    let mut given = params(request);
    given.remove("expand");
    given
}

/// Does to an object what a request is called by.
fn step(fields: &mut Map<String, Value>, action: &str) {
    let object = fields.get("object").and_then(Value::as_str);
    let object = object.unwrap_or_default().to_owned();
    let steps = STEPS
        .iter()
        .filter(|(of, by, ..)| *of == object && *by == action);
    for (_, _, field, text) in steps {
        let text = Some(*text).filter(|text| !text.is_empty());
        fields.insert((*field).to_owned(), text.into());
    }
    if (object.as_str(), action) == ("charge", "capture") {
        fields.insert("captured".to_owned(), true.into());
    }
}

/// What Stripe says to a card that is declined.
fn declined(given: &Map<String, Value>) -> Option<Reply> {
    let paid_with = ["payment_method", "source"]
        .iter()
        .filter_map(|it| given.get(*it)?.as_str());
    let is_declined = |card: &str| DECLINED.iter().any(|part| card.contains(part));
    let is_tried = given.contains_key("source") || is_true(given, "confirm");
    paid_with
        .into_iter()
        .any(is_declined)
        .then(|| Reply::error(402))
        .filter(|_| is_tried)
}

impl World {
    /// The type that is made at a path.
    fn type_at(path: &str, described: Option<Described>) -> String {
        let facts = RESOURCES.iter().find(|facts| facts.path == Some(path));
        let answers = described.map(|it| it.answers()).unwrap_or_default();
        let answered = answers.iter().find_map(|name| {
            let object = facts::schema(name)?.pointer("/properties/object/enum/0");
            object.and_then(Value::as_str)
        });
        // Of several, a card is what people have.
        let listed = listings(path).flat_map(|listing| listing.objects.iter().copied());
        let listed = listed.max_by_key(|object| *object == "card");
        let object = facts.map(|facts| facts.object).or(answered).or(listed);
        object.unwrap_or("unknown").to_owned()
    }

    /// What is missing of what a request cannot do without.
    fn lacks(described: Option<Described>, given: &Map<String, Value>) -> Option<Reply> {
        let mut required = described
            .into_iter()
            .flat_map(|it| it.required().collect::<Vec<_>>());
        let missing = required.find(|name| !given.contains_key(*name))?;
        let message = format!("Missing required param: {missing}.");
        Some(invalid("parameter_missing", &message, missing))
    }

    /// A new object of a type, with these parameters, that is on no list yet.
    fn shape(
        &mut self,
        object: &str,
        id: Option<Value>,
        given: Map<String, Value>,
    ) -> Map<String, Value> {
        let mut shaping = Shaping::new(self, self.created, now().timestamp().unix_seconds());
        let mut fields = shaping.object(object, id);
        shaping.merge(&mut fields, given, facts::schema(object));
        self.created = shaping.made;
        fields
    }

    pub(super) fn create(&mut self, path: &str, request: &Received) -> Reply {
        let described = facts::described("post", path);
        let mut given = given(request);
        if let Some(refusal) = Self::lacks(described, &given).or_else(|| declined(&given)) {
            return refusal;
        }
        let object = Self::type_at(path, described);
        let id = given.remove("id").filter(|id| id.as_str() != Some(""));
        if let Some(known) = id.as_ref().and_then(Value::as_str)
            && self
                .list(path)
                .is_some_and(|list| list.place(known).is_some())
        {
            let message = format!("{object} already exists.");
            return invalid("resource_already_exists", &message, "id");
        }
        let is_confirmed = is_true(&given, "confirm");
        let mut fields = self.shape(&object, id, given);
        if is_confirmed {
            step(&mut fields, "confirm");
        }
        let has = |field: &str| facts::schema(&object)?.get("properties")?.get(field);
        if let Some((field, id)) = parents(path).filter(|(field, _)| has(field).is_some()) {
            fields.insert(field.to_owned(), id.into());
        }
        if object == "webhook_endpoint" && is_true(&fields, "connect") {
            // That it hears of connected accounts is seen by this alone.
            fields.insert("application".to_owned(), "ca_fake".into());
        }
        if object == "webhook_endpoint" {
            fields.remove("connect");
        }
        let mut made = Value::Object(fields);
        self.add(path, &made);
        self.add_inside(&made);
        self.show_inside(path, &made, false);
        self.tell("created", None, &made, request);
        self.all_effects += 1;
        if object == "webhook_endpoint" {
            // Told this once, and never shown again.
            if let Some(made) = made.as_object_mut() {
                made.insert(
                    "secret".to_owned(),
                    format!("whsec_fake{}", self.created).into(),
                );
            }
        }
        expand::expanded(self, made, request)
    }

    /// Puts what is on the lists inside an object onto lists of its own.
    fn add_inside(&mut self, object: &Value) {
        let of = object.get("object").and_then(Value::as_str);
        let id = object.get("id").and_then(Value::as_str).unwrap_or_default();
        for listing in LISTINGS {
            let Some(parent) = listing.parent.filter(|it| Some(it.object) == of) else {
                continue;
            };
            let Some(field) = parent.field else { continue };
            let data = object.pointer(&format!("/{}/data", field.replace('.', "/")));
            let data = data.and_then(Value::as_array);
            let mut path = expand::with_id(listing.path, id);
            for entry in data.into_iter().flatten() {
                let own = entry.get("id").and_then(Value::as_str).unwrap_or_default();
                if self
                    .list(&path)
                    .is_some_and(|list| list.place(own).is_some())
                {
                    self.replace(&path, own, entry);
                    continue;
                }
                let end = path.len();
                if let Some(param) = parent.param {
                    path.extend(["?", param, "=", id]);
                }
                self.add(&path, entry);
                path.truncate(end);
            }
        }
    }

    /// Shows an object as it is now, or that it is gone, on the list inside the object that it belongs to.
    fn show_inside(&mut self, list: &str, object: &Value, is_gone: bool) {
        let own = object.get("id");
        for parent in listings(list).filter_map(|listing| listing.parent) {
            let owner = match parent.param {
                Some(param) => object.get(param).map(plain),
                None => parents(list).map(|(_, id)| id.to_owned()),
            };
            let home = owner.as_ref().and_then(|owner| self.home(owner));
            let (Some(field), Some(owner), Some(home)) = (parent.field, owner, home) else {
                continue;
            };
            let Some(mut found) = self.find_any(&owner) else {
                continue;
            };
            let data = found.pointer_mut(&format!("/{}/data", field.replace('.', "/")));
            let Some(data) = data.and_then(Value::as_array_mut) else {
                continue;
            };
            let place = data.iter().position(|entry| entry.get("id") == own);
            match (place.and_then(|place| data.get_mut(place)), is_gone) {
                (Some(entry), false) => *entry = object.clone(),
                (None, false) => data.push(object.clone()),
                (_, true) => data.retain(|entry| entry.get("id") != own),
            }
            self.replace(&home, &owner, &found);
        }
    }

    pub(super) fn update(&mut self, list: &str, id: &str, request: &Received) -> Reply {
        let found = self.list(list).and_then(|list| list.find(id));
        let Some(Value::Object(fields)) = found else {
            return no_such(list, id);
        };
        self.change(list, id, fields, None, request)
    }

    /// Does something to an object: `/v1/invoices/in_1/pay`; or makes what is not kept: `/v1/billing_portal/sessions`.
    pub(super) fn act(&mut self, path: &str, request: &Received) -> Reply {
        let described = facts::described("post", path);
        let (parent, action) = path.rsplit_once('/').unwrap_or_default();
        let (list, id) = parent.rsplit_once('/').unwrap_or_default();
        // What can be done in tests alone is done to objects that are where they always are.
        let list = match list.strip_prefix("/v1/test_helpers/") {
            Some(rest) if self.list(list).is_none() => format!("/v1/{rest}"),
            _ => list.to_owned(),
        };
        let found = self.list(&list).and_then(|list| list.find(id));
        let fields = match found {
            Some(Value::Object(fields)) => fields,
            _ if described.is_some_and(|it| !it.template.contains('{')) => {
                return self.unkept(path, described, request);
            }
            // The cards that Stripe has for tests are there without being made.
            _ if list == "/v1/payment_methods" && id.starts_with("pm_card_") => {
                let card = Map::from_iter([("type".to_owned(), "card".into())]);
                let fields = self.shape("payment_method", None, card);
                self.add(&list, &Value::Object(fields.clone()));
                fields
            }
            _ => return no_such(&list, id),
        };
        let own = fields.get("object").and_then(Value::as_str);
        let answers = described.map(|it| it.answers()).unwrap_or_default();
        if !answers.is_empty() && !answers.iter().any(|name| Some(*name) == own) {
            return self.unkept(path, described, request);
        }
        let id = fields.get("id").and_then(Value::as_str);
        let id = id.unwrap_or_default().to_owned();
        self.change(&list, &id, fields, Some(action), request)
    }

    fn change(
        &mut self,
        list: &str,
        id: &str,
        mut fields: Map<String, Value>,
        action: Option<&str>,
        request: &Received,
    ) -> Reply {
        let given = given(request);
        let described = facts::described("post", &request.path);
        if let Some(refusal) = Self::lacks(described, &given) {
            return refusal;
        }
        let object = fields.get("object").and_then(Value::as_str);
        let schema = object.and_then(facts::schema);
        let before = fields.clone();
        let mut shaping = Shaping::new(self, self.created, now().timestamp().unix_seconds());
        shaping.merge(&mut fields, given, schema);
        self.created = shaping.made;
        if let Some(action) = action {
            step(&mut fields, action);
        }
        let object = Value::Object(fields);
        self.replace(list, id, &object);
        self.add_inside(&object);
        self.show_inside(list, &object, false);
        self.tell("updated", Some(&before), &object, request);
        self.all_effects += 1;
        expand::expanded(self, object, request)
    }

    /// What is answered and not kept.
    fn unkept(&mut self, path: &str, described: Option<Described>, request: &Received) -> Reply {
        let given = given(request);
        if let Some(refusal) = Self::lacks(described, &given) {
            return refusal;
        }
        let fields = self.shape(&Self::type_at(path, described), None, given);
        self.all_effects += 1;
        expand::expanded(self, Value::Object(fields), request)
    }

    pub(super) fn delete(&mut self, list: &str, id: &str, request: &Received) -> Reply {
        let found = self.list(list).and_then(|list| list.find(id));
        let Some(Value::Object(mut fields)) = found else {
            return no_such(list, id);
        };
        let object = fields.get("object").and_then(Value::as_str);
        let object = object.unwrap_or_default().to_owned();
        let described = facts::described("delete", &request.path);
        let answers = described.map(|it| it.answers()).unwrap_or_default();
        self.all_effects += 1;
        // What Stripe answers with whole is over, and stays.
        if answers.contains(&object.as_str()) && ends(&object) {
            step(&mut fields, "cancel");
            let object = Value::Object(fields);
            self.replace(list, id, &object);
            self.tell("deleted", None, &object, request);
            return Reply::json(200, &object);
        }
        self.remove(list, id);
        let gone = Value::Object(fields);
        self.show_inside(list, &gone, true);
        self.tell("deleted", None, &gone, request);
        Reply::json(200, &json!({"id": id, "object": object, "deleted": true}))
    }
}

/// Whether objects of this type come to an end without being deleted.
fn ends(object: &str) -> bool {
    STEPS
        .iter()
        .any(|(of, by, ..)| (*of, *by) == (object, "cancel"))
}

/// What an object that is made at this path belongs to: the type, and the id.
fn parents(path: &str) -> Option<(&'static str, &str)> {
    let listing = listings(path).next()?;
    let parent = listing.parent.filter(|it| it.param.is_none())?;
    let mut parts = listing.path.split('/').zip(path.split('/'));
    let (_, id) = parts.find(|(part, _)| part.starts_with('{'))?;
    Some((parent.object, id))
}
