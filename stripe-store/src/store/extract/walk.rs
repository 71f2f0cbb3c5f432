//! Where in a JSON text the objects are that are resources of their own.
//!
//! One pass over the text, which is JSON of bounded depth, as every snapshot's is; nothing is copied. Knows which places
//! of an object show another moment than the object's own.

use crate::store::text;

/// The objects inside the object `json` that have a type and an id, at whatever depth, inner ones first.
///
/// Not among them is what is there for another moment than the object's own, where it would pass for the state of now:
/// * all inside an event, which is written by what it carries, and never as it stands;
/// * all under `pending_update` of a subscription: items as they will be when an open invoice is paid;
/// * all under a key that ends in `error` (`last_payment_error`): what was tried, as it was when it failed;
/// * what is in `metadata`, which is the merchant's.
pub(super) fn nested(json: &str) -> Vec<&str> {
    let mut walk = Walk {
        json,
        at: 0,
        depth: 0,
        found: Vec::new(),
    };
    walk.skip_space();
    if walk.byte() == Some(b'{') {
        walk.object();
    }
    walk.found
}

/// Whether what is under this key is left out.
pub(super) fn is_of_another_moment(key: &str) -> bool {
    matches!(key, "pending_update" | "previous_attributes" | "metadata") || key.ends_with("error")
}

/// Whether objects of the type, quotes included, are events.
fn is_event(object: &str) -> bool {
    matches!(object, "\"event\"" | "\"v2.core.event\"")
}

struct Walk<'t> {
    json: &'t str,
    at: usize,
    depth: usize,
    found: Vec<&'t str>,
}

impl<'t> Walk<'t> {
    /// Reads the value that comes next. As deep as a snapshot can be, which is 127 levels.
    fn value(&mut self) {
        match self.byte() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            _ => {
                self.skip_value();
            }
        }
    }

    fn object(&mut self) {
        let start = self.at;
        let found_before = self.found.len();
        let (mut object, mut id) = ("", "");
        self.open();
        while let Some(byte) = self.byte() {
            match byte {
                b'}' => break,
                b'"' => {
                    let key = self.skip_value();
                    self.skip_space();
                    // The colon.
                    self.at += 1;
                    self.skip_space();
                    match key {
                        "\"object\"" => object = self.skip_value(),
                        "\"id\"" => id = self.skip_value(),
                        key if is_of_another_moment(key.trim_matches('"')) => {
                            self.skip_value();
                        }
                        _ => self.value(),
                    }
                }
                // A comma.
                _ => self.at += 1,
            }
            self.skip_space();
        }
        self.close();
        if is_event(object) {
            self.found.truncate(found_before);
        } else if self.depth > 0
            && is_word(object)
            && object != "\"list\""
            && is_word(id)
            && let Some(text) = self.json.get(start..self.at)
        {
            self.found.push(text);
        }
    }

    fn array(&mut self) {
        self.open();
        while let Some(byte) = self.byte() {
            match byte {
                b']' => break,
                b',' => self.at += 1,
                _ => self.value(),
            }
            self.skip_space();
        }
        self.close();
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

    /// Steps past a value and returns it.
    fn skip_value(&mut self) -> &'t str {
        let start = self.at;
        self.at = text::value_end(self.json, start);
        self.json.get(start..self.at).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn byte(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }
}

/// Whether it is a string, and not the empty one.
fn is_word(value: &str) -> bool {
    value.len() > 2 && value.starts_with('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: &[&str]) {
        assert_eq!(nested(json), expected, "{json}");
    }

    #[test]
    fn objects_with_a_type_and_an_id_are_found_at_every_depth() {
        check(
            r#"{"object": "a", "id": "1", "b": {"object": "b", "id": "2", "l": [ [{"id":"3","object":"c"}], 1 ]}, "n": null}"#,
            &[
                r#"{"id":"3","object":"c"}"#,
                r#"{"object": "b", "id": "2", "l": [ [{"id":"3","object":"c"}], 1 ]}"#,
            ],
        );
        check(
            r#"{"items":{"object":"list","id":"x","data":[{"object":"c","id":"3"}]}}"#,
            &[r#"{"object":"c","id":"3"}"#],
        );
        check("{}", &[]);
        check("[]", &[]);
    }

    #[test]
    fn what_has_no_type_or_no_id_is_none() {
        for odd in [
            r#"{"object":"b"}"#,
            r#"{"id":"2"}"#,
            r#"{"object":"b","id":""}"#,
            r#"{"object":"b","id":2}"#,
            r#"{"object":{"id":1},"id":"2"}"#,
            r#""{\"object\":\"b\",\"id\":\"2\"}""#,
        ] {
            check(&format!(r#"{{"object":"a","id":"1","x":{odd}}}"#), &[]);
        }
    }

    #[test]
    fn what_is_of_another_moment_is_left_out() {
        for key in [
            "pending_update",
            "previous_attributes",
            "last_payment_error",
            "setup_error",
            "metadata",
        ] {
            check(
                &format!(
                    r#"{{"object":"a","id":"1","{key}":{{"x":[{{"object":"b","id":"2"}}]}}}}"#
                ),
                &[],
            );
        }
        let inside = r#"{"data":{"object":{"object":"b","id":"2"}},"object":"event","id":"evt_1"}"#;
        check(inside, &[]);
        check(&format!(r#"{{"object":"a","x":{inside}}}"#), &[]);
    }
}
