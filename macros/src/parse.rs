//! Tokens to arguments: which attributes there are, and whether each has the shape of its kind. Must not know which of
//! them go together.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Data, DeriveInput, Expr, ExprLit, Field, Fields, Ident, Lit, LitStr, Path, Token,
};

use crate::errors::{Errors, did_you_mean};

/// What can be said of a struct.
pub(crate) const CONTAINER: &[&str] = &[
    "object",
    "table",
    "view",
    "path",
    "id_prefix",
    "alias",
    "operations",
    "nested",
    "own",
    "derive_own",
    "crate",
];

/// What can be said of a field.
pub(crate) const FIELD: &[&str] = &[
    "base",
    "id",
    "path",
    "or",
    "default",
    "rename",
    "column",
    "sql_type",
    "unique",
    "index",
    "references",
    "on_delete",
    "json",
    "derived",
];

/// `key`, `key = value` or `key(…)`.
pub(crate) struct Arg {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    None,
    Expr(Box<Expr>),
    List(Vec<Item>),
}

/// One of a list: `Debug`, `serde::Serialize`, `postgres = "tier"`.
pub(crate) struct Item {
    pub(crate) name: Path,
    pub(crate) value: Option<Expr>,
}

/// The arguments of every `#[stripe(…)]` on one thing.
#[derive(Default)]
pub(crate) struct Args(Vec<Arg>);

impl Parse for Arg {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Value::Expr(Box::new(expression(input)?))
        } else if input.peek(syn::token::Paren) {
            let content;
            syn::parenthesized!(content in input);
            let items = Punctuated::<Item, Token![,]>::parse_terminated(&content)?;
            Value::List(items.into_iter().collect())
        } else {
            Value::None
        };
        Ok(Self { key, value })
    }
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = Path::parse_mod_style(input)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Some(expression(input)?)
        } else {
            None
        };
        Ok(Self { name, value })
    }
}

impl ToTokens for Item {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { name, value } = self;
        let value = value.as_ref().map(|value| quote!(= #value));
        tokens.extend(quote!(#name #value));
    }
}

impl Item {
    /// As it is written.
    pub(crate) fn written(&self) -> String {
        self.to_token_stream().to_string()
    }
}

impl Args {
    /// Reads the attributes, and names every argument that is none of `known` or is there twice.
    pub(crate) fn read(attributes: &[Attribute], known: &[&str], errors: &mut Errors) -> Self {
        let mut args = Self::default();
        for attribute in attributes {
            if !attribute.path().is_ident("stripe") {
                continue;
            }
            let Ok(list) = attribute.meta.require_list() else {
                errors.push(
                    attribute,
                    "write `#[stripe(…)]`, with arguments in parentheses",
                );
                continue;
            };
            let parser = Punctuated::<Arg, Token![,]>::parse_terminated;
            match parser.parse2(list.tokens.clone()) {
                Ok(found) => found
                    .into_iter()
                    .for_each(|arg| args.add(arg, known, errors)),
                Err(error) => errors.add(error),
            }
        }
        args
    }

    fn add(&mut self, arg: Arg, known: &[&str], errors: &mut Errors) {
        let name = arg.key.to_string();
        if !known.contains(&name.as_str()) {
            let meant = if CONTAINER.contains(&name.as_str()) {
                ": it is said of the struct.".to_owned()
            } else if FIELD.contains(&name.as_str()) {
                ": it is said of a field.".to_owned()
            } else {
                did_you_mean(&name, known.iter().copied())
            };
            errors.push(
                &arg.key,
                format!(
                    "`{name}` is no argument here{meant} Allowed are {}",
                    listed(known)
                ),
            );
            return;
        }
        let repeats = matches!(name.as_str(), "or" | "alias");
        if !repeats && self.0.iter().any(|before| before.key == arg.key) {
            errors.push(&arg.key, format!("`{name}` is said twice; once is enough"));
            return;
        }
        self.0.push(arg);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arg> {
        self.0.iter()
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Arg> {
        self.0.iter().find(|arg| arg.key == key)
    }

    /// The key, where the argument is there; complains of a value.
    pub(crate) fn flag(&self, key: &str, errors: &mut Errors) -> Option<&Ident> {
        let arg = self.get(key)?;
        if !matches!(arg.value, Value::None) {
            errors.push(
                &arg.key,
                format!("`{key}` has no value: write `{key}` alone"),
            );
        }
        Some(&arg.key)
    }

    pub(crate) fn text(&self, key: &str, example: &str, errors: &mut Errors) -> Option<&LitStr> {
        self.get(key)?.text(example, errors)
    }
}

impl Arg {
    /// The text that is the value; complains of anything else.
    pub(crate) fn text(&self, example: &str, errors: &mut Errors) -> Option<&LitStr> {
        let key = &self.key;
        let Value::Expr(expr) = &self.value else {
            errors.push(key, format!("`{key}` needs a value: `{key} = {example:?}`"));
            return None;
        };
        text(key, expr, example, errors)
    }
}

/// The text that `key` is said to be; complains of anything else.
pub(crate) fn text<'a>(
    key: impl Display,
    expr: &'a Expr,
    example: &str,
    errors: &mut Errors,
) -> Option<&'a LitStr> {
    let Some(text) = literal(expr) else {
        errors.push(expr, format!("`{key}` takes a text: `{key} = {example:?}`"));
        return None;
    };
    if text.value().trim().is_empty() {
        errors.push(text, format!("`{key}` is empty: `{key} = {example:?}`"));
        return None;
    }
    Some(text)
}

/// An expression, out of the invisible parentheses that `macro_rules!` puts around its variables.
fn expression(input: ParseStream<'_>) -> syn::Result<Expr> {
    let mut expr = input.parse()?;
    while let Expr::Group(group) = expr {
        expr = *group.expr;
    }
    Ok(expr)
}

/// The text, where the expression is one.
pub(crate) fn literal(expr: &Expr) -> Option<&LitStr> {
    match expr {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text),
        _ => None,
    }
}

/// Names as a message lists them.
pub(crate) fn listed(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The named fields of a struct; complains of everything else.
pub(crate) fn fields<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Vec<&'a Field> {
    let wanted = "`StripeModel` is for structs with named fields: `struct Name { field: Type }`";
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => return fields.named.iter().collect(),
            Fields::Unnamed(fields) => errors.push(fields, wanted),
            Fields::Unit => errors.push(&input.ident, wanted),
        },
        Data::Enum(data) => errors.push(data.enum_token, wanted),
        Data::Union(data) => errors.push(data.union_token, wanted),
    }
    Vec::new()
}

/// The documentation among the attributes.
pub(crate) fn docs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
        .cloned()
        .collect()
}
