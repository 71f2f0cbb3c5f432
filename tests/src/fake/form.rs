//! Forms: `items[0][price]=p` as JSON, and headers' worth of escapes undone.

use serde_json::{Map, Value};

/// The fields of a query or a form, decoded, in order.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (unescape(name), unescape(value))
        })
        .collect()
}

/// `%41+b` is `A b`.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                match u8::from_str_radix(digits, 16) {
                    Ok(byte) => {
                        bytes.push(byte);
                        rest = after;
                    }
                    Err(_) => bytes.push(b'%'),
                }
            }
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The fields as JSON: every value a text, lists and objects by their brackets.
pub(super) fn json(pairs: &[(String, String)]) -> Map<String, Value> {
    let mut root = Value::Object(Map::new());
    for (name, value) in pairs {
        let mut place = &mut root;
        for part in name.split('[') {
            let key = part.strip_suffix(']').unwrap_or(part);
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            if let Value::Object(fields) = place {
                let key = if key.is_empty() {
                    fields.len().to_string()
                } else {
                    key.to_owned()
                };
                place = fields.entry(key).or_insert(Value::Null);
            } else {
                break;
            }
        }
        *place = Value::String(value.clone());
    }
    match lists(root) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Objects whose keys are 0, 1, 2 … are lists.
fn lists(value: Value) -> Value {
    let Value::Object(fields) = value else {
        return value;
    };
    let is_list = !fields.is_empty()
        && (0..fields.len()).all(|index| fields.contains_key(&index.to_string()));
    if is_list {
        let mut items: Vec<(usize, Value)> = fields
            .into_iter()
            .map(|(key, value)| (key.parse().unwrap_or_default(), lists(value)))
            .collect();
        items.sort_by_key(|item| item.0);
        return Value::Array(items.into_iter().map(|item| item.1).collect());
    }
    Value::Object(
        fields
            .into_iter()
            .map(|(key, value)| (key, lists(value)))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_lists_and_objects() {
        let pairs = pairs(
            "items[0][price]=p%5F1&items[1][price]=p2&metadata[a+b]=%C3%A9&expand[]=x&empty=",
        );
        let expected = serde_json::json!({
            "items": [{"price": "p_1"}, {"price": "p2"}], "metadata": {"a b": "é"}, "expand": ["x"], "empty": "",
        });
        assert_eq!(Value::Object(json(&pairs)), expected);
    }
}
