//! Alternatives: objects that are one of several, told apart by their `object` or by their `type`.

use std::collections::BTreeMap;

use openapiv3::{ReferenceOr, Schema, Type};

use super::kinds::{only_value, properties};
use super::{names, schema_type};
use crate::ir::{Arm, Discriminator, Field, Kind, Note, Variants};
use crate::spec::Spec;

/// Whether objects of a schema say by their `object` that they are.
pub(super) fn names_itself(spec: &Spec, name: &str) -> bool {
    object_value(spec, name).is_some()
}

/// What `object` says in objects of a schema.
pub(super) fn object_value<'s>(spec: &'s Spec, name: &str) -> Option<&'s str> {
    let (_, schema) = spec.schema(name)?;
    match properties(schema).0.get("object") {
        Some(ReferenceOr::Item(object)) => only_value(object),
        _ => None,
    }
}

/// The alternatives of a choice between schemas.
pub(super) fn of_members(spec: &Spec, name: &str, members: &[&str]) -> Variants {
    let arms: BTreeMap<&str, Arm> = members
        .iter()
        .filter_map(|member| {
            let (value, (schema, _)) = (object_value(spec, member)?, spec.schema(member)?);
            Some((
                schema,
                Arm {
                    name: names::arm(value),
                    value: value.to_owned(),
                    view: names::camel(schema),
                },
            ))
        })
        .collect();
    Variants {
        name: format!("{name}Variant"),
        by: Discriminator::Object,
        arms: arms.into_values().collect(),
        twin: None,
    }
}

/// What every alternative of a choice has.
pub(super) fn common_fields() -> Vec<Field> {
    let field = |key: &str, kind| Field {
        key: key.to_owned(),
        getter: names::getter(key),
        constant: Some(names::constant(key)),
        kind,
        nullable: false,
        required: true,
        description: None,
        note: Note::None,
    };
    vec![field("id", Kind::Id), field("object", Kind::Text)]
}

/// The alternatives of an object whose `type` names the field that holds the rest: `payment_method_details`.
///
/// Where `type` is an enum, the fields that it names are the alternatives. Where it is any string, they are all
/// objects among the fields, provided that nothing else is there.
pub(super) fn of_object(name: &str, schema: &Schema, fields: &[Field]) -> Option<Variants> {
    let (properties, _) = properties(schema);
    let Some(ReferenceOr::Item(kind)) = properties.get("type") else {
        return None;
    };
    let Some(Type::String(kind)) = schema_type(kind) else {
        return None;
    };
    let values: Vec<&str> = kind
        .enumeration
        .iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let objects = fields.iter().filter_map(|field| match &field.kind {
        Kind::Object(view) => Some((field, view)),
        _ => None,
    });
    let arms: Vec<Arm> = objects
        .filter(|(field, _)| values.is_empty() || values.contains(&field.key.as_str()))
        .map(|(field, view)| Arm {
            name: names::arm(&field.key),
            value: field.key.clone(),
            view: view.clone(),
        })
        .collect();
    let others = fields
        .iter()
        .filter(|field| !matches!(field.kind, Kind::Object(_) | Kind::Json))
        .count();
    // `type` itself is the one other field of such an object.
    let is_choice = arms.len() > 1 && (!values.is_empty() || others == 1);
    is_choice.then(|| Variants {
        name: format!("{name}Variant"),
        by: Discriminator::TypeField,
        arms,
        twin: None,
    })
}
