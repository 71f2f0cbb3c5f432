//! Kinds: what a schema at a place means for the field that stands there.

use std::collections::BTreeMap;

use openapiv3::{
    AdditionalProperties, IntegerFormat, ReferenceOr, Schema, SchemaKind, StringFormat, Type,
    VariantOrUnknownOrEmpty,
};

use super::{LowerError, Lowering, names, schema_type, variants};
use crate::ir::Kind;
use crate::spec::{ext, schema_name};

/// The properties of an object, by key.
pub(super) type Properties<'a> = BTreeMap<String, ReferenceOr<&'a Schema>>;

/// What a schema of its own name becomes.
pub(super) enum Shape {
    /// A view of its fields.
    View,
    /// A view that chooses between other views.
    Union,
    /// An open enum.
    Enum(Vec<String>),
    /// No type of its own: what it is, in words.
    Inline(&'static str),
}

/// What a schema of `components.schemas` becomes.
pub(super) fn shape(schema: &Schema) -> Shape {
    match &schema.schema_kind {
        SchemaKind::AnyOf { any_of: members } | SchemaKind::OneOf { one_of: members } => {
            let all_refer = members
                .iter()
                .all(|member| matches!(member, ReferenceOr::Reference { .. }));
            if all_refer && members.len() > 1 {
                Shape::Union
            } else {
                Shape::Inline("a choice of values")
            }
        }
        SchemaKind::Type(Type::String(text)) => match enumeration(&text.enumeration) {
            Some(values) => Shape::Enum(values),
            None => Shape::Inline("a string"),
        },
        SchemaKind::Type(Type::Array(_)) => Shape::Inline("an array"),
        SchemaKind::Type(Type::Number(_) | Type::Integer(_)) => Shape::Inline("a number"),
        SchemaKind::Type(Type::Boolean(_)) => Shape::Inline("a boolean"),
        SchemaKind::Type(Type::Object(object))
            if object.properties.is_empty() && object.additional_properties.is_some() =>
        {
            Shape::Inline("a map")
        }
        SchemaKind::Type(Type::Object(_)) | SchemaKind::Any(_) => Shape::View,
        SchemaKind::AllOf { .. } => Shape::Inline("a combination of schemas"),
        SchemaKind::Not { .. } => Shape::Inline("a negation"),
    }
}

/// The properties of an object and the keys that are required.
pub(super) fn properties(schema: &Schema) -> (Properties<'_>, Vec<String>) {
    let (properties, required) = match &schema.schema_kind {
        SchemaKind::Type(Type::Object(object)) => (&object.properties, &object.required),
        SchemaKind::Any(any) => (&any.properties, &any.required),
        _ => return Default::default(),
    };
    let by_key = properties.iter().map(|(key, property)| {
        let property = match property {
            ReferenceOr::Item(item) => ReferenceOr::Item(item.as_ref()),
            ReferenceOr::Reference { reference } => ReferenceOr::ref_(reference),
        };
        (key.clone(), property)
    });
    (by_key.collect(), required.clone())
}

/// A schema or a reference, borrowed.
pub(super) fn borrowed(schema: &ReferenceOr<Schema>) -> ReferenceOr<&Schema> {
    match schema {
        ReferenceOr::Item(item) => ReferenceOr::Item(item),
        ReferenceOr::Reference { reference } => ReferenceOr::ref_(reference),
    }
}

/// The schemas that a choice refers to, those of deleted objects left out.
pub(super) fn references(schema: &Schema) -> Vec<&str> {
    match &schema.schema_kind {
        SchemaKind::AnyOf { any_of: members } | SchemaKind::OneOf { one_of: members } => members
            .iter()
            .filter_map(|member| match member {
                ReferenceOr::Reference { reference } => schema_name(reference),
                ReferenceOr::Item(_) => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether a property is a string of any content.
pub(super) fn is_plain_text(property: &ReferenceOr<&Schema>) -> bool {
    match property {
        ReferenceOr::Item(item) => {
            matches!(schema_type(item), Some(Type::String(text)) if enumeration(&text.enumeration).is_none())
        }
        ReferenceOr::Reference { .. } => false,
    }
}

/// The values of an enum, if it has any.
fn enumeration(values: &[Option<String>]) -> Option<Vec<String>> {
    let values: Vec<String> = values.iter().flatten().cloned().collect();
    (!values.is_empty()).then_some(values)
}

/// The one value that a property can have.
pub(super) fn only_value(schema: &Schema) -> Option<&str> {
    match schema_type(schema)? {
        Type::String(text) => match text.enumeration.as_slice() {
            [Some(value)] => Some(value),
            _ => None,
        },
        _ => None,
    }
}

impl Lowering<'_> {
    /// What a schema at `path` holds. A type that the place needs of its own is called `own_name`.
    pub(super) fn kind(
        &mut self,
        schema: &ReferenceOr<&Schema>,
        path: &str,
        own_name: String,
    ) -> Result<Kind, LowerError> {
        match schema {
            ReferenceOr::Item(item) => self.item(item, path, own_name),
            ReferenceOr::Reference { reference } => self.reference(reference, path, own_name),
        }
    }

    fn reference(
        &mut self,
        reference: &str,
        path: &str,
        own_name: String,
    ) -> Result<Kind, LowerError> {
        let spec = self.spec;
        let Some((target, schema)) = schema_name(reference).and_then(|name| spec.schema(name))
        else {
            return Ok(self.untyped(path, "its reference leads nowhere"));
        };
        match shape(schema) {
            Shape::View | Shape::Union => Ok(Kind::Object(names::camel(target))),
            Shape::Enum(_) => Ok(Kind::Enum(names::camel(target))),
            Shape::Inline(_) => self.item(schema, path, own_name),
        }
    }

    fn item(&mut self, schema: &Schema, path: &str, own_name: String) -> Result<Kind, LowerError> {
        match &schema.schema_kind {
            SchemaKind::Type(found) => self.typed(schema, found, path, own_name),
            SchemaKind::AnyOf { any_of: members }
            | SchemaKind::OneOf { one_of: members }
            | SchemaKind::AllOf { all_of: members } => self.choice(schema, members, path, own_name),
            SchemaKind::Any(any) if !any.properties.is_empty() => {
                self.view(path, own_name.clone(), schema)?;
                Ok(Kind::Object(own_name))
            }
            SchemaKind::Any(_) => Ok(self.untyped(path, "the description gives it no type")),
            SchemaKind::Not { .. } => {
                Ok(self.untyped(path, "the description says only what it is not"))
            }
        }
    }

    fn typed(
        &mut self,
        schema: &Schema,
        found: &Type,
        path: &str,
        own_name: String,
    ) -> Result<Kind, LowerError> {
        Ok(match found {
            Type::Boolean(_) => Kind::Bool,
            Type::Number(_) => Kind::Float,
            Type::Integer(integer) => match &integer.format {
                VariantOrUnknownOrEmpty::Unknown(format) if format == "unix-time" => Kind::Time,
                VariantOrUnknownOrEmpty::Unknown(_)
                | VariantOrUnknownOrEmpty::Item(IntegerFormat::Int32 | IntegerFormat::Int64)
                | VariantOrUnknownOrEmpty::Empty => Kind::Int,
            },
            Type::String(text) => match (enumeration(&text.enumeration), &text.format) {
                (Some(values), _) if values.len() > 1 => {
                    Kind::Enum(self.open_enum(path, own_name, &values)?)
                }
                (_, VariantOrUnknownOrEmpty::Unknown(format)) if format == "decimal" => {
                    Kind::Decimal
                }
                (_, VariantOrUnknownOrEmpty::Unknown(format)) if format == "int64" => Kind::IntText,
                (_, VariantOrUnknownOrEmpty::Item(StringFormat::DateTime)) => Kind::DateTime,
                _ => Kind::Text,
            },
            Type::Array(array) => {
                let inner = match &array.items {
                    Some(ReferenceOr::Item(items)) => self.item(items, path, own_name)?,
                    Some(ReferenceOr::Reference { reference }) => {
                        self.reference(reference, path, own_name)?
                    }
                    None => Kind::Json,
                };
                Kind::Array(Box::new(inner))
            }
            Type::Object(object) if is_list(schema) => match object.properties.get("data") {
                Some(ReferenceOr::Item(data)) => match self.item(data, path, own_name)? {
                    Kind::Array(inner) => Kind::List(inner),
                    other => other,
                },
                _ => self.untyped(path, "it is a list of nothing known"),
            },
            Type::Object(object) if !object.properties.is_empty() => {
                self.view(path, own_name.clone(), schema)?;
                Kind::Object(own_name)
            }
            Type::Object(object) => match &object.additional_properties {
                Some(AdditionalProperties::Schema(values)) => {
                    let inner = match values.as_ref() {
                        ReferenceOr::Item(values) => self.item(values, path, own_name)?,
                        ReferenceOr::Reference { reference } => {
                            self.reference(reference, path, own_name)?
                        }
                    };
                    Kind::Map(Box::new(inner))
                }
                Some(AdditionalProperties::Any(_)) | None => {
                    self.untyped(path, "the description leaves its fields open")
                }
            },
        })
    }

    /// One of several schemas: a reference that can be expanded, a nullable object, a union.
    fn choice(
        &mut self,
        schema: &Schema,
        members: &[ReferenceOr<Schema>],
        path: &str,
        own_name: String,
    ) -> Result<Kind, LowerError> {
        if let [only] = members {
            return self.kind(&borrowed(only), path, own_name);
        }
        let texts = members.iter().filter(|member| match member {
            ReferenceOr::Item(item) => matches!(schema_type(item), Some(Type::String(_))),
            ReferenceOr::Reference { .. } => false,
        });
        let (texts, all_referred) = (texts.count(), references(schema));
        let expandable = texts == 1 || ext::expansion_resources(&schema.schema_data).is_some();
        if all_referred.len() + texts != members.len() || all_referred.is_empty() {
            return Ok(self.untyped(path, "it is a choice between values that are not objects"));
        }
        let living: Vec<&str> = all_referred
            .iter()
            .copied()
            .filter(|name| !name.starts_with("deleted_"))
            .collect();
        let referred = if living.is_empty() {
            all_referred
        } else {
            living
        };
        let view = match referred.as_slice() {
            [only] => match self.reference(
                &format!("{}{only}", crate::spec::SCHEMA_PREFIX),
                path,
                own_name,
            )? {
                Kind::Object(view) => view,
                _ => {
                    return Ok(
                        self.untyped(path, "it is a choice between values that are not objects")
                    );
                }
            },
            several
                if several
                    .iter()
                    .all(|name| variants::names_itself(self.spec, name)) =>
            {
                self.union(path, own_name, several, schema)?
            }
            [first, ..] => {
                let reason =
                    format!("its alternatives do not say which they are: it reads as `{first}`");
                self.report.untyped.push((path.to_owned(), reason));
                names::camel(first)
            }
            [] => return Ok(self.untyped(path, "it is a choice between nothing")),
        };
        Ok(if expandable {
            Kind::Ref(view)
        } else {
            Kind::Object(view)
        })
    }

    fn untyped(&mut self, path: &str, reason: &str) -> Kind {
        self.report
            .untyped
            .push((path.to_owned(), reason.to_owned()));
        Kind::Json
    }
}

/// Whether an object is a page of a Stripe list.
fn is_list(schema: &Schema) -> bool {
    let (properties, _) = properties(schema);
    let is = |key: &str| match properties.get(key) {
        Some(ReferenceOr::Item(item)) => only_value(item) == Some("list"),
        _ => false,
    };
    is("object") && properties.contains_key("data") && properties.contains_key("has_more")
}
