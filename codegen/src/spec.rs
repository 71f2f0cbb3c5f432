//! Reading an API description: text in, checked and typed facts out.
//!
//! [`Spec::read`] takes OpenAPI 3.0 as Stripe publishes it, or in the facts-only form, as JSON or
//! YAML. It refuses what the stages after it would drop unseen: keywords it does not know, keys
//! that stand twice in one object, references that lead nowhere. This module decides nothing about
//! Rust: no name, no type, no token.

mod document;
mod endpoints;
mod error;
pub mod ext;
mod facts;
mod openapi;
mod place;
mod refs;
mod shape;
mod tables;
mod walk;

use std::collections::BTreeMap;

use openapiv3::{ReferenceOr, Schema};

pub(crate) use self::endpoints::is_computed;
pub(crate) use self::shape::describes_deleted;
pub use self::{
    endpoints::{Endpoint, Endpoints, resource_endpoints},
    error::{Problem, ProblemKind, SpecError},
    facts::{EventFact, Events},
    openapi::{Method, Operation},
    refs::{SCHEMA_PREFIX, schema_name},
    shape::ResponseShape,
    walk::Keywords,
};

/// An API description, read and checked.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Spec {
    /// What the description was read as, for messages: usually its file name.
    pub name: String,
    /// The API version: `info.version`, such as `2023-08-16` or `2026-10-28.endive`.
    pub version: String,
    /// Every schema of `components.schemas` that is not just a reference, by name.
    pub schemas: BTreeMap<String, Schema>,
    /// The other ones: schemas that are one `$ref` only, with the name of the schema they end at.
    pub aliases: BTreeMap<String, String>,
    /// Every operation, by path and then by method.
    pub operations: Vec<Operation>,
    /// Every event type that the description names: snapshot events first, each kind by name.
    pub events: Vec<EventFact>,
    /// How often each keyword was seen.
    pub keywords: Keywords,
}

impl Spec {
    /// Reads and checks a description. `name` stands for it in messages.
    ///
    /// Text whose first character is `{` is JSON, everything else YAML.
    ///
    /// # Errors
    ///
    /// [`SpecError::Json`] and [`SpecError::Yaml`] for text that does not parse, [`SpecError::DuplicateKey`]
    /// for a key that stands twice in one object, [`SpecError::Version`] for a document that is not OpenAPI
    /// 3.0, and [`SpecError::Document`] for everything that is wrong inside it, all at once.
    pub fn read(text: &str, name: &str) -> Result<Self, SpecError> {
        let document = document::parse(text, name)?;
        let version = openapi::check_version(&document, name)?;
        let in_document = |problems| SpecError::Document {
            name: name.to_owned(),
            problems,
        };

        let walk::Walked {
            keywords,
            references,
            mut problems,
        } = walk::document(&document);
        refs::check(&document, &references, &mut problems);
        if !problems.is_empty() {
            return Err(in_document(problems));
        }

        let (schemas, aliases) = openapi::schemas(&document).map_err(in_document)?;
        let operations = openapi::operations(&document, &schemas).map_err(in_document)?;
        let mut spec = Self {
            name: name.to_owned(),
            version,
            schemas,
            aliases,
            operations,
            events: Vec::new(),
            keywords,
        };
        spec.events = facts::events(&spec);
        Ok(spec)
    }

    /// The schema of that name and its own name, aliases followed.
    pub fn schema(&self, name: &str) -> Option<(&str, &Schema)> {
        let name = self.aliases.get(name).map_or(name, String::as_str);
        self.schemas
            .get_key_value(name)
            .map(|(name, schema)| (name.as_str(), schema))
    }

    /// The schemas that are object types of the API, by name, without those of deleted objects.
    ///
    /// They have an `x-resourceId`, or a property `object` that only ever says their own name.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &Schema)> {
        let schemas = self
            .schemas
            .iter()
            .map(|(name, schema)| (name.as_str(), schema));
        schemas.filter(|(name, schema)| {
            let named = ext::resource_id(&schema.schema_data).is_some()
                || shape::object_name(schema) == Some(name);
            named && !describes_deleted(name)
        })
    }

    /// The schemas that this one chooses from; the schema itself if it is no choice.
    pub(crate) fn members<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        match self.schemas.get(name).and_then(shape::choice) {
            Some(members) => members,
            None => vec![name],
        }
    }

    /// The resources that a schema of what is left of a deleted object is for.
    fn deleted_members<'a>(&'a self, deleted: &'a str) -> Vec<&'a str> {
        self.members(deleted)
            .iter()
            .filter_map(|name| name.strip_prefix("deleted_"))
            .collect()
    }

    /// The schema at hand, or the one that the reference leads to.
    ///
    /// `None` only for a reference that did not come from this description.
    pub fn resolve<'a>(&'a self, schema: &'a ReferenceOr<Schema>) -> Option<&'a Schema> {
        match schema {
            ReferenceOr::Item(schema) => Some(schema),
            ReferenceOr::Reference { reference } => self
                .schema(schema_name(reference)?)
                .map(|(_, schema)| schema),
        }
    }
}

#[cfg(test)]
mod tests;
