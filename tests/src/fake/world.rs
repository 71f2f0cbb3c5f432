//! What there is, and what requests do to it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::SystemTime;

use serde_json::{Map, Value, json};
use stripe_store::resources::{LISTINGS, RESOURCES};

use super::objects::{Objects, fits};
use super::server::Received;
use super::{Fault, Reply, events, expand, facts, form, list};

/// The objects by their lists' paths, and what is remembered of requests.
#[derive(Debug, Default)]
pub(super) struct World {
    /// By path.
    lists: HashMap<Box<str>, Objects>,
    events: Objects,
    /// The path of the first list that each object was put into.
    homes: HashMap<Box<str>, Box<str>>,
    /// What is left of the deleted objects that Stripe still shows, by list and id.
    stubs: HashMap<(Box<str>, Box<str>), Value>,
    /// What was answered to the keys, and to which request.
    answered: HashMap<String, (String, Reply)>,
    effects: HashMap<String, u32>,
    pub(super) all_effects: u32,
    /// How many objects were made.
    pub(super) created: u64,
    requests: u64,
    pub(super) faults: VecDeque<Fault>,
    pub(super) always: Option<Fault>,
    /// What goes wrong below a path.
    pub(super) paths: BTreeMap<String, Fault>,
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
    /// Adds an object to a list, as the newest of it. What the path has after a `?` are parents that the object does not
    /// name itself.
    pub(super) fn add(&mut self, path: &str, object: &Value) {
        let (path, parents) = path.split_once('?').unwrap_or((path, ""));
        if path == events::PATH {
            self.events.add(path, object, &[]);
            return;
        }
        if let Some(id) = object.get("id").and_then(Value::as_str) {
            let known = self.homes.entry(id.into());
            known.or_insert_with(|| path.into());
        }
        let list = self.lists.entry(path.into()).or_default();
        list.add(path, object, &form::pairs(parents));
    }

    /// The list at a path, if anything was ever in it.
    pub(super) fn list(&self, path: &str) -> Option<&Objects> {
        match path {
            events::PATH => Some(&self.events),
            _ => self.lists.get(path),
        }
    }

    /// The paths of all lists, sorted.
    pub(super) fn paths_of_lists(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.lists.keys().map(ToString::to_string).collect();
        paths.sort();
        paths
    }

    /// How many objects there are, in all lists.
    pub(super) fn len(&self) -> usize {
        self.lists.values().map(Objects::len).sum()
    }

    /// The object of that id, in whatever list it is.
    pub(super) fn find_any(&self, id: &str) -> Option<Value> {
        self.list(self.homes.get(id)?)?.find(id)
    }

    /// The path of the list that an object is on, first of all.
    pub(super) fn home(&self, id: &str) -> Option<String> {
        self.homes.get(id).map(ToString::to_string)
    }

    pub(super) fn count(&self, path: &str) -> usize {
        self.list(path).map_or(0, Objects::len)
    }

    pub(super) fn effects(&self, key: &str) -> u32 {
        self.effects.get(key).copied().unwrap_or_default()
    }

    /// What goes wrong with this request.
    pub(super) fn fault(&mut self, request: &Received) -> Option<Fault> {
        let below = |path: &str| {
            let rest = request.path.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let next = self.faults.pop_front();
        next.or_else(|| {
            let found = self.paths.iter().find(|(path, _)| below(path));
            found.map(|(_, fault)| fault.clone())
        })
        .or_else(|| self.always.clone())
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
        // What was wrong with a request is not what became of it.
        let is_refused = reply.status == 400;
        if let Some(key) = key.filter(|_| !is_refused) {
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
            "GET" if is_list => list::page(self, request),
            "GET" if last == "search" => list::search(self, parent, request),
            _ if !facts::is_path(path) && !is_list && !self.lists.contains_key(parent) => {
                unknown_path(request)
            }
            "GET" => self.retrieve(parent, last, request),
            "POST" if is_list && facts::is_kept(path) => self.create(path, request),
            "POST" => match facts::described("post", path) {
                Some(described) if !described.template.ends_with('}') => self.act(path, request),
                _ => self.update(parent, last, request),
            },
            "DELETE" => self.delete(parent, last, request),
            _ => unknown_path(request),
        }
    }

    fn retrieve(&self, list: &str, id: &str, request: &Received) -> Reply {
        let object = self.list(list).and_then(|list| list.find(id));
        let Some(object) = object else {
            let stub = self.stubs.get(&(list.into(), id.into()));
            return stub.map_or_else(|| no_such(list, id), |stub| Reply::json(200, stub));
        };
        expand::expanded(self, object, request)
    }

    /// Adds the event that tells of what a request did to an object; `before` is what it was.
    pub(super) fn tell(
        &mut self,
        what: &str,
        before: Option<&Map<String, Value>>,
        object: &Value,
        request: &Received,
    ) {
        let created = now().timestamp().unix_seconds();
        let id = format!("evt_{created}_{}", self.events.len() + 1);
        if let Some(event) = events::of(&id, what, before, object, request, created) {
            self.add(events::PATH, &event);
        }
    }

    /// Puts another object in the place of the one of that id.
    pub(super) fn replace(&mut self, list: &str, id: &str, object: &Value) {
        if let Some(objects) = self.lists.get_mut(list) {
            objects.replace(list, id, object);
        }
    }

    /// Takes an object away, and keeps what Stripe shows of it.
    pub(super) fn remove(&mut self, list: &str, id: &str) {
        let objects = self.lists.get_mut(list);
        let Some(gone) = objects.and_then(|objects| objects.remove(id)) else {
            return;
        };
        if facts::shows_deleted(&format!("{list}/{id}")) {
            let stub = json!({"id": id, "object": gone.get("object"), "deleted": true});
            self.stubs.insert((list.into(), id.into()), stub);
        }
    }
}

/// The time, by the machine's clock.
pub(super) fn now() -> stripe_store::clock::UnixMillis {
    use stripe_store::clock::{Clock as _, SystemClock};
    SystemClock.now()
}

/// Whether the description has a list or a collection at this path.
pub(super) fn is_list(path: &str) -> bool {
    let paths = RESOURCES.iter().filter_map(|facts| facts.path);
    let mut paths = paths.chain(LISTINGS.iter().map(|listing| listing.path));
    paths.any(|template| fits(template, path))
}

/// The parameters of a request, whether they are a form or JSON.
pub(super) fn params(request: &Received) -> Map<String, Value> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(fields)) => fields,
        _ => form::json(&request.pairs()),
    }
}

/// What Stripe says of an id that it does not know.
pub(super) fn no_such(list: &str, id: &str) -> Reply {
    let facts = RESOURCES.iter().find(|facts| facts.path == Some(list));
    let object = facts.map_or("object", |facts| facts.object);
    let message = format!("No such {object}: '{id}'");
    Reply::refusal(
        404,
        "invalid_request_error",
        Some("resource_missing"),
        &message,
    )
    .with_param("id")
}

/// What Stripe says of a path that it does not have.
fn unknown_path(request: &Received) -> Reply {
    let Received { method, path, .. } = request;
    let message = format!(
        "Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/."
    );
    Reply::refusal(404, "invalid_request_error", None, &message)
}
