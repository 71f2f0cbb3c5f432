//! The files of the folder as a whole: `mod.rs` and the markers.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::quote;

use super::{ident, module_ident};
use crate::{Operations, ir::Api};

/// The file `mod.rs`: the lens, the modules, everything re-exported by name, the table of resources.
pub(crate) fn index(
    api: &Api,
    with_exercise: bool,
    operations: Option<&Operations>,
) -> TokenStream {
    let version = &api.version;
    let title = format!(" Typed views of version {version} of Stripe's API.");
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for view in &api.views {
        let module = names.entry(&view.module).or_default();
        module.insert(&view.name);
        module.extend(view.variants.iter().map(|variants| variants.name.as_str()));
    }
    for it in &api.enums {
        names.entry(&it.module).or_default().insert(&it.name);
    }
    let modules: Vec<_> = names.keys().map(|name| module_ident(name)).collect();
    let exports = names.iter().map(|(module, names)| {
        let (module, names) = (module_ident(module), names.iter().map(|name| ident(name)));
        quote!(pub use self::#module::{#(#names),*};)
    });
    let exercise = with_exercise.then(|| {
        quote! {
            #[cfg(feature = "_exercise")]
            #[doc(hidden)]
            pub mod exercise;
        }
    });
    let operations = operations.map(|operations| {
        let feature = operations.feature.as_ref();
        let only_with = feature.map(|feature| {
            quote! {
                #[cfg(feature = #feature)]
                #[cfg_attr(docsrs, doc(cfg(feature = #feature)))]
            }
        });
        quote!(#only_with pub mod operations;)
    });
    let resources = api
        .views
        .iter()
        .filter(|view| view.resource.is_some())
        .map(|view| ident(&view.name));
    quote! {
        #![doc = #title]
        #![doc = ""]
        #![doc = " A view is a [`Lens`] over JSON, one type per kind of object. Nothing here does I/O or fails."]
        #![allow(clippy::all, clippy::pedantic, missing_debug_implementations, rustdoc::all, reason = "generated")]
        #![allow(dead_code, unreachable_pub, unused_imports, unused_qualifications, reason = "a program uses some of it")]

        use std::fmt;
        use std::marker::PhantomData;

        use ref_cast::RefCast;
        use stripe_store::view as v;

        #[doc = " The version of the API that these views describe."]
        pub const API_VERSION: &str = #version;

        #[doc = " Typed JSON: what every view in this module is, with a marker for the kind of object."]
        #[doc = ""]
        #[doc = " One generic type for all, because a type with impls of its own for each took twice as long to compile."]
        #[derive(RefCast)]
        #[repr(transparent)]
        pub struct Lens<K> {
            #[trivial]
            kind: PhantomData<fn() -> K>,
            value: ::serde_json::Value,
        }

        impl<K: 'static> v::View for Lens<K> {
            #[inline]
            fn data(&self) -> &::serde_json::Value { &self.value }
            #[inline]
            fn from_value(value: ::serde_json::Value) -> Self { Self { kind: PhantomData, value } }
        }

        impl<K> Clone for Lens<K> {
            fn clone(&self) -> Self { Self { kind: PhantomData, value: self.value.clone() } }
        }

        impl<K> fmt::Debug for Lens<K> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { v::debug::<K>(&self.value, f) }
        }

        impl<K> PartialEq for Lens<K> {
            fn eq(&self, other: &Self) -> bool { self.value == other.value }
        }

        impl<K> From<::serde_json::Value> for Lens<K> {
            fn from(value: ::serde_json::Value) -> Self { Self { kind: PhantomData, value } }
        }

        impl<K> From<Lens<K>> for ::serde_json::Value {
            fn from(view: Lens<K>) -> Self { view.value }
        }

        #(mod #modules;)*
        pub mod events;
        mod listings;
        #[doc(hidden)]
        pub mod markers;
        #operations
        #exercise

        #(#exports)*
        pub use self::listings::LISTINGS;

        #[doc = " What is known of every resource, by the name of its view."]
        pub const RESOURCES: &[v::ResourceFacts] = &[#(v::ResourceFacts::of::<#resources>()),*];

        #[doc = " What is known of the resource that calls itself `object`, now or in the past; `None` if it is newer than"]
        #[doc = " this list."]
        #[must_use]
        pub fn facts(object: &str) -> Option<&'static v::ResourceFacts> {
            let named = RESOURCES.iter().find(|facts| facts.object == object);
            named.or_else(|| RESOURCES.iter().find(|facts| facts.aliases.contains(&object)))
        }
    }
}

/// The file `markers`: a type without values per view.
pub(crate) fn markers(api: &Api) -> TokenStream {
    let views = api.views.iter().filter(|view| view.twin.is_none());
    let names = views.map(|view| ident(&view.name));
    quote! {
        #![doc = " What tells one view's type from another's."]
        #(pub enum #names {})*
    }
}
