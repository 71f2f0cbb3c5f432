//! What the machine's databases do without us: one transaction for each event, which inserts its row of the inbox and puts
//! its object in the place of the one before.

pub mod pgbench;
pub mod sqlite;

use serde_json::Value;

use super::mix::Event;

/// The two rows of an event.
#[derive(Debug, Clone)]
pub struct Rows {
    event_id: String,
    event_type: &'static str,
    created: i64,
    payload: String,
    object: String,
    stripe_id: String,
    data: Value,
}

impl Rows {
    /// Those of an event of a mix.
    ///
    /// # Panics
    ///
    /// When it is no event.
    pub fn of(event: &Event) -> Self {
        let payload = String::from_utf8(event.body.to_vec()).expect("an event is text");
        let mut envelope: Value = serde_json::from_str(&payload).expect("an event is JSON");
        let (object, stripe_id) = event.key.clone();
        Self {
            event_id: event.id.clone(),
            event_type: event.event_type,
            created: envelope["created"].as_i64().unwrap_or_default(),
            payload,
            object,
            stripe_id,
            data: envelope["data"]["object"].take(),
        }
    }
}
