//! The rules of projections.

use syn::{GenericArgument, GenericParam, Ident, LitStr, Path, PathArguments, Type};

use super::{Said, plain};
use crate::errors::Errors;
use crate::model::{Absent, Common, FieldPath, ProjectedField, Projection, ident};
use crate::parse::{Arg, Value, literal};

pub(super) fn check(
    common: Common,
    object: &Path,
    said: &[Said<'_>],
    errors: &mut Errors,
) -> Projection {
    lifetimes(&common, errors);
    // One column has to be there to be read.
    if said.is_empty() && errors.is_empty() {
        errors.push(
            &common.name,
            "a projection reads at least one field: `id: String`, or `email: Option<String>`",
        );
    }
    for said in said {
        bare(said, errors);
    }
    Projection {
        object: object.clone(),
        fields: said
            .iter()
            .map(|said| field(object, said, errors))
            .collect(),
        common,
    }
}

/// What comes out of the database is borrowed from nobody.
fn lifetimes(common: &Common, errors: &mut Errors) {
    for param in &common.generics.params {
        if let GenericParam::Lifetime(lifetime) = param {
            errors.push(
                lifetime,
                "a projection owns what it reads: leave out the lifetime, and take `String` for `&str`",
            );
        }
    }
}

/// Every field has a path; one that says no other need not say so.
fn bare(said: &Said<'_>, errors: &mut Errors) {
    if let Some(arg) = said.args.get("path")
        && matches!(arg.value, Value::None)
    {
        errors.push(&arg.key, needs_a_value(&arg.key));
    }
}

/// What is read out of the object, in a projection or beside columns.
pub(super) fn field(object: &Path, said: &Said<'_>, errors: &mut Errors) -> ProjectedField {
    let ty = &said.field.ty;
    if let Type::Reference(reference) = ungrouped(ty) {
        errors.push(
            reference,
            "a field owns what is read into it: take `String` for `&str`, `Vec<T>` for `&[T]`",
        );
    }
    ProjectedField {
        ident: said.ident.clone(),
        ty: ty.clone(),
        sources: sources(object, said, errors),
        absent: absent(said, errors),
    }
}

/// Whether the path is the field's name.
fn is_named_alike(said: &Said<'_>) -> bool {
    said.args
        .get("path")
        .is_none_or(|path| matches!(path.value, Value::None))
}

/// Where the value is: at `path`, or under the field's name; then at each `or`.
fn sources(object: &Path, said: &Said<'_>, errors: &mut Errors) -> Vec<FieldPath> {
    let alike = is_named_alike(said);
    let mut sources: Vec<FieldPath> = said
        .args
        .iter()
        .filter(|arg| arg.key == "or" || (arg.key == "path" && !alike))
        .filter_map(|arg| source(object, arg, errors))
        .collect();
    if alike {
        let constant = ident(&plain(said.ident).to_uppercase(), said.ident.span());
        sources.insert(0, FieldPath::Constant(constant));
    }
    sources
}

fn source(object: &Path, arg: &Arg, errors: &mut Errors) -> Option<FieldPath> {
    let key = &arg.key;
    let Value::Expr(expr) = &arg.value else {
        errors.push(key, needs_a_value(key));
        return None;
    };
    match literal(expr) {
        Some(text) => dotted(object, text, errors),
        None => Some(FieldPath::Typed(expr.clone())),
    }
}

fn needs_a_value(key: &Ident) -> String {
    format!(
        "`{key}` needs a value: `{key} = \"email\"`, `{key} = \"metadata.tier\"`, or a typed path, \
         `{key} = Customer::ADDRESS.then(Address::CITY)`"
    )
}

/// A text names a field, or a key of the metadata. What is deeper is of another view, whose name no text has.
fn dotted(object: &Path, text: &LitStr, errors: &mut Errors) -> Option<FieldPath> {
    let value = text.value();
    if let Some(key) = value
        .strip_prefix("metadata.")
        .filter(|key| !key.is_empty())
    {
        return Some(FieldPath::Metadata(text.clone(), key.to_owned()));
    }
    if value.contains('.') {
        let steps: Vec<_> = value.split('.').filter(|step| !step.is_empty()).collect();
        let typed = suggestion(object, &steps);
        errors.push(
            text,
            format!(
                "a path through another view is written with its types, so that they can be checked: `path = {typed}`"
            ),
        );
        return None;
    }
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if value.is_empty() || !value.chars().all(is_plain) {
        errors.push(
            text,
            "a path is the name of a field as in Stripe's JSON, `\"email\"`, or a key of the metadata, `\"metadata.tier\"`",
        );
        return None;
    }
    let mut name = value.to_uppercase();
    // As the generator names what begins with a digit.
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    Some(FieldPath::Constant(ident(&name, text.span())))
}

/// The typed path that a dotted one stands for, as far as a name can tell.
fn suggestion(object: &Path, steps: &[&str]) -> String {
    let object = object.segments.last();
    let object = object.map_or(String::new(), |last| last.ident.to_string());
    let Some((first, rest)) = steps.split_first() else {
        return object;
    };
    let is_index = |step: &&str| step.parse::<usize>().is_ok();
    let rest: String = rest
        .iter()
        .zip(rest.iter().skip(1).map(Some).chain([None]))
        .map(|(step, next)| match step {
            step if is_index(step) => format!(".at({step})"),
            // `at` of a list goes into its data.
            &"data" if next.is_some_and(is_index) => String::new(),
            step => format!(".then(…::{})", step.to_uppercase()),
        })
        .collect();
    format!("{object}::{}{rest}", first.to_uppercase())
}

/// Stripe may leave out any field, at any time; a read of it must not fail.
fn absent(said: &Said<'_>, errors: &mut Errors) -> Absent {
    match said.args.get("default").map(|arg| &arg.value) {
        Some(Value::None) => return Absent::Default,
        Some(Value::Expr(expr)) => return Absent::Value(expr.clone()),
        Some(Value::List(_)) => {
            if let Some(arg) = said.args.get("default") {
                errors.push(&arg.key, "write `default`, or `default = 0`");
            }
            return Absent::Default;
        }
        None => {}
    }
    if is_option(&said.field.ty) {
        return Absent::None;
    }
    // There is no object without an id, and the getter gives an empty text as well.
    if said.ident == "id" && is_named_alike(said) {
        return Absent::Default;
    }
    errors.push(
        &said.field.ty,
        "Stripe may leave the field out: take an `Option`, or say `#[stripe(default)]` or `#[stripe(default = …)]`",
    );
    Absent::Default
}

/// The type, out of the invisible parentheses that `macro_rules!` puts around its variables.
pub(super) fn ungrouped(mut ty: &Type) -> &Type {
    while let Type::Group(group) = ty {
        ty = &group.elem;
    }
    ty
}

/// Whether the type is called `Option`.
pub(super) fn is_option(ty: &Type) -> bool {
    inner(ty, "Option").is_some()
}

/// The argument of a type of this name.
pub(super) fn inner<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ungrouped(ty) else {
        return None;
    };
    let last = path
        .path
        .segments
        .last()
        .filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) => Some(inner),
        _ => None,
    }
}
