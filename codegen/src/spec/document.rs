//! Text to a JSON value: JSON or YAML, and no key twice in one object.
//!
//! `serde_json` keeps the last of two equal keys without a word, so the value is built by a visitor
//! of our own, which YAML goes through as well: a description reads the same in both forms.

use std::{cell::RefCell, error::Error as StdError, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{SpecError, place::Place};

/// Parses a document; `name` stands for it in messages.
pub(super) fn parse(text: &str, name: &str) -> Result<Value, SpecError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') {
        parse_json(text, name)
    } else {
        parse_yaml(text, name)
    }
}

fn parse_json(text: &str, name: &str) -> Result<Value, SpecError> {
    let duplicate = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = Strict {
        place: &Place::ROOT,
        duplicate: &duplicate,
    }
    .deserialize(&mut deserializer)
    .and_then(|value| deserializer.end().map(|()| value));
    parsed.map_err(|source| {
        let (line, column) = (source.line(), source.column());
        match duplicate.take() {
            Some(Duplicate { key, place }) => SpecError::DuplicateKey {
                name: name.to_owned(),
                key,
                place,
                line: u64::try_from(line).unwrap_or(u64::MAX),
                column: u64::try_from(column).unwrap_or(u64::MAX),
            },
            None => SpecError::Json {
                name: name.to_owned(),
                line,
                column,
                source,
            },
        }
    })
}

fn parse_yaml(text: &str, name: &str) -> Result<Value, SpecError> {
    let duplicate = RefCell::new(None);
    let parsed =
        serde_saphyr::with_deserializer_from_str_with_options(text, yaml(), |deserializer| {
            Strict {
                place: &Place::ROOT,
                duplicate: &duplicate,
            }
            .deserialize(deserializer)
        });
    parsed.map_err(|source| {
        let (line, column) = source
            .location()
            .map_or((0, 0), |location| (location.line(), location.column()));
        match duplicate.take() {
            Some(Duplicate { key, place }) => SpecError::DuplicateKey {
                name: name.to_owned(),
                key,
                place,
                line,
                column,
            },
            None => SpecError::Yaml {
                name: name.to_owned(),
                line,
                column,
                source: yaml_error(source),
            },
        }
    })
}

/// The parser's account, where it speaks to the reader of the file and not to a programmer.
fn yaml_error(error: serde_saphyr::Error) -> Box<dyn StdError + Send + Sync> {
    match error {
        serde_saphyr::Error::MultipleDocuments { .. } => {
            "more than one document in one file".into()
        }
        other => Box::new(other),
    }
}

/// How YAML is read: so that plain scalars come out as the JSON form has them.
///
/// `yes`, `0755` and `1_000` are text, as YAML 1.2 has it. The limits guard the stack, which each
/// level costs some 20 KB of, and against aliases that expand without end. The pinned description
/// has 26 levels and 270,000 nodes, and those to come may have more.
fn yaml() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 64,
            max_events: 50_000_000,
            max_nodes: 20_000_000,
            max_total_scalar_bytes: 1 << 30,
        },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    }
}

/// A key that was met a second time.
struct Duplicate {
    key: String,
    place: String,
}

/// Builds the value at one place, and notes the first key that stands twice.
#[derive(Clone, Copy)]
struct Strict<'p> {
    place: &'p Place<'p>,
    duplicate: &'p RefCell<Option<Duplicate>>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom(format_args!("{value} is no number that JSON has")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        loop {
            let place = self.place.index(values.len());
            match seq.next_element_seed(Strict {
                place: &place,
                ..self
            })? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if object.contains_key(&key) {
                let error = A::Error::custom(format_args!("the key `{key}` stands twice"));
                self.duplicate.replace(Some(Duplicate {
                    key,
                    place: self.place.to_string(),
                }));
                return Err(error);
            }
            let place = self.place.key(&key);
            let value = map.next_value_seed(Strict {
                place: &place,
                ..self
            })?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_error(text: &str, expect: &Expect) {
        let mut message = String::new();
        let error = parse(text, "api").expect_err("the text is faulty");
        let mut error: Option<&dyn std::error::Error> = Some(&error);
        while let Some(cause) = error {
            message.push_str(&cause.to_string());
            message.push('\n');
            error = cause.source();
        }
        expect.assert_eq(&message);
    }

    #[test]
    fn yaml_reads_as_the_json_it_stands_for() {
        let yaml = "\
openapi: 3.0.0
info: {version: 2023-08-16, title: null, x-beta: true}
responses:
  200: ok
  '404': missing
  on: off
  no: yes
enum: [1, -2, 1.5, 1e3, '1', 0755, 1_000, 12:30, ~, '']
text: |
  two
  lines
";
        let expected = json!({
            "openapi": "3.0.0",
            "info": {"version": "2023-08-16", "title": null, "x-beta": true},
            "responses": {"200": "ok", "404": "missing", "on": "off", "no": "yes"},
            "enum": [1, -2, 1.5, 1e3, "1", "0755", "1_000", "12:30", null, ""],
            "text": "two\nlines\n",
        });
        assert_eq!(parse(yaml, "api").unwrap(), expected);
        assert_eq!(parse(&expected.to_string(), "api").unwrap(), expected);
    }

    #[test]
    fn faulty_json_is_located() {
        check_error(
            "{\"a\": 1,\n  nope}",
            &expect![[r#"
            api is not valid JSON, see line 2, column 3
            key must be a string at line 2 column 3
        "#]],
        );
        check_error(
            "{\"a\": 1} trailing",
            &expect![[r#"
            api is not valid JSON, see line 1, column 10
            trailing characters at line 1 column 10
        "#]],
        );
    }

    #[test]
    fn faulty_yaml_is_located() {
        check_error(
            "a: 1\nb: [1, 2\nc: 3\n",
            &expect![[r#"
            api is not valid YAML, see line 3, column 2
            illegal placement of ':' indicator at line 3, column 2
        "#]],
        );
        check_error(
            "a: 1\n---\nb: 2\n",
            &expect![[r#"
                api is not valid YAML, see line 3, column 1
                more than one document in one file
            "#]],
        );
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        check_error(
            "{\"a\": [{}, {\"b\": 1,\n \"b\": 2}]}",
            &expect![[r#"
            api has the key `b` twice in the object at #/a/1, see line 2, column 4
        "#]],
        );
        check_error(
            "a:\n  - {}\n  - b: 1\n    b: 2\n",
            &expect![[r#"
            api has the key `b` twice in the object at #/a/1, see line 3, column 5
        "#]],
        );
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        parse(&format!("a: {}", nested(60)), "api").expect("60 levels are fine");
        for text in [
            format!("a: {}", nested(5000)),
            format!("{{\"a\": {}}}", nested(5000)),
        ] {
            let message = parse(&text, "api")
                .expect_err("5000 levels are not")
                .to_string();
            assert!(message.starts_with("api is not valid "), "{message}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(parse("\u{feff}{}", "api").unwrap(), json!({}));
    }
}
