//! Event types: which there are, which object they are about, and which of them are deletions.

use std::collections::BTreeMap;

use openapiv3::{ReferenceOr, Schema, SchemaKind, Type};

use super::{
    Spec,
    endpoints::{Endpoints, resource_endpoints},
    ext,
    openapi::Method,
    shape::{listed, property, referred_property},
};

/// An event type, as far as the description tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct EventFact {
    /// Whether it is a thin event, which carries a reference to its object instead of the object.
    pub thin: bool,
    /// Its name: `invoice.paid`.
    pub name: String,
    /// The schema of the object that it carries, or (thin) refers to.
    ///
    /// `None` where the description does not say; [`Events::object_of`] then goes by the name.
    pub object: Option<String>,
    /// The schema of the `data` of a thin event, where it has one.
    pub data: Option<String>,
}

/// The events of a description, from the first of these that it has:
///
/// 1. lists on the property `type` of the schemas `event` and `v2.core.event` (facts-only form);
/// 2. a schema with `x-stripeEvent` per event type (Stripe's newer descriptions);
/// 3. the values that a webhook endpoint can be created with (Stripe's older ones).
pub(super) fn events(spec: &Spec) -> Vec<EventFact> {
    let mut events = BTreeMap::new();
    for (schema, thin) in [("event", false), ("v2.core.event", true)] {
        if let Some(type_) = spec
            .schemas
            .get(schema)
            .and_then(|schema| property(schema, "type"))
        {
            listed_events(type_, thin, &mut events);
        }
    }
    if events.is_empty() {
        described_events(spec, &mut events);
    }
    if events.is_empty() {
        enabled_events(spec, &mut events);
    }
    events.into_values().collect()
}

/// Events by kind and name.
type Found = BTreeMap<(bool, String), EventFact>;

fn entry<'a>(events: &'a mut Found, thin: bool, name: &str) -> &'a mut EventFact {
    events
        .entry((thin, name.to_owned()))
        .or_insert_with(|| EventFact {
            thin,
            name: name.to_owned(),
            object: None,
            data: None,
        })
}

fn listed_events(type_: &Schema, thin: bool, events: &mut Found) {
    let extensions = &type_.schema_data;
    for name in ext::event_types(extensions) {
        entry(events, thin, name);
    }
    for (name, object) in ext::event_objects(extensions) {
        entry(events, thin, name).object = Some(object.to_owned());
    }
    for (name, data) in ext::event_data(extensions) {
        entry(events, thin, name).data = Some(data.to_owned());
    }
}

fn described_events(spec: &Spec, events: &mut Found) {
    for schema in spec.schemas.values() {
        if let Some(event) = ext::stripe_event(&schema.schema_data) {
            let thin = event.thin || event.name.starts_with("v2.");
            let fact = entry(events, thin, event.name);
            fact.object = referred_property(schema, "object").map(str::to_owned);
            fact.data = referred_property(schema, "data").map(str::to_owned);
        }
    }
}

fn enabled_events(spec: &Spec, events: &mut Found) {
    let creation = spec.operations.iter().find(|operation| {
        operation.path == "/v1/webhook_endpoints" && operation.method == Method::Post
    });
    let body = creation.and_then(|operation| operation.raw.request_body.as_ref()?.as_item());
    for media_type in body.into_iter().flat_map(|body| body.content.values()) {
        let schema = media_type
            .schema
            .as_ref()
            .and_then(|schema| spec.resolve(schema));
        let enabled = schema.and_then(|schema| property(schema, "enabled_events"));
        let Some(SchemaKind::Type(Type::Array(enabled))) =
            enabled.map(|schema| &schema.schema_kind)
        else {
            continue;
        };
        let names = enabled
            .items
            .as_ref()
            .and_then(ReferenceOr::as_item)
            .map(Box::as_ref)
            .map(listed);
        for name in names.into_iter().flatten().filter(|name| *name != "*") {
            entry(events, false, name);
        }
    }
}

/// Events whose object is called something else, by the name without its last word.
const OTHER_OBJECTS: &[(&str, &str)] = &[
    // Not a `refund`, which is of a charge.
    ("application_fee.refund", "fee_refund"),
    // Whatever a customer can pay with, not only what is called `source` itself.
    ("customer.source", "payment_source"),
    // The event has the plural.
    (
        "v2.commerce.product_catalog.imports",
        "v2.commerce.product_catalog_import",
    ),
];

/// Objects that are deleted although the description has neither a schema nor an operation for it.
///
/// An installed app: its `status` knows no end (`uninstalling`, then nothing), so that what
/// `apps.install.deleted` speaks of can only be the object itself.
const DELETED_WITHOUT_SCHEMA: &[&str] = &["apps.install"];

/// What the names of events mean in one description.
#[derive(Debug, Clone)]
pub struct Events<'s> {
    spec: &'s Spec,
    /// Resources by their name with dots and underscores made equal.
    resources: BTreeMap<String, &'s str>,
    endpoints: BTreeMap<&'s str, Endpoints>,
}

impl<'s> Events<'s> {
    /// Prepares for the events of a description.
    pub fn new(spec: &'s Spec) -> Self {
        let resources = spec
            .resources()
            .map(|(name, _)| (name.replace('.', "_"), name))
            .collect();
        Self {
            spec,
            resources,
            endpoints: resource_endpoints(spec),
        }
    }

    /// The schema of the object that an event is about: what the description says, else what the
    /// [name](Self::object_named) says.
    ///
    /// A thin event whose object the description does not name has none: `v1.invoice.upcoming`
    /// refers to nothing.
    pub fn object_of(&self, event: &'s EventFact) -> Option<&'s str> {
        match &event.object {
            Some(object) => Some(object),
            None if event.thin => None,
            None => self.object_named(&event.name),
        }
    }

    /// The schema of the object that an event of this name is about.
    ///
    /// The longest run of words in the name that is a resource: `customer.subscription.updated` is
    /// about a `subscription`, `issuing_card.created` about an `issuing.card`,
    /// `source.mandate_notification` about a `source_mandate_notification`. `None` if no word is.
    pub fn object_named(&self, event: &str) -> Option<&'s str> {
        let event = without_brackets(event);
        let event = event.strip_prefix("v1.").unwrap_or(&event);
        if let Some(resource) = self.resource(event) {
            return Some(resource);
        }
        let (subject, _verb) = event.rsplit_once('.')?;
        let other = OTHER_OBJECTS.iter().find(|(name, _)| *name == subject);
        if let Some(resource) = other.and_then(|(_, object)| self.resource(object)) {
            return Some(resource);
        }
        let words: Vec<&str> = subject.split('.').collect();
        let runs = (1..=words.len())
            .rev()
            .flat_map(|end| (0..end).map(move |start| start..end));
        runs.filter_map(|run| words.get(run))
            .find_map(|words| self.resource(&words.join("_")))
    }

    fn resource(&self, name: &str) -> Option<&'s str> {
        self.resources.get(&name.replace('.', "_")).copied()
    }

    /// Whether the object that an event is about no longer exists at Stripe.
    ///
    /// Not every `….deleted` is one: a deleted subscription is a canceled one, and stays.
    pub fn is_deletion(&self, event: &'s EventFact) -> bool {
        !self.deleted_by(event).is_empty()
    }

    /// The types of object that no longer exist after an event of this type; none if it is no
    /// deletion.
    ///
    /// More than one where the event is about one of several types, and not all of those need be
    /// there: after `customer.source.deleted`, a card or a bank account is gone; a `source` is
    /// detached and stays.
    pub fn deleted_by(&self, event: &'s EventFact) -> Vec<&'s str> {
        if !event.name.ends_with(".deleted") {
            return Vec::new();
        }
        let Some(object) = self.object_of(event) else {
            return Vec::new();
        };
        if let Some((deleted, _)) = self
            .spec
            .schemas
            .get_key_value(&format!("deleted_{object}"))
        {
            return self.spec.deleted_members(deleted);
        }
        let has_operation = self
            .endpoints
            .get(object)
            .is_some_and(|endpoints| endpoints.delete.is_some());
        if has_operation || DELETED_WITHOUT_SCHEMA.contains(&object) {
            vec![object]
        } else {
            Vec::new()
        }
    }
}

/// The name without what stands in brackets: `v2.core.account[configuration.customer].updated`.
fn without_brackets(event: &str) -> String {
    let mut depth = 0_usize;
    let outside = event.chars().filter(|character| match character {
        '[' => {
            depth += 1;
            false
        }
        ']' => {
            depth = depth.saturating_sub(1);
            false
        }
        _ => depth == 0,
    });
    outside.collect()
}

#[cfg(test)]
mod tests;
