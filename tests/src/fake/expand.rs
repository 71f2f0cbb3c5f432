//! `expand`: lists inside objects, and objects in the place of their ids.

use serde_json::{Value, json};
use stripe_store::resources::{LISTINGS, facts};

use super::Reply;
use super::list::invalid;
use super::objects::{Filter, From, Objects};
use super::server::Received;
use super::world::World;

/// How many entries of a list come with the object that has it.
pub(super) const INSIDE: usize = 10;

/// What a request expands.
pub(super) fn paths(request: &Received) -> Vec<String> {
    let pairs = request.pairs().into_iter();
    pairs
        .filter(|(name, _)| name == "expand" || name.starts_with("expand["))
        .map(|(_, path)| path)
        .collect()
}

/// What Stripe says of a path that nothing is at.
pub(super) fn refusal(path: &str) -> Reply {
    let message = format!("This property cannot be expanded ({path}).");
    invalid("parameter_invalid", &message, "expand")
}

/// The answer with an object, with what the request expands in it.
pub(super) fn expanded(world: &World, mut object: Value, request: &Received) -> Reply {
    for path in paths(request) {
        if !expand(world, &mut object, &path) {
            return refusal(&path);
        }
    }
    Reply::json(200, &object)
}

/// Expands one path in an object; whether the object can have it.
pub(super) fn expand(world: &World, object: &mut Value, path: &str) -> bool {
    let kind = object.get("object").and_then(Value::as_str);
    let kind = kind.unwrap_or_default().to_owned();
    let id = object.get("id").and_then(Value::as_str);
    let id = id.unwrap_or_default().to_owned();
    for listing in LISTINGS {
        let Some(parent) = listing.parent.filter(|parent| parent.object == kind) else {
            continue;
        };
        let Some(rest) = parent.field.and_then(|field| path.strip_prefix(field)) else {
            continue;
        };
        if !rest.is_empty() && !rest.starts_with('.') {
            continue;
        }
        let field = parent.field.unwrap_or_default();
        let pointer = format!("/{}", field.replace('.', "/"));
        if object.pointer(&pointer).is_none_or(Value::is_null) {
            let list = list_inside(world, listing.path, parent.param, &id);
            put(object, field, list);
        }
        let Some(rest) = rest.strip_prefix(".data.") else {
            return true;
        };
        let entries = object.pointer_mut(&format!("{pointer}/data"));
        let entries = entries.and_then(Value::as_array_mut);
        return entries
            .into_iter()
            .flatten()
            .all(|entry| expand(world, entry, rest));
    }
    let known = facts(&kind).is_none_or(|facts| {
        let mut paths = facts.expandable.iter();
        paths.any(|known| path == *known || path.starts_with(&format!("{known}.")))
            || path.contains('.')
    });
    known && reference(world, object, path)
}

/// A path with an id in the place of its parameter.
pub(super) fn with_id(path: &str, id: &str) -> String {
    match path.split_once('{') {
        Some((before, rest)) => {
            let after = rest.split_once('}').map_or("", |(_, after)| after);
            format!("{before}{id}{after}")
        }
        None => path.to_owned(),
    }
}

/// The beginning of a list, as it stands inside its parent.
pub(super) fn list_inside(world: &World, path: &str, param: Option<&str>, id: &str) -> Value {
    let path = with_id(path, id);
    let filter = Filter::by_parent(param, id);
    let (empty, mut url) = (Objects::default(), path.clone());
    if let Some(param) = param {
        url.extend(["?", param, "=", id]);
    }
    let all = world.list(&path).unwrap_or(&empty);
    let places: Vec<usize> = all.select(&filter, From::Newest).take(INSIDE + 1).collect();
    let entries = places
        .iter()
        .take(INSIDE)
        .filter_map(|place| serde_json::from_str(&all.get(*place)?.text).ok());
    let data: Vec<Value> = entries.collect();
    json!({"object": "list", "data": data, "has_more": places.len() > INSIDE, "url": url})
}

/// Puts a value at a dotted path, with the objects that are missing on the way.
fn put(object: &mut Value, path: &str, value: Value) {
    let mut at = object;
    for step in path.split('.') {
        if !at.is_object() {
            *at = json!({});
        }
        let Value::Object(fields) = at else { return };
        at = fields.entry(step).or_insert(Value::Null);
    }
    *at = value;
}

/// Puts objects in the place of the ids along a path.
fn reference(world: &World, at: &mut Value, path: &str) -> bool {
    if let Value::Array(entries) = at {
        return entries
            .iter_mut()
            .all(|entry| reference(world, entry, path));
    }
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(value) = at.get_mut(step).filter(|value| !value.is_null()) else {
        // Nothing is there to be expanded.
        return true;
    };
    let ids: Vec<&mut Value> = match value {
        Value::Array(entries) => entries.iter_mut().collect(),
        other => vec![other],
    };
    let mut is_known = true;
    for value in ids {
        if let Some(found) = value.as_str().map(|id| world.find_any(id)) {
            match found {
                Some(object) => *value = object,
                None => continue,
            }
        }
        is_known &= match (rest, value.get("object").is_some()) {
            ("", _) => true,
            (rest, true) => expand(world, value, rest),
            (rest, false) => reference(world, value, rest),
        };
    }
    is_known
}
