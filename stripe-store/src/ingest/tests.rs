use super::*;
use crate::clock::UnixMillis;
use crate::store::{Interval, Mode, Snapshot};

/// What a file holds: one line for each entry, error or bad document.
fn read(file: &str) -> Vec<String> {
    let origin = Origin::new(Interval::second(100)).with_api_version("2020-08-27");
    let mut lines = Vec::new();
    for document in Documents::new(file.as_bytes()) {
        match document {
            Ok(document) => lines.extend(document.entries(&origin).into_iter().map(render)),
            Err(error) => lines.push(format!("! {error}")),
        }
    }
    lines
}

fn render(entry: Result<Entry<'_>, IngestError>) -> String {
    match entry {
        Ok(entry) => {
            let line = entry.line();
            match entry.into_content() {
                Content::Snapshot(snapshot) => format!("{line} {}", describe(&snapshot)),
                Content::Skipped(skipped) => format!("{line} skipped: {skipped}"),
            }
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            format!("! {error}{}", cause.unwrap_or_default())
        }
    }
}

fn describe(snapshot: &Snapshot<'_>) -> String {
    let mut words = vec![snapshot.object().to_owned(), snapshot.id().to_owned()];
    words.push(format!(
        "at {}",
        snapshot.as_of().start().as_millis() / 1000
    ));
    words.push(format!("by {}", snapshot.source()));
    words.extend(snapshot.mode().map(|mode| mode.as_str().to_owned()));
    words.extend(snapshot.account().map(ToString::to_string));
    words.extend(snapshot.api_version().map(str::to_owned));
    words.extend(snapshot.is_deleted().then(|| "deleted".to_owned()));
    words.join(" ")
}

#[track_caller]
fn check(file: &str, expected: &[&str]) {
    assert_eq!(read(file), expected);
}

fn event(event_type: &str, object: &str) -> String {
    format!(
        r#"{{"id":"evt_1","object":"event","type":"{event_type}","created":200,"livemode":false,"api_version":"2026-10-28.endive","account":"acct_1","data":{{"object":{object}}}}}"#
    )
}

#[test]
fn an_object_is_as_of_its_origin() {
    check(
        r#"{"id":"cus_1","object":"customer"}"#,
        &["1 customer cus_1 at 100 by import 2020-08-27"],
    );
    check(
        r#"{"id":"cus_1","object":"customer","livemode":true,"deleted":true}"#,
        &["1 customer cus_1 at 100 by import live 2020-08-27 deleted"],
    );
    check(
        r#"{"object":"balance"}"#,
        &["1 balance balance at 100 by import 2020-08-27"],
    );
}

#[test]
fn an_event_brings_its_object_as_of_its_second() {
    check(
        &event("customer.updated", r#"{"id":"cus_1","object":"customer"}"#),
        &["1 customer cus_1 at 200 by evt_1 test acct_1 2026-10-28.endive"],
    );
    // The object's own mode counts, should they ever differ.
    check(
        &event(
            "customer.updated",
            r#"{"id":"cus_1","object":"customer","livemode":true}"#,
        ),
        &["1 customer cus_1 at 200 by evt_1 live acct_1 2026-10-28.endive"],
    );
}

#[test]
fn an_event_of_a_deletion_is_a_tombstone_and_a_cancellation_is_none() {
    check(
        &event("customer.deleted", r#"{"id":"cus_1","object":"customer"}"#),
        &["1 customer cus_1 at 200 by evt_1 test acct_1 2026-10-28.endive deleted"],
    );
    check(
        &event(
            "customer.source.deleted",
            r#"{"id":"card_1","object":"card"}"#,
        ),
        &["1 card card_1 at 200 by evt_1 test acct_1 2026-10-28.endive deleted"],
    );
    for (event_type, object) in [
        ("customer.subscription.deleted", "subscription"),
        ("customer.source.deleted", "source"),
        ("payment_method.detached", "payment_method"),
    ] {
        let line = format!("1 {object} x_1 at 200 by evt_1 test acct_1 2026-10-28.endive");
        check(
            &event(
                event_type,
                &format!(r#"{{"id":"x_1","object":"{object}"}}"#),
            ),
            &[&line],
        );
    }
}

#[test]
fn an_event_of_an_unknown_type_brings_its_object() {
    check(
        &event(
            "loyalty.card.stamped",
            r#"{"id":"loy_1","object":"loyalty.card"}"#,
        ),
        &["1 loyalty.card loy_1 at 200 by evt_1 test acct_1 2026-10-28.endive"],
    );
}

#[test]
fn an_event_without_a_row_to_write_is_skipped_with_the_reason() {
    check(
        &event("invoice.upcoming", r#"{"object":"invoice"}"#),
        &["1 skipped: the object of invoice.upcoming has no id (evt_1)"],
    );
    check(
        r#"{"id":"evt_2","object":"v2.core.event","type":"v2.core.account.updated","created":"2026-11-06T00:00:00Z"}"#,
        &["1 skipped: v2.core.account.updated names its object but does not carry it (evt_2)"],
    );
}

#[test]
fn a_list_gives_each_of_its_objects_with_its_line() {
    check(
        "{\"object\":\"list\",\"data\":[\n  {\"id\":\"a\",\"object\":\"x\"},\n  {\"object\":\"x\"},\n  {\"id\":\"b\",\n\"object\":\"x\"}, {\"id\":\"c\",\"object\":\"x\"}]}",
        &[
            "2 x a at 100 by import 2020-08-27",
            "! line 3: x has no id, so there is no row it could be",
            "4 x b at 100 by import 2020-08-27",
            "5 x c at 100 by import 2020-08-27",
        ],
    );
    check(r#"{"data":[],"object":"list"}"#, &[]);
    check(
        r#"{"object":"list"}"#,
        &["! line 1: a list object without an array `data`"],
    );
    check(
        r#"{"object":"list","data":{}}"#,
        &["! line 1: a list object without an array `data`"],
    );
}

#[test]
fn an_event_that_lacks_a_part_says_which() {
    check(
        r#"{"object":"event","id":"evt_1"}"#,
        &["! line 1: event evt_1 has no `data`"],
    );
    check(
        r#"{"object":"event","id":"evt_1","created":1,"data":[]}"#,
        &["! line 1: event evt_1 has no `data.object`"],
    );
    check(
        r#"{"object":"event","data":{"object":{"id":"a","object":"x"}}}"#,
        &["! line 1: event without id has no `id`"],
    );
    check(
        r#"{"object":"event","id":"evt_1","created":"now","data":{"object":{"id":"a","object":"x"}}}"#,
        &["! line 1: event evt_1 has no `created`"],
    );
}

#[test]
fn an_event_that_spells_itself_otherwise_is_read_like_any_other() {
    let object = r#"{"id":"a","object":"x"}"#;
    for created in ["200.0", "2e2", "200"] {
        check(
            &format!(
                r#"{{"\u006fbject":"\u0065vent","id":"evt_1","created":{created},"data":{{"object":{object}}}}}"#
            ),
            &["1 x a at 200 by evt_1"],
        );
    }
}

#[test]
fn an_empty_id_is_none() {
    check(
        r#"{"object":"event","id":"","created":1,"data":{}}"#,
        &["! line 1: event without id has no `id`"],
    );
}

#[test]
fn an_error_is_a_line_of_a_log_whatever_was_sent() {
    let told = |json: &str| event_error(json).to_string();
    let long = "4242".repeat(1000);
    assert_eq!(
        told(&format!("{long:?}")),
        "line 1, column 4002: expected an object"
    );
    assert_eq!(
        told(&format!(r#"{{"object":"event","id":"a\n{long}"}}"#)),
        format!("line 1: event a\u{fffd}{} has no `data`", &long[..76])
    );
    check(
        &format!(r#"{{"object":"a\n{}"}}"#, &long[..200]),
        &[&format!(
            "! line 1: a\u{fffd}{} has no id, so there is no row it could be",
            &long[..76]
        )],
    );
}

fn event_error(json: &str) -> IngestError {
    Event::read(json).unwrap_err()
}

#[test]
fn a_mistake_in_the_json_is_placed_in_the_file() {
    check(
        "{}\n{\"id\": 01}",
        &[
            "! line 1: object has no type: its `object` field is missing or no text",
            "! line 2, column 9: invalid number",
        ],
    );
    check("  {\"id\" \"a\"}", &["! line 1, column 9: expected `:`"]);
    check(
        "[{\"id\":\"a\",\"object\":\"x\"}, {\"id\":\n  tru}]",
        &[
            "1 x a at 100 by import 2020-08-27",
            "! line 2, column 6: expected ident",
        ],
    );
    check("{\"id\": tr\nue}", &["! line 2, column 1: expected ident"]);
    assert_eq!(
        event_error("").to_string(),
        "line 1, column 1: EOF while parsing a value"
    );
}

#[test]
fn numbers_and_spacing_reach_the_snapshot_as_they_are() {
    let file = "{ \"id\": \"a\",\n \"object\":\"x\", \"n\": 1.50000000000000000000001e2 }";
    let document = Documents::new(file.as_bytes()).next().unwrap().unwrap();
    let entries = document.entries(&Origin::new(Interval::second(0)));
    let Content::Snapshot(snapshot) = entries[0].as_ref().unwrap().content() else {
        panic!()
    };
    assert_eq!(snapshot.data(), file);
    assert_eq!(snapshot.mode(), None::<Mode>);
    assert_eq!(snapshot.as_of().end(), UnixMillis::from_seconds(1));
}
