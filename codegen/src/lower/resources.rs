//! What makes a view a resource: its type name, its place in the API, what can be expanded.

use std::collections::{BTreeMap, BTreeSet};

use openapiv3::{AdditionalProperties, ReferenceOr, Schema, SchemaKind, Type};

use super::kinds::{borrowed, only_value, properties, references};
use super::prefixes::{ALIASES, ID_PREFIXES};
use super::variants;
use crate::ir::Resource;
use crate::spec::{Spec, ext, schema_name};

/// The facts of the schema `name`, without those of its endpoints; `None` if it is no resource.
///
/// What is left of deleted objects is none: the type is that of the object.
pub(super) fn facts(spec: &Spec, name: &str, schema: &Schema) -> Option<Resource> {
    if name.starts_with("deleted_") || !spec.schemas.contains_key(name) {
        return None;
    }
    let object = match properties(schema).0.get("object") {
        Some(ReferenceOr::Item(object)) => only_value(object)?.to_owned(),
        _ => return None,
    };
    if ext::resource_id(&schema.schema_data).is_none() && object != name {
        return None;
    }
    let find = |table: &[(&str, &str)]| {
        table
            .iter()
            .find(|(resource, _)| *resource == object)
            .map(|(_, is)| (*is).to_owned())
    };
    let aliases = ALIASES
        .iter()
        .find(|(resource, _)| *resource == object)
        .map(|(_, aliases)| *aliases);
    Some(Resource {
        aliases: aliases
            .unwrap_or_default()
            .iter()
            .map(|alias| (*alias).to_owned())
            .collect(),
        id_prefix: find(ID_PREFIXES),
        expandable: expandable(spec, name, schema),
        object,
        ..Resource::default()
    })
}

/// The dotted paths of an object's fields, and of those nested in it, that can be expanded.
///
/// Ends at each: what the expanded object can expand in turn is that object's list.
fn expandable(spec: &Spec, name: &str, schema: &Schema) -> Vec<(String, Vec<String>)> {
    let mut found = Found::new();
    let mut inside = vec![name.to_owned()];
    fields(spec, schema, "", &mut inside, &mut found);
    found
        .into_iter()
        .map(|(path, objects)| (path, objects.into_iter().collect()))
        .collect()
}

/// By path: what `object` can say in the object that the path leads to.
type Found = BTreeMap<String, BTreeSet<String>>;

fn fields(spec: &Spec, schema: &Schema, at: &str, inside: &mut Vec<String>, found: &mut Found) {
    let (properties, _) = properties(schema);
    let listed: BTreeSet<&str> = ext::expandable_fields(&schema.schema_data).collect();
    for (key, property) in &properties {
        if listed.contains(key.as_str()) {
            let path = if at.is_empty() {
                key.clone()
            } else {
                format!("{at}.{key}")
            };
            place(spec, property, &path, inside, found);
        }
    }
}

/// Looks at one place: it can be expanded itself, or holds what can.
fn place(
    spec: &Spec,
    schema: &ReferenceOr<&Schema>,
    path: &str,
    inside: &mut Vec<String>,
    found: &mut Found,
) {
    let schema = match schema {
        ReferenceOr::Reference { reference } => {
            let Some((name, schema)) = schema_name(reference).and_then(|name| spec.schema(name))
            else {
                return;
            };
            // A type that holds itself would go on for ever; Stripe takes four levels at most.
            if inside.iter().any(|outer| outer == name) || inside.len() > 4 {
                return;
            }
            inside.push(name.to_owned());
            fields(spec, schema, path, inside, found);
            inside.pop();
            return;
        }
        ReferenceOr::Item(schema) => *schema,
    };
    if let Some(resources) = ext::expansion_resources(&schema.schema_data) {
        let objects = found.entry(path.to_owned()).or_default();
        for name in resources {
            objects_of(spec, name, objects);
        }
        return;
    }
    match &schema.schema_kind {
        SchemaKind::AnyOf { any_of: members } | SchemaKind::OneOf { one_of: members } => {
            for member in members {
                place(spec, &borrowed(member), path, inside, found);
            }
        }
        SchemaKind::Type(Type::Array(array)) => {
            if let Some(items) = &array.items {
                let items = match items {
                    ReferenceOr::Item(item) => ReferenceOr::Item(item.as_ref()),
                    ReferenceOr::Reference { reference } => ReferenceOr::ref_(reference),
                };
                place(spec, &items, path, inside, found);
            }
        }
        SchemaKind::Type(Type::Object(object)) => match &object.additional_properties {
            Some(AdditionalProperties::Schema(values)) => {
                place(spec, &borrowed(values), path, inside, found);
            }
            _ => fields(spec, schema, path, inside, found),
        },
        _ => {}
    }
}

/// What `object` says in objects of a schema, or in those that a choice refers to.
///
/// What is left of a deleted object names the type it was of, which is among them already.
fn objects_of(spec: &Spec, name: &str, objects: &mut BTreeSet<String>) {
    let Some((_, schema)) = spec.schema(name) else {
        return;
    };
    if let Some(object) = variants::object_value(spec, name) {
        objects.insert(object.to_owned());
        return;
    }
    for member in references(schema)
        .into_iter()
        .filter(|member| *member != name)
    {
        if let Some(object) = variants::object_value(spec, member) {
            objects.insert(object.to_owned());
        }
    }
}
