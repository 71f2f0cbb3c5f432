//! What the fake has to know from the pinned description beyond the tables of the library.

use std::path::Path;
use std::{fs, sync::LazyLock};

use serde_json::Value;

use super::objects::fits;

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec");
    let files = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut found = files.map(|file| file.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with("openapi-")
    });
    let text = found.next().and_then(|path| fs::read_to_string(path).ok());
    match text.and_then(|text| serde_json::from_str(&text).ok()) {
        Some(description) => description,
        None => panic!("{} has no description of the API", folder.display()),
    }
});

/// Whether Stripe shows what is left of an object that was deleted at this path.
pub(super) fn shows_deleted(path: &str) -> bool {
    let paths = DESCRIPTION.get("paths").and_then(Value::as_object);
    let found = paths
        .into_iter()
        .flatten()
        .find(|(template, _)| fits(template, path));
    let answer = found.and_then(|(_, item)| item.pointer("/get/responses/200"));
    answer.is_some_and(|answer| answer.to_string().contains("schemas/deleted_"))
}

/// The schema of an object type, or of a part of one.
pub(super) fn schema(name: &str) -> Option<&'static Value> {
    DESCRIPTION.pointer("/components/schemas")?.get(name)
}

fn resolve(schema: &'static Value) -> &'static Value {
    let name = schema.get("$ref").and_then(Value::as_str);
    let name = name.and_then(|reference| reference.rsplit('/').next());
    name.and_then(self::schema).unwrap_or(schema)
}

/// The types that a reference leads to; none if the schema is no reference.
fn leads_to(schema: &'static Value) -> Vec<&'static str> {
    let all = schema.pointer("/x-expansionResources/oneOf");
    let all = all.and_then(Value::as_array).into_iter().flatten();
    let names = all.filter_map(|it| it.get("$ref")?.as_str()?.rsplit('/').next());
    names.filter(|name| !name.starts_with("deleted_")).collect()
}

/// The smallest object that the schema allows, with `@type` for each id: of the object, of what is inside, and of the types
/// among `known` that it refers to.
pub(super) fn sample(object: &str, known: &[&str]) -> Value {
    let mut sample = match schema(object) {
        Some(schema) => value(schema, 0),
        None => panic!("{object} is not in the description"),
    };
    let properties = schema(object).and_then(|it| it.get("properties")?.as_object());
    for (name, property) in properties.into_iter().flatten() {
        let target = leads_to(property).into_iter().find(|it| known.contains(it));
        if let (Some(place), Some(target)) = (sample.get_mut(name), target) {
            *place = format!("@{target}").into();
        }
    }
    sample
}

fn value(schema: &'static Value, depth: usize) -> Value {
    let nullable = |schema: &Value| schema.get("nullable") == Some(&Value::Bool(true));
    let is_nullable = nullable(schema);
    let schema = resolve(schema);
    if (depth > 0 && (is_nullable || nullable(schema))) || depth > 12 {
        return Value::Null;
    }
    if let Some(target) = leads_to(schema).first() {
        return format!("@{target}").into();
    }
    if let Some(branches) = schema.get("anyOf").and_then(Value::as_array) {
        return branches
            .first()
            .map_or(Value::Null, |first| value(first, depth + 1));
    }
    if let Some(first) = schema.pointer("/enum/0") {
        return first.clone();
    }
    let format = schema.get("format").and_then(Value::as_str);
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => match format {
            Some("decimal") => "1".into(),
            Some("date-time") => "2024-01-01T00:00:00Z".into(),
            _ => "usd".into(),
        },
        Some("integer") if format == Some("unix-time") => 1_700_000_000.into(),
        Some("integer") => 1000.into(),
        Some("number") => serde_json::json!(1.5),
        Some("boolean") => false.into(),
        Some("array") => Value::Array(Vec::new()),
        _ => fields(schema, depth),
    }
}

fn fields(schema: &'static Value, depth: usize) -> Value {
    let name = schema.pointer("/properties/object/enum/0");
    let always = ["required", "x-nullableAlwaysPresent"];
    let always = always.iter().filter_map(|it| schema.get(it)?.as_array());
    let names = always.flatten().filter_map(Value::as_str);
    let fields = names.filter_map(|field| {
        let property = schema.get("properties")?.get(field)?;
        let value = match (field, name.and_then(Value::as_str)) {
            ("id", Some(object)) => format!("@{object}").into(),
            _ => value(property, depth + 1),
        };
        Some((field.to_owned(), value))
    });
    Value::Object(fields.collect())
}
