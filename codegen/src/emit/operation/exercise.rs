//! The file `operations/exercise.rs`, for tests alone: builds every operation with every parameter.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::super::ident;
use crate::ir::{Api, OpenEnum, Parameter, ParameterKind, PathParameter};

/// The code that calls every constructor and every setter.
pub(crate) fn exercise(api: &Api) -> TokenStream {
    let functions: Vec<_> = (0..api.operations.len())
        .map(|index| format_ident!("operation_{index}"))
        .collect();
    let names: Vec<&String> = api.operations.iter().map(|it| &it.name).collect();
    let builds = api
        .operations
        .iter()
        .map(|it| build(api, &it.name, &it.ids, &it.parameters));
    let objects = api.operation_objects.iter().filter(|it| it.twin.is_none());
    let objects = objects.map(|it| {
        let (function, name) = (object(&it.name), ident(&it.name));
        let build = build(api, &it.name, &[], &it.parameters);
        quote!(fn #function() -> super::#name { #build })
    });
    quote! {
        #![doc = " Builds every operation with every parameter; for our own tests."]
        use ::serde_json::json;
        use stripe_store::client::Exercised;
        use stripe_store::view::{OpenEnum as _, Timestamp};

        #[doc = " Every operation: its name, and what builds it."]
        pub const EXERCISES: &[(&str, fn() -> Exercised)] = &[#((#names, #functions)),*];

        #(
            fn #functions() -> Exercised {
                Exercised::of(&#builds)
            }
        )*
        #(#objects)*
    }
}

/// A builder with all that can be set.
fn build(api: &Api, name: &str, ids: &[PathParameter], parameters: &[Parameter]) -> TokenStream {
    let name = ident(name);
    let (required, optional): (Vec<&Parameter>, Vec<&Parameter>) = parameters
        .iter()
        .partition(|parameter| parameter.is_argument);
    let ids = ids.iter().map(|id| {
        let key = &id.key;
        quote!(#key)
    });
    let required = required.iter().map(|it| sample(api, it));
    let arguments = ids.chain(required);
    let setters = optional.iter().map(|it| {
        let (setter, sample) = (ident(&it.setter), sample(api, it));
        quote!(.#setter(#sample))
    });
    quote!(super::#name::new(#(#arguments),*) #(#setters)*)
}

/// The function that builds an object.
fn object(name: &str) -> Ident {
    format_ident!("object_{}", name.to_lowercase())
}

/// A value for a parameter.
fn sample(api: &Api, parameter: &Parameter) -> TokenStream {
    let first = |name: &String| {
        let named = |it: &&OpenEnum| it.name == *name;
        let enums = api.operation_enums.iter().map(|parameter| &parameter.it);
        let it = { enums }.find(named);
        let value = it.and_then(|it| Some(it.values.first()?.1.clone()));
        let (name, value) = (ident(name), value.unwrap_or_default());
        quote!(super::#name::from_text(#value))
    };
    let built = |name: &String| {
        let it = { api.operation_objects.iter() }.find(|it| it.name == *name);
        let first = it.and_then(|it| it.twin.as_ref()).unwrap_or(name);
        let function = object(first);
        quote!(#function())
    };
    match &parameter.kind {
        ParameterKind::Object(name) => built(name),
        ParameterKind::Objects(name) => {
            let built = built(name);
            quote!([#built])
        }
        ParameterKind::Text => quote!("text"),
        ParameterKind::Constant(value) => quote!(#value),
        ParameterKind::Decimal => quote!("1.5"),
        ParameterKind::DateTime => quote!("2026-11-22T00:00:00Z"),
        ParameterKind::Int => quote!(7),
        ParameterKind::Float => quote!(1.5),
        ParameterKind::Bool => quote!(true),
        ParameterKind::Time | ParameterKind::TimeRange => {
            quote!(Timestamp::from_unix_seconds(1_700_000_000))
        }
        ParameterKind::Enum(name) => first(name),
        ParameterKind::Texts => quote!(["text"]),
        ParameterKind::Enums(name) => {
            let first = first(name);
            quote!([#first])
        }
        ParameterKind::Map => quote!([("key", "text")]),
        ParameterKind::Json(_) => quote!(json!({})),
    }
}
