//! Which views are what is left of deleted objects, and of which.

use std::collections::BTreeMap;

use crate::ir::{ANY_OBJECT, View};
use crate::spec::{self, Spec};

/// Notes in every view of what is left of a deleted object the view that the object had: of a type that is not
/// generated, or that only its text names, the one of any object.
pub(super) fn find(spec: &Spec, views: &mut [View]) {
    let names: BTreeMap<String, String> = views
        .iter()
        .map(|view| (view.source.clone(), view.name.clone()))
        .collect();
    let is_tombstone = |view: &&mut View| {
        spec.schemas.contains_key(&view.source) && spec::describes_deleted(&view.source)
    };
    for view in views.iter_mut().filter(is_tombstone) {
        let living = view.source.strip_prefix("deleted_");
        let living = living.and_then(|living| names.get(living));
        view.tombstone_of = Some(living.map_or(ANY_OBJECT, String::as_str).to_owned());
    }
}
