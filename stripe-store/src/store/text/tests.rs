use proptest::prelude::*;
use serde_json::json;

use super::*;

#[track_caller]
fn cleaned(json: &str, expected: &str, replaced: usize) {
    let clean = clean(json).unwrap();
    assert_eq!(clean.text, expected);
    assert_eq!(clean.replaced, replaced);
    assert_eq!(matches!(clean.text, Cow::Borrowed(_)), replaced == 0);
}

#[test]
fn a_nul_becomes_the_replacement_character() {
    cleaned(r#"{"a":"x\u0000y"}"#, r#"{"a":"x\ufffdy"}"#, 1);
    cleaned(
        r#"{"\u0000":"\u0000\u0000"}"#,
        r#"{"\ufffd":"\ufffd\ufffd"}"#,
        3,
    );
}

#[test]
fn a_lone_surrogate_becomes_the_replacement_character() {
    cleaned(r#""\ud800""#, r#""\ufffd""#, 1);
    cleaned(r#""\uDC00x""#, r#""\ufffdx""#, 1);
    cleaned(r#""\ud83d\u0041""#, r#""\ufffd\u0041""#, 1);
    cleaned(r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#, 1);
    cleaned(r#""\ud83d\u0000""#, r#""\ufffd\ufffd""#, 2);
}

#[test]
fn what_only_looks_like_a_bad_escape_stays() {
    for text in [
        r#""\\u0000""#,
        r#""\\\\u0000""#,
        r#""\"\\u0000""#,
        r#""\ud83d\ude00""#,
        r#""\\ud800""#,
        r#""\u00e9\uffff\n\/""#,
        r#"{"é":"ü 🎉"}"#,
    ] {
        cleaned(text, text, 0);
    }
    cleaned(r#""\\\u0000""#, r#""\\\ufffd""#, 1);
}

#[test]
fn depth_counts_objects_and_arrays_but_no_brackets_in_strings() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(clean(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(clean(&nested(MAX_DEPTH + 1)), Err(TextFault::Depth));
    assert!(clean(&format!("\"{}\"", "[".repeat(500))).is_ok());
    assert!(clean(&"[],{}".repeat(500)).is_ok());
}

#[test]
fn the_depth_of_a_text_is_that_of_its_deepest_place() {
    let depths = [
        ("12", 0),
        (r#""[[{""#, 0),
        ("[]", 1),
        (r#"{"a": [1, {"[": "\"["}], "b": {}}"#, 3),
        ("[[],[[]],[]]", 3),
    ];
    for (json, expected) in depths {
        assert_eq!(depth(json), expected, "{json}");
    }
}

#[test]
fn a_value_ends_where_the_next_could_begin() {
    let values = [
        "12",
        "-1.5e+10",
        "null",
        r#""a, \" ] }""#,
        "[]",
        r#"{"a": ["]", {"}": 1}], "b": null}"#,
        "[[1, 2], [3]]",
    ];
    for value in values {
        for after in ["", ",1", " , 1", "]", "}", "\n}"] {
            let json = format!("x{value}{after}");
            assert_eq!(value_end(&json, 1), 1 + value.len(), "{json}");
        }
    }
    // Of what is no JSON some end comes, and never the start.
    for json in ["", "x", "[", "\"", "\"\\", "{\"", "]", ":"] {
        assert!(
            value_end(json, 0) >= usize::from(!json.is_empty())
                && value_end(json, 0) <= json.len() + 1
        );
    }
}

#[test]
fn what_is_within_the_depth_limit_can_be_read_back() {
    let nested =
        |depth: usize| format!("{}{}", "{\"a\":".repeat(depth - 1), "{}") + &"}".repeat(depth - 1);
    assert!(to_value(&nested(MAX_DEPTH)).is_ok());
    assert!(to_value(&nested(MAX_DEPTH + 1)).is_err());
}

#[test]
fn numbers_past_the_limit_of_the_database_are_found() {
    for fits in [
        "1e400",
        "-1E+16382",
        "1e-16383",
        "0.5",
        "1234567890123456789012345678901234567890",
        "{\"a1e99999\":\"1e99999\"}",
    ] {
        assert!(clean(fits).is_ok(), "{fits}");
    }
    for beyond in [
        "1e16383",
        "[1e-16384]",
        "0.1e-16383",
        "0e-99999",
        "1e99999999999999999999999",
        "1e-99999999999999999999999",
    ] {
        assert_eq!(clean(beyond), Err(TextFault::Number), "{beyond}");
    }
}

#[test]
fn text_that_is_no_json_is_passed_over() {
    for text in [
        "",
        "\"",
        "\"\\",
        "\"\\u",
        "\"\\u12",
        "\"\\ud800\\u",
        "}}]",
        "-",
        "nul",
        "{\"a\":",
    ] {
        assert!(clean(text).is_ok(), "{text}");
        let _ = same_json(text, "{}");
        let _ = canonical(text);
        let _ = quote_large_numbers(text);
    }
}

#[track_caller]
fn same(a: &str, b: &str) {
    assert!(same_json(a, b), "{a} {b}");
    assert!(same_json(b, a), "{b} {a}");
    assert_eq!(canonical(a), canonical(b), "{a} {b}");
}

#[track_caller]
fn different(a: &str, b: &str) {
    assert!(!same_json(a, b), "{a} {b}");
    assert!(!same_json(b, a), "{b} {a}");
    assert_ne!(canonical(a), canonical(b), "{a} {b}");
}

#[test]
fn spelling_makes_no_difference() {
    same(
        r#"{"a":1,"b":[true,null]}"#,
        " { \"a\" : 1 ,\n\"b\":[ true , null ] } ",
    );
    same(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#);
    same(
        r#"{"x":{"a":1,"b":[{"c":1,"d":2}]},"y":0}"#,
        r#"{"y":0,"x":{"b":[{"d":2,"c":1}],"a":1}}"#,
    );
    same(r#"{"a":"é/"}"#, r#"{"a":"\u00e9\/"}"#);
    same(r#"{"\u00e9":1}"#, r#"{"é":1}"#);
    same("[1.0, 100, 0.5, -0, 1e2]", "[1, 1e2, 5e-1, 0.0, 100]");
    same(
        "1234567890123456789012345678901234567890",
        "1234567890123456789012345678901234567890.0",
    );
}

#[test]
fn meaning_makes_a_difference() {
    different(
        "1234567890123456789012345678901234567890",
        "1234567890123456789012345678901234567891",
    );
    different("[1,2]", "[2,1]");
    different("[1]", "[1,1]");
    different("[]", "{}");
    different("[]", "[[]]");
    different(r#"{"a":1}"#, r#"{"a":1,"b":1}"#);
    different(r#"{"a":1,"b":2}"#, r#"{"b":1,"a":2}"#);
    different(r#"{"a":1}"#, r#"{"b":1}"#);
    different(r#"["a"]"#, r#"["A"]"#);
    different(r#"["1"]"#, "[1]");
    different(r#"["null"]"#, "[null]");
    different("[-1]", "[1]");
    different("[1e400]", "[1e401]");
    different(r#"{"a":"b,","c":"d"}"#, r#"{"c":"d","a":"b"}"#);
}

#[test]
fn a_number_too_large_becomes_text_in_the_tree() {
    assert_eq!(
        to_value(r#"{"a":1e400,"b":[-1e999],"c":"1e400","d":2}"#).unwrap()["a"]
            .to_string()
            .trim_matches('"'),
        "1e400"
    );
    assert_eq!(to_value("[1, 2.5]").unwrap(), json!([1, 2.5]));
    assert!(to_value("{").is_err());
    assert!(to_value("[1e400").is_err());
}

#[test]
fn of_a_key_that_comes_twice_the_last_value_counts() {
    let check = |a, b, same| assert_eq!(canonical(a) == canonical(b), same, "{a} {b}");
    check(r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#, true);
    check(r#"{"a":{"x":1},"\u0061":[]}"#, r#"{"a":[]}"#, true);
    check(r#"{"a":1,"a":3}"#, r#"{"a":1}"#, false);
}

#[test]
fn what_is_nested_too_deep_to_be_stored_is_compared_as_it_is_written() {
    let nested = |inner: &str| format!("{}{inner}{}", "[".repeat(9000), "]".repeat(9000));
    assert_eq!(canonical(&nested("1")), canonical(&nested("1")));
    assert_ne!(canonical(&nested("1")), canonical(&nested("2")));
}

/// A JSON value of any shape, with numbers and strings that have several spellings.
fn any_json() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        (-300_i64..300).prop_map(|n| Value::from(n * 100)),
        any::<u64>().prop_map(Value::from),
    ];
    let text = "[a-c\"\\\\/\u{1}é🎉 ]{0,9}";
    let leaf = prop_oneof![
        number,
        text.prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(text, inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Another spelling of the same value: keys backwards, white space, escapes, numbers with fractions or exponents.
fn respelled(value: &Value) -> String {
    let string = |text: &str| {
        let units = text.encode_utf16().map(|unit| format!("\\u{unit:04X}"));
        format!("\"{}\"", units.collect::<String>())
    };
    match value {
        Value::Object(members) => {
            let members = members.iter().rev();
            let members =
                members.map(|(key, value)| format!("{}\n: {}", string(key), respelled(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(" ,\t"))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(respelled).collect();
            format!("[ {}\r\n]", items.join(", "))
        }
        Value::String(text) => string(text),
        Value::Number(number) => {
            let text = number.to_string();
            match text.strip_suffix("00") {
                Some(hundreds) => format!("{hundreds}.00E+2"),
                None => format!("{text}.0"),
            }
        }
        other => other.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_spelling_for_every_spelling(a in any_json(), b in any_json()) {
        let plain = a.to_string();
        prop_assert_eq!(canonical(&plain), canonical(&respelled(&a)), "{}", plain);
        prop_assert!(same_json(&plain, &respelled(&a)));
        let other = b.to_string();
        prop_assert_eq!(a == b, canonical(&plain) == canonical(&other));
        prop_assert_eq!(a == b, same_json(&plain, &respelled(&b)));
    }
}

#[cfg(feature = "postgres")]
#[test]
fn a_digest_is_that_of_the_one_spelling() {
    assert_eq!(
        digest(r#"{"b":1.0,"a":"\u00e9"}"#),
        digest(r#"{"a":"é","b":1}"#)
    );
    assert_ne!(digest(r#"{"a":1}"#), digest(r#"{"a":2}"#));
}
