//! The rules of extended models: of the struct, and of which fields it has.

use std::collections::HashMap;

use quote::format_ident;
use syn::{Ident, LitStr, Path, Type, parse_quote};

use super::projection::{field, ungrouped};
use super::{Object, Said, column, constant, type_name};
use crate::errors::Errors;
use crate::model::{Common, Extended, OwnColumn, OwnField};
use crate::parse::{Args, Value, docs};

/// The library's own tables.
const TABLES: &[&str] = &["stripe_objects", "stripe_rivals", "stripe_dirty_objects"];

/// How names begin that are the library's, or the databases'.
const PREFIXES: &[&str] = &["_stripe_store", "sqlite_", "pg_"];

/// What can be said of a field that is a column, and of no other.
const OF_COLUMNS: &[&str] = &[
    "column",
    "sql_type",
    "unique",
    "index",
    "references",
    "on_delete",
    "json",
    "derived",
];

/// What a field is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Base,
    Id,
    Projected,
    Column,
}

pub(super) fn check(
    common: Common,
    object: Option<&Object<'_>>,
    args: &Args,
    said: &[Said<'_>],
    errors: &mut Errors,
) -> Option<Extended> {
    // The table is made once, for one set of columns.
    if !common.generics.params.is_empty() {
        errors.push(
            &common.generics,
            "an extended model has one table, and so neither generics nor lifetimes: leave them out",
        );
    }
    let object = resource(object, args, said, errors);
    let table = table(&common, args, said, errors);
    let own = type_name(&common, args, "own", "Own", errors);
    let derives = derives(args, errors);
    let roles: Vec<_> = said.iter().map(|said| (role(said, errors), said)).collect();
    let of = |role: Role| roles.iter().filter(move |of| of.0 == role).map(|of| of.1);
    let base = base(object.as_ref(), args, of(Role::Base), errors);
    let id = id(of(Role::Id), errors);
    // Only for what a message shows of it.
    let shown = object.clone().unwrap_or_else(|| parse_quote!(Object));
    let (mut columns, mut projected) = (Vec::new(), Vec::new());
    for (role, said) in &roles {
        match role {
            Role::Column => columns.push(column::check(said, errors)),
            Role::Projected => projected.push(field(&shown, said, errors)),
            Role::Base | Role::Id => {}
        }
    }
    distinct(id.as_ref(), &columns, errors);
    let base = base?;
    Some(Extended {
        object: object?,
        table: table?,
        own: own?,
        derives,
        base: base.ident.clone(),
        base_type: base.field.ty.clone(),
        id,
        columns,
        projected,
        common,
    })
}

/// The rows of a table belong to objects of one type, which the compiler has to know.
fn resource(
    object: Option<&Object<'_>>,
    args: &Args,
    said: &[Said<'_>],
    errors: &mut Errors,
) -> Option<Path> {
    match object {
        Some(Object::Type(path)) => return Some((*path).clone()),
        Some(Object::Name(text)) => errors.push(
            text,
            "an extended model is of a type with a view: `object = Customer`, or the name of a view of your own",
        ),
        None if args.get("object").is_some() => {}
        None => {
            let base = said.iter().find_map(|said| said.args.get("base"));
            if let Some(arg) = args.get("table").or(base) {
                errors.push(
                    &arg.key,
                    "say of which object: `object = Customer` in the struct's `#[stripe(…)]`",
                );
            }
        }
    }
    None
}

fn table(common: &Common, args: &Args, said: &[Said<'_>], errors: &mut Errors) -> Option<LitStr> {
    let example = format!("{}s", snake(&common.name));
    let Some(arg) = args.get("table") else {
        // The one or the other made it an extended model.
        if let Some(base) = said.iter().find_map(|said| said.args.get("base")) {
            errors.push(
                &base.key,
                format!("a model with a base has a table: add `table = {example:?}` to the struct's `#[stripe(…)]`"),
            );
        }
        return None;
    };
    let text = arg.text(&example, errors)?;
    let name = text.value();
    let (schema, table) = name
        .split_once('.')
        .map_or((None, name.as_str()), |(schema, table)| {
            (Some(schema), table)
        });
    if !schema.into_iter().chain([table]).all(column::is_name) {
        errors.push(
            text,
            format!(
                "a table's name is of small letters, digits and `_`, does not begin with a digit, and has at most 63 of \
                 them, with the name of a schema and a dot before it where needed: `table = {example:?}`"
            ),
        );
        return None;
    }
    if TABLES.contains(&table) {
        errors.push(
            text,
            format!("`{table}` is the library's own table: take another name, such as `{example}`"),
        );
        return None;
    }
    let taken = |name: &str| PREFIXES.iter().find(|prefix| name.starts_with(**prefix));
    if let Some(prefix) = taken(table).or_else(|| schema.and_then(taken)) {
        errors.push(
            text,
            format!(
                "names that begin with `{prefix}` are kept for the library and the databases: take another, such as `{example}`"
            ),
        );
        return None;
    }
    Some(text.clone())
}

/// What the type of the columns derives.
fn derives(args: &Args, errors: &mut Errors) -> Vec<Path> {
    let Some(arg) = args.get("derive_own") else {
        return Vec::new();
    };
    let wanted = "`derive_own` lists what to derive: `derive_own(Debug, Clone, Default)`";
    let Value::List(items) = &arg.value else {
        errors.push(&arg.key, wanted);
        return Vec::new();
    };
    if items.is_empty() {
        errors.push(&arg.key, wanted);
    }
    for item in items.iter().filter(|item| item.value.is_some()) {
        errors.push(item, wanted);
    }
    items.iter().map(|item| item.name.clone()).collect()
}

/// What a field is, and whether it says nothing of another kind of field.
fn role(said: &Said<'_>, errors: &mut Errors) -> Role {
    let alone = [
        ("base", Role::Base, "the object itself"),
        ("id", Role::Id, "the row's own number"),
    ];
    for (key, role, what) in alone {
        if said.args.flag(key, errors).is_none() {
            continue;
        }
        for arg in said.args.iter().filter(|arg| arg.key != key) {
            let other = &arg.key;
            errors.push(
                other,
                format!("`{key}` is {what}, and stands alone: leave out `{other}`"),
            );
        }
        return role;
    }
    if said.args.get("path").is_none() {
        for arg in said.args.iter().filter(|arg| arg.key == "or") {
            errors.push(
                &arg.key,
                "`or` is where else a value of the object may be: say its `path` too, or leave out `or`",
            );
        }
        return Role::Column;
    }
    for arg in said.args.iter() {
        let other = arg.key.to_string();
        if OF_COLUMNS.contains(&other.as_str()) {
            errors.push(
                &arg.key,
                format!(
                    "`{other}` is of a column, and `path` makes the field a value of the object: leave out `{other}` or `path`"
                ),
            );
        }
    }
    Role::Projected
}

/// One row is beside one object.
fn base<'a, 'b>(
    object: Option<&Path>,
    args: &Args,
    mut found: impl Iterator<Item = &'a Said<'b>>,
    errors: &mut Errors,
) -> Option<&'a Said<'b>>
where
    'b: 'a,
{
    let Some(base) = found.next() else {
        if let Some(table) = args.get("table") {
            let object = object.and_then(|path| path.segments.last());
            let object =
                object.map_or_else(|| format_ident!("Customer"), |last| last.ident.clone());
            errors.push(
                &table.key,
                format!(
                    "a model with a table has the object that its rows belong to: add a field \
                     `#[stripe(base)] {}: Stored<{object}>`",
                    snake(&object)
                ),
            );
        }
        return None;
    };
    for second in found {
        let before = base.ident;
        if let Some(arg) = second.args.get("base") {
            errors.push(
                &arg.key,
                format!("`{before}` is the base already: leave out this `base`"),
            );
        }
    }
    Some(base)
}

fn id<'a, 'b>(
    mut found: impl Iterator<Item = &'a Said<'b>>,
    errors: &mut Errors,
) -> Option<OwnField>
where
    'b: 'a,
{
    let id = found.next()?;
    for second in found {
        let before = id.ident;
        if let Some(arg) = second.args.get("id") {
            errors.push(
                &arg.key,
                format!("`{before}` is the row's id already: leave out this `id`, or read the object's with `path = \"id\"`"),
            );
        }
    }
    // Both databases count rows in 64 bits.
    if !matches!(ungrouped(&id.field.ty), Type::Path(path) if path.qself.is_none() && path.path.is_ident("i64"))
    {
        errors.push(&id.field.ty, "the row's id is an `i64`, and written so");
    }
    Some(own_field(id))
}

pub(super) fn own_field(said: &Said<'_>) -> OwnField {
    OwnField {
        ident: said.ident.clone(),
        constant: constant(said.ident),
        vis: said.field.vis.clone(),
        docs: docs(&said.field.attrs),
    }
}

/// Two columns of one name are a slip, and two constants of one name would not compile.
fn distinct(id: Option<&OwnField>, columns: &[OwnColumn], errors: &mut Errors) {
    let mut names = HashMap::new();
    let mut constants = HashMap::new();
    if let Some(id) = id {
        constants.insert(&id.constant, &id.ident);
    }
    for column in columns {
        let field = &column.field;
        if let Some(before) = names.insert(&column.name, &field.ident) {
            errors.push(
                &field.ident,
                format!("`{before}` has the column `{}` already", column.name),
            );
        } else if let Some(before) = constants.insert(&field.constant, &field.ident) {
            errors.push(
                &field.ident,
                format!(
                    "`{before}` has the constant `{}` already: rename one of the two fields",
                    field.constant
                ),
            );
        }
    }
}

/// A type's name as a field's, or a table's.
fn snake(name: &Ident) -> String {
    let mut snake = String::new();
    for letter in name.to_string().trim_start_matches("r#").chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
