//! From the IR to tokens: no decision, only spelling.
//!
//! Every branch here is on the IR. What a getter does is in the view runtime; what is emitted is a call of it.

mod docs;
mod events;
mod exercise;
mod index;
mod listings;
mod open_enum;
pub(crate) mod operation;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use crate::ir::{ANY_OBJECT, Api, Kind, OpenEnum, View};

pub(crate) use self::{
    events::events,
    exercise::exercise,
    index::{index, markers},
    listings::listings,
};

/// The files of views and enums: the name of the file, and what stands in it.
pub(crate) fn modules(api: &Api) -> BTreeMap<&str, TokenStream> {
    let mut modules: BTreeMap<&str, (Vec<&View>, Vec<&OpenEnum>)> = BTreeMap::new();
    for view in &api.views {
        modules.entry(&view.module).or_default().0.push(view);
    }
    for it in &api.enums {
        modules.entry(&it.module).or_default().1.push(it);
    }
    modules
        .into_iter()
        .map(|(name, (views, enums))| (name, module(api, &views, &enums)))
        .collect()
}

/// One file.
fn module(api: &Api, views: &[&View], enums: &[&OpenEnum]) -> TokenStream {
    // The resource first, as the reader of `customer.rs` expects.
    let (resources, nested): (Vec<&View>, Vec<&View>) =
        views.iter().partition(|view| view.resource.is_some());
    let views_text = resources
        .iter()
        .chain(&nested)
        .map(|view| view::view(view, &api.version));
    let enums_text = enums.iter().map(|it| open_enum::open_enum(it));

    let here: BTreeSet<&str> = views
        .iter()
        .map(|view| view.name.as_str())
        .chain(enums.iter().map(|it| it.name.as_str()))
        .collect();
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    let mut reads: BTreeSet<&str> = BTreeSet::new();
    // What is another name of something names nothing else.
    let views: Vec<&View> = views
        .iter()
        .copied()
        .filter(|view| view.twin.is_none())
        .collect();
    let has_enums = enums.iter().any(|it| it.twin.is_none());
    for view in &views {
        for field in &view.fields {
            wanted.extend(field.kind.target());
            reads.insert(read(&field.kind));
        }
        for arm in view.variants.iter().flat_map(|variants| &variants.arms) {
            wanted.insert(&arm.view);
        }
        if view.variants.is_some() {
            reads.extend(view::variant_reads(view));
        }
    }
    let names = wanted
        .iter()
        .filter(|name| !here.contains(**name) && **name != ANY_OBJECT)
        .map(|name| ident(name));
    let supers = names
        .chain((!views.is_empty()).then(|| ident("Lens")))
        .chain((!views.is_empty()).then(|| ident("markers")));
    let supers: BTreeSet<String> = supers.map(|name| name.to_string()).collect();
    let supers = (!supers.is_empty()).then(|| {
        let supers = supers.iter().map(|name| ident(name));
        quote!(use super::{#(#supers),*};)
    });
    let reads = (!reads.is_empty()).then(|| {
        let reads = reads.iter().map(|name| ident(name));
        quote!(use stripe_store::view::read::{#(#reads),*};)
    });
    let uses_any = wanted.contains(ANY_OBJECT) || views.iter().any(|view| view.variants.is_some());
    let uses_trait = views.iter().any(|view| view::needs_view_trait(view));
    let any = uses_any.then(|| {
        quote!(
            use stripe_store::view::AnyObject;
        )
    });
    let view_trait = uses_trait.then(|| {
        quote!(
            use stripe_store::view::View as _;
        )
    });
    let uses_view = views.iter().any(|view| {
        !view.fields.is_empty() || view.resource.is_some() || view.tombstone_of.is_some()
    }) || !enums.is_empty();
    let uses_view = uses_view.then(|| {
        quote!(
            use stripe_store::view as v;
        )
    });
    let uses_kind = views.iter().any(|view| {
        view.fields
            .iter()
            .any(|field| field.constant.is_some() || kinds_in_type(&field.kind))
    });
    let uses_kind = uses_kind.then(|| {
        quote!(
            use stripe_store::view::kind as k;
        )
    });
    let uses_fmt = has_enums.then(|| {
        quote!(
            use std::fmt::{Debug, Formatter, Result};
        )
    });
    quote! {
        #uses_fmt
        #supers
        #uses_view
        #uses_kind
        #any
        #view_trait
        #reads
        #(#views_text)*
        #(#enums_text)*
    }
}

fn kinds_in_type(kind: &Kind) -> bool {
    matches!(kind, Kind::Array(_) | Kind::List(_) | Kind::Map(_))
}

/// The function that reads a field of a kind.
fn read(kind: &Kind) -> &'static str {
    match kind {
        Kind::Id => "id",
        Kind::Text => "text",
        Kind::Int => "int",
        Kind::IntText => "int_text",
        Kind::Float => "float",
        Kind::Bool => "boolean",
        Kind::Decimal => "decimal",
        Kind::Time => "timestamp",
        Kind::DateTime => "date_time",
        Kind::Json => "json",
        Kind::Enum(_) => "open_enum",
        Kind::Object(_) => "object",
        Kind::Ref(_) => "expandable",
        Kind::Array(_) => "array",
        Kind::List(_) => "list",
        Kind::Map(_) => "map",
    }
}

/// What a getter of a kind returns.
fn returned(kind: &Kind) -> TokenStream {
    match kind {
        Kind::Id => quote!(&str),
        Kind::Text => quote!(Option<&str>),
        Kind::Int | Kind::IntText => quote!(Option<i64>),
        Kind::Float => quote!(Option<f64>),
        Kind::Bool => quote!(Option<bool>),
        Kind::Decimal => quote!(Option<v::Decimal<'_>>),
        Kind::Time => quote!(Option<v::Timestamp>),
        Kind::DateTime => quote!(Option<v::DateTime<'_>>),
        Kind::Json => quote!(Option<&::serde_json::Value>),
        Kind::Enum(name) => {
            let name = ident(name);
            quote!(Option<#name>)
        }
        Kind::Object(name) => {
            let name = ident(name);
            quote!(Option<&#name>)
        }
        Kind::Ref(name) => {
            let name = ident(name);
            quote!(Option<v::Expandable<'_, #name>>)
        }
        Kind::Array(inner) => {
            let inner = marker(inner);
            quote!(&v::Array<#inner>)
        }
        Kind::List(inner) => {
            let inner = marker(inner);
            quote!(&v::List<#inner>)
        }
        Kind::Map(inner) if **inner == Kind::Text => quote!(&v::Metadata),
        Kind::Map(inner) => {
            let inner = marker(inner);
            quote!(&v::Map<#inner>)
        }
    }
}

/// The type in `view::kind` for a kind.
fn marker(kind: &Kind) -> TokenStream {
    match kind {
        Kind::Id | Kind::Text => quote!(k::Text),
        Kind::Int => quote!(k::Int),
        Kind::IntText => quote!(k::IntText),
        Kind::Float => quote!(k::Float),
        Kind::Bool => quote!(k::Bool),
        Kind::Decimal => quote!(k::Decimal),
        Kind::Time => quote!(k::Time),
        Kind::DateTime => quote!(k::DateTimeText),
        Kind::Json => quote!(k::Json),
        Kind::Enum(name) => {
            let name = ident(name);
            quote!(k::Enum<#name>)
        }
        Kind::Object(name) => {
            let name = ident(name);
            quote!(k::Object<#name>)
        }
        Kind::Ref(name) => {
            let name = ident(name);
            quote!(k::Ref<#name>)
        }
        Kind::Array(inner) => {
            let inner = marker(inner);
            quote!(k::Array<#inner>)
        }
        Kind::List(inner) => {
            let inner = marker(inner);
            quote!(k::List<#inner>)
        }
        Kind::Map(inner) => {
            let inner = marker(inner);
            quote!(k::Map<#inner>)
        }
    }
}

fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

/// A module's name; the ones that are keywords have an underscore already.
fn module_ident(name: &str) -> Ident {
    format_ident!("{name}")
}

/// `Some("text")` or `None`.
fn option(text: Option<&String>) -> TokenStream {
    text.map_or_else(|| quote!(None), |text| quote!(Some(#text)))
}
