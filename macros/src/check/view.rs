//! The rules of views of one's own.

use std::collections::HashMap;

use syn::ext::IdentExt as _;
use syn::{LitStr, Type};

use super::projection::{inner, ungrouped};
use super::{Said, constant, plain, type_name};
use crate::errors::{Errors, did_you_mean};
use crate::model::{Common, Getter, Operations, OwnResource, OwnView};
use crate::parse::{Args, Value, docs, listed};

/// Methods that every view has, which a getter would hide.
const TAKEN: &[&str] = &[
    "data",
    "view",
    "from_value",
    "state",
    "clone",
    "eq",
    "fmt",
    "ref_cast",
];

/// What `operations` can list.
const OPERATIONS: &[&str] = &["retrieve", "list", "search", "delete"];

pub(super) fn check(
    common: Common,
    object: Option<&LitStr>,
    args: &Args,
    said: &[Said<'_>],
    errors: &mut Errors,
) -> Option<OwnView> {
    // One view is one kind of JSON.
    if !common.generics.params.is_empty() {
        errors.push(&common.generics, "a view has no generics: leave them out");
    }
    let view = type_name(&common, args, "view", "View", errors);
    let resource = object.map(|object| resource(object, args, errors));
    if resource.is_none() {
        only_resources(args, errors);
    }
    let fields: Vec<_> = said.iter().map(|said| getter(said, errors)).collect();
    distinct(&fields, errors);
    Some(OwnView {
        common,
        view: view?,
        resource,
        fields,
    })
}

fn resource(object: &LitStr, args: &Args, errors: &mut Errors) -> OwnResource {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c);
    if !object.value().chars().all(plain) {
        errors.push(
            object,
            "the name of a type is what Stripe sends as `object`, in small letters: `\"forwarding.request\"`",
        );
    }
    let path = args.text("path", "/v1/forwarding/requests", errors);
    if let Some(path) = path.filter(|path| !path.value().starts_with('/')) {
        errors.push(
            path,
            "`path` begins at the root of the API, with its version: `path = \"/v1/forwarding/requests\"`",
        );
    }
    let aliases = args.iter().filter(|arg| arg.key == "alias");
    OwnResource {
        object: object.clone(),
        aliases: aliases
            .filter_map(|arg| arg.text("file_upload", errors).cloned())
            .collect(),
        path: path.cloned(),
        id_prefix: args.text("id_prefix", "fwdreq_", errors).cloned(),
        operations: operations(args, path.is_some(), errors),
    }
}

/// What has a path can be read from it, one by one and as a list, unless it is said otherwise.
fn operations(args: &Args, has_path: bool, errors: &mut Errors) -> Operations {
    let mut operations = Operations {
        retrieve: has_path,
        list: has_path,
        ..Operations::default()
    };
    let Some(arg) = args.get("operations") else {
        return operations;
    };
    let Value::List(items) = &arg.value else {
        errors.push(
            &arg.key,
            "`operations` lists them: `operations(retrieve, list)`",
        );
        return operations;
    };
    if !has_path {
        errors.push(
            &arg.key,
            "without a path nothing can be asked of the API: say `path = \"/v1/…\"` too",
        );
    }
    operations = Operations::default();
    for item in items {
        match item.written().as_str() {
            "retrieve" => operations.retrieve = true,
            "list" => operations.list = true,
            "search" => operations.search = true,
            "delete" => operations.delete = true,
            other => {
                let meant = did_you_mean(other, OPERATIONS.iter().copied());
                let allowed = listed(OPERATIONS);
                errors.push(
                    item,
                    format!("`{other}` is no operation{meant} Allowed are {allowed}"),
                );
            }
        }
    }
    operations
}

/// A part of other objects is not served by itself.
fn only_resources(args: &Args, errors: &mut Errors) {
    for key in ["path", "id_prefix", "alias", "operations"] {
        if let Some(arg) = args.get(key) {
            errors.push(
                &arg.key,
                format!("`{key}` is for objects of their own, and this is `nested`: leave it out, or name the `object`"),
            );
        }
    }
}

fn getter(said: &Said<'_>, errors: &mut Errors) -> Getter {
    let name = said.ident.unraw().to_string();
    if TAKEN.contains(&name.as_str()) {
        errors.push(
            said.ident,
            format!(
                "every view has a method `{name}`: call the field `{name}_`, with `#[stripe(rename = \"{name}\")]`"
            ),
        );
    }
    if let Type::Reference(reference) = ungrouped(&said.field.ty) {
        errors.push(
            reference,
            "the getter borrows by itself: write `String` for a text, `Vec<T>` for an array",
        );
    }
    let rename = said.args.text("rename", "type", errors);
    let key = rename.map_or_else(|| plain(said.ident), LitStr::value);
    let ty = &said.field.ty;
    let bare = inner(ty, "Option").unwrap_or(ty);
    Getter {
        ident: said.ident.clone(),
        constant: constant(said.ident),
        key,
        ty: ty.clone(),
        docs: docs(&said.field.attrs),
        referent: inner(bare, "Ref").cloned(),
        vis: said.field.vis.clone(),
    }
}

/// Two getters of one key are a slip, and two constants of one name would not compile.
fn distinct(fields: &[Getter], errors: &mut Errors) {
    let mut keys = HashMap::new();
    for field in fields {
        if let Some(before) = keys.insert(&field.key, &field.ident) {
            errors.push(
                &field.ident,
                format!("`{before}` reads the key `{}` already", field.key),
            );
        }
    }
}
