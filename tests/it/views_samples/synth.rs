//! Samples made from the description: every property present and of its type, or only those that always are.

use serde_json::{Value, json};

use super::places;
use crate::spec;

/// What stands where an object can be expanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum References {
    Ids,
    Objects,
    /// What is left of deleted objects, where the description knows of such.
    Deleted,
}

/// How a sample is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Synth {
    /// How many levels of nested objects have every property; below, only what is always there, null where it can be.
    pub(crate) levels: usize,
    pub(crate) references: References,
    /// Which of the values of an enum, and of the alternatives of a choice, are taken: each in turn.
    pub(crate) round: usize,
}

/// Deeper than the description goes with what is always present.
const MAX_DEPTH: usize = 24;

impl Synth {
    /// Every property, with ids for references.
    pub(crate) const FULL: Self = Self {
        levels: 3,
        references: References::Ids,
        round: 0,
    };

    /// What is always there.
    pub(crate) const MINIMAL: Self = Self {
        levels: 0,
        ..Self::FULL
    };

    /// A sample of what a schema describes.
    pub(crate) fn sample(&self, schema: &'static Value) -> Value {
        self.object(spec::resolve(schema), "", 0)
    }

    /// Whether an object on this level, the sample's own being 1, has every property.
    fn is_full(&self, level: usize) -> bool {
        level <= self.levels
    }

    fn pick<'a, T>(&self, values: &'a [T], level: usize) -> &'a T {
        &values[(self.round + level) % values.len()]
    }

    /// The value of a property of an object on this level.
    fn value(&self, schema: &'static Value, key: &str, level: usize) -> Value {
        assert!(level < MAX_DEPTH, "{key} never ends");
        let target = spec::resolve(schema);
        if !self.is_full(level) && (schema["nullable"] == true || target["nullable"] == true) {
            return Value::Null;
        }
        self.object(target, key, level)
    }

    fn object(&self, schema: &'static Value, key: &str, level: usize) -> Value {
        if let Some(branches) = spec::branches(schema) {
            return self.choice(branches, key, level);
        }
        if let Some(values) = schema["enum"].as_array() {
            return self.pick(values, 0).clone();
        }
        match schema["type"].as_str() {
            Some("string") => self.text(schema["format"].as_str(), key, level),
            Some("integer") if schema["format"] == "unix-time" => json!(1_700_000_000 + self.round),
            Some("integer") => self
                .pick(
                    &[
                        json!(1050),
                        json!(0),
                        json!(-1),
                        json!(9_007_199_254_740_993_i64),
                    ],
                    0,
                )
                .clone(),
            Some("number") => self.pick(&[json!(12.25), json!(0.5), json!(7)], 0).clone(),
            // A sample is of live mode, and not of a deleted object.
            Some("boolean") => json!(key != "deleted"),
            Some("array") if self.is_full(level) => {
                let next = Self {
                    round: self.round + 1,
                    ..*self
                };
                let items = &schema["items"];
                json!([
                    self.element(items, key, level),
                    next.element(items, key, level)
                ])
            }
            Some("array") => json!([]),
            Some("object") => self.fields(schema, key, level),
            _ => panic!("{key} has no type"),
        }
    }

    /// An element of an array or a map, which is not null even where it could be.
    fn element(&self, schema: &'static Value, key: &str, level: usize) -> Value {
        self.object(spec::resolve(schema), key, level)
    }

    fn fields(&self, schema: &'static Value, key: &str, level: usize) -> Value {
        let Some(known) = schema["properties"].as_object() else {
            return self.open(schema, key, level);
        };
        let always = |name: &str| {
            let lists = ["required", "x-nullableAlwaysPresent"].map(|list| schema[list].as_array());
            lists.into_iter().flatten().flatten().any(|it| it == name)
        };
        // A list is no level: it has every property when the object around it has.
        let is_list = schema["properties"]["object"]["enum"][0] == "list";
        let level = if is_list { level } else { level + 1 };
        let present = known
            .iter()
            .filter(|(name, _)| self.is_full(level) || always(name));
        let fields = present.map(|(name, field)| (name.clone(), self.value(field, name, level)));
        Value::Object(fields.collect())
    }

    /// An object whose keys nobody lists.
    fn open(&self, schema: &'static Value, key: &str, level: usize) -> Value {
        match schema.get("additionalProperties") {
            Some(values) if values.is_object() && self.is_full(level) => {
                let value = self.element(values, key, level);
                json!({"a key": value, "with.a.dot": value})
            }
            None if self.is_full(level) => json!({"anything": [1, "two", null]}),
            _ => json!({}),
        }
    }

    fn choice(&self, branches: &'static [Value], key: &str, level: usize) -> Value {
        if let [only] = branches {
            return self.object(spec::resolve(only), key, level);
        }
        if let Some(text) = branches.iter().find(|branch| branch["type"] == "string")
            && (self.references == References::Ids || !self.is_full(level))
        {
            return self.text(text["format"].as_str(), key, level);
        }
        let deleted: Vec<&'static Value> = branches
            .iter()
            .filter(|branch| places::is_deleted(branch))
            .collect();
        let among = match self.references {
            References::Deleted if !deleted.is_empty() => deleted,
            _ => places::living(branches),
        };
        let branch = *self.pick(&among, 0);
        let branch = spec::resolve(branch);
        let mut object = self.object(branch, key, level);
        // What is referred to has an id, also where a preview of its type (an invoice) has none.
        if branch["properties"].get("id").is_some() && object["id"].is_null() {
            object["id"] = self.text(None, "id", level);
        }
        object
    }

    fn text(&self, format: Option<&str>, key: &str, level: usize) -> Value {
        let n = self.round;
        Value::String(match format {
            Some("date-time") => format!("2024-01-02T03:04:05.{:03}Z", n % 1000),
            Some("decimal") => format!("0.1234567890{:02}", n % 100),
            Some("int64") => format!("900719925474{:04}", n % 10_000),
            _ if key == "id" => format!("id_{level}_{n}"),
            _ => format!("{key} “{n}” é"),
        })
    }
}
