//! The files that hold a module of operations together: `operations/mod.rs` and `operations/markers.rs`.

use proc_macro2::TokenStream;
use quote::quote;

use super::super::{ident, module_ident};
use super::by_module;
use crate::ir::Api;

/// The file `operations/mod.rs`: the builder, the modules, everything re-exported by name.
pub(crate) fn index(api: &Api, with_exercise: bool) -> TokenStream {
    let modules = by_module(api);
    let names: Vec<_> = modules.keys().map(|name| module_ident(name)).collect();
    let exports = modules.iter().map(|(module, it)| {
        let module = module_ident(module);
        let operations = it.operations.iter().map(|it| it.name.as_str());
        let objects = it.objects.iter().map(|it| it.name.as_str());
        let enums = it.enums.iter().map(|it| it.it.name.as_str());
        let mut names: Vec<&str> = operations.chain(objects).chain(enums).collect();
        names.sort_unstable();
        let names = names.into_iter().map(ident);
        quote!(pub use self::#module::{#(#names),*};)
    });
    let exercise = with_exercise.then(|| {
        quote! {
            #[cfg(feature = "_exercise")]
            #[doc(hidden)]
            pub mod exercise;
        }
    });
    let title = format!(
        " The operations of version {} of Stripe's API, a [`Builder`] each.",
        api.version
    );
    quote! {
        #![doc = #title]
        #![doc = ""]
        #![doc = " A builder holds parameters; [`Client::call`](stripe_store::client::Client::call) makes a call of it. What is"]
        #![doc = " nested in the parameters of an operation has builders too, named after where it stands:"]
        #![doc = " `CreateSubscriptionItems`. JSON can be given in their place."]
        #![allow(deprecated, reason = "what Stripe phases out is there as long as Stripe has it")]

        use std::fmt;
        use std::marker::PhantomData;

        use stripe_store::client as c;

        #[doc = " An operation with its parameters, or an object among them: what every type in this module is, with a marker for"]
        #[doc = " which."]
        #[must_use = "nothing is sent before the call of it is"]
        pub struct Builder<K> {
            parameters: c::Parameters,
            kind: PhantomData<fn() -> K>,
        }

        impl<K> Builder<K> {
            #[inline]
            fn from_parameters(parameters: c::Parameters) -> Self {
                Self { parameters, kind: PhantomData }
            }

            #[doc = " Sets a parameter by the name that the API reference has, also one that this version does not list."]
            pub fn param(self, name: impl Into<String>, value: impl Into<::serde_json::Value>) -> Self {
                Self::from_parameters(self.parameters.json(name, value))
            }

            #[doc = " Sets many parameters."]
            pub fn params(self, params: impl IntoIterator<Item = (String, ::serde_json::Value)>) -> Self {
                Self::from_parameters(self.parameters.all(params))
            }
        }

        impl<K: c::OperationFacts> Builder<K> {
            #[doc = " Asks for the object in the place of an id: `\"latest_invoice\"`. In lists, paths begin with `data.`"]
            pub fn expand(self, path: impl Into<String>) -> Self {
                Self::from_parameters(self.parameters.expand(path))
            }
        }

        impl<K: c::OperationFacts> c::Operation for Builder<K> {
            type Facts = K;
            fn parameters(&self) -> &c::Parameters { &self.parameters }
            fn into_parameters(self) -> c::Parameters { self.parameters }
        }

        impl<K> c::IntoObject<Self> for Builder<K> {
            fn into_value(self) -> ::serde_json::Value { self.parameters.into_value() }
        }

        impl<K> Clone for Builder<K> {
            fn clone(&self) -> Self { Self::from_parameters(self.parameters.clone()) }
        }

        #[doc = " The names of the parameters, and not what they hold."]
        impl<K> fmt::Debug for Builder<K> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.parameters.debug::<K>(f) }
        }

        #(mod #names;)*
        #[doc(hidden)]
        pub mod markers;
        #exercise

        #(#exports)*
    }
}

/// The file `operations/markers.rs`: a type without values per operation.
pub(crate) fn markers(api: &Api) -> TokenStream {
    let objects = api.operation_objects.iter().filter(|it| it.twin.is_none());
    let operations = api.operations.iter().map(|operation| &operation.name);
    let names = operations
        .chain(objects.map(|it| &it.name))
        .map(|name| ident(name));
    quote! {
        #![doc = " What tells one builder's type from another's."]
        #(pub enum #names {})*
    }
}
