//! One walk over the whole document, before anything is made of it: nothing that is new is dropped
//! unseen.
//!
//! It counts keywords, refuses unknown ones, checks vendor extensions and collects every reference.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    error::{Problem, ProblemKind},
    openapi::Method,
    place::Place,
    tables::{self, type_of},
};

/// How often each keyword was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Keywords {
    /// Keywords of schemas, wherever a schema stands.
    pub schema: BTreeMap<String, usize>,
    /// Vendor extensions that are known.
    pub extensions: BTreeMap<String, usize>,
    /// Vendor extensions that are not known, and so not used.
    pub unknown_extensions: BTreeMap<String, usize>,
}

/// What the walk brings home.
#[derive(Debug)]
pub(super) struct Walked {
    /// The counts.
    pub(super) keywords: Keywords,
    /// Every reference to a schema.
    pub(super) references: Vec<Reference>,
    /// What was wrong.
    pub(super) problems: Vec<Problem>,
}

/// A reference to a schema.
#[derive(Debug)]
pub(super) struct Reference {
    /// Where it stands.
    pub(super) place: String,
    /// What it says: a `$ref`, or the name of a schema.
    pub(super) target: String,
    /// The vendor extension that names the schema; `None` for a `$ref`.
    pub(super) extension: Option<&'static str>,
}

/// Walks a document.
pub(super) fn document(document: &Value) -> Walked {
    let mut walker = Walker::default();
    walker.document(document);
    let Walker {
        schema,
        extensions,
        unknown_extensions,
        references,
        problems,
    } = walker;
    let owned = |counts: BTreeMap<&str, usize>| {
        counts
            .into_iter()
            .map(|(keyword, count)| (keyword.to_owned(), count))
            .collect()
    };
    let keywords = Keywords {
        schema: owned(schema),
        extensions: owned(extensions),
        unknown_extensions: owned(unknown_extensions),
    };
    Walked {
        keywords,
        references,
        problems,
    }
}

/// The walk so far.
#[derive(Default)]
struct Walker<'d> {
    schema: BTreeMap<&'d str, usize>,
    extensions: BTreeMap<&'d str, usize>,
    unknown_extensions: BTreeMap<&'d str, usize>,
    references: Vec<Reference>,
    problems: Vec<Problem>,
}

impl<'d> Walker<'d> {
    fn document(&mut self, value: &'d Value) {
        let root = Place::ROOT;
        let Some(document) = self.table(&root, "document", value, tables::DOCUMENT) else {
            return;
        };
        if let Some(info) = document.get("info") {
            self.table(&root.key("info"), "info", info, tables::INFO);
        }
        let place = root.key("components");
        let components = document
            .get("components")
            .and_then(|value| self.table(&place, "components", value, tables::COMPONENTS));
        if let Some(schemas) = components.and_then(|components| components.get("schemas")) {
            let place = place.key("schemas");
            for (name, schema) in self
                .object(&place, "schemas", schemas)
                .into_iter()
                .flatten()
            {
                self.schema(&place.key(name), schema);
            }
        }
        if let Some(paths) = document.get("paths") {
            let place = root.key("paths");
            for (path, item) in self.object(&place, "paths", paths).into_iter().flatten() {
                if path.starts_with("x-") {
                    self.extension(&place, path, item);
                } else {
                    self.path_item(&place.key(path), item);
                }
            }
        }
    }

    fn path_item(&mut self, place: &Place<'_>, value: &'d Value) {
        let Some(item) = self.object(place, "path", value) else {
            return;
        };
        for (key, value) in item {
            if Method::from_key(key).is_some() {
                self.operation(&place.key(key), value);
            } else {
                self.keyword(place, key, value, tables::PATH_ITEM);
            }
        }
        self.parameters(place, item);
    }

    fn operation(&mut self, place: &Place<'_>, value: &'d Value) {
        let Some(operation) = self.table(place, "operation", value, tables::OPERATION) else {
            return;
        };
        self.parameters(place, operation);
        if let Some(body) = operation.get("requestBody") {
            let place = place.key("requestBody");
            if let Some(body) = self.table(&place, "requestBody", body, tables::REQUEST_BODY) {
                self.content(&place, body);
            }
        }
        if let Some(responses) = operation.get("responses") {
            let place = place.key("responses");
            for (status, response) in self
                .object(&place, "responses", responses)
                .into_iter()
                .flatten()
            {
                let place = place.key(status);
                if let Some(response) = self.table(&place, status, response, tables::RESPONSE) {
                    self.content(&place, response);
                }
            }
        }
    }

    fn parameters(&mut self, place: &Place<'_>, object: &'d Map<String, Value>) {
        let place = place.key("parameters");
        for (index, parameter) in self
            .list(&place, "parameters", object.get("parameters"))
            .iter()
            .enumerate()
        {
            let place = place.index(index);
            let parameter = self.table(&place, "parameter", parameter, tables::PARAMETER);
            if let Some(schema) = parameter.and_then(|parameter| parameter.get("schema")) {
                self.schema(&place.key("schema"), schema);
            }
        }
    }

    fn content(&mut self, place: &Place<'_>, body: &'d Map<String, Value>) {
        let Some(content) = body.get("content") else {
            return;
        };
        let place = place.key("content");
        for (name, media_type) in self
            .object(&place, "content", content)
            .into_iter()
            .flatten()
        {
            let place = place.key(name);
            let media_type = self.table(&place, name, media_type, tables::MEDIA_TYPE);
            if let Some(schema) = media_type.and_then(|media_type| media_type.get("schema")) {
                self.schema(&place.key("schema"), schema);
            }
        }
    }

    fn schema(&mut self, place: &Place<'_>, value: &'d Value) {
        let Some(schema) = self.object(place, "schema", value) else {
            return;
        };
        if let Some(target) = schema.get("$ref") {
            self.reference(place, target);
            for (keyword, value) in schema.iter().filter(|(keyword, _)| *keyword != "$ref") {
                self.beside_reference(place, keyword, value);
            }
            return;
        }
        for (keyword, value) in schema {
            self.keyword(place, keyword, value, tables::SCHEMA);
            if !keyword.starts_with("x-") {
                *self.schema.entry(keyword).or_default() += 1;
            }
            let place = place.key(keyword);
            match keyword.as_str() {
                "properties" => {
                    for (name, schema) in self.object(&place, keyword, value).into_iter().flatten()
                    {
                        self.schema(&place.key(name), schema);
                    }
                }
                "type" => self.type_(&place, value),
                "items" => self.schema(&place, value),
                "additionalProperties" if !value.is_boolean() => self.schema(&place, value),
                "allOf" | "anyOf" | "oneOf" => {
                    for (index, schema) in
                        self.list(&place, keyword, Some(value)).iter().enumerate()
                    {
                        self.schema(&place.index(index), schema);
                    }
                }
                _ => {}
            }
        }
    }

    fn type_(&mut self, place: &Place<'_>, value: &'d Value) {
        match value.as_str() {
            Some(name) if tables::TYPES.contains(&name) => {}
            Some(name) => {
                let kind = ProblemKind::UnknownType {
                    name: name.to_owned(),
                };
                self.problems.push(Problem::new(place, kind));
            }
            None => self.wrong_type(place, "type", "a string", value),
        }
    }

    fn beside_reference(&mut self, place: &Place<'_>, keyword: &'d str, value: &'d Value) {
        let carries_meaning = tables::EXTENSIONS
            .iter()
            .any(|(known, shape)| *known == keyword && *shape != tables::Shape::Any);
        if keyword.starts_with("x-") && !carries_meaning {
            self.extension(place, keyword, value);
        } else if tables::BESIDE_REFERENCE.contains(&keyword) {
            *self.schema.entry(keyword).or_default() += 1;
        } else {
            let kind = ProblemKind::BesideReference {
                keyword: keyword.to_owned(),
            };
            self.problems.push(Problem::new(place, kind));
        }
    }

    fn reference(&mut self, place: &Place<'_>, target: &'d Value) {
        *self.schema.entry("$ref").or_default() += 1;
        match target.as_str() {
            Some(target) => self.references.push(Reference {
                place: place.to_string(),
                target: target.to_owned(),
                extension: None,
            }),
            None => self.wrong_type(place, "$ref", "a string", target),
        }
    }

    /// Checks one keyword against the table of its surroundings.
    fn keyword(&mut self, place: &Place<'_>, keyword: &'d str, value: &'d Value, table: &[&str]) {
        if keyword.starts_with("x-") {
            self.extension(place, keyword, value);
        } else if keyword == "$ref" {
            // A schema's own reference never comes here: this one would be to a shared parameter or
            // so.
            let target = value.as_str().unwrap_or_default().to_owned();
            self.problems.push(Problem::new(
                place,
                ProblemKind::ForeignReference { target },
            ));
        } else if !table.contains(&keyword) {
            let kind = ProblemKind::UnsupportedKeyword {
                keyword: keyword.to_owned(),
            };
            self.problems.push(Problem::new(place, kind));
        }
    }

    fn extension(&mut self, place: &Place<'_>, keyword: &'d str, value: &'d Value) {
        let known = tables::EXTENSIONS
            .iter()
            .find(|(known, _)| *known == keyword);
        let Some(&(name, shape)) = known else {
            *self.unknown_extensions.entry(keyword).or_default() += 1;
            return;
        };
        *self.extensions.entry(keyword).or_default() += 1;
        if !shape.fits(value) {
            self.wrong_type(place, keyword, shape.expected(), value);
            return;
        }
        let place = place.key(keyword);
        match shape {
            tables::Shape::Choice => self.schema(&place, value),
            tables::Shape::TextByName => {
                for (event, schema) in value.as_object().into_iter().flatten() {
                    self.references.push(Reference {
                        place: place.key(event).to_string(),
                        target: schema.as_str().unwrap_or_default().to_owned(),
                        extension: Some(name),
                    });
                }
            }
            _ => {}
        }
    }

    /// The object, with every keyword checked; a problem and `None` if the value is none.
    fn table(
        &mut self,
        place: &Place<'_>,
        what: &str,
        value: &'d Value,
        table: &[&str],
    ) -> Option<&'d Map<String, Value>> {
        let object = self.object(place, what, value)?;
        for (keyword, value) in object {
            self.keyword(place, keyword, value, table);
        }
        Some(object)
    }

    fn object(
        &mut self,
        place: &Place<'_>,
        what: &str,
        value: &'d Value,
    ) -> Option<&'d Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.wrong_type(place, what, "an object", value);
        }
        object
    }

    fn list(&mut self, place: &Place<'_>, keyword: &str, value: Option<&'d Value>) -> &'d [Value] {
        match value {
            None => &[],
            Some(Value::Array(values)) => values,
            Some(other) => {
                self.wrong_type(place, keyword, "a list", other);
                &[]
            }
        }
    }

    fn wrong_type(
        &mut self,
        place: &Place<'_>,
        keyword: &str,
        expected: &'static str,
        found: &Value,
    ) {
        let found = type_of(found);
        let kind = ProblemKind::WrongType {
            keyword: keyword.to_owned(),
            expected,
            found,
        };
        self.problems.push(Problem::new(place, kind));
    }
}
