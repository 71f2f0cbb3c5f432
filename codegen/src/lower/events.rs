//! Event types and endpoints: what the description says of the views as a whole.

use std::collections::BTreeMap;

use super::names::camel;
use crate::ir::{Api, Event};
use crate::spec::{Events, Spec, resource_endpoints};

/// Adds the events, and to each resource what its endpoints offer.
pub(super) fn lower(spec: &Spec, api: &mut Api) {
    let objects: BTreeMap<&str, (&str, Option<&str>)> = api
        .views
        .iter()
        .map(|view| {
            (
                view.source.as_str(),
                (
                    view.name.as_str(),
                    view.resource.as_ref().map(|it| it.object.as_str()),
                ),
            )
        })
        .collect();
    let meanings = Events::new(spec);
    let events: Vec<Event> = spec
        .events
        .iter()
        .map(|event| {
            let object = meanings.object_of(event);
            let view = object.and_then(|object| objects.get(object));
            Event {
                name: camel(&event.name),
                event: event.name.clone(),
                view: view.map(|(view, _)| (*view).to_owned()),
                object: view
                    .and_then(|(_, object)| *object)
                    .or(object)
                    .map(str::to_owned),
                is_deletion: meanings.is_deletion(event),
                is_thin: event.thin,
            }
        })
        .collect();
    api.events = events;

    let endpoints = resource_endpoints(spec);
    for view in &mut api.views {
        let Some(resource) = &mut view.resource else {
            continue;
        };
        if let Some(found) = endpoints.get(view.source.as_str()) {
            // What is left without a path is an action on another object: `DELETE /v1/customers/{customer}/discount`.
            if found.path.is_none() {
                continue;
            }
            resource.path.clone_from(&found.path);
            resource.retrieve = found.retrieve.is_some();
            resource.list = found.list.is_some();
            resource.search = found.search.is_some();
            resource.delete = found.delete.is_some();
        }
    }
}
