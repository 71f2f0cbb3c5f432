//! Where in the description the views come from: every object, and every choice between objects that say what they
//! are. Found by a walk of our own, so that the generator's count has a second opinion.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;

use crate::spec;

/// The schemas that views are generated from, by their names or the places where they stand.
static PLACES: LazyLock<BTreeMap<String, &'static Value>> = LazyLock::new(|| {
    let mut places = BTreeMap::new();
    for (name, schema) in spec::schemas() {
        places.insert(name.to_owned(), schema);
        fields(schema, name, &mut places);
    }
    places
});

/// Every place that has a view, with its schema.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static Value)> {
    PLACES
        .iter()
        .map(|(place, schema)| (place.as_str(), *schema))
}

/// The schema of a place.
pub(crate) fn schema(place: &str) -> &'static Value {
    PLACES
        .get(place)
        .unwrap_or_else(|| panic!("no view comes from {place}"))
}

/// The place whose view has a getter for the last step of a path (`items.data.0.price`), and the getter's key.
pub(crate) fn getter<'p>(object: &str, path: &'p str) -> Option<(&'static str, &'p str)> {
    let (mut at, mut steps) = (object.to_owned(), path.split('.').peekable());
    let mut found = None;
    while let Some(step) = steps.next() {
        let (place, schema) = PLACES.get_key_value(&at)?;
        found = Some((place.as_str(), step));
        let mut field = schema.get("properties")?.get(step)?;
        // Through lists and arrays to what they hold, as the getter's type does.
        loop {
            field = match field
                .get("properties")
                .and_then(|fields| fields.get("data"))
            {
                Some(data) if steps.peek() == Some(&"data") => {
                    steps.next();
                    data
                }
                _ => field,
            };
            match field.get("items") {
                Some(items)
                    if steps
                        .next_if(|step| step.parse::<usize>().is_ok())
                        .is_some() =>
                {
                    field = items;
                }
                _ => break,
            }
        }
        at = named(field, steps.peek().copied()).unwrap_or(format!("{at}.{step}"));
    }
    found
}

/// The schema of its own name that a field holds; of several, one that has the next step.
fn named(field: &'static Value, next: Option<&str>) -> Option<String> {
    let name = |schema: &Value| Some(reference(schema)?.to_owned());
    let has = |schema: &&'static Value| {
        let fields = &spec::resolve(schema)["properties"];
        next.is_none_or(|next| fields.get(next).is_some())
    };
    match spec::branches(field) {
        Some(branches) => name(
            branches
                .iter()
                .filter(|it| reference(it).is_some())
                .find(has)?,
        ),
        None => name(field),
    }
}

/// The fields of an object: those that need a view of their own are places.
fn fields(schema: &'static Value, at: &str, places: &mut BTreeMap<String, &'static Value>) {
    for (key, field) in schema["properties"].as_object().into_iter().flatten() {
        place(field, &format!("{at}.{key}"), places);
    }
}

fn place(schema: &'static Value, at: &str, places: &mut BTreeMap<String, &'static Value>) {
    if let Some(branches) = spec::branches(schema) {
        match branches {
            [only] => place(only, at, places),
            _ if is_choice(branches) => {
                places.insert(at.to_owned(), schema);
            }
            _ => {}
        }
    } else if let Some(items) = schema.get("items") {
        place(items, at, places);
    } else if schema["properties"]["object"]["enum"][0] == "list" {
        place(&schema["properties"]["data"], at, places);
    } else if schema["properties"]
        .as_object()
        .is_some_and(|fields| !fields.is_empty())
    {
        places.insert(at.to_owned(), schema);
        fields(schema, at, places);
    } else if let Some(values) = schema.get("additionalProperties") {
        place(values, at, places);
    }
}

/// Whether these are several living objects that all say what they are.
fn is_choice(branches: &'static [Value]) -> bool {
    let living = living(branches);
    let says = |schema: &&'static Value| {
        spec::resolve(schema)["properties"]["object"]["enum"][0].is_string()
    };
    living.len() > 1 && living.iter().all(says)
}

/// The alternatives that are objects, without what is left of deleted ones unless there is nothing else.
pub(crate) fn living(branches: &'static [Value]) -> Vec<&'static Value> {
    let objects = || branches.iter().filter(|branch| reference(branch).is_some());
    let living: Vec<_> = objects().filter(|branch| !is_deleted(branch)).collect();
    if living.is_empty() {
        objects().collect()
    } else {
        living
    }
}

/// Whether a branch is what is left of a deleted object.
pub(crate) fn is_deleted(branch: &Value) -> bool {
    reference(branch).is_some_and(|name| name.starts_with("deleted_"))
}

fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}
