//! Parameters as Stripe takes them in a query or a form: `items[0][price]=price_1&metadata[tier]=gold`.
//!
//! The encoding is that of [`serde_qs`]. What is decided here is what is left out, as Stripe's own clients do: `null`,
//! and lists and maps that have nothing in them. To empty a field, Stripe takes an empty text.

use serde_json::{Map, Value};

/// How deep parameters may be nested; what anybody would send is less than ten.
const MAX_DEPTH: usize = 64;

/// The parameters as `application/x-www-form-urlencoded`; the empty text when there are none.
pub(super) fn encode(params: &Map<String, Value>) -> Result<String, serde_qs::Error> {
    let Some(params) = object(params, MAX_DEPTH)? else {
        return Ok(String::new());
    };
    // The strict set of characters: a `;` that is left as it is parts two fields for some servers.
    serde_qs::Config::new()
        .max_depth(MAX_DEPTH)
        .use_form_encoding(true)
        .serialize_string(&params)
}

/// What is to be sent of a value: texts in lists and maps, none of which are empty.
fn sent(value: &Value, depth: usize) -> Result<Option<Value>, serde_qs::Error> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(serde_qs::Error::MaxSerializationDepthExceeded(MAX_DEPTH));
    };
    match value {
        Value::Null => Ok(None),
        Value::String(_) => Ok(Some(value.clone())),
        // As text, so that a number looks the same whatever serde_json was built with.
        Value::Bool(_) | Value::Number(_) => Ok(Some(Value::String(value.to_string()))),
        Value::Array(items) => {
            let items = items
                .iter()
                .filter_map(|item| sent(item, depth).transpose());
            let items = items.collect::<Result<Vec<_>, _>>()?;
            Ok(Some(items)
                .filter(|items| !items.is_empty())
                .map(Value::Array))
        }
        Value::Object(fields) => Ok(object(fields, depth)?.map(Value::Object)),
    }
}

fn object(
    fields: &Map<String, Value>,
    depth: usize,
) -> Result<Option<Map<String, Value>>, serde_qs::Error> {
    let fields = fields.iter().filter_map(|(key, value)| {
        let value = sent(value, depth).transpose()?;
        Some(value.map(|value| (key.clone(), value)))
    });
    let fields = fields.collect::<Result<Map<_, _>, _>>()?;
    Ok(Some(fields).filter(|fields| !fields.is_empty()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(params: &Value, expected: &str) {
        let encoded = encode(params.as_object().unwrap()).unwrap();
        let url = reqwest::Url::parse(&format!("http://x/?{encoded}")).unwrap();
        let pairs: Vec<String> = url
            .query_pairs()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        assert_eq!(pairs.join("&"), expected);
    }

    #[test]
    fn nested_parameters_are_written_in_brackets() {
        check(&json!({}), "");
        check(
            &json!({"items": [{"price": "p_1", "quantity": 2}, {"price": "p_2", "tax_rates": ["t_1", "t_2"]}]}),
            "items[0][price]=p_1&items[0][quantity]=2&items[1][price]=p_2&items[1][tax_rates][0]=t_1&items[1][tax_rates][1]=t_2",
        );
        check(
            &json!({"created": {"gte": 1_700_000_000}}),
            "created[gte]=1700000000",
        );
        check(
            &json!({"paid": true, "off": false, "rate": 12.5}),
            "off=false&paid=true&rate=12.5",
        );
    }

    #[test]
    fn an_empty_text_is_sent_and_what_is_nothing_is_not() {
        check(
            &json!({"coupon": "", "metadata": {"tier": ""}}),
            "coupon=&metadata[tier]=",
        );
        check(
            &json!({"a": null, "b": [], "c": {}, "d": {"e": null, "f": [{}]}, "g": [null, 1]}),
            "g[0]=1",
        );
    }

    #[test]
    fn what_could_part_two_fields_is_escaped() {
        let encoded = encode(json!({"d": "a;b&c=d+e f%20#"}).as_object().unwrap()).unwrap();
        assert_eq!(encoded, "d=a%3Bb%26c%3Dd%2Be%20f%2520%23");
    }

    #[test]
    fn nesting_without_end_is_an_error() {
        let mut value = json!("x");
        for _ in 0..200 {
            value = json!({ "a": value });
        }
        assert!(encode(value.as_object().unwrap()).is_err());
    }

    proptest! {
        #[test]
        fn any_text_comes_out_as_it_went_in(key in "[a-z]{1,8}", inner in "[^\\[\\]]{1,12}", text in ".{0,40}") {
            let encoded = encode(json!({&key: {&inner: &text}}).as_object().unwrap()).unwrap();
            let url = reqwest::Url::parse(&format!("http://x/?{encoded}")).unwrap();
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(pairs, vec![(format!("{key}[{inner}]"), text)]);
        }
    }
}
