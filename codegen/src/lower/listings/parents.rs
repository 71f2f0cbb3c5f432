//! What listings have to do with each other: the lists inside objects that they go on with, and their order.

use std::collections::{BTreeMap, BTreeSet};

use crate::ir::{Api, Kind, Listing, View};
use crate::spec::{Spec, ext};

/// Lists inside objects that may be missing although they cannot be asked for, by type and field.
///
/// The external accounts of an account come with every answer about one that the platform controls, and with no other.
const NOT_EXPANDABLE: &[(&str, &str)] = &[("account", "external_accounts")];

/// How deep inside an object a list can be.
const DEPTH: usize = 3;

/// A list inside an object.
struct Inner {
    /// The dotted path to it.
    path: String,
    /// The types it lists.
    objects: BTreeSet<String>,
    /// Whether it is always there.
    is_required: bool,
}

/// The lists inside the objects of each resource, by what `object` says.
fn inner_lists(api: &Api) -> BTreeMap<&str, Vec<Inner>> {
    let views: BTreeMap<&str, &View> = api
        .views
        .iter()
        .map(|view| (view.name.as_str(), view))
        .collect();
    let resources = api.views.iter().filter_map(|view| {
        let facts = view.resource.as_ref()?;
        let mut found = Vec::new();
        inside(view, "", DEPTH, &views, &mut found);
        Some((facts.object.as_str(), found))
    });
    resources.collect()
}

fn inside(
    view: &View,
    at: &str,
    depth: usize,
    views: &BTreeMap<&str, &View>,
    found: &mut Vec<Inner>,
) {
    for field in &view.fields {
        let Some(target) = field.kind.target().and_then(|name| views.get(name)) else {
            continue;
        };
        let path = format!("{at}{}", field.key);
        match &field.kind {
            Kind::List(_) => found.push(Inner {
                path,
                objects: objects(target, views),
                is_required: field.required,
            }),
            Kind::Object(_) if target.resource.is_none() && depth > 1 => {
                inside(target, &format!("{path}."), depth - 1, views, found);
            }
            _ => {}
        }
    }
}

/// What `object` says in the objects that a view can hold.
fn objects(view: &View, views: &BTreeMap<&str, &View>) -> BTreeSet<String> {
    let own = view.resource.iter().map(|facts| facts.object.clone());
    let arms = view.variants.iter().flat_map(|variants| &variants.arms);
    let arms = arms.filter_map(|arm| {
        let facts = views.get(arm.view.as_str())?.resource.as_ref()?;
        Some(facts.object.clone())
    });
    own.chain(arms).collect()
}

/// Finds for each listing the list inside the parent that begins as it does.
///
/// That is the one that the path is named after; or, where there is none, the only one of these types that no other path
/// is named after.
pub(super) fn find_fields(listings: &mut [Listing], api: &Api) {
    let inner = inner_lists(api);
    let mut taken: BTreeSet<(String, String)> = BTreeSet::new();
    for by_name in [true, false] {
        for listing in &mut *listings {
            let types: BTreeSet<&str> = listing.objects.iter().map(String::as_str).collect();
            let Some(parent) = &mut listing.parent else {
                continue;
            };
            let last = listing.path.rsplit('/').next().unwrap_or_default();
            let mut fitting = inner
                .get(parent.object.as_str())
                .into_iter()
                .flatten()
                .filter(|list| {
                    list.objects
                        .iter()
                        .map(String::as_str)
                        .eq(types.iter().copied())
                })
                .filter(|list| !by_name || list.path.replace('.', "_") == last)
                .filter(|list| !taken.contains(&(parent.object.clone(), list.path.clone())));
            let (first, second) = (fitting.next(), fitting.next());
            if let (None, Some(list), None) = (&parent.field, first, second) {
                taken.insert((parent.object.clone(), list.path.clone()));
                parent.field = Some(list.path.clone());
            }
        }
    }
}

/// Finds the lists inside what is listed that come only when asked for, and go on in listings of their own.
pub(super) fn expand(listings: &mut [Listing], spec: &Spec, api: &Api) {
    let inner = inner_lists(api);
    let sources: BTreeMap<&str, &str> = api
        .views
        .iter()
        .filter_map(|view| {
            Some((
                view.resource.as_ref()?.object.as_str(),
                view.source.as_str(),
            ))
        })
        .collect();
    let is_expandable = |object: &str, path: &str| {
        let source = sources.get(object).and_then(|source| spec.schema(source));
        let first = path.split('.').next().unwrap_or_default();
        let is_listed = source.is_some_and(|(_, schema)| {
            ext::expandable_fields(&schema.schema_data).any(|field| field == first)
        });
        let lists = inner.get(object).into_iter().flatten();
        let is_optional = lists
            .filter(|list| list.path == path)
            .all(|list| !list.is_required);
        is_listed && is_optional && !NOT_EXPANDABLE.contains(&(object, path))
    };
    let parents = listings
        .iter()
        .filter_map(|listing| listing.parent.as_ref());
    let continued: BTreeSet<(String, String)> = parents
        .filter_map(|parent| Some((parent.object.clone(), parent.field.clone()?)))
        .filter(|(object, field)| is_expandable(object, field))
        .collect();
    for listing in listings {
        let fields = continued
            .iter()
            .filter(|(object, _)| listing.objects.contains(object));
        listing.expand = fields.map(|(_, field)| format!("data.{field}")).collect();
    }
}

/// Puts the listings of parents before those below them, and sorts by path within.
pub(super) fn sort(listings: &mut [Listing]) {
    let mut levels: BTreeMap<String, usize> = BTreeMap::new();
    let level = |listing: &Listing, levels: &BTreeMap<String, usize>| {
        let parent = listing.parent.as_ref();
        let above = parent.and_then(|parent| levels.get(&parent.object));
        above.map_or(0, |above| above + 1)
    };
    // As often as the deepest can be, so that parents that are each other's end too.
    for _ in 0..listings.len() {
        let before = levels.clone();
        for listing in &*listings {
            let level = level(listing, &before);
            for object in &listing.objects {
                let highest = levels.entry(object.clone()).or_default();
                *highest = level.max(*highest);
            }
        }
        if levels == before {
            break;
        }
    }
    listings.sort_by(|a, b| {
        let levels = (level(a, &levels), level(b, &levels));
        levels.0.cmp(&levels.1).then_with(|| key(a).cmp(&key(b)))
    });
}

/// What tells one listing from every other.
fn key(listing: &Listing) -> (&str, Option<&str>, &[(String, String)]) {
    let parent = listing.parent.as_ref();
    let param = parent.and_then(|parent| parent.param.as_deref());
    (&listing.path, param, &listing.params)
}
