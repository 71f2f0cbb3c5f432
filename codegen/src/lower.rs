//! From the description to the IR: every decision is made here.
//!
//! Which schema becomes a view, what a field holds, what things are called and in which file they stand. Knows
//! the description's types; knows no token and no file system.

mod docs;
mod events;
mod kinds;
mod listings;
mod modules;
mod names;
mod operations;
mod prefixes;
mod resources;
mod tombstones;
mod twins;
mod variants;

use std::collections::{BTreeMap, BTreeSet};

use openapiv3::{ReferenceOr, Schema, SchemaKind, Type};

use crate::ir::{Api, Field, Kind, OpenEnum, ParameterObject, Report, View};
use crate::spec::{Spec, ext};

/// The description says something that cannot be generated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LowerError {
    /// Two places of the description give one Rust name.
    #[error(
        "`{first}` and `{second}` would both be called `{name}`: add one of them to the table of renamed sources"
    )]
    #[non_exhaustive]
    Collision {
        /// The Rust name.
        name: String,
        /// Where it came from first.
        first: String,
        /// Where it came from again.
        second: String,
    },
    /// Two fields of one object, or two values of one enum, give one Rust name.
    #[error("`{first}` and `{second}` of `{owner}` would both be called `{name}`")]
    #[non_exhaustive]
    MemberCollision {
        /// The object or enum.
        owner: String,
        /// The Rust name.
        name: String,
        /// What gave it first.
        first: String,
        /// What gave it again.
        second: String,
    },
    /// A name has no letter to begin with.
    #[error("`{source_path}` gives no Rust name: add it to the table of renamed sources")]
    #[non_exhaustive]
    NoName {
        /// Where it stands.
        source_path: String,
    },
}

/// Turns a description into what is to be generated.
///
/// `only` names the resources to keep, by their schemas; none is all of them.
///
/// # Errors
///
/// [`LowerError`] when names collide.
pub(crate) fn lower(
    spec: &Spec,
    only: &[String],
    with_operations: bool,
) -> Result<(Api, Report), LowerError> {
    let mut lowering = Lowering::new(spec);
    for (name, schema) in &spec.schemas {
        lowering.top_level(name, schema)?;
    }
    let Lowering {
        views,
        enums,
        mut report,
        ..
    } = lowering;
    let views: Vec<View> = views.into_values().collect();
    let mut api = Api {
        version: spec.version.clone(),
        views,
        enums,
        events: Vec::new(),
        operations: Vec::new(),
        operation_enums: Vec::new(),
        operation_objects: Vec::new(),
        listings: Vec::new(),
    };
    events::lower(spec, &mut api);
    let listings = listings::find(spec, &api);
    let answers = if with_operations {
        operations::remains(spec, only)
    } else {
        BTreeSet::new()
    };
    modules::select(&mut api, only, &answers);
    if with_operations {
        operations::lower(spec, only, &mut api, &mut report)?;
    }
    listings::select(listings, spec, &mut api, &mut report);
    tombstones::find(spec, &mut api.views);
    modules::assign(&mut api);
    twins::find(&mut api);
    api.enums.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((
        api,
        Report {
            schemas: spec.schemas.len() + spec.aliases.len(),
            ..report
        },
    ))
}

/// The state of one run.
struct Lowering<'s> {
    spec: &'s Spec,
    names: names::Names,
    views: BTreeMap<String, View>,
    enums: Vec<OpenEnum>,
    objects: Vec<ParameterObject>,
    report: Report,
}

impl<'s> Lowering<'s> {
    fn new(spec: &'s Spec) -> Self {
        let skipped = spec
            .aliases
            .iter()
            .map(|(name, target)| (name.clone(), format!("is `{target}` by another name")));
        let report = Report {
            skipped: skipped.collect(),
            ..Report::default()
        };
        Self {
            spec,
            names: names::Names::default(),
            views: BTreeMap::new(),
            enums: Vec::new(),
            objects: Vec::new(),
            report,
        }
    }

    /// A schema of `components.schemas`.
    fn top_level(&mut self, name: &str, schema: &Schema) -> Result<(), LowerError> {
        match kinds::shape(schema) {
            kinds::Shape::View => self.view(name, names::camel(name), schema),
            kinds::Shape::Union => {
                let members = kinds::references(schema);
                self.union(name, names::camel(name), &members, schema)
                    .map(drop)
            }
            kinds::Shape::Enum(values) => {
                self.open_enum(name, names::camel(name), &values).map(drop)
            }
            kinds::Shape::Inline(what) => {
                self.report.skipped.push((
                    name.to_owned(),
                    format!("is {what}, read in place by the fields that refer to it"),
                ));
                Ok(())
            }
        }
    }

    /// An object with properties.
    fn view(&mut self, source: &str, name: String, schema: &Schema) -> Result<(), LowerError> {
        let name = self.names.claim(source, name)?;
        let resource = resources::facts(self.spec, source, schema);
        let (properties, required) = kinds::properties(schema);
        let always: BTreeSet<&str> = ext::nullable_always_present(&schema.schema_data)
            .chain(required.iter().map(String::as_str))
            .collect();
        let mut fields = Vec::with_capacity(properties.len());
        for (key, property) in &properties {
            let path = format!("{source}.{key}");
            let own_name = format!("{name}{}", names::camel(key));
            let kind = match key.as_str() {
                // A resource has one whatever the description says: only what was never saved, such as the
                // preview of an invoice, comes without.
                "id" if kinds::is_plain_text(property)
                    && (always.contains("id") || resource.is_some()) =>
                {
                    Kind::Id
                }
                _ => self.kind(property, &path, own_name)?,
            };
            let item = match property {
                ReferenceOr::Item(item) => Some(*item),
                ReferenceOr::Reference { .. } => None,
            };
            fields.push(Field {
                getter: names::getter(key),
                constant: Some(names::constant(key)),
                nullable: item.is_some_and(|item| item.schema_data.nullable),
                required: always.contains(key.as_str()),
                description: item.and_then(|item| item.schema_data.description.clone()),
                note: docs::note(key, &kind, item, &properties),
                key: key.clone(),
                kind,
            });
        }
        fields.sort_by(|a, b| a.key.cmp(&b.key));
        check_members(
            source,
            fields
                .iter()
                .map(|field| (field.getter.as_str(), field.key.as_str())),
        )?;
        check_members(
            source,
            fields
                .iter()
                .filter_map(|field| Some((field.constant.as_deref()?, field.key.as_str()))),
        )?;

        if resource.is_some() {
            // `Resource::OBJECT` is the type's name; a path constant would hide it, and nobody filters by it.
            for field in fields.iter_mut().filter(|field| field.key == "object") {
                field.constant = None;
            }
        }
        let variants = variants::of_object(&name, schema, &fields);
        if let Some(variants) = &variants {
            self.names
                .claim(&format!("{source} by type"), variants.name.clone())?;
        }
        let view = View {
            source: source.to_owned(),
            module: String::new(),
            description: schema.schema_data.description.clone(),
            fields,
            resource,
            variants,
            tombstone_of: None,
            twin: None,
            name: name.clone(),
        };
        self.views.insert(name, view);
        Ok(())
    }

    /// A choice between objects, told apart by their `object`.
    fn union(
        &mut self,
        source: &str,
        name: String,
        members: &[&str],
        schema: &Schema,
    ) -> Result<String, LowerError> {
        let name = self.names.claim(source, name)?;
        let variants = variants::of_members(self.spec, &name, members);
        self.names
            .claim(&format!("{source} by object"), variants.name.clone())?;
        let view = View {
            source: source.to_owned(),
            module: String::new(),
            description: schema.schema_data.description.clone(),
            fields: variants::common_fields(),
            resource: None,
            variants: Some(variants),
            tombstone_of: None,
            twin: None,
            name: name.clone(),
        };
        self.views.insert(name.clone(), view);
        Ok(name)
    }

    /// A set of strings that may grow.
    fn open_enum(
        &mut self,
        source: &str,
        name: String,
        values: &[String],
    ) -> Result<String, LowerError> {
        let name = self.names.claim(source, name)?;
        let values: BTreeSet<&String> = values.iter().collect();
        let values: Vec<(String, String)> = values
            .into_iter()
            .map(|value| (names::arm(value), value.clone()))
            .collect();
        check_members(
            source,
            values
                .iter()
                .map(|(arm, value)| (arm.as_str(), value.as_str())),
        )?;
        self.enums.push(OpenEnum {
            name: name.clone(),
            source: source.to_owned(),
            module: String::new(),
            values,
            twin: None,
        });
        Ok(name)
    }
}

/// Refuses two members of one name.
fn check_members<'a>(
    owner: &str,
    members: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<(), LowerError> {
    let mut taken = BTreeMap::new();
    for (name, from) in members {
        if let Some(first) = taken.insert(name, from) {
            return Err(LowerError::MemberCollision {
                owner: owner.to_owned(),
                name: name.to_owned(),
                first: first.to_owned(),
                second: from.to_owned(),
            });
        }
    }
    Ok(())
}

/// The schema's type, where it has exactly one.
fn schema_type(schema: &Schema) -> Option<&Type> {
    match &schema.schema_kind {
        SchemaKind::Type(found) => Some(found),
        _ => None,
    }
}
