//! Events: what a request did to an object, as Stripe tells of it.

use serde_json::{Map, Value, json};
use stripe_store::resources::{API_VERSION, events::EVENTS};

use super::server::Received;

/// Where events are listed.
pub(super) const PATH: &str = "/v1/events";

/// The event that tells of an object that was `created`, `updated` or `deleted`; `None` where Stripe has none for its
/// type, and where nothing is different from `before`.
pub(super) fn of(
    id: &str,
    what: &str,
    before: Option<&Map<String, Value>>,
    object: &Value,
    request: &Received,
    created: i64,
) -> Option<Value> {
    let name = object.get("object")?.as_str()?;
    let facts = EVENTS
        .iter()
        .find(|facts| facts.object == Some(name) && facts.name.rsplit('.').next() == Some(what))?;
    let mut data = Map::from_iter([("object".to_owned(), object.clone())]);
    if let Some(before) = before {
        let differs = |(key, value): &(&String, &Value)| before.get(*key) != Some(*value);
        let changed = object.as_object()?.iter().filter(differs);
        let previous: Map<_, _> = changed
            .map(|(key, _)| (key.clone(), before.get(key).cloned().unwrap_or_default()))
            .collect();
        if previous.is_empty() {
            return None;
        }
        data.insert("previous_attributes".to_owned(), Value::Object(previous));
    }
    Some(json!({
        "id": id,
        "object": "event",
        "api_version": request.header("stripe-version").unwrap_or(API_VERSION),
        "created": created,
        "data": data,
        "livemode": object.get("livemode").unwrap_or(&Value::Bool(false)),
        "pending_webhooks": 0,
        "request": {"id": null, "idempotency_key": request.header("idempotency-key")},
        "type": facts.name,
    }))
}
