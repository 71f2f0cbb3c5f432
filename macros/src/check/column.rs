//! The rules of a column of one's own.

use quote::ToTokens as _;
use syn::{Ident, LitStr, Type};

use super::extended::own_field;
use super::projection::{inner, ungrouped};
use super::{Said, plain};
use crate::errors::{Errors, did_you_mean};
use crate::model::{Codec, Lookup, OnDelete, OwnColumn, References};
use crate::parse::{Item, Value, listed, text};

/// The columns that every such table has.
const RESERVED: &[&str] = &[
    "id",
    "account",
    "livemode",
    "object",
    "stripe_id",
    "created_at",
    "updated_at",
];

/// Columns that PostgreSQL has in every table.
const OF_POSTGRES: &[&str] = &["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// What `on_delete` can say.
const ON_DELETE: &[(&str, OnDelete)] = &[
    ("no action", OnDelete::NoAction),
    ("restrict", OnDelete::Restrict),
    ("cascade", OnDelete::Cascade),
    ("set null", OnDelete::SetNull),
    ("set default", OnDelete::SetDefault),
];

/// A name that no database has to be asked about: the same unquoted, in any of them.
pub(super) fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    !name.is_empty()
        && name.len() <= 63
        && name.chars().all(letter)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

pub(super) fn check(said: &Said<'_>, errors: &mut Errors) -> OwnColumn {
    let ty = &said.field.ty;
    let inside = inner(ty, "Option");
    let value = inside.unwrap_or(ty);
    if let Type::Reference(reference) = ungrouped(value) {
        errors.push(
            reference,
            "a column's value is owned: take `String` for `&str`, `Vec<u8>` for `&[u8]`",
        );
    }
    let nullable = inside.is_some();
    let default = said.args.text("default", "'free'", errors).cloned();
    OwnColumn {
        field: own_field(said),
        ty: ty.clone(),
        value: value.clone(),
        nullable,
        name: name(said, errors),
        codec: codec(said, errors),
        references: references(said, nullable, default.is_some(), errors),
        lookup: lookup(said, errors),
        default,
        derived: said.args.flag("derived", errors).is_some(),
    }
}

/// The column's name: that of the field, unless it is said otherwise.
fn name(said: &Said<'_>, errors: &mut Errors) -> String {
    let given = said.args.text("column", "user_id", errors);
    let name = given.map_or_else(|| plain(said.ident), LitStr::value);
    let mut wrong = |message: String| match given {
        Some(text) => errors.push(text, message),
        None => errors.push(said.ident, message),
    };
    if !is_name(&name) {
        wrong(
            "a column's name is of small letters, digits and `_`, does not begin with a digit, and has at most 63 of \
             them: `column = \"user_id\"` gives the field's column another name"
                .to_owned(),
        );
    } else if RESERVED.contains(&name.as_str()) {
        let hint = if name == "id" {
            "`#[stripe(id)]` makes the field the row's own id, `#[stripe(path)]` the object's"
        } else {
            "`column = \"…\"` gives the field's column another name"
        };
        wrong(format!(
            "every such table has a column `{name}` already: {hint}"
        ));
    } else if OF_POSTGRES.contains(&name.as_str()) {
        wrong(format!(
            "PostgreSQL has a column `{name}` in every table: `column = \"…\"` gives the field's column another name"
        ));
    }
    name
}

/// How the value gets into the column.
fn codec(said: &Said<'_>, errors: &mut Errors) -> Codec {
    let json = said.args.flag("json", errors).is_some();
    let Some(arg) = said.args.get("sql_type") else {
        return if json { Codec::Json } else { Codec::Native };
    };
    if json {
        errors.push(
            &arg.key,
            "`json` has a type of its own in each database: leave out either `sql_type` or `json`",
        );
    }
    let types = match &arg.value {
        Value::List(items) => of_each(&arg.key, items, errors),
        _ => arg
            .text("numeric(5,2)", errors)
            .map(|both| (both.clone(), both.clone())),
    };
    types.map_or(Codec::Native, |(postgres, sqlite)| Codec::Sqlx {
        postgres,
        sqlite,
    })
}

/// `sql_type(postgres = "…", sqlite = "…")`.
fn of_each(key: &Ident, items: &[Item], errors: &mut Errors) -> Option<(LitStr, LitStr)> {
    const EXAMPLES: [(&str, &str); 2] = [("postgres", "numeric(5,2)"), ("sqlite", "TEXT")];
    let names = EXAMPLES.map(|(name, _)| name);
    for item in items {
        if !names.iter().any(|name| item.name.is_ident(name)) {
            let name = item.name.to_token_stream().to_string();
            let meant = did_you_mean(&name, names);
            errors.push(
                &item.name,
                format!(
                    "`{name}` is no database here{meant} Allowed are {}",
                    listed(&names)
                ),
            );
        }
    }
    let mut types = EXAMPLES.iter().map(|(name, example)| {
        let mut said = items.iter().filter(|item| item.name.is_ident(name));
        let Some(item) = said.next() else {
            errors.push(
                key,
                format!(
                    "`sql_type` is the type in each database: add `{name} = {example:?}`, or say one type for both, \
                     `sql_type = \"numeric(5,2)\"`"
                ),
            );
            return None;
        };
        for second in said {
            errors.push(
                &second.name,
                format!("`{name}` is said twice; once is enough"),
            );
        }
        let Some(value) = &item.value else {
            errors.push(item, format!("`{name}` needs a value: `{name} = {example:?}`"));
            return None;
        };
        text(name, value, example, errors).cloned()
    });
    let (postgres, sqlite) = (types.next().flatten(), types.next().flatten());
    Some((postgres?, sqlite?))
}

/// The row of another table, where the column names one.
fn references(
    said: &Said<'_>,
    nullable: bool,
    has_default: bool,
    errors: &mut Errors,
) -> Option<References> {
    let Some(arg) = said.args.get("references") else {
        if let Some(arg) = said.args.get("on_delete") {
            errors.push(
                &arg.key,
                "`on_delete` is of a row that the column names: say `references = \"users(id)\"` too",
            );
        }
        return None;
    };
    let on_delete = on_delete(said, nullable, has_default, errors);
    let text = arg.text("users(id)", errors)?;
    let value = text.value();
    let parts = value
        .strip_suffix(')')
        .and_then(|value| value.split_once('('));
    let table_and_column = parts.filter(|(table, column)| {
        let mut steps = table.split('.');
        steps.by_ref().take(2).all(is_identifier) && steps.next().is_none() && is_identifier(column)
    });
    let Some((table, column)) = table_and_column else {
        errors.push(
            text,
            "`references` names a table and one of its columns, with the table's schema before it where needed: \
             `references = \"users(id)\"`",
        );
        return None;
    };
    Some(References {
        table: table.to_owned(),
        column: column.to_owned(),
        on_delete,
    })
}

/// A name in a table that somebody else made: capitals are as they are there.
fn is_identifier(name: &str) -> bool {
    is_name(&name.to_ascii_lowercase())
}

/// What becomes of the row when the one that it names is deleted.
fn on_delete(said: &Said<'_>, nullable: bool, has_default: bool, errors: &mut Errors) -> OnDelete {
    let Some(text) = said.args.text("on_delete", "cascade", errors) else {
        return OnDelete::NoAction;
    };
    let value = text.value();
    let Some((_, action)) = ON_DELETE.iter().find(|(name, _)| *name == value) else {
        let names: Vec<_> = ON_DELETE.iter().map(|(name, _)| *name).collect();
        let meant = did_you_mean(&value.to_lowercase(), names.iter().copied());
        errors.push(
            text,
            format!(
                "`{value}` is nothing that `on_delete` can do{meant} Allowed are {}",
                listed(&names)
            ),
        );
        return OnDelete::NoAction;
    };
    // Either would fail when it is too late: at the first deletion.
    if *action == OnDelete::SetNull && !nullable {
        errors.push(
            text,
            "`set null` needs a column that can be null: make the field an `Option`, or say `cascade` or `restrict`",
        );
    }
    if *action == OnDelete::SetDefault && !has_default {
        errors.push(
            text,
            "`set default` needs a default: say `default = \"0\"` too, with the SQL of the value",
        );
    }
    *action
}

/// How the column is found by.
fn lookup(said: &Said<'_>, errors: &mut Errors) -> Option<Lookup> {
    let unique = said.args.flag("unique", errors);
    let index = said.args.flag("index", errors);
    if let (Some(_), Some(index)) = (unique, index) {
        errors.push(
            index,
            "a `unique` column has an index already: leave out `index`",
        );
    }
    unique
        .map(|_| Lookup::Unique)
        .or(index.map(|_| Lookup::Index))
}
