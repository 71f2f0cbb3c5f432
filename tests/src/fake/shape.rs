//! Objects as their schemas have them: what a request leaves open, and the texts of a form as what they are.

use serde_json::{Map, Value, json};
use stripe_store::resources::facts;

use super::facts::{blank, leads_to, resolve, schema};
use super::world::World;

/// What a new object is where its schema would rather have it otherwise: the type, the field, the text in it.
const BEGINS: [(&str, &str, &str); 11] = [
    ("charge", "status", "succeeded"),
    ("checkout.session", "status", "open"),
    ("invoice", "status", "draft"),
    ("payment_intent", "status", "requires_payment_method"),
    ("payout", "status", "pending"),
    ("quote", "status", "draft"),
    ("refund", "status", "succeeded"),
    ("setup_intent", "status", "requires_payment_method"),
    ("subscription", "status", "active"),
    ("subscription_schedule", "status", "active"),
    ("webhook_endpoint", "status", "enabled"),
];

/// Puts parameters into objects.
#[derive(Debug)]
pub(super) struct Shaping<'w> {
    world: &'w World,
    /// The number of the last object that was made.
    pub(super) made: u64,
    /// In unix seconds.
    now: i64,
}

impl<'w> Shaping<'w> {
    pub(super) fn new(world: &'w World, made: u64, now: i64) -> Self {
        Self { world, made, now }
    }

    /// An object of a type, with an id, and nothing of what it is about.
    pub(super) fn object(&mut self, object: &str, id: Option<Value>) -> Map<String, Value> {
        let prefix = facts(object).and_then(|facts| facts.id_prefix);
        let fresh = self.fresh_id(prefix.unwrap_or("obj_"));
        let id = id.unwrap_or_else(|| fresh.into());
        let mut fields = schema(object).map_or_else(Map::new, |schema| self.blank(schema));
        let begins = BEGINS.iter().filter(|(of, ..)| *of == object);
        for (_, field, text) in begins {
            fields.insert((*field).to_owned(), (*text).into());
        }
        let head = [
            ("id", id),
            ("object", object.into()),
            ("created", self.now.into()),
            ("livemode", false.into()),
        ];
        fields.extend(head.map(|(key, value)| (key.to_owned(), value)));
        fields
    }

    /// An id that nothing has.
    fn fresh_id(&mut self, prefix: &str) -> String {
        loop {
            self.made += 1;
            let id = format!("{prefix}{}", self.made);
            if self.world.home(&id).is_none() {
                return id;
            }
        }
    }

    fn blank(&self, schema: &'static Value) -> Map<String, Value> {
        match blank(schema, self.now) {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    /// Puts parameters into the fields of an object: those that are nothing take away, metadata and what has fields of its
    /// own is changed by the field, all else is replaced.
    pub(super) fn merge(
        &mut self,
        fields: &mut Map<String, Value>,
        given: Map<String, Value>,
        schema: Option<&'static Value>,
    ) {
        for (name, given) in given {
            let schema = schema.and_then(|schema| schema.get("properties")?.get(&name));
            if name == "metadata" {
                let place = fields.entry(name).or_insert_with(|| json!({}));
                metadata(place, given);
                continue;
            }
            let list = schema.map(resolve).and_then(items_of);
            let value = match (list, given) {
                (Some(items), Value::Array(given)) => self.list(fields, &name, given, items),
                (_, given) => {
                    let old = fields.get(&name).cloned();
                    self.value(old, given, schema)
                }
            };
            fields.insert(name, value);
        }
    }

    fn value(&mut self, old: Option<Value>, given: Value, schema: Option<&'static Value>) -> Value {
        let schema = schema.map(|schema| branch(schema, &given));
        match given {
            Value::String(text) if text.is_empty() => Value::Null,
            Value::String(text) => self.scalar(text, schema),
            Value::Array(given) => {
                let items = schema.and_then(|schema| schema.get("items"));
                let values = given.into_iter();
                values.map(|it| self.value(None, it, items)).collect()
            }
            Value::Object(given) => {
                let mut fields = match (old, schema) {
                    (Some(Value::Object(fields)), _) => fields,
                    (_, Some(schema)) => self.blank(schema),
                    (_, None) => Map::new(),
                };
                self.merge(&mut fields, given, schema);
                Value::Object(fields)
            }
            other => other,
        }
    }

    /// A text of a form as what the schema has in its place.
    fn scalar(&self, text: String, schema: Option<&'static Value>) -> Value {
        let kind = schema.and_then(|schema| schema.get("type")?.as_str());
        let read = match kind {
            Some("integer") => text.parse::<i64>().ok().map(Value::from),
            Some("number") => text.parse::<f64>().ok().map(Value::from),
            Some("boolean") => text.parse::<bool>().ok().map(Value::from),
            // An object in the place of its id, always.
            Some("object") => self.world.find_any(&text),
            _ => None,
        };
        read.unwrap_or_else(|| text.into())
    }

    /// A list inside an object, with what was given in it: new entries, and changes to those that name one.
    fn list(
        &mut self,
        fields: &Map<String, Value>,
        name: &str,
        given: Vec<Value>,
        items: &'static Value,
    ) -> Value {
        let items = resolve(items);
        let mut list = match fields.get(name) {
            Some(Value::Object(list)) => list.clone(),
            _ => Map::new(),
        };
        let data = list.get_mut("data").map(Value::take);
        let mut data: Vec<Value> = match data {
            Some(Value::Array(data)) => data,
            _ => Vec::new(),
        };
        let object = items.pointer("/properties/object/enum/0");
        let object = object.and_then(Value::as_str).unwrap_or("unknown");
        for given in given {
            let Value::Object(mut given) = given else {
                continue;
            };
            let is_gone = given.remove("deleted").is_some_and(|it| it == "true");
            let id = given.remove("id");
            let old = data
                .iter()
                .position(|it| id.is_some() && it.get("id") == id.as_ref());
            let mut entry = match old.map(|old| data.remove(old)) {
                Some(Value::Object(entry)) => entry,
                _ => self.object(object, id),
            };
            if is_gone {
                continue;
            }
            self.merge(&mut entry, given, Some(items));
            // Of whose list it is.
            let parent = fields.get("object").and_then(Value::as_str);
            if let (Some(parent), Some(id)) = (parent, fields.get("id"))
                && items.pointer(&format!("/properties/{parent}")).is_some()
            {
                entry.insert(parent.to_owned(), id.clone());
            }
            let place = old.unwrap_or(data.len());
            data.insert(place, Value::Object(entry));
        }
        list.insert("object".to_owned(), "list".into());
        list.insert("data".to_owned(), data.into());
        list.entry("has_more").or_insert(false.into());
        Value::Object(list)
    }
}

/// Changes metadata by the key: what is set to nothing goes, and all of it if nothing is all that is given.
fn metadata(place: &mut Value, given: Value) {
    match (place, given) {
        (Value::Object(fields), Value::Object(given)) => {
            for (key, value) in given {
                if value == "" || value.is_null() {
                    fields.remove(&key);
                } else {
                    fields.insert(key, value);
                }
            }
        }
        (place, Value::Object(given)) => {
            let given = given.into_iter().filter(|(_, value)| value != "");
            *place = Value::Object(given.collect());
        }
        (place, _) => *place = json!({}),
    }
}

/// The schema of the entries, if a schema is a list's.
fn items_of(schema: &'static Value) -> Option<&'static Value> {
    let is_list = schema.pointer("/properties/object/enum/0")? == "list";
    let items = schema.pointer("/properties/data/items");
    items.filter(|_| is_list)
}

/// What a schema says of a value of this kind, where it allows for several.
fn branch(schema: &'static Value, given: &Value) -> &'static Value {
    static ANY: Value = Value::Null;
    let schema = resolve(schema);
    // A reference stays the id that it was given as.
    if !leads_to(schema).is_empty() {
        return &ANY;
    }
    let Some(branches) = schema.get("anyOf").and_then(Value::as_array) else {
        return schema;
    };
    let mut branches = branches.iter().map(resolve);
    let is = |schema: &&Value, kind: &str| schema.get("type").is_some_and(|it| it == kind);
    let found = match given {
        Value::Object(_) => branches.find(|it| is(it, "object")),
        Value::Array(_) => branches.find(|it| is(it, "array")),
        _ => {
            let texts = branches.clone().any(|it| is(&it, "string"));
            branches.find(|it| !texts && !is(it, "array"))
        }
    };
    found.unwrap_or(&ANY)
}
