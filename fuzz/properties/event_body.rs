//! What holds of any body that is read as an event, beside `serde_json`'s own reading of it.

use serde::de::IgnoredAny;
use serde_json::Value;
use stripe_store::View as _;
use stripe_store::clock::UnixMillis;
use stripe_store::ingest::{Content, Event, IngestError, Skipped};
use stripe_store::resources;
use stripe_store::store::{AccountId, Mode, Snapshot};

/// The longest message of an error, whatever the body: a line of a log.
const MAX_MESSAGE: usize = 512;

/// Says what is wrong by panicking.
pub(crate) fn check(input: &[u8]) {
    let Ok(json) = str::from_utf8(input) else {
        return;
    };
    // Some of what is no value of `serde_json` is read here: numbers past any float, escapes of half a character, and
    // what is nested more deeply.
    let value: Option<Value> = serde_json::from_str(json).ok();
    match Event::read(json) {
        Ok(event) => {
            assert_eq!(event.json(), json);
            assert!(!json.contains('\0'), "no database keeps such a text");
            if let Some(value) = &value {
                check_envelope(&event, value);
            }
            check_content(&event, value.as_ref());
        }
        Err(error) => {
            check_message(&error);
            if let Some(value) = &value {
                check_refusal(&error, value);
            }
        }
    }
}

/// What an event says of itself is what its JSON says.
fn check_envelope(event: &Event<'_>, value: &Value) {
    let view = resources::Event::view(value);
    let is_thin = view.object() == Some("v2.core.event");
    assert!(is_thin || view.object() == Some("event"));
    assert_eq!(event.is_thin(), is_thin);
    assert_eq!(Some(event.id()), value["id"].as_str());
    assert_eq!(event.event_type(), view.type_().unwrap_or("without type"));
    // A thin one says them otherwise, too.
    if !is_thin || view.created().is_some() {
        assert_eq!(event.created(), view.created());
    }
    assert_eq!(event.mode(), view.livemode().map(Mode::from_livemode));
    if !is_thin || value["context"].is_null() {
        assert_eq!(event.account(), view.account());
    }
    assert_eq!(event.api_version(), view.api_version());
}

/// What is refused as an event is none, or lacks what is named.
fn check_refusal(error: &IngestError, value: &Value) {
    let view = resources::Event::view(value);
    let is_event = matches!(view.object(), Some("event" | "v2.core.event"));
    match error {
        IngestError::Json { .. } => assert!(!value.is_object()),
        IngestError::NotAnEvent { .. } => assert!(!is_event),
        IngestError::Event { field, .. } => {
            assert!(is_event);
            let is_there = match *field {
                "id" => value["id"].as_str().is_some_and(|id| !id.is_empty()),
                "created" => view.created().is_some(),
                field => value.get(field).is_some(),
            };
            assert!(!is_there, "it has its `{field}`");
        }
        other => panic!("no fault of an envelope: {other}"),
    }
}

fn check_content(event: &Event<'_>, value: Option<&Value>) {
    let object = value.map(|value| &value["data"]["object"]);
    match event.content() {
        Ok(Content::Snapshot(snapshot)) => check_snapshot(&snapshot, event, object),
        Ok(Content::Skipped(Skipped::WithoutId { event_type, .. })) => {
            assert_eq!(event_type, event.event_type());
            let id = object.and_then(|object| object["id"].as_str());
            assert!(id.is_none_or(str::is_empty));
        }
        Ok(Content::Skipped(Skipped::Thin { event: id, .. })) => {
            assert!(event.is_thin());
            assert_eq!(id, event.id());
        }
        Ok(other) => panic!("nothing else is known: {other:?}"),
        Err(error) => {
            check_message(&error);
            if let (IngestError::Event { field, .. }, Some(object)) = (&error, object) {
                assert_eq!(*field, "data.object");
                assert!(object.is_null(), "it has its object");
            }
        }
    }
}

/// A snapshot holds its object as it was sent, in a form that can be stored and read back.
fn check_snapshot(snapshot: &Snapshot<'_>, event: &Event<'_>, object: Option<&Value>) {
    assert!(!event.is_thin(), "it names its object only");
    let data = snapshot.data();
    let read = read_back(data);
    if snapshot.replaced_escapes() == 0 {
        assert!(event.json().contains(data));
    }
    if let Some(object) = object {
        let read = read.unwrap();
        if snapshot.replaced_escapes() == 0 {
            assert_eq!(&read, object);
        }
        assert_eq!(Some(snapshot.object()), read["object"].as_str());
        let id = read["id"].as_str().filter(|id| !id.is_empty());
        assert_eq!(snapshot.id(), id.unwrap_or(snapshot.object()));
        let livemode = read["livemode"].as_bool().map(Mode::from_livemode);
        assert_eq!(snapshot.mode(), livemode.or(event.mode()));
    }
    for text in [snapshot.object(), snapshot.id(), snapshot.source().as_str()] {
        assert!(!text.contains('\0'), "no database keeps such a text");
        assert!(!text.is_empty());
    }
    let created = event.created().map(UnixMillis::from);
    assert_eq!(Some(snapshot.as_of().start()), created);
    let account = event.account().map(AccountId::from);
    assert_eq!(snapshot.account(), account.as_ref());
    if let Some(previous) = snapshot.previous_attributes() {
        assert!(previous.starts_with('{'));
        read_back(previous);
    }
}

/// What is stored has to be read again, whatever came: as a value, but for numbers past any float, which are read otherwise.
fn read_back(stored: &str) -> Option<Value> {
    let read = serde_json::from_str(stored);
    if let Err(error) = &read {
        assert!(error.to_string().starts_with("number out of range"));
        serde_json::from_str::<IgnoredAny>(stored).unwrap();
    }
    read.ok()
}

/// What is told of a body is short, however long the body is.
fn check_message(error: &IngestError) {
    let source = std::error::Error::source(error).map(ToString::to_string);
    let message = format!("{error}: {}", source.unwrap_or_default());
    assert!(message.len() <= MAX_MESSAGE, "{} bytes", message.len());
    assert!(!message.chars().any(char::is_control), "{message:?}");
    if let IngestError::Json { line, column, .. } = error {
        assert!(*line > 0 && *column > 0, "{message}");
    }
}
