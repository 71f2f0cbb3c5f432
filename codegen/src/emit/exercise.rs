//! The file `exercise`, for tests alone: calls every getter of every view.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::ident;
use crate::ir::Api;

/// The code that calls every getter.
pub(crate) fn exercise(api: &Api) -> TokenStream {
    let names: Vec<_> = api.views.iter().map(|view| ident(&view.name)).collect();
    let functions: Vec<_> = (0..api.views.len())
        .map(|index| format_ident!("view_{index}"))
        .collect();
    let sources = api.views.iter().map(|view| &view.source);
    let calls = api.views.iter().map(|view| {
        let calls = view.fields.iter().map(|field| {
            let (key, getter) = (&field.key, ident(&field.getter));
            quote!((#key, view.#getter().is_readable()))
        });
        let variant = view
            .variants
            .is_some()
            .then(|| quote!(let _ = view.variant();));
        quote!(#variant vec![#(#calls),*])
    });
    quote! {
        #![doc = " Calls every getter; for our own tests."]
        #![allow(unused_variables, reason = "a view may have no getter")]
        use ::serde_json::Value;
        use stripe_store::view::exercise::{Exercise, Readable};
        use stripe_store::view::View;

        #[doc = " Every view: the schema it was generated from, and what calls its getters."]
        pub const EXERCISES: &[(&str, Exercise)] = &[#((#sources, #functions)),*];

        #(
            fn #functions(value: &Value) -> Vec<(&'static str, bool)> {
                let view = super::#names::view(value);
                #calls
            }
        )*
    }
}
