use serde_json::value::RawValue;

use super::*;
use crate::view::View;

fn read(json: &str) -> Result<Snapshot<'_>, SnapshotError> {
    Ok(Snapshot::read(json)?.taken(Interval::second(1), Source::import()))
}

#[track_caller]
fn refused(json: &str, message: &str) {
    assert_eq!(read(json).unwrap_err().to_string(), message);
}

#[test]
fn the_head_is_read_wherever_it_stands() {
    let snapshot = read(
        r#" {"nested":{"id":"no","object":"no"},"deleted":false,"created":1700000000,
            "livemode":false,"object":"checkout.session","list":[{"id":"no"}],"id":"cs_1"} "#,
    )
    .unwrap();
    assert_eq!(snapshot.object(), "checkout.session");
    assert_eq!(snapshot.id(), "cs_1");
    assert_eq!(snapshot.mode(), Some(Mode::Test));
    assert_eq!(
        snapshot.created().map(Timestamp::unix_seconds),
        Some(1_700_000_000)
    );
    assert!(!snapshot.is_deleted());
    assert!(snapshot.data().starts_with('{') && snapshot.data().ends_with('}'));
}

#[test]
fn a_head_of_odd_types_counts_as_absent() {
    let snapshot =
        read(r#"{"object":"x","id":"x_1","livemode":"yes","created":1e400,"deleted":"true"}"#)
            .unwrap();
    assert_eq!(snapshot.mode(), None);
    assert_eq!(snapshot.created(), None);
    assert!(!snapshot.is_deleted());
    let created = |json| read(json).unwrap().created().map(Timestamp::unix_seconds);
    assert_eq!(
        created(r#"{"object":"x","id":"x_1","created":12.0}"#),
        Some(12)
    );
    assert_eq!(created(r#"{"object":"x","id":"x_1","created":12.5}"#), None);
}

#[test]
fn escapes_in_keys_and_ids_are_understood() {
    let snapshot =
        read(r#"{"\u006fbject":"coupon","id":"10% \"Gr\u00fc\u00dfe\" 🎉","x":"\u0000"}"#).unwrap();
    assert_eq!(snapshot.object(), "coupon");
    assert_eq!(snapshot.id(), "10% \"Grüße\" 🎉");
    assert_eq!(snapshot.replaced_escapes(), 1);
    assert_eq!(snapshot.clone().into_owned(), snapshot);
}

#[test]
fn raw_values_are_borrowed() {
    let raw: Box<RawValue> = serde_json::from_str(r#"{"object":"coupon","id":"gold"}"#).unwrap();
    let snapshot = Snapshot::read(&*raw)
        .unwrap()
        .taken(Interval::second(1), "req_1");
    assert_eq!(snapshot.data().as_ptr(), raw.get().as_ptr());
}

#[test]
fn a_type_that_exists_once_is_stored_under_its_name() {
    let snapshot = read(r#"{"object":"balance","available":[],"livemode":true}"#).unwrap();
    assert_eq!(snapshot.id(), "balance");
}

#[test]
fn what_cannot_be_filed_is_refused_by_name() {
    refused("[]", "not a JSON object");
    refused("", "not a JSON object");
    refused("{\"id\":\"cus_1\",}", "the object is not valid JSON");
    refused("{\"id\":\"cus_1\"} x", "the object is not valid JSON");
    refused(
        r#"{"object":"invoice","id":null}"#,
        "invoice has no id, so there is no row it could be",
    );
    refused(
        r#"{"object":"invoice"}"#,
        "invoice has no id, so there is no row it could be",
    );
    refused(
        r#"{"object":"invoice","id":""}"#,
        "invoice has no id, so there is no row it could be",
    );
    refused(
        r#"{"object":"invoice","id":5}"#,
        "invoice has no id, so there is no row it could be",
    );
    refused(
        r#"{"id":"cus_1"}"#,
        "object cus_1 has no type: its `object` field is missing or no text",
    );
    let long = format!(r#"{{"object":"coupon","id":"{}"}}"#, "x".repeat(1025));
    let cut = "x".repeat(80);
    refused(
        &long,
        &format!("the id of coupon {cut} is longer than 1024 bytes"),
    );
}

#[test]
fn nesting_past_the_limit_is_refused_by_name() {
    let nested = |depth: usize| {
        let inner = format!("{}{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        format!(r#"{{"object":"product","id":"prod_deep","a":{inner}}}"#)
    };
    assert!(read(&nested(MAX_DEPTH)).is_ok());
    refused(
        &nested(MAX_DEPTH + 1),
        "product prod_deep is nested deeper than 127 levels",
    );
    refused(
        &nested(100_000),
        "product prod_deep is nested deeper than 127 levels",
    );
}

#[test]
fn numbers_no_database_holds_are_refused_by_name() {
    assert!(read(r#"{"object":"price","id":"price_1","amount":1e400}"#).is_ok());
    refused(
        r#"{"object":"price","id":"price_1","amount":1e99999}"#,
        "price price_1 holds a number of more than 16383 places",
    );
}

#[test]
fn objects_past_32_mib_are_refused() {
    let long = format!(
        r#"{{"object":"product","id":"p","a":"{}"}}"#,
        "x".repeat(32 << 20)
    );
    assert!(matches!(read(&long), Err(SnapshotError::TooLarge { .. })));
}

#[test]
fn errors_show_no_data() {
    let error = read(r#"{"object":"customer","email":"ada@example.com",}"#).unwrap_err();
    assert!(!format!("{error:?} {error}").contains("ada"));
    let snapshot = read(r#"{"object":"customer","id":"cus_1","email":"ada@example.com"}"#).unwrap();
    assert!(!format!("{snapshot:?}").contains("ada"));
}

#[test]
fn deleted_true_makes_a_tombstone_and_a_stub() {
    let stub = read(r#"{"object":"customer","id":"cus_1","deleted":true}"#).unwrap();
    assert!(stub.is_deleted() && !stub.is_full());
    let whole = Snapshot::read(r#"{"object":"customer","id":"cus_1","email":null}"#)
        .unwrap()
        .tombstone()
        .taken(Interval::second(1), "evt_1");
    assert!(whole.is_deleted() && whole.is_full());
}

#[derive(Clone, Debug, ref_cast::RefCast)]
#[repr(transparent)]
struct File(serde_json::Value);

impl View for File {
    fn data(&self) -> &serde_json::Value {
        &self.0
    }
    fn from_value(value: serde_json::Value) -> Self {
        Self(value)
    }
}

impl Resource for File {
    const OBJECT: &'static str = "file";
    const ALIASES: &'static [&'static str] = &["file_upload"];
    const OPERATIONS: crate::view::Operations =
        crate::view::Operations::new(true, true, false, false);
}

#[test]
fn c022_an_object_of_another_type_is_refused() {
    let require = |json| Snapshot::read(json).unwrap().require::<File>();
    assert!(require(r#"{"object":"file","id":"file_1"}"#).is_ok());
    assert!(require(r#"{"object":"file_upload","id":"file_1"}"#).is_ok());
    assert_eq!(
        require(r#"{"object":"charge","id":"ch_1"}"#)
            .unwrap_err()
            .to_string(),
        "charge ch_1 is no file"
    );
}

#[test]
fn intervals_are_seconds_of_events_or_spans() {
    let second = Interval::second(1_700_000_000);
    assert_eq!(
        second.to_string(),
        "2023-11-14T22:13:20.000Z/2023-11-14T22:13:21.000Z"
    );
    let span = Interval::new(second.start(), second.end().plus_millis(5)).unwrap();
    assert_eq!(span.end().as_millis(), 1_700_000_001_005);
    assert!(Interval::new(second.end(), second.start()).is_err());
    assert_eq!(Interval::second(i64::MAX).end(), UnixMillis::MAX);
}

#[test]
fn sources_and_versions_fit_their_columns() {
    assert_eq!(Source::from("a\0b").as_str(), "a\u{fffd}b");
    assert_eq!(Source::from("é".repeat(300)).as_str().len(), 254);
}
