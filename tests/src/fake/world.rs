//! What there is, and what requests do to it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::SystemTime;

use serde_json::{Map, Value, json};
use stripe_store::resources::RESOURCES;

use super::server::Received;
use super::{Fault, Reply, form, list};

/// The objects by their lists' paths, and what is remembered of requests.
#[derive(Debug, Default)]
pub(super) struct World {
    /// The newest first, as Stripe lists them.
    lists: BTreeMap<String, Vec<Value>>,
    /// What was answered to the keys, and to which request.
    answered: HashMap<String, (String, Reply)>,
    effects: HashMap<String, u32>,
    pub(super) all_effects: u32,
    created: u64,
    requests: u64,
    pub(super) faults: VecDeque<Fault>,
    pub(super) always: Option<Fault>,
    pub(super) date: Date,
}

/// What `Date` says.
#[derive(Debug, Default)]
pub(super) enum Date {
    /// The time.
    #[default]
    Now,
    /// Always the same.
    Fixed(String),
    /// Nothing.
    Missing,
}

impl World {
    pub(super) fn add(&mut self, path: &str, object: Value) {
        self.lists
            .entry(path.to_owned())
            .or_default()
            .insert(0, object);
    }

    pub(super) fn count(&self, path: &str) -> usize {
        self.lists.get(path).map_or(0, Vec::len)
    }

    pub(super) fn effects(&self, key: &str) -> u32 {
        self.effects.get(key).copied().unwrap_or_default()
    }

    /// What goes wrong with this request.
    pub(super) fn fault(&mut self) -> Option<Fault> {
        self.faults.pop_front().or_else(|| self.always.clone())
    }

    /// The headers that every answer has.
    pub(super) fn headers(&mut self, request: &Received) -> Vec<(&'static str, String)> {
        self.requests += 1;
        let mut headers = vec![("request-id", format!("req_{}", self.requests))];
        // hyper adds a date of its own where there is none, so that none is an empty one.
        let date = match &self.date {
            Date::Now => httpdate::fmt_http_date(SystemTime::from(now())),
            Date::Fixed(date) => date.clone(),
            Date::Missing => String::new(),
        };
        headers.push(("date", date));
        for name in ["stripe-version", "stripe-account", "idempotency-key"] {
            if let Some(value) = request.header(name) {
                headers.push((name, value.to_owned()));
            }
        }
        headers
    }

    /// Answers a request, and does what it says, once for each idempotency key.
    pub(super) fn answer(&mut self, request: &Received) -> Reply {
        let is_known =
            |value: &str| value.starts_with("Bearer sk_") || value.starts_with("Bearer rk_");
        if !request.header("authorization").is_some_and(is_known) {
            return Reply::error(401);
        }
        let key = request
            .header("idempotency-key")
            .filter(|_| request.method == "POST");
        let what = format!("{} {}", request.path, request.text());
        if let Some((before, reply)) = key.and_then(|key| self.answered.get(key)) {
            if *before != what {
                let message = "Keys for idempotent requests can only be used with the same parameters they were first used with.";
                return Reply::refusal(400, "idempotency_error", None, message);
            }
            return reply.clone().with_header("idempotent-replayed", "true");
        }
        let before = self.all_effects;
        let reply = self.carry_out(request);
        if let Some(key) = key {
            *self.effects.entry(key.to_owned()).or_default() += self.all_effects - before;
            self.answered.insert(key.to_owned(), (what, reply.clone()));
        }
        reply
    }

    fn carry_out(&mut self, request: &Received) -> Reply {
        let path = request.path.as_str();
        let is_list = is_list(path) || self.lists.contains_key(path);
        let (parent, last) = path.rsplit_once('/').unwrap_or_default();
        match request.method.as_str() {
            "GET" if is_list => {
                list::page(self.lists.get(path).map_or(&[], Vec::as_slice), request)
            }
            "GET" if last == "search" => {
                list::search(self.lists.get(parent).map_or(&[], Vec::as_slice), request)
            }
            "GET" => match self.find(parent, last) {
                Some(object) => Reply::json(200, object),
                None => missing(last),
            },
            "POST" if is_list => self.create(path, request),
            "POST" => self.update(parent, last, request),
            "DELETE" => self.delete(parent, last),
            _ => Reply::error(400),
        }
    }

    fn find(&mut self, list: &str, id: &str) -> Option<&mut Value> {
        let objects = self.lists.get_mut(list)?;
        objects
            .iter_mut()
            .find(|object| object.get("id").and_then(Value::as_str) == Some(id))
    }

    fn create(&mut self, path: &str, request: &Received) -> Reply {
        self.created += 1;
        self.all_effects += 1;
        let facts = RESOURCES.iter().find(|facts| facts.path == Some(path));
        let object = facts.map_or("unknown", |facts| facts.object);
        let prefix = facts.and_then(|facts| facts.id_prefix).unwrap_or("obj_");
        let mut fields = params(request);
        let id = fields
            .remove("id")
            .unwrap_or_else(|| format!("{prefix}{}", self.created).into());
        let head = [
            ("id", id),
            ("object", object.into()),
            ("created", now().timestamp().unix_seconds().into()),
            ("livemode", false.into()),
        ];
        fields.extend(head.map(|(key, value)| (key.to_owned(), value)));
        let made = Value::Object(fields);
        self.add(path, made.clone());
        Reply::json(200, &made)
    }

    fn update(&mut self, list: &str, id: &str, request: &Received) -> Reply {
        let changes = params(request);
        let Some(Value::Object(fields)) = self.find(list, id) else {
            return missing(id);
        };
        for (key, value) in changes {
            let value = if value == "" { Value::Null } else { value };
            fields.insert(key, value);
        }
        let object = Value::Object(fields.clone());
        self.all_effects += 1;
        Reply::json(200, &object)
    }

    fn delete(&mut self, list: &str, id: &str) -> Reply {
        let Some(object) = self.find(list, id) else {
            return missing(id);
        };
        let stub = json!({"id": id, "object": object.get("object"), "deleted": true});
        if let Some(objects) = self.lists.get_mut(list) {
            objects.retain(|object| object.get("id").and_then(Value::as_str) != Some(id));
        }
        self.all_effects += 1;
        Reply::json(200, &stub)
    }
}

/// The time, by the machine's clock.
fn now() -> stripe_store::clock::UnixMillis {
    use stripe_store::clock::{Clock as _, SystemClock};
    SystemClock.now()
}

/// Whether the description has a list or a collection at this path.
fn is_list(path: &str) -> bool {
    let fits = |template: &str| {
        let (parts, given) = (template.split('/'), path.split('/'));
        parts.clone().count() == given.clone().count()
            && parts
                .zip(given)
                .all(|(part, given)| part == given || part.starts_with('{'))
    };
    RESOURCES.iter().filter_map(|facts| facts.path).any(fits)
}

fn params(request: &Received) -> Map<String, Value> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(fields)) => fields,
        _ => form::json(&request.pairs()),
    }
}

fn missing(id: &str) -> Reply {
    let message = format!("No such object: '{id}'");
    Reply::refusal(
        404,
        "invalid_request_error",
        Some("resource_missing"),
        &message,
    )
}
