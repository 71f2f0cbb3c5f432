//! Operations: which are generated, what they are called, what they answer with, in which file they stand.

mod names;
mod parameters;

use std::collections::{BTreeMap, BTreeSet};

use super::{LowerError, Lowering, check_members, modules};
use crate::ir::{
    ANY_OBJECT, Answer, Answered, Api, Host, Method, OpenEnum, Operation, Parameter, ParameterEnum,
    ParameterObject, PathParameter, Report, View,
};
use crate::spec::{self, ResponseShape, Spec};

/// The operations of the selected resources, and why the others are left out.
pub(super) fn lower(
    spec: &Spec,
    only: &[String],
    api: &mut Api,
    report: &mut Report,
) -> Result<(), LowerError> {
    let views: BTreeMap<&str, &View> = api
        .views
        .iter()
        .map(|view| (view.source.as_str(), view))
        .collect();
    let homes = homes(spec);
    // Names apart from those of the views, claimed and reported in the same way.
    let mut lowering = Lowering::new(spec);
    let mut operations = Vec::new();
    for operation in &spec.operations {
        let place = format!("{} {}", operation.method, operation.path);
        let home = home(operation, &homes);
        if !only.is_empty() && !home.is_some_and(|home| only.iter().any(|name| name == home)) {
            continue;
        }
        let (method, answer, host) = match call(operation, &views) {
            Ok(call) => call,
            Err(reason) => {
                report.skipped_operations.push((place, reason.to_owned()));
                continue;
            }
        };
        let name = names::operation(spec, operation);
        let name = lowering.names.claim(&place, name)?;
        let pages = matches!(answer, Answer::Many(_));
        let parameters = parameters::lower(&mut lowering, operation, &name, pages)?;
        let ids: Vec<PathParameter> = path_parameters(&operation.path)
            .map(|key| PathParameter {
                key: key.to_owned(),
                argument: super::names::getter(key),
            })
            .collect();
        let arguments = ids.iter().map(|id| (id.argument.as_str(), id.key.as_str()));
        let setters = parameters
            .iter()
            .map(|parameter| (parameter.setter.as_str(), parameter.key.as_str()));
        let required = parameters
            .iter()
            .filter(|parameter| parameter.is_required)
            .map(|parameter| (parameter.setter.as_str(), parameter.key.as_str()));
        check_members(&place, setters)?;
        check_members(&place, arguments.chain(required))?;
        operations.push(Operation {
            module: module(home, &operation.path, &views),
            id: operation.operation_id.clone(),
            path: operation.path.clone(),
            is_deprecated: operation.raw.deprecated,
            name,
            method,
            host,
            answer,
            ids,
            parameters,
        });
    }
    let Lowering { enums, objects, .. } = lowering;
    let modules = part_modules(&operations, &objects);
    let in_module = |it: OpenEnum| {
        let module = modules.get(&it.name).cloned().unwrap_or_default();
        let it = OpenEnum { module, ..it };
        ParameterEnum { it, of_view: None }
    };
    api.operation_enums = enums.into_iter().map(in_module).collect();
    api.operation_enums
        .sort_by(|a, b| a.it.name.cmp(&b.it.name));
    let in_module = |it: ParameterObject| {
        let module = modules.get(&it.name).cloned().unwrap_or_default();
        ParameterObject { module, ..it }
    };
    api.operation_objects = objects.into_iter().map(in_module).collect();
    api.operation_objects.sort_by(|a, b| a.name.cmp(&b.name));
    api.operations = operations;
    Ok(())
}

/// The schemas that are answers of a resource's operations and no resources: what is left of it when it was deleted.
pub(super) fn remains(spec: &Spec, only: &[String]) -> BTreeSet<String> {
    let homes = homes(spec);
    let deleted = spec.operations.iter().filter_map(|operation| {
        let home = home(operation, &homes)?;
        match &operation.response {
            Some(ResponseShape::Deleted(name)) if only.iter().any(|only| only == home) => {
                Some(name.clone())
            }
            _ => None,
        }
    });
    deleted.collect()
}

/// What the client needs to know to call it, or why it cannot.
fn call(
    operation: &spec::Operation,
    views: &BTreeMap<&str, &View>,
) -> Result<(Method, Answer, Host), &'static str> {
    let method = match operation.method {
        spec::Method::Get => Method::Get,
        spec::Method::Post => Method::Post,
        spec::Method::Delete => Method::Delete,
        spec::Method::Put | spec::Method::Patch => {
            return Err("its method is one that the client does not have");
        }
    };
    let host = match operation.server.as_deref() {
        None => Host::Api,
        Some(url) if url.contains("files.") => Host::Files,
        Some(url) if url.contains("meter-events.") => Host::MeterEvents,
        Some(_) => return Err("it is on a server that the client does not know"),
    };
    if parameters::is_upload(operation) {
        return Err("it takes a file, as the client's `upload` does");
    }
    let answered = |names: &[&str]| {
        let view = match names {
            [name] => views.get(name),
            _ => None,
        };
        Answered {
            view: view
                .map_or(ANY_OBJECT, |view| view.name.as_str())
                .to_owned(),
            is_resource: view.is_some_and(|view| view.resource.is_some()),
        }
    };
    let each = |names: &[String]| answered(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let answer = match &operation.response {
        None => return Err("its answer is not JSON"),
        Some(ResponseShape::Object(name) | ResponseShape::Deleted(name)) => {
            Answer::One(answered(&[name]))
        }
        Some(ResponseShape::ObjectOrDeleted { object, .. }) => Answer::One(answered(&[object])),
        Some(ResponseShape::OneOf(names)) => Answer::One(each(names)),
        Some(ResponseShape::List(names) | ResponseShape::Search(names)) => {
            Answer::Many(each(names))
        }
        Some(ResponseShape::Other) => Answer::Raw,
    };
    Ok((method, answer, host))
}

/// The schemas of resources, by the paths of their collections; of two at one path, the first in the alphabet.
fn homes(spec: &Spec) -> BTreeMap<String, &str> {
    let mut homes = BTreeMap::new();
    for (name, endpoints) in spec::resource_endpoints(spec) {
        if let Some(path) = endpoints.path.filter(|path| !path.contains('{')) {
            homes.entry(path).or_insert(name);
        }
    }
    homes
}

/// The schema of the resource that an operation belongs to: the one below whose path it is, else the one it answers
/// with.
fn home<'s>(operation: &'s spec::Operation, homes: &BTreeMap<String, &'s str>) -> Option<&'s str> {
    let above = |(at, _): &(usize, char)| operation.path.get(..*at);
    let mut ends: Vec<&str> = operation
        .path
        .char_indices()
        .filter(|(_, letter)| *letter == '/')
        .filter_map(|end| above(&end))
        .collect();
    ends.push(&operation.path);
    let by_path = ends.iter().rev().find_map(|path| homes.get(*path).copied());
    by_path.or_else(|| {
        let answered = match operation.response.as_ref()? {
            ResponseShape::Object(name) | ResponseShape::ObjectOrDeleted { object: name, .. } => {
                name
            }
            ResponseShape::Deleted(name) => name.strip_prefix("deleted_")?,
            ResponseShape::List(names) | ResponseShape::Search(names) => match names.as_slice() {
                [name] => name,
                _ => return None,
            },
            ResponseShape::OneOf(_) | ResponseShape::Other => return None,
        };
        Some(answered)
    })
}

/// The file of an operation: that of its resource, else one of its path.
fn module(home: Option<&str>, path: &str, views: &BTreeMap<&str, &View>) -> String {
    let resource = home.map(|home| {
        let view = views.get(home).and_then(|view| view.resource.as_ref());
        view.map_or(home, |resource| resource.object.as_str())
    });
    resource.map_or_else(
        || {
            let words = path.split('/').filter(|word| !names::is_parameter(word));
            let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
            modules::module_name(&words.join("_"))
        },
        modules::module_name,
    )
}

/// By the name of an enum or an object: the file of the operation whose parameter it is, or is in.
fn part_modules(operations: &[Operation], objects: &[ParameterObject]) -> BTreeMap<String, String> {
    let parts = |parameters: &[Parameter]| -> Vec<String> {
        let parts = parameters.iter().filter_map(|it| it.kind.target());
        parts.cloned().collect()
    };
    let mut modules = BTreeMap::new();
    for operation in operations {
        for part in parts(&operation.parameters) {
            modules.insert(part, operation.module.clone());
        }
    }
    // An object stands behind those that are in it, since these were there first.
    for object in objects.iter().rev() {
        if let Some(module) = modules.get(&object.name).cloned() {
            for part in parts(&object.parameters) {
                modules.insert(part, module.clone());
            }
        }
    }
    modules
}

/// The names in braces.
fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'))
}
