//! Parameters of operations: what each takes.

use std::collections::BTreeMap;

use openapiv3::{
    AdditionalProperties, Parameter as Described, ParameterSchemaOrContent, ReferenceOr, Schema,
    SchemaKind, StringFormat, Type, VariantOrUnknownOrEmpty,
};

use crate::ir::{Parameter, ParameterKind, ParameterObject, Shape};
use crate::lower::kinds::{borrowed, only_value, properties};
use crate::lower::{LowerError, Lowering, check_members, names, schema_type};
use crate::spec::Operation;

/// Names that the builders have for themselves: a parameter of that name gets an underscore.
const BUILDERS: &[&str] = &["expand", "from_parameters", "new", "param", "params"];

/// What the calls of lists have by themselves.
const PAGING: &[&str] = &["ending_before", "limit", "page", "starting_after"];

/// What every builder has.
const EXPAND: &str = "expand";

/// The keys of a range of moments.
const RANGE: &[&str] = &["gt", "gte", "lt", "lte"];

/// A parameter as the description has it.
struct Found<'a> {
    schema: ReferenceOr<&'a Schema>,
    is_required: bool,
    is_deprecated: bool,
}

/// Whether the body is a form with a file in it.
pub(super) fn is_upload(operation: &Operation) -> bool {
    let body = operation.raw.request_body.as_ref();
    let content = body.and_then(|body| Some(&body.as_item()?.content));
    content.is_some_and(|content| content.contains_key("multipart/form-data"))
}

/// The parameters in the query and the body, by key.
pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    operation: &Operation,
    owner: &str,
    pages: bool,
) -> Result<Vec<Parameter>, LowerError> {
    let mut found = BTreeMap::new();
    query(operation, &mut found);
    body(lowering, operation, &mut found);
    found.retain(|key, _| key != EXPAND && !(pages && PAGING.contains(&key.as_str())));
    of_owner(lowering, found, owner)
}

/// The parameters of an operation or an object of that name.
fn of_owner(
    lowering: &mut Lowering<'_>,
    found: BTreeMap<String, Found<'_>>,
    owner: &str,
) -> Result<Vec<Parameter>, LowerError> {
    let mut parameters = Vec::with_capacity(found.len());
    for (key, it) in found {
        let name = format!("{owner}{}", names::camel(&key));
        let source = format!("{owner}.{key}");
        let (kind, can_be_emptied) = kind(lowering, &it.schema, &source, &name)?;
        let mut setter = names::getter(&key);
        if BUILDERS.contains(&setter.as_str()) {
            setter.push('_');
        }
        parameters.push(Parameter {
            key,
            setter,
            kind,
            is_required: it.is_required,
            is_argument: it.is_required,
            can_be_emptied,
            is_deprecated: it.is_deprecated,
        });
    }
    Ok(parameters)
}

fn query<'a>(operation: &'a Operation, found: &mut BTreeMap<String, Found<'a>>) {
    for parameter in operation
        .raw
        .parameters
        .iter()
        .filter_map(ReferenceOr::as_item)
    {
        let Described::Query { parameter_data, .. } = parameter else {
            continue;
        };
        if let ParameterSchemaOrContent::Schema(schema) = &parameter_data.format {
            let it = Found {
                schema: borrowed(schema),
                is_required: parameter_data.required,
                is_deprecated: parameter_data.deprecated.unwrap_or_default(),
            };
            found.insert(parameter_data.name.clone(), it);
        }
    }
}

fn body<'a>(
    lowering: &Lowering<'a>,
    operation: &'a Operation,
    found: &mut BTreeMap<String, Found<'a>>,
) {
    let body = operation.raw.request_body.as_ref();
    let contents = body.and_then(|body| Some(&body.as_item()?.content));
    for media_type in contents.into_iter().flat_map(|contents| contents.values()) {
        let schema = media_type.schema.as_ref();
        let Some(schema) = schema.and_then(|schema| lowering.spec.resolve(schema)) else {
            continue;
        };
        fields(schema, found);
    }
}

fn fields<'a>(schema: &'a Schema, found: &mut BTreeMap<String, Found<'a>>) {
    let (fields, required) = properties(schema);
    for (key, schema) in fields {
        let data = schema.as_item().map(|item| &item.schema_data);
        let it = Found {
            is_required: required.contains(&key),
            is_deprecated: data.is_some_and(|data| data.deprecated),
            schema,
        };
        found.insert(key, it);
    }
}

/// Of an object, makes no arguments of several required numbers, moments or booleans of one type, since nothing would
/// tell one from the other: these are set by name.
fn name_what_could_be_swapped(parameters: &mut [Parameter]) {
    let can_be_swapped = |kind: &ParameterKind| {
        matches!(
            kind,
            ParameterKind::Int | ParameterKind::Float | ParameterKind::Bool | ParameterKind::Time
        )
    };
    let required = parameters.iter().filter(|it| it.is_required);
    let kinds: Vec<ParameterKind> = required.map(|it| it.kind.clone()).collect();
    let is_alone = |kind: &ParameterKind| kinds.iter().filter(|it| *it == kind).count() < 2;
    for it in parameters {
        it.is_argument &= is_alone(&it.kind) || !can_be_swapped(&it.kind);
    }
}

/// An object with fields, as a builder of that name.
fn object(
    lowering: &mut Lowering<'_>,
    schema: &Schema,
    source: &str,
    name: &str,
) -> Result<String, LowerError> {
    let name = lowering.names.claim(source, name.to_owned())?;
    let mut found = BTreeMap::new();
    fields(schema, &mut found);
    let mut parameters = of_owner(lowering, found, &name)?;
    name_what_could_be_swapped(&mut parameters);
    let setters = parameters
        .iter()
        .map(|parameter| (parameter.setter.as_str(), parameter.key.as_str()));
    check_members(source, setters)?;
    lowering.objects.push(ParameterObject {
        name: name.clone(),
        source: source.to_owned(),
        module: String::new(),
        parameters,
        twin: None,
    });
    Ok(name)
}

/// What a parameter takes, and whether an empty text empties it.
fn kind(
    lowering: &mut Lowering<'_>,
    schema: &ReferenceOr<&Schema>,
    source: &str,
    name: &str,
) -> Result<(ParameterKind, bool), LowerError> {
    let Some(schema) = resolved(lowering, schema) else {
        return Ok((ParameterKind::Json(Shape::Any), false));
    };
    let (SchemaKind::AnyOf { any_of: members } | SchemaKind::OneOf { one_of: members }) =
        &schema.schema_kind
    else {
        return Ok((typed(lowering, schema, source, name)?, false));
    };
    let members: Vec<&Schema> = members
        .iter()
        .filter_map(|member| resolved(lowering, &borrowed(member)))
        .collect();
    let is_empty = |member: &&Schema| only_value(member) == Some("");
    let can_be_emptied = members.iter().any(is_empty);
    let members: Vec<&Schema> = members.into_iter().filter(|it| !is_empty(it)).collect();
    let kind = match members.as_slice() {
        [only] => typed(lowering, only, source, name)?,
        [one, other]
            if is_range(one) && is_integer(other) || is_integer(one) && is_range(other) =>
        {
            ParameterKind::TimeRange
        }
        several => {
            let words = several.iter().map(|schema| words(schema));
            ParameterKind::Json(Shape::OneOf(words.collect()))
        }
    };
    Ok((kind, can_be_emptied))
}

fn resolved<'a>(lowering: &Lowering<'a>, schema: &ReferenceOr<&'a Schema>) -> Option<&'a Schema> {
    match schema {
        ReferenceOr::Item(schema) => Some(schema),
        ReferenceOr::Reference { reference } => {
            let name = crate::spec::schema_name(reference)?;
            lowering.spec.schema(name).map(|(_, schema)| schema)
        }
    }
}

fn typed(
    lowering: &mut Lowering<'_>,
    schema: &Schema,
    source: &str,
    name: &str,
) -> Result<ParameterKind, LowerError> {
    let open_enum = |lowering: &mut Lowering<'_>, values: &[Option<String>]| {
        let values: Vec<String> = values.iter().flatten().cloned().collect();
        lowering.open_enum(source, name.to_owned(), &values)
    };
    Ok(match schema_type(schema) {
        Some(Type::Boolean(_)) => ParameterKind::Bool,
        Some(Type::Number(_)) => ParameterKind::Float,
        Some(Type::Integer(integer)) => match &integer.format {
            VariantOrUnknownOrEmpty::Unknown(format) if format == "unix-time" => {
                ParameterKind::Time
            }
            _ => ParameterKind::Int,
        },
        Some(Type::String(text)) => match (text.enumeration.as_slice(), &text.format) {
            ([Some(only)], _) => ParameterKind::Constant(only.clone()),
            ([_, _, ..], _) => ParameterKind::Enum(open_enum(lowering, &text.enumeration)?),
            (_, VariantOrUnknownOrEmpty::Unknown(format)) if format == "decimal" => {
                ParameterKind::Decimal
            }
            (_, VariantOrUnknownOrEmpty::Item(StringFormat::DateTime)) => ParameterKind::DateTime,
            _ => ParameterKind::Text,
        },
        Some(Type::Array(array)) => {
            let items = match &array.items {
                Some(ReferenceOr::Item(items)) => Some(items.as_ref()),
                _ => None,
            };
            match items.and_then(schema_type) {
                Some(Type::Object(object)) if object.properties.is_empty() => {
                    ParameterKind::Json(Shape::OneOf(vec![words(schema)]))
                }
                // Also of one value: a list is where Stripe adds some.
                Some(Type::String(text)) if !text.enumeration.is_empty() => {
                    ParameterKind::Enums(open_enum(lowering, &text.enumeration)?)
                }
                Some(Type::String(_)) => ParameterKind::Texts,
                Some(Type::Object(_)) => match items {
                    Some(items) => ParameterKind::Objects(object(lowering, items, source, name)?),
                    None => ParameterKind::Json(Shape::Any),
                },
                _ => ParameterKind::Json(Shape::OneOf(vec![words(schema)])),
            }
        }
        Some(Type::Object(object)) if is_range(schema) && !object.properties.is_empty() => {
            ParameterKind::TimeRange
        }
        Some(Type::Object(object)) => match &object.additional_properties {
            Some(AdditionalProperties::Schema(values)) if object.properties.is_empty() => {
                match values.as_item().and_then(schema_type) {
                    Some(Type::String(_)) => ParameterKind::Map,
                    _ => ParameterKind::Json(Shape::OneOf(vec![words(schema)])),
                }
            }
            _ if object.properties.is_empty() => ParameterKind::Json(Shape::Map),
            _ => ParameterKind::Object(self::object(lowering, schema, source, name)?),
        },
        None => ParameterKind::Json(Shape::Any),
    })
}

fn is_range(schema: &Schema) -> bool {
    let (fields, _) = properties(schema);
    !fields.is_empty() && fields.keys().all(|key| RANGE.contains(&key.as_str()))
}

fn is_integer(schema: &Schema) -> bool {
    matches!(schema_type(schema), Some(Type::Integer(_)))
}

/// What a value looks like, in words.
fn words(schema: &Schema) -> String {
    match schema_type(schema) {
        Some(Type::Boolean(_)) => "true or false".to_owned(),
        Some(Type::Number(_)) => "a number".to_owned(),
        Some(Type::Integer(integer)) => match &integer.format {
            VariantOrUnknownOrEmpty::Unknown(format) if format == "unix-time" => {
                "a moment, in unix seconds".to_owned()
            }
            _ => "an integer".to_owned(),
        },
        Some(Type::String(text)) => {
            let values: Vec<String> = text
                .enumeration
                .iter()
                .flatten()
                .filter(|value| !value.is_empty())
                .map(|value| format!("`{value}`"))
                .collect();
            if values.is_empty() {
                "a text".to_owned()
            } else {
                values.join(", ")
            }
        }
        Some(Type::Array(_)) => "an array".to_owned(),
        Some(Type::Object(_)) => {
            let (fields, _) = properties(schema);
            let keys: Vec<String> = fields.keys().map(|key| format!("`{key}`")).collect();
            if keys.is_empty() {
                "a map".to_owned()
            } else {
                format!("a map of {}", keys.join(", "))
            }
        }
        None => "JSON".to_owned(),
    }
}
