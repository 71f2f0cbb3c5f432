//! Where in a JSON text the references are that a plan names.
//!
//! One pass over the text. What no path leads to is skipped and not looked at. For a text that is no JSON, which no store
//! writes, the result means nothing; the parser that reads what comes of it refuses it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::plan::{Node, Target};
use crate::store::text;

/// An id in a text.
#[derive(Debug)]
pub(super) struct Hit<'p> {
    /// Where the string is, quotes included.
    pub(super) range: Range<usize>,
    /// How many objects and arrays it is inside of.
    pub(super) depth: usize,
    pub(super) id: Arc<str>,
    pub(super) target: &'p Target,
}

/// The ids that `node` leads to in the object `json`, in the order of the text.
pub(super) fn find<'p>(json: &str, node: &'p Node) -> Vec<Hit<'p>> {
    let mut walk = Walk {
        json,
        at: 0,
        depth: 0,
        hits: Vec::new(),
    };
    walk.value(&[node]);
    walk.hits
}

struct Walk<'t, 'p> {
    json: &'t str,
    at: usize,
    depth: usize,
    hits: Vec<Hit<'p>>,
}

impl<'t, 'p> Walk<'t, 'p> {
    /// Reads the value that comes next, which is at `nodes` of the plan.
    ///
    /// Goes as deep as paths do, and through arrays; what is stored is at most 127 levels deep.
    fn value(&mut self, nodes: &[&'p Node]) {
        self.skip_space();
        match self.byte() {
            _ if nodes.is_empty() => self.skip_value(),
            Some(b'{') => self.object(nodes),
            Some(b'[') => self.array(nodes),
            Some(b'"') => self.string(nodes),
            _ => self.skip_value(),
        }
    }

    fn object(&mut self, nodes: &[&'p Node]) {
        let mut inside = nodes.to_vec();
        let mut targets = nodes.iter().filter_map(|node| node.target.as_ref());
        if let Some(target) = targets.next() {
            // An object in the place of an id: its own references are next.
            let next = self.type_name().and_then(|name| target.next(&name));
            inside.extend(next);
        }
        self.members(|walk, key| {
            let here: Vec<&'p Node> = inside.iter().filter_map(|node| node.child(key)).collect();
            walk.value(&here);
        });
    }

    /// What the object that begins here says in `object`.
    fn type_name(&self) -> Option<Cow<'t, str>> {
        let mut ahead = Walk {
            json: self.json,
            at: self.at,
            depth: 0,
            hits: Vec::new(),
        };
        let mut found = None;
        ahead.members(|walk, key| {
            walk.skip_space();
            let start = walk.at;
            walk.skip_value();
            if key == "object" {
                found = walk.json.get(start..walk.at).and_then(unquoted);
            }
        });
        found
    }

    /// Calls `read` at the value of each member, with its key. It has to step past the value.
    fn members(&mut self, mut read: impl FnMut(&mut Self, &str)) {
        self.open();
        while let Some(byte) = self.byte() {
            match byte {
                b'}' => break,
                b'"' => {
                    let start = self.at;
                    self.skip_value();
                    let key = self.json.get(start..self.at).and_then(unquoted);
                    self.skip_space();
                    // The colon.
                    self.at += 1;
                    read(self, &key.unwrap_or_default());
                }
                // A comma.
                _ => self.at += 1,
            }
            self.skip_space();
        }
        self.close();
    }

    fn array(&mut self, nodes: &[&'p Node]) {
        self.open();
        while let Some(byte) = self.byte() {
            match byte {
                b']' => break,
                b',' => self.at += 1,
                _ => self.value(nodes),
            }
            self.skip_space();
        }
        self.close();
    }

    fn string(&mut self, nodes: &[&'p Node]) {
        let start = self.at;
        self.skip_value();
        let Some(target) = nodes.iter().find_map(|node| node.target.as_ref()) else {
            return;
        };
        let id = self.json.get(start..self.at).and_then(unquoted);
        // The empty string names no object, and is not to be fetched as if it did.
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            self.hits.push(Hit {
                range: start..self.at,
                depth: self.depth,
                id: Arc::from(id),
                target,
            });
        }
    }

    fn open(&mut self) {
        self.at += 1;
        self.depth += 1;
        self.skip_space();
    }

    fn close(&mut self) {
        self.at += 1;
        self.depth = self.depth.saturating_sub(1);
    }

    fn byte(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.byte().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn skip_value(&mut self) {
        self.at = text::value_end(self.json, self.at);
    }
}

/// The string that a JSON string stands for; `None` for what is no string.
fn unquoted(json: &str) -> Option<Cow<'_, str>> {
    let inside = json.strip_prefix('"')?.strip_suffix('"')?;
    if inside.contains('\\') {
        return serde_json::from_str(json).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inside))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::References;
    use super::super::plan::Plan;
    use super::*;

    fn plan(object: &str, paths: &[&str]) -> Plan {
        Plan::new(object, &References::of(object), paths, false).unwrap()
    }

    /// The ids that are found, with their depths.
    #[track_caller]
    fn check(json: &str, paths: &[&str], expected: &[(&str, usize)]) {
        let plan = plan("subscription", paths);
        let hits = find(json, &plan.root);
        let found: Vec<(&str, usize)> = hits.iter().map(|hit| (&*hit.id, hit.depth)).collect();
        assert_eq!(found, expected, "{json}");
    }

    #[test]
    fn ids_are_found_where_the_paths_lead_and_nowhere_else() {
        let json = r#" { "customer" : "cus_1", "items": {"data": [{"price": {"product": "prod_1"}, "customer": "no"},
            {"price": {"product": "prod_\u0032"}}], "customer": "no"}, "metadata": {"customer": "no"} } "#;
        check(json, &["customer"], &[("cus_1", 1)]);
        check(
            json,
            &["customer", "items.data.price.product"],
            &[("cus_1", 1), ("prod_1", 5), ("prod_2", 5)],
        );
        check(json, &["latest_invoice"], &[]);
        check(r#""customer""#, &["customer"], &[]);
        check(
            r#"{"\u0063ustomer": "cus_1"}"#,
            &["customer"],
            &[("cus_1", 1)],
        );
    }

    #[test]
    fn an_object_in_the_place_of_an_id_is_gone_into_by_its_own_type() {
        let paths = ["default_source.customer", "customer.test_clock"];
        let card =
            r#"{"default_source": {"customer": "cus_1", "test_clock": "no", "object": "card"}}"#;
        check(card, &paths, &[("cus_1", 2)]);
        let odd = r#"{"default_source": {"customer": "cus_1", "object": "teleporter"}, "customer": {"object": 5}}"#;
        check(odd, &paths, &[]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_comes_to_an_end(json in r#"(\{|\}|\[|\]|"|:|,|\\| |1|é|"customer":|"items":|"data":|"discounts":|"object":"list"|"x"){0,60}"#) {
            let plan = plan("subscription", &["customer.test_clock", "items.data.discounts", "discounts.customer"]);
            for hit in find(&json, &plan.root) {
                prop_assert!(json.get(hit.range.clone()).is_some_and(|text| text.starts_with('"')));
            }
        }
    }
}
