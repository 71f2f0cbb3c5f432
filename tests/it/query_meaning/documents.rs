//! Subscriptions with odd values in the fields that conditions look at.

use proptest::prelude::*;

/// Values of every type, right and wrong, as JSON.
pub(super) fn values() -> Vec<String> {
    let long = "x".repeat(255);
    let mut values: Vec<String> = [
        "null",
        "true",
        "false",
        "0",
        "-0.0",
        "1",
        "-1",
        "2",
        "12",
        "12.0",
        "1.2e1",
        "12.5",
        "0.1",
        "-0.5",
        "1e2",
        "1e300",
        "1e-400",
        "1700000000",
        "1700000000.0",
        "1700000000.5",
        "1700000001",
        "9999999998",
        "9999999999",
        "10000000000",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "1e18",
        "1e19",
        r#""""#,
        r#""a""#,
        r#""active""#,
        r#""Active""#,
        r#""past_due""#,
        r#""é""#,
        r#""z\u0301""#,
        r#""cus_1""#,
        r#""cus_12""#,
        r#""cus""#,
        r#""cus`""#,
        r#""a'b""#,
        r#""\\""#,
        r#""$1 ?1 %_*""#,
        r#""12""#,
        r#""+12""#,
        r#""-12""#,
        r#""0012""#,
        r#""12.0""#,
        r#"" 12""#,
        r#""-""#,
        r#""9223372036854775807""#,
        r#""9223372036854775808""#,
        r#""-9223372036854775808""#,
        r#""-9223372036854775809""#,
        r#""null""#,
        r#""true""#,
        r#""{\"id\":\"cus_1\"}""#,
        r#""[\"a\"]""#,
        r#""2026-01-01T00:00:00Z""#,
        "{}",
        "[]",
        r#"{"id":"cus_1"}"#,
        r#"{"id":"cus_1","email":"a","deleted":true}"#,
        r#"{"id":12}"#,
        r#"{"id":null}"#,
        r#"{"id":{"id":"cus_1"}}"#,
        r#"{"id":["cus_1"]}"#,
        r#"{"email":12}"#,
        r#"{"data":[]}"#,
        r#"{"data":{}}"#,
        r#"{"data":[{"quantity":12}]}"#,
        r#"{"data":[{"quantity":"12"},{"quantity":1.0}]}"#,
        r#"["a"]"#,
        r#"["a",12,null,true,0.1,{"id":"cus_1"},["a"]]"#,
        "[12.0]",
        r#"["12"]"#,
        "[null]",
        "[[]]",
        "[true]",
        r#"[{"id":"cus_1"}]"#,
        r#"[{"id":"cus_1","quantity":12,"active":true}]"#,
        r#"[{"quantity":12},{"active":true}]"#,
        r#"{"0":"a"}"#,
        r#"{"tier":"a"}"#,
        r#"{"feedback":"a"}"#,
        r#"{"":"a"}"#,
    ]
    .map(str::to_owned)
    .into();
    values.extend([
        format!("{long:?}"),
        format!("\"{long}x\""),
        format!("\"{long}y\""),
        format!("\"{}é\"", "x".repeat(254)),
    ]);
    values
}

/// The fields of the object that conditions look at.
const FIELDS: [&str; 14] = [
    "application_fee_percent",
    "cancel_at",
    "cancel_at_period_end",
    "cancellation_details",
    "created",
    "customer",
    "days_until_due",
    "default_tax_rates",
    "description",
    "discounts",
    "items",
    "latest_invoice",
    "metadata",
    "status",
];

/// A key that has a meaning to every language it passes through.
pub(super) const ODD_KEY: &str = "a.b \"c\" \\ 'é' $1 ?1 [0]";

fn object(id: &str, fields: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(name, value)| format!(r#","{name}":{value}"#))
        .collect();
    let fields = fields.concat();
    format!(r#"{{"object":"subscription","id":"{id}","livemode":true{fields}}}"#)
}

/// The value, where a nested field is: under keys of the metadata, in items, in references.
fn nested(value: &str) -> Vec<(&'static str, String)> {
    let odd = serde_json::to_string(ODD_KEY).unwrap();
    vec![
        (
            "metadata",
            format!(r#"{{"tier":{value},{odd}:{value},"":{value}}}"#),
        ),
        (
            "items",
            format!(
                r#"{{"object":"list","data":[{{"quantity":{value},"tax_rates":{value}}},{value}]}}"#
            ),
        ),
        ("customer", format!(r#"{{"id":{value},"email":{value}}}"#)),
        ("discounts", format!("[{value}, {value}]")),
        (
            "default_tax_rates",
            format!(r#"[{{"active":{value},"percentage":{value}}}]"#),
        ),
        ("cancellation_details", format!(r#"{{"feedback":{value}}}"#)),
        ("description", value.to_owned()),
    ]
}

/// Documents that hold one value in every field, and in every field inside of one.
pub(super) fn one_value_everywhere() -> Vec<String> {
    let mut texts = vec![object("sub_bare", [])];
    for (number, value) in values().into_iter().enumerate() {
        // Long texts are about fields of text.
        let fields = FIELDS
            .into_iter()
            .filter(|field| {
                value.len() < 100 || ["customer", "description", "status"].contains(field)
            })
            .map(|field| (field, value.clone()));
        texts.push(object(&format!("sub_{number}"), fields));
        texts.push(object(&format!("sub_{number}_nested"), nested(&value)));
    }
    texts
}

/// A document, but for its id.
#[derive(Debug, Clone)]
pub(super) struct Document(Vec<(&'static str, String)>);

impl Document {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let odd = || proptest::sample::select(values());
        let field = |field: &'static str| {
            let right: &[&str] = match field {
                "created" | "cancel_at" => &["1700000000", "1700000001", "1700000000.0"],
                "days_until_due" => &["1", "2", "12", "12.0"],
                "application_fee_percent" => &["0.1", "12.5", "12"],
                "cancel_at_period_end" => &["true", "false"],
                "status" => &[r#""active""#, r#""past_due""#, r#""trialing""#],
                "items" => {
                    &[r#"{"data":[{"quantity":12,"tax_rates":[{"active":true}]},{"quantity":1}]}"#]
                }
                "metadata" => &[r#"{"tier":"a"}"#, r#"{"tier":"active"}"#],
                "default_tax_rates" => &[r#"[{"active":true,"percentage":12.5}]"#],
                "discounts" => &[r#"["a","cus_1"]"#],
                "cancellation_details" => &[r#"{"feedback":"a"}"#],
                "latest_invoice" | "customer" => {
                    &[r#""cus_1""#, r#"{"id":"cus_1"}"#, r#""cus_12""#]
                }
                _ => &[r#""a""#, r#""cus_1""#],
            };
            let right: Vec<String> = right.iter().map(ToString::to_string).collect();
            let value = prop_oneof![
                1 => Just(None),
                4 => proptest::sample::select(right).prop_map(Some),
                2 => odd().prop_map(Some),
            ];
            value.prop_map(move |value| value.map(|value| (field, value)))
        };
        let fields: Vec<_> = FIELDS.map(field).into();
        let plain = fields.prop_map(|fields| Self(fields.into_iter().flatten().collect()));
        prop_oneof![6 => plain, 1 => odd().prop_map(|value| Self(nested(&value)))]
    }

    pub(super) fn text(&self, number: usize) -> String {
        // Some ids are the beginning of others.
        let id = ["sub_a", "sub_aa", "sub_B", "sub_é", "sub_"][number % 5];
        object(&format!("{id}{number}"), self.0.clone())
    }
}
