//! Which views are generated, and in which file each stands.
//!
//! A file per resource holds the views that only that resource leads to; what several lead to is in `shared`.
//! All of it is re-exported flat, so that a view that moves between files keeps its path.

use std::collections::{BTreeMap, BTreeSet};

use crate::ir::{ANY_OBJECT, Api, Kind, View};

/// The file of what several resources lead to, or none.
const SHARED: &str = "shared";

/// Keeps the selected resources and what they are made of.
///
/// What they only refer to is not part of them: a reference to a resource that was not selected reads as any
/// object, so that `customer` does not pull in the whole API. `also` names schemas that are no resources.
pub(super) fn select(api: &mut Api, only: &[String], also: &BTreeSet<String>) {
    if only.is_empty() {
        return;
    }
    let resources: BTreeSet<String> = api
        .views
        .iter()
        .filter(|view| view.resource.is_some())
        .map(|view| view.name.clone())
        .collect();
    let wanted: Vec<&str> = api
        .views
        .iter()
        .filter(|view| only.contains(&view.source) || also.contains(&view.source))
        .map(|view| view.name.as_str())
        .collect();
    let parts = Links(
        api.views
            .iter()
            .map(|view| (view.name.as_str(), parts(view, &resources)))
            .collect(),
    );
    let kept: BTreeSet<String> = parts
        .reachable(&wanted, |_| true)
        .into_iter()
        .map(str::to_owned)
        .collect();
    api.views.retain(|view| kept.contains(&view.name));
    for view in &mut api.views {
        for field in &mut view.fields {
            forget(&mut field.kind, &kept);
        }
    }
    let named: BTreeSet<&str> = api
        .views
        .iter()
        .flat_map(|view| &view.fields)
        .filter_map(|field| field.kind.target())
        .collect();
    api.enums.retain(|it| named.contains(it.name.as_str()));
    api.events
        .retain(|event| event.view.as_ref().is_some_and(|view| kept.contains(view)));
}

/// What a view is made of: all that it names but the resources that it only refers to.
fn parts<'a>(view: &'a View, resources: &BTreeSet<String>) -> Vec<&'a str> {
    let fields = view
        .fields
        .iter()
        .filter(|field| !refers(&field.kind, resources))
        .filter_map(|field| field.kind.target());
    fields.chain(arms(view)).collect()
}

fn refers(kind: &Kind, resources: &BTreeSet<String>) -> bool {
    match kind {
        Kind::Ref(name) => resources.contains(name),
        Kind::Array(inner) | Kind::List(inner) | Kind::Map(inner) => refers(inner, resources),
        _ => false,
    }
}

/// Makes references to what was not kept references to any object.
fn forget(kind: &mut Kind, kept: &BTreeSet<String>) {
    match kind {
        Kind::Ref(name) if !kept.contains(name) => ANY_OBJECT.clone_into(name),
        Kind::Array(inner) | Kind::List(inner) | Kind::Map(inner) => forget(inner, kept),
        _ => {}
    }
}

/// Puts every view and enum into a file.
pub(super) fn assign(api: &mut Api) {
    let links = Links::new(api);
    let resources: Vec<(&str, String)> = api
        .views
        .iter()
        .filter_map(|view| {
            Some((
                view.name.as_str(),
                module_name(&view.resource.as_ref()?.object),
            ))
        })
        .collect();
    let is_resource: BTreeSet<&str> = resources.iter().map(|(name, _)| *name).collect();
    let mut owners: BTreeMap<String, Option<String>> = BTreeMap::new();
    for (resource, module) in &resources {
        for name in links.reachable(&[resource], |name| !is_resource.contains(name)) {
            let owner = owners
                .entry(name.to_owned())
                .or_insert_with(|| Some(module.clone()));
            if owner.as_ref() != Some(module) {
                *owner = None;
            }
        }
    }
    for (resource, module) in &resources {
        owners.insert((*resource).to_owned(), Some(module.clone()));
    }
    let module_of = |name: &str| {
        owners
            .get(name)
            .cloned()
            .flatten()
            .unwrap_or_else(|| SHARED.to_owned())
    };
    let modules: Vec<String> = api.views.iter().map(|view| module_of(&view.name)).collect();
    let enum_modules: Vec<String> = api.enums.iter().map(|it| module_of(&it.name)).collect();
    for (view, module) in api.views.iter_mut().zip(modules) {
        view.module = module;
    }
    for (it, module) in api.enums.iter_mut().zip(enum_modules) {
        it.module = module;
    }
}

/// `checkout.session` stands in `checkout_session`; a name that is a keyword or a fixed file gets an underscore.
pub(super) fn module_name(object: &str) -> String {
    let name = super::names::getter(object);
    let fixed = [
        "events",
        "exercise",
        "listings",
        "markers",
        "mod",
        "operations",
        SHARED,
    ];
    if fixed.contains(&name.as_str()) {
        format!("{name}_")
    } else {
        name
    }
}

/// Which view or enum names which.
struct Links<'a>(BTreeMap<&'a str, Vec<&'a str>>);

impl<'a> Links<'a> {
    fn new(api: &'a Api) -> Self {
        Self(
            api.views
                .iter()
                .map(|view| (view.name.as_str(), targets(view)))
                .collect(),
        )
    }

    /// What can be reached from `start`, going on through those that `through` allows, `start` included.
    fn reachable(&self, start: &[&'a str], through: impl Fn(&str) -> bool) -> BTreeSet<&'a str> {
        let mut seen: BTreeSet<&str> = start.iter().copied().collect();
        let mut open = start.to_vec();
        while let Some(name) = open.pop() {
            if !start.contains(&name) && !through(name) {
                continue;
            }
            for target in self.0.get(name).into_iter().flatten() {
                if seen.insert(target) {
                    open.push(target);
                }
            }
        }
        seen
    }
}

fn targets(view: &View) -> Vec<&str> {
    let fields = view.fields.iter().filter_map(|field| field.kind.target());
    fields.chain(arms(view)).collect()
}

fn arms(view: &View) -> impl Iterator<Item = &str> {
    view.variants
        .iter()
        .flat_map(|variants| variants.arms.iter().map(|arm| arm.view.as_str()))
}
