//! Where two renderings of one object say something else.
//!
//! Knows JSON and which fields can be expanded; nothing of rows, and not when either was made. Integers past 64 bits are
//! looked at as the nearest `f64`.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use crate::store::{same_json, to_value};

/// The most fields of an object that are named.
const MAX_FIELDS: usize = 20;

/// A field that is not the same here and at Stripe.
///
/// Neither `Display` nor `Debug` shows the values, which may be somebody's data.
#[derive(Clone, PartialEq)]
pub struct FieldDifference {
    path: String,
    stored: Option<Value>,
    at_stripe: Option<Value>,
}

impl FieldDifference {
    /// Where it is: `address.city`, `items.data.0.quantity`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What the row has there; `None` if there is no such field.
    pub fn stored(&self) -> Option<&Value> {
        self.stored.as_ref()
    }

    /// What Stripe has there; `None` if there is no such field.
    pub fn at_stripe(&self) -> Option<&Value> {
        self.at_stripe.as_ref()
    }
}

/// The path.
impl fmt::Display for FieldDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

impl fmt::Debug for FieldDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldDifference")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// What differs between two objects: the first fields, and how many more.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) named: Vec<FieldDifference>,
    pub(super) more: u64,
}

/// What differs between two renderings of an object whose fields of these paths can be expanded.
pub(super) fn differences(stored: &str, at_stripe: &str, expandable: &[&str]) -> Fields {
    let mut comparing = Comparing {
        expandable,
        path: Vec::new(),
        found: Fields::default(),
    };
    if same_json(stored, at_stripe) {
        return comparing.found;
    }
    match (to_value(stored), to_value(at_stripe)) {
        (Ok(stored), Ok(at_stripe)) => comparing.values(&stored, &at_stripe),
        // Both were read before.
        _ => comparing.found.more += 1,
    }
    comparing.found
}

/// A part of a path.
#[derive(Clone)]
enum Step {
    Key(String),
    Index(usize),
}

struct Comparing<'e> {
    expandable: &'e [&'e str],
    path: Vec<Step>,
    found: Fields,
}

impl Comparing<'_> {
    fn values(&mut self, stored: &Value, at_stripe: &Value) {
        match (stored, at_stripe) {
            (Value::Object(one), Value::Object(other)) => {
                if is_list(stored) && is_list(at_stripe) {
                    self.lists(one, other);
                } else if self.is_expandable() && is_named(one) && is_named(other) {
                    // What else is in them is another object's state.
                    if one.get("id") != other.get("id") {
                        self.add(Some(stored), Some(at_stripe));
                    }
                } else {
                    self.fields(one, other);
                }
            }
            (Value::Array(one), Value::Array(other)) => self.elements(one, other),
            // One has the object in the place of its id.
            (Value::String(id), Value::Object(object))
            | (Value::Object(object), Value::String(id))
                if object.get("id").and_then(Value::as_str) == Some(id) => {}
            // One has a list that the other was not asked for.
            (Value::Null, list) | (list, Value::Null) if is_list(list) => {}
            (Value::Number(one), Value::Number(other))
                if same_json(&one.to_string(), &other.to_string()) => {}
            _ if stored == at_stripe => {}
            _ => self.add(Some(stored), Some(at_stripe)),
        }
    }

    fn fields(&mut self, stored: &Map<String, Value>, at_stripe: &Map<String, Value>) {
        let keys: BTreeSet<&String> = stored.keys().chain(at_stripe.keys()).collect();
        for key in keys {
            self.path.push(Step::Key(key.clone()));
            self.pair(stored.get(key), at_stripe.get(key));
            self.path.pop();
        }
    }

    fn elements(&mut self, stored: &[Value], at_stripe: &[Value]) {
        for index in 0..stored.len().max(at_stripe.len()) {
            self.path.push(Step::Index(index));
            self.pair(stored.get(index), at_stripe.get(index));
            self.path.pop();
        }
    }

    fn pair(&mut self, stored: Option<&Value>, at_stripe: Option<&Value>) {
        match (stored, at_stripe) {
            (Some(stored), Some(at_stripe)) => self.values(stored, at_stripe),
            // Is there only where it was asked for.
            (Some(only), None) | (None, Some(only)) if is_list(only) || self.is_included() => {}
            _ => self.add(stored, at_stripe),
        }
    }

    /// Lists that are cut short are the same as far as both go.
    fn lists(&mut self, stored: &Map<String, Value>, at_stripe: &Map<String, Value>) {
        let is_cut = |list: &Map<String, Value>| list.get("has_more") == Some(&Value::Bool(true));
        let data = |list: &Map<String, Value>| match list.get("data") {
            Some(Value::Array(data)) => data.clone(),
            _ => Vec::new(),
        };
        let (mut one, mut other) = (data(stored), data(at_stripe));
        if is_cut(stored) || is_cut(at_stripe) {
            let both = one.len().min(other.len());
            one.truncate(both);
            other.truncate(both);
        }
        self.path.push(Step::Key("data".to_owned()));
        self.elements(&one, &other);
        self.path.pop();
        let count = "total_count";
        if let (Some(one), Some(other)) = (stored.get(count), at_stripe.get(count)) {
            self.path.push(Step::Key(count.to_owned()));
            self.values(one, other);
            self.path.pop();
        }
    }

    /// Whether what is here can be expanded: the field itself, or an element of it.
    fn is_expandable(&self) -> bool {
        let keys = self.path.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        });
        let path = keys.collect::<Vec<_>>().join(".");
        self.expandable.contains(&path.as_str())
    }

    /// Whether the field is one that can be left out: not an element.
    fn is_included(&self) -> bool {
        matches!(self.path.last(), Some(Step::Key(_))) && self.is_expandable()
    }

    fn add(&mut self, stored: Option<&Value>, at_stripe: Option<&Value>) {
        if self.found.named.len() >= MAX_FIELDS {
            self.found.more += 1;
            return;
        }
        let steps = self.path.iter().map(|step| match step {
            Step::Key(key) => key.clone(),
            Step::Index(index) => index.to_string(),
        });
        self.found.named.push(FieldDifference {
            path: steps.collect::<Vec<_>>().join("."),
            stored: stored.cloned(),
            at_stripe: at_stripe.cloned(),
        });
    }
}

fn is_list(value: &Value) -> bool {
    value.get("object").and_then(Value::as_str) == Some("list")
}

/// Whether it has an id that tells it apart.
fn is_named(object: &Map<String, Value>) -> bool {
    object.get("id").is_some_and(Value::is_string)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(stored: &Value, at_stripe: &Value, paths: &[&str]) {
        let expandable = ["customer", "discounts", "latest_charge"];
        for (one, other) in [(stored, at_stripe), (at_stripe, stored)] {
            let found = differences(&one.to_string(), &other.to_string(), &expandable);
            let found: Vec<_> = found.named.iter().map(FieldDifference::path).collect();
            assert_eq!(found, paths);
        }
    }

    #[test]
    fn a_difference_is_named_by_where_it_is() {
        let at = |city, quantity| {
            let item = json!({"id": "si_1", "quantity": quantity});
            json!({"address": {"city": city}, "items": {"object": "list", "data": [item]}, "tags": [1]})
        };
        check(&at("Rome", 1), &at("Rome", 1), &[]);
        check(
            &at("Rome", 1),
            &at("Oslo", 2),
            &["address.city", "items.data.0.quantity"],
        );
        check(
            &json!({"tags": [1, 2], "a": null}),
            &json!({"tags": [1, 3, 4]}),
            &["a", "tags.1", "tags.2"],
        );
        check(&json!({"a": "1"}), &json!({"a": 1}), &["a"]);
    }

    #[test]
    fn what_is_expanded_is_the_same_as_its_id() {
        let id = json!({"customer": "cus_1", "discounts": ["di_1"]});
        let object = json!({"customer": {"id": "cus_1", "object": "customer", "name": "Ada"}, "discounts": [{"id": "di_1"}]});
        let other = json!({"customer": {"id": "cus_1", "object": "customer", "name": "Bob"}, "discounts": ["di_1"]});
        check(&id, &object, &[]);
        check(&object, &other, &[]);
        check(
            &id,
            &json!({"customer": {"id": "cus_2"}, "discounts": []}),
            &["customer", "discounts.0"],
        );
        // Without an id, or where nothing can be expanded, it is a part of the object.
        check(
            &json!({"owner": {"id": "a", "name": 1}}),
            &json!({"owner": {"id": "a", "name": 2}}),
            &["owner.name"],
        );
    }

    #[test]
    fn what_was_not_asked_for_is_no_difference() {
        let list = |data: &[i32], more| json!({"object": "list", "data": data, "has_more": more});
        check(&json!({"sources": list(&[1], false)}), &json!({}), &[]);
        check(
            &json!({"sources": list(&[1], false)}),
            &json!({"sources": null}),
            &[],
        );
        check(&json!({"latest_charge": {"id": "ch_1"}}), &json!({}), &[]);
        check(
            &json!({"l": list(&[1, 2], true)}),
            &json!({"l": list(&[1, 2, 3], false)}),
            &[],
        );
        check(
            &json!({"l": list(&[1, 2], true)}),
            &json!({"l": list(&[1, 4, 3], false)}),
            &["l.data.1"],
        );
        check(
            &json!({"l": list(&[1], false)}),
            &json!({"l": list(&[1, 2], false)}),
            &["l.data.1"],
        );
    }

    #[test]
    fn spelling_is_no_difference_and_no_value_is_shown() {
        let found = differences(
            r#"{"a": 1e2, "b": "\u0041", "secret": 1}"#,
            r#"{"b":"A","a":100.0,"secret":2}"#,
            &[],
        );
        let found = found.named;
        assert_eq!(
            format!("{found:?} {}", found[0]),
            "[FieldDifference { path: \"secret\", .. }] secret"
        );
        assert_eq!(found[0].stored(), Some(&json!(1)));
        assert_eq!(found[0].at_stripe(), Some(&json!(2)));
    }

    #[test]
    fn the_fields_that_are_named_are_bounded() {
        let many = |by: usize| json!((0..50).map(|n| n + by).collect::<Vec<_>>()).to_string();
        let found = differences(&many(0), &many(1), &[]);
        assert_eq!((found.named.len(), found.more), (MAX_FIELDS, 30));
    }
}
