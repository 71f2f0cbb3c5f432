//! Where each resource can be had: its collection, and how to retrieve, list, search and delete it.

use std::collections::BTreeMap;

use super::{
    Spec,
    openapi::{Method, Operation},
    shape::ResponseShape,
};

/// Last words of paths whose answer Stripe computes and does not keep: nothing to retrieve or to
/// list there.
const COMPUTED: &[&str] = &["preview", "upcoming"];

/// The operations of one resource, by what they do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoints {
    /// The path of its collection, or of the object itself if there is one only: `/v1/customers`,
    /// `/v1/balance`. With a parameter, `/v1/customers/{customer}/sources`, if it is only to be had
    /// below another object.
    pub path: Option<String>,
    /// Reads one object.
    pub retrieve: Option<Endpoint>,
    /// Reads pages of it, and of nothing else where there is a choice.
    pub list: Option<Endpoint>,
    /// Finds objects.
    pub search: Option<Endpoint>,
    /// Deletes an object. Canceling is no deletion.
    pub delete: Option<Endpoint>,
    /// Every list that has it, the one above first.
    pub lists: Vec<Endpoint>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// Its path, with parameters in braces.
    pub path: String,
    /// The query parameters without which it cannot be called.
    pub required: Vec<String>,
}

impl Endpoint {
    fn new(operation: &Operation) -> Self {
        let required = operation
            .required_query()
            .into_iter()
            .map(str::to_owned)
            .collect();
        Self {
            path: operation.path.clone(),
            required,
        }
    }
}

/// What an operation does for a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Action {
    Retrieve,
    List,
    Search,
    Delete,
    Create,
}

/// Finds the operations of every [resource](Spec::resources), by its schema's name.
pub fn resource_endpoints(spec: &Spec) -> BTreeMap<&str, Endpoints> {
    let mut found: BTreeMap<(&str, Action), Vec<&Operation>> = BTreeMap::new();
    for operation in &spec.operations {
        for (resource, action) in purposes(operation, spec) {
            found.entry((resource, action)).or_default().push(operation);
        }
    }
    let endpoints = spec.resources().map(|(resource, _)| {
        let mut take = |action, near: Option<&str>| {
            let mut operations = found.remove(&(resource, action)).unwrap_or_default();
            operations.sort_by_key(|operation| rank(operation, resource, near));
            operations
        };
        let first_path =
            |operations: &[&'_ Operation]| operations.first().map(|first| first.path.clone());
        let list = take(Action::List, None);
        let retrieve = take(Action::Retrieve, first_path(&list).as_deref());
        let (search, create) = (take(Action::Search, None), take(Action::Create, None));
        let delete = take(
            Action::Delete,
            first_path(&retrieve).as_deref().map(collection_of),
        );
        let first =
            |operations: &[&Operation]| operations.first().map(|first| Endpoint::new(first));
        let endpoints = Endpoints {
            path: collection(&list, &retrieve, &create),
            retrieve: first(&retrieve),
            list: first(&list),
            search: first(&search),
            delete: first(&delete),
            lists: list
                .iter()
                .map(|operation| Endpoint::new(operation))
                .collect(),
        };
        (resource, endpoints)
    });
    endpoints.collect()
}

/// The resources that an operation is for, and what it does for them.
fn purposes<'s>(operation: &'s Operation, spec: &'s Spec) -> Vec<(&'s str, Action)> {
    let Some(shape) = &operation.response else {
        return Vec::new();
    };
    let last = operation.path.rsplit('/').next().unwrap_or_default();
    let computed = is_computed(&operation.path);
    let (names, action): (Vec<&str>, Action) = match (operation.method, shape) {
        _ if computed => return Vec::new(),
        (Method::Get, ResponseShape::List(names)) => (each(names).collect(), Action::List),
        (Method::Get, ResponseShape::Search(names)) => (each(names).collect(), Action::Search),
        (Method::Get, ResponseShape::Object(object) | ResponseShape::ObjectOrDeleted { object, .. })
            // Without an id it is the only one of its kind, or needs telling which, and then finds
            // it.
            if is_parameter(last) || operation.required_query().is_empty() =>
        {
            (vec![object], Action::Retrieve)
        }
        (Method::Get, ResponseShape::OneOf(objects)) if is_parameter(last) => {
            (each(objects).collect(), Action::Retrieve)
        }
        (
            Method::Delete,
            ResponseShape::Deleted(deleted) | ResponseShape::ObjectOrDeleted { deleted, .. },
        ) => {
            let objects = deleted_objects(operation, deleted, spec);
            return objects.into_iter().map(|object| (object, Action::Delete)).collect();
        }
        (Method::Post, ResponseShape::Object(object)) if names_collection(&operation.path, object) => {
            (vec![object], Action::Create)
        }
        _ => return Vec::new(),
    };
    let with_members = names.into_iter().flat_map(|name| {
        let members = spec.members(name);
        let choice = (members != [name]).then_some(name);
        members.into_iter().chain(choice)
    });
    with_members.map(|name| (name, action)).collect()
}

/// Whether Stripe computes what is at this path, and keeps nothing of it.
pub(crate) fn is_computed(path: &str) -> bool {
    path.split('/').any(|word| COMPUTED.contains(&word))
}

fn each(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().map(String::as_str)
}

/// The resources that are deleted, given the schema of what is left of them.
fn deleted_objects<'s>(operation: &Operation, deleted: &'s str, spec: &'s Spec) -> Vec<&'s str> {
    if let Some(object) = deleted.strip_prefix("deleted_") {
        let mut objects = spec.deleted_members(deleted);
        if !objects.contains(&object) {
            objects.push(object);
        }
        return objects;
    }
    // v2 has one schema for all: it is what is read at the same path.
    let read = spec
        .operations
        .iter()
        .filter(|other| other.method == Method::Get && other.path == operation.path);
    let objects = read.filter_map(|other| match &other.response {
        Some(ResponseShape::Object(object)) => Some(object.as_str()),
        _ => None,
    });
    objects.collect()
}

/// What makes one operation a better answer than another: the smallest comes first.
///
/// Below no other object; by id (`/v1/accounts/{account}` before `/v1/account`); where the others
/// are; with the resource's own name (`/v1/financial_connections/accounts` before
/// `/v1/linked_accounts`); short.
fn rank<'o>(
    operation: &'o Operation,
    resource: &str,
    near: Option<&str>,
) -> (usize, [bool; 3], usize, &'o str) {
    let path = operation.path.as_str();
    let collection = collection_of(path);
    let by_id = collection.len() < path.len();
    let elsewhere = near.is_some_and(|near| near != collection);
    let worse = [
        !by_id,
        elsewhere,
        !words(collection).contains(&words(resource)),
    ];
    (parameters(collection), worse, path.len(), path)
}

/// The path of the collection: of the lists, of what is retrieved, of what is created, and rather
/// one that is not below another object.
fn collection(
    list: &[&Operation],
    retrieve: &[&Operation],
    create: &[&Operation],
) -> Option<String> {
    let candidates = [list, retrieve, create]
        .map(|operations| operations.first().map(|first| collection_of(&first.path)));
    let mut candidates: Vec<&str> = candidates.into_iter().flatten().collect();
    candidates.sort_by_key(|path| parameters(path) > 0);
    candidates.first().map(|path| (*path).to_owned())
}

/// The path without the id at its end.
fn collection_of(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some((collection, last)) if is_parameter(last) => collection,
        _ => path,
    }
}

fn is_parameter(word: &str) -> bool {
    word.starts_with('{') && word.ends_with('}')
}

fn parameters(path: &str) -> usize {
    path.split('/').filter(|word| is_parameter(word)).count()
}

/// Whether a path ends in the name of a resource, in the plural or not.
fn names_collection(path: &str, resource: &str) -> bool {
    words(path).ends_with(&words(resource))
}

/// The words of a path or of a resource's name, without its parameters and in the singular, each
/// after a `/`.
fn words(name: &str) -> String {
    let parts = name
        .split('/')
        .filter(|part| !is_parameter(part))
        .flat_map(|part| part.split(['.', '_']));
    let parts = parts.filter(|word| !word.is_empty());
    parts
        .flat_map(|word| ["/", word.strip_suffix('s').unwrap_or(word)])
        .collect()
}

#[cfg(test)]
mod tests;
