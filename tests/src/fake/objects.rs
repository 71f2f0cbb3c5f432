//! The objects of one list: as text, so that a page of them is put together without reading one.

use std::collections::HashMap;

use serde_json::Value;
use stripe_store::resources::LISTINGS;
use stripe_store::view::Listing;

use super::server::Received;

/// Lists that leave objects out unless a parameter is given: the path, the parameter, the field, and what it says in them.
///
/// Besides these, what is of a test clock is left out where lists take one.
const LEFT_OUT: [(&str, &str, &str, &str); 4] = [
    ("/v1/subscriptions", "status", "status", "canceled"),
    ("/v1/prices", "active", "active", "false"),
    ("/v2/core/accounts", "closed", "closed", "true"),
    (
        "/v2/money_management/financial_accounts",
        "statuses[0]",
        "status",
        "closed",
    ),
];

/// One object.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) text: Box<str>,
    created: Option<i64>,
    /// The parameter without which the list leaves it out.
    left_out: Option<&'static str>,
}

/// The objects of a list, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// What was deleted leaves its place empty, so that places stay what they are.
    all: Vec<Option<Object>>,
    places: HashMap<Box<str>, usize>,
    /// What is listed by a parameter, such as the items of a subscription: the places by the parent's id.
    by_parent: HashMap<(&'static str, Box<str>), Vec<usize>>,
    len: usize,
}

/// The listings at a path.
pub(super) fn listings(path: &str) -> impl Iterator<Item = &'static Listing> {
    LISTINGS
        .iter()
        .filter(move |listing| fits(listing.path, path))
}

/// Whether a path is one of a template's.
pub(super) fn fits(template: &str, path: &str) -> bool {
    let (mut parts, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (parts.next(), given.next()) {
            (None, None) => return true,
            (Some(part), Some(given)) if part == given || part.starts_with('{') => {}
            _ => return false,
        }
    }
}

/// A value as a query says it: of a reference the id, whether it is expanded or not.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Object(fields) => fields.get("id").map(plain).unwrap_or_default(),
        other => other.to_string(),
    }
}

/// The parameter without which a list leaves an object out.
fn left_out(path: &str, object: &Value) -> Option<&'static str> {
    let found = LEFT_OUT.iter().find(|(list, _, field, value)| {
        *list == path && object.get(*field).map(plain).as_deref() == Some(*value)
    });
    found.map(|(_, param, ..)| *param)
}

impl Objects {
    /// Adds an object as the newest; `given` are parents that it does not name itself.
    pub(super) fn add(&mut self, path: &str, object: &Value, given: &[(String, String)]) {
        let place = self.all.len();
        let mut left_out = left_out(path, object);
        for param in listings(path).filter_map(|listing| listing.parent?.param) {
            let given = given.iter().find(|(name, _)| name == param);
            let own = object.get(param).map(plain).unwrap_or_default();
            let parent = given.map_or(own, |(_, value)| value.clone());
            if parent.is_empty() {
                continue;
            }
            if param == "test_clock" {
                left_out = Some(param);
            }
            let places = self.by_parent.entry((param, parent.into())).or_default();
            places.push(place);
        }
        if let Some(id) = object.get("id").and_then(Value::as_str) {
            self.places.insert(id.into(), place);
        }
        self.all.push(Some(Object {
            text: object.to_string().into(),
            created: object.get("created").and_then(Value::as_i64),
            left_out,
        }));
        self.len += 1;
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Where an object is.
    pub(super) fn place(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }

    pub(super) fn get(&self, place: usize) -> Option<&Object> {
        self.all.get(place)?.as_ref()
    }

    /// All objects, the oldest first.
    pub(super) fn values(&self) -> Vec<Value> {
        let all = self.all.iter().flatten();
        all.filter_map(|it| serde_json::from_str(&it.text).ok())
            .collect()
    }

    /// The object of that id.
    pub(super) fn find(&self, id: &str) -> Option<Value> {
        serde_json::from_str(&self.get(self.place(id)?)?.text).ok()
    }

    /// Puts another object in the place of the one of that id.
    pub(super) fn replace(&mut self, path: &str, id: &str, object: &Value) {
        let place = self.place(id);
        if let Some(Some(old)) = place.and_then(|place| self.all.get_mut(place)) {
            if old.left_out != Some("test_clock") {
                old.left_out = left_out(path, object);
            }
            old.text = object.to_string().into();
            old.created = object.get("created").and_then(Value::as_i64);
        }
    }

    /// Takes an object away; `None` if there is none of that id.
    pub(super) fn remove(&mut self, id: &str) -> Option<Value> {
        let gone = self.find(id)?;
        let place = self.places.remove(id)?;
        if let Some(object) = self.all.get_mut(place) {
            *object = None;
            self.len -= 1;
        }
        Some(gone)
    }

    /// The places of what a request is to see: the newest first, up to `after`, or the oldest first, from after `before`.
    pub(super) fn select<'a>(
        &'a self,
        filter: &'a Filter,
        from: From,
    ) -> impl Iterator<Item = usize> + 'a {
        let parent = filter.equal.iter().find_map(|(name, value)| {
            let known = self.by_parent.keys().find(|(known, _)| known == name)?.0;
            Some((known, value))
        });
        let places = parent.map(|(name, value)| {
            let key = (name, value.as_str().into());
            self.by_parent.get(&key).map_or(&[][..], Vec::as_slice)
        });
        let (count, newest_first) = (
            places.map_or(self.all.len(), <[usize]>::len),
            from.is_down(),
        );
        let place_at = move |index: usize| places.map_or(Some(index), |it| it.get(index).copied());
        let first = |place: usize| places.map_or(place, |it| it.partition_point(|at| *at < place));
        let (start, end) = match from {
            From::Newest => (0, count),
            From::OlderThan(place) => (0, first(place)),
            From::NewerThan(place) => (first(place + 1), count),
        };
        (0..end.saturating_sub(start))
            .map(move |step| {
                if newest_first {
                    end - 1 - step
                } else {
                    start + step
                }
            })
            .filter_map(place_at)
            .filter(move |place| {
                let object = self.get(*place);
                object.is_some_and(|object| filter.shows(object, parent.map(|it| it.0)))
            })
    }
}

/// Where a page begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum From {
    Newest,
    OlderThan(usize),
    NewerThan(usize),
}

impl From {
    fn is_down(self) -> bool {
        !matches!(self, Self::NewerThan(_))
    }
}

/// What a request wants to see of a list.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// The names of all its parameters.
    given: Vec<String>,
    /// Fields, with what they have to say.
    equal: Vec<(String, String)>,
    /// Fields, with what they have to say one of.
    among: Vec<(String, Vec<String>)>,
    /// `created`, with what it has to be: `gte`, or nothing for equal.
    created: Vec<(String, i64)>,
    /// Whether every endpoint is to have taken the events.
    delivered: Option<bool>,
}

impl Filter {
    pub(super) fn new(request: &Received) -> Self {
        let mut filter = Self::default();
        for (name, value) in request.pairs() {
            let (field, inside) = name.split_once('[').unwrap_or((&name, ""));
            let inside = inside.trim_end_matches(']');
            match field {
                "limit" | "starting_after" | "ending_before" | "expand" | "page" | "include"
                | "query" => continue,
                "created" => {
                    let at = value.parse().unwrap_or_default();
                    filter.created.push((inside.to_owned(), at));
                }
                "delivery_success" => filter.delivered = value.parse().ok(),
                _ if value == "all" => {}
                _ if inside.is_empty() && !name.contains('[') => {
                    filter.equal.push((field.to_owned(), value));
                }
                _ if inside.is_empty() || inside.parse::<usize>().is_ok() => {
                    let field = match field {
                        "statuses" => "status",
                        "types" => "type",
                        other => other,
                    };
                    match filter.among.iter_mut().find(|(name, _)| name == field) {
                        Some((_, values)) => values.push(value),
                        None => filter.among.push((field.to_owned(), vec![value])),
                    }
                }
                _ => filter
                    .equal
                    .push((format!("/{field}/{}", inside.replace("][", "/")), value)),
            }
            filter.given.push(name);
        }
        filter
    }

    /// What has this parent, if it is listed by a parameter.
    pub(super) fn by_parent(param: Option<&str>, id: &str) -> Self {
        let mut filter = Self::default();
        if let Some(param) = param {
            filter.given.push(param.to_owned());
            filter.equal.push((param.to_owned(), id.to_owned()));
        }
        filter
    }

    /// Whether a parameter was sent.
    pub(super) fn has(&self, name: &str) -> bool {
        self.given.iter().any(|given| given == name)
    }

    /// Whether there is a condition on `created`.
    pub(super) fn has_created(&self) -> bool {
        !self.created.is_empty()
    }

    fn shows(&self, object: &Object, listed_by: Option<&str>) -> bool {
        if let Some(param) = object.left_out {
            let by_customer = param == "test_clock" && self.has("customer");
            if !self.has(param) && !by_customer {
                return false;
            }
        }
        let in_time = self.created.iter().all(|(how, bound)| {
            object.created.is_some_and(|created| match how.as_str() {
                "gt" => created > *bound,
                "gte" => created >= *bound,
                "lt" => created < *bound,
                "lte" => created <= *bound,
                _ => created == *bound,
            })
        });
        in_time && self.is_as_delivered(object) && self.fits(object, listed_by)
    }

    /// Whether an event was taken by every endpoint, or not, as it is asked for.
    fn is_as_delivered(&self, object: &Object) -> bool {
        let Some(delivered) = self.delivered else {
            return true;
        };
        let event: Value = serde_json::from_str(&object.text).unwrap_or_default();
        let pending = event.get("pending_webhooks").and_then(Value::as_i64);
        delivered == (pending.unwrap_or(0) == 0)
    }

    fn fits(&self, object: &Object, listed_by: Option<&str>) -> bool {
        let mut equal = self
            .equal
            .iter()
            .filter(|(name, _)| Some(name.as_str()) != listed_by)
            .peekable();
        if equal.peek().is_none() && self.among.is_empty() {
            return true;
        }
        let Ok(value) = serde_json::from_str::<Value>(&object.text) else {
            return false;
        };
        let at = |field: &str| {
            if field.starts_with('/') {
                value.pointer(field)
            } else {
                value.get(field)
            }
        };
        let says = |field: &str, wanted: &str| match at(field) {
            // What nobody said is not so.
            None | Some(Value::Null) => wanted == "false",
            Some(value) => plain(value) == wanted,
        };
        equal.all(|(field, wanted)| says(field, wanted))
            && self
                .among
                .iter()
                .all(|(field, wanted)| wanted.iter().any(|wanted| says(field, wanted)))
    }
}
