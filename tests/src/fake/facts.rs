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

/// The paths of the description, with what can be done there.
fn paths() -> impl Iterator<Item = (&'static String, &'static Value)> {
    let paths = DESCRIPTION.get("paths").and_then(Value::as_object);
    paths.into_iter().flatten()
}

/// Whether Stripe has something at this path.
pub(super) fn is_path(path: &str) -> bool {
    paths().any(|(template, _)| fits(template, path))
}

/// Whether what is made at this path can be read later, as far as the description knows the path.
pub(super) fn is_kept(path: &str) -> bool {
    let is_read = |path: &str| described("get", path).is_some();
    described("post", path).is_none() || is_read(path) || is_read(&format!("{path}/id"))
}

/// Something that can be done at a path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Described {
    /// The path, with names for what is of one request.
    pub(super) template: &'static str,
    operation: &'static Value,
}

/// What the description says of requests with this method (in small letters) for a path.
pub(super) fn described(method: &str, path: &str) -> Option<Described> {
    let fitting = paths().filter(|(template, _)| fits(template, path));
    let known = fitting.filter_map(|(template, item)| {
        let operation = item.get(method)?;
        Some(Described {
            template,
            operation,
        })
    });
    // What names a thing goes before what could be anything's id.
    known.min_by_key(|it| it.template.matches('{').count())
}

impl Described {
    /// The parameters that a request cannot do without.
    pub(super) fn required(&self) -> impl Iterator<Item = &'static str> {
        let content = self.operation.pointer("/requestBody/content");
        let content = content.and_then(Value::as_object).into_iter().flatten();
        let names = content.filter_map(|(_, body)| body.pointer("/schema/required")?.as_array());
        names.flatten().filter_map(Value::as_str)
    }

    /// The types that are answered with, by the names of their schemas.
    pub(super) fn answers(&self) -> Vec<&'static str> {
        let schema = "/responses/200/content/application~1json/schema";
        let Some(schema) = self.operation.pointer(schema) else {
            return Vec::new();
        };
        let own = schema.get("$ref").and_then(Value::as_str);
        let branches = schema.get("anyOf").and_then(Value::as_array);
        let branches = branches.into_iter().flatten();
        let all = own
            .into_iter()
            .chain(branches.filter_map(|branch| branch.get("$ref")?.as_str()));
        all.filter_map(|reference| reference.rsplit('/').next())
            .collect()
    }
}

/// Whether Stripe shows what is left of an object that was deleted at this path.
pub(super) fn shows_deleted(path: &str) -> bool {
    let answers = described("get", path).map(|it| it.answers());
    answers.is_some_and(|answers| answers.iter().any(|name| name.starts_with("deleted_")))
}

/// The schema of an object type, or of a part of one.
pub(super) fn schema(name: &str) -> Option<&'static Value> {
    DESCRIPTION.pointer("/components/schemas")?.get(name)
}

/// The schema that a reference leads to, or the schema itself.
pub(super) fn resolve(schema: &'static Value) -> &'static Value {
    let name = schema.get("$ref").and_then(Value::as_str);
    let name = name.and_then(|reference| reference.rsplit('/').next());
    name.and_then(self::schema).unwrap_or(schema)
}

/// The types that a reference leads to; none if the schema is no reference.
pub(super) fn leads_to(schema: &'static Value) -> Vec<&'static str> {
    let all = schema.pointer("/x-expansionResources/oneOf");
    let all = all.and_then(Value::as_array).into_iter().flatten();
    let names = all.filter_map(|it| it.get("$ref")?.as_str()?.rsplit('/').next());
    names.filter(|name| !name.starts_with("deleted_")).collect()
}

/// The smallest object that the schema allows, with `@type` for each id: of the object, of what is inside, and of the types
/// among `known` that it refers to.
pub(crate) fn sample(object: &str, known: &[&str]) -> Value {
    let mut sample = match schema(object) {
        Some(schema) => value(schema, Fill::Sample, 0),
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

/// What stands where a schema leaves open what does.
#[derive(Debug, Clone, Copy)]
enum Fill {
    /// Something.
    Sample,
    /// As little as can be; times are this one.
    Blank(i64),
}

/// The smallest value that the schema allows, with nothing in it; times are `now`, in unix seconds.
pub(super) fn blank(schema: &'static Value, now: i64) -> Value {
    value(schema, Fill::Blank(now), 0)
}

fn value(schema: &'static Value, fill: Fill, depth: usize) -> Value {
    let nullable = |schema: &Value| schema.get("nullable") == Some(&Value::Bool(true));
    let is_nullable = nullable(schema);
    let schema = resolve(schema);
    if (depth > 0 && (is_nullable || nullable(schema))) || depth > 12 {
        return Value::Null;
    }
    if let Some(target) = leads_to(schema).first() {
        return match fill {
            Fill::Sample => format!("@{target}").into(),
            Fill::Blank(_) => Value::Null,
        };
    }
    if let Some(branches) = schema.get("anyOf").and_then(Value::as_array) {
        return branches
            .first()
            .map_or(Value::Null, |first| value(first, fill, depth + 1));
    }
    if let Some(first) = schema.pointer("/enum/0") {
        return first.clone();
    }
    let format = schema.get("format").and_then(Value::as_str);
    let kind = schema.get("type").and_then(Value::as_str);
    match (kind, format, fill) {
        (Some("string"), Some("decimal"), Fill::Sample) => "1".into(),
        (Some("string"), Some("decimal"), Fill::Blank(_)) => "0".into(),
        (Some("string"), Some("date-time"), _) => "2024-01-01T00:00:00Z".into(),
        (Some("string"), _, Fill::Sample) => "usd".into(),
        (Some("string"), _, Fill::Blank(_)) => "".into(),
        (Some("integer"), Some("unix-time"), Fill::Sample) => 1_700_000_000.into(),
        (Some("integer"), Some("unix-time"), Fill::Blank(now)) => now.into(),
        (Some("integer"), _, Fill::Sample) => 1000.into(),
        (Some("number"), _, Fill::Sample) => serde_json::json!(1.5),
        (Some("integer" | "number"), _, Fill::Blank(_)) => 0.into(),
        (Some("boolean"), ..) => false.into(),
        (Some("array"), ..) => Value::Array(Vec::new()),
        _ => fields(schema, fill, depth),
    }
}

fn fields(schema: &'static Value, fill: Fill, depth: usize) -> Value {
    let name = schema.pointer("/properties/object/enum/0");
    let always = ["required", "x-nullableAlwaysPresent"];
    let always = always.iter().filter_map(|it| schema.get(it)?.as_array());
    let names = always.flatten().filter_map(Value::as_str);
    let fields = names.filter_map(|field| {
        let property = schema.get("properties")?.get(field)?;
        let value = match (fill, field, name.and_then(Value::as_str)) {
            (Fill::Sample, "id", Some(object)) => format!("@{object}").into(),
            // What is made is in use, and there is one of it.
            (Fill::Blank(_), "active", _) => true.into(),
            (Fill::Blank(_), "interval_count", _) => 1.into(),
            _ => value(property, fill, depth + 1),
        };
        Some((field.to_owned(), value))
    });
    Value::Object(fields.collect())
}
