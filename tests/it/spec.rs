//! The pinned description of Stripe's API, read without the generator: a second opinion for tests.

use std::{fs, path::Path, sync::LazyLock};

use serde_json::{Map, Value};

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Integer,
    /// Seconds since 1970.
    Timestamp,
    Boolean,
    /// A number with a fraction: a decimal string, or a JSON number.
    Decimal,
    /// An object, or one of several.
    Object,
    /// A text with known values.
    Enum,
    /// An id, or the object when it was expanded.
    Reference,
    /// An array, or a page of Stripe's.
    List,
    /// Keys that the API does not name.
    Map,
    /// Any JSON.
    Any,
}

static SPEC: LazyLock<Value> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec");
    let file = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("openapi-")
        })
        .expect("spec/ holds one description");
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
});

/// The version that is pinned.
pub(crate) fn version() -> &'static str {
    SPEC["info"]["version"].as_str().unwrap()
}

/// The schema of an object type, or of a part of one.
pub(crate) fn schema(name: &str) -> Option<&'static Value> {
    SPEC["components"]["schemas"].get(name)
}

/// Every schema of its own name.
pub(crate) fn schemas() -> impl Iterator<Item = (&'static str, &'static Value)> {
    let schemas = SPEC["components"]["schemas"].as_object().unwrap();
    schemas.iter().map(|(name, schema)| (name.as_str(), schema))
}

/// The paths that the API serves.
pub(crate) fn paths() -> &'static Map<String, Value> {
    SPEC["paths"].as_object().unwrap()
}

/// The schema of what an event type carries.
pub(crate) fn event_object(event_type: &str) -> Option<&'static Value> {
    let objects = &schema("event")?["properties"]["type"]["x-eventObjects"];
    schema(objects.get(event_type)?.as_str()?)
}

/// What stands at a dotted path (`items.data.0.price`; a number is any entry of a list), `None` when nothing does.
pub(crate) fn kind_of(object: &str, path: &str) -> Option<Kind> {
    let mut at = schema(object)?;
    for step in path.split('.') {
        at = step_into(at, step)?;
    }
    Some(kind(at))
}

fn step_into(schema: &'static Value, step: &str) -> Option<&'static Value> {
    let schema = resolve(schema);
    if let Some(branches) = branches(schema) {
        return branches.iter().find_map(|branch| step_into(branch, step));
    }
    if step.parse::<usize>().is_ok() {
        schema.get("items")
    } else {
        schema.get("properties")?.get(step)
    }
}

fn kind(schema: &'static Value) -> Kind {
    // A schema with a name is an object, even when it has no fields yet.
    let named = schema.get("$ref").is_some();
    let schema = resolve(schema);
    if let Some(branches) = branches(schema) {
        let text = branches
            .iter()
            .any(|branch| branch["type"] == "string" && branch.get("enum").is_none());
        return match branches {
            [only] => kind(only),
            _ if text => Kind::Reference,
            _ => Kind::Object,
        };
    }
    let format = schema["format"].as_str();
    match schema["type"].as_str() {
        Some("string") if schema.get("enum").is_some() => Kind::Enum,
        Some("string") if format == Some("decimal") => Kind::Decimal,
        Some("string") => Kind::Text,
        Some("integer") if format == Some("unix-time") => Kind::Timestamp,
        Some("integer") => Kind::Integer,
        Some("number") => Kind::Decimal,
        Some("boolean") => Kind::Boolean,
        Some("array") => Kind::List,
        Some("object") => object_kind(schema, named),
        _ => Kind::Any,
    }
}

fn object_kind(schema: &Value, named: bool) -> Kind {
    let fields = schema["properties"].as_object();
    if fields
        .and_then(|fields| fields.get("object"))
        .is_some_and(|object| object["enum"][0] == "list")
    {
        Kind::List
    } else if fields.is_some() || named {
        Kind::Object
    } else if schema["additionalProperties"].is_object() {
        Kind::Map
    } else {
        Kind::Any
    }
}

/// The alternatives of a choice.
pub(crate) fn branches(schema: &'static Value) -> Option<&'static [Value]> {
    schema.get("anyOf")?.as_array().map(Vec::as_slice)
}

/// The schema that a reference leads to; any other is itself.
pub(crate) fn resolve(schema: &'static Value) -> &'static Value {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => {
            let name = reference.rsplit('/').next().unwrap();
            self::schema(name).unwrap_or_else(|| panic!("{reference} leads nowhere"))
        }
        None => schema,
    }
}

/// Where a value differs from its schema: keys that are not there, keys that nobody knows, values of another type.
pub(crate) fn misfits(schema: &'static Value, value: &Value, at: &str) -> Vec<String> {
    let nullable = schema["nullable"] == true;
    let schema = resolve(schema);
    if value.is_null() {
        return if nullable || schema["nullable"] == true {
            Vec::new()
        } else {
            vec![format!("{at} is null")]
        };
    }
    if let Some(branches) = branches(schema) {
        let fits = branches.iter().map(|branch| misfits(branch, value, at));
        return fits.min_by_key(Vec::len).unwrap_or_default();
    }
    let fits = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    if !fits {
        return vec![format!("{at} is {value}, not a {}", schema["type"])];
    }
    if let Some(known) = schema["enum"].as_array()
        && !known.contains(value)
    {
        return vec![format!(
            "{at} is {value}, which is not among the known values"
        )];
    }
    match value {
        Value::Array(entries) => entries
            .iter()
            .enumerate()
            .flat_map(|(index, entry)| misfits(&schema["items"], entry, &format!("{at}.{index}")))
            .collect(),
        Value::Object(fields) => object_misfits(schema, fields, at),
        _ => Vec::new(),
    }
}

fn object_misfits(schema: &'static Value, fields: &Map<String, Value>, at: &str) -> Vec<String> {
    let Some(known) = schema["properties"].as_object() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for required in ["required", "x-nullableAlwaysPresent"] {
        for name in schema[required]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if !fields.contains_key(name) {
                found.push(format!("{at}.{name} is missing"));
            }
        }
    }
    for (name, value) in fields {
        match known.get(name) {
            Some(schema) => found.extend(misfits(schema, value, &format!("{at}.{name}"))),
            None => found.push(format!("{at}.{name} is not in the description")),
        }
    }
    found
}
