//! A view, as the generator writes them.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned as _;

use crate::model::{Getter, OwnResource, OwnView};

pub(super) fn expand(own: &OwnView) -> TokenStream {
    let OwnView {
        common,
        view,
        resource,
        fields,
    } = own;
    let krate = &common.krate;
    let name = &common.name;
    let vis = &common.vis;
    let docs = &common.docs;
    let getters = fields.iter().map(|field| getter(krate, field));
    let id = resource
        .as_ref()
        .filter(|_| fields.iter().all(|field| field.ident != "id"))
        .map(|_| id(krate, &quote!(pub)));
    let resource = resource
        .as_ref()
        .map(|resource| impl_resource(krate, own, resource));
    let idents: Vec<_> = fields.iter().map(|field| &field.ident).collect();
    let types = fields.iter().map(|field| &field.ty);
    quote! {
        #(#docs)*
        #[derive(::core::clone::Clone, ::core::cmp::PartialEq, #krate::__private::RefCast)]
        #[repr(transparent)]
        #vis struct #view(#krate::__private::Value);

        #[automatically_derived]
        impl #view {
            #id
            #(#getters)*
        }

        #[automatically_derived]
        impl #krate::view::View for #view {
            #[inline]
            fn data(&self) -> &#krate::__private::Value {
                &self.0
            }

            #[inline]
            fn from_value(value: #krate::__private::Value) -> Self {
                Self(value)
            }
        }

        #[automatically_derived]
        impl ::core::fmt::Debug for #view {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                #krate::__private::debug::<Self>(&self.0, f)
            }
        }

        #[automatically_derived]
        impl ::core::convert::From<#krate::__private::Value> for #view {
            fn from(value: #krate::__private::Value) -> Self {
                Self(value)
            }
        }

        #[automatically_derived]
        impl ::core::convert::From<#view> for #krate::__private::Value {
            fn from(view: #view) -> Self {
                view.0
            }
        }

        #resource

        #krate::__private::view_field!(#view, #view);
        #krate::__private::view_field!(#name, #view);

        // The struct is a description: nobody else makes or reads one.
        const _: () = {
            #[allow(dead_code, clippy::too_many_arguments)]
            fn described(#(#idents: #types),*) {
                let #name { #(#idents),* } = #name { #(#idents),* };
                #(let _ = #idents;)*
            }
        };
    }
}

fn id(krate: &Path, vis: &TokenStream) -> TokenStream {
    quote! {
        /// The path of [`id`](Self::id).
        #vis const ID: #krate::view::Path<Self, #krate::view::kind::Text> = #krate::view::Path::new("id");

        /// The object's id; empty only where Stripe left it out.
        #[inline]
        #vis fn id(&self) -> &str {
            #krate::__private::id(&self.0, "id")
        }
    }
}

fn getter(krate: &Path, field: &Getter) -> TokenStream {
    let Getter {
        ident,
        constant,
        key,
        ty,
        docs,
        vis,
        ..
    } = field;
    if ident == "id" && key == "id" {
        return id(krate, &quote!(#vis));
    }
    let path_docs = format!("The path of [`{ident}`](Self::{ident}).");
    let docs = if docs.is_empty() {
        let text = format!("What Stripe sends as `{key}`.");
        quote!(#[doc = #text])
    } else {
        quote!(#(#docs)*)
    };
    let field = quote_spanned!(ty.span()=> <#ty as #krate::model::ViewField>);
    quote! {
        #[doc = #path_docs]
        #vis const #constant: #krate::view::Path<Self, #field::Kind> = #krate::view::Path::new(#key);

        #docs
        #[inline]
        #vis fn #ident(&self) -> #field::Out<'_> {
            #field::get(&self.0, #key)
        }
    }
}

fn impl_resource(krate: &Path, own: &OwnView, resource: &OwnResource) -> TokenStream {
    let view = &own.view;
    let OwnResource {
        object,
        aliases,
        path,
        id_prefix,
        operations,
    } = resource;
    let path = optional(path.as_ref());
    let id_prefix = optional(id_prefix.as_ref());
    let (retrieve, list) = (operations.retrieve, operations.list);
    let (search, delete) = (operations.search, operations.delete);
    let (expandable, targets): (Vec<_>, Vec<_>) = own
        .fields
        .iter()
        .filter_map(|field| Some((&field.key, field.referent.as_ref()?)))
        .unzip();
    quote! {
        #[automatically_derived]
        impl #krate::view::Resource for #view {
            const OBJECT: &'static str = #object;
            const ALIASES: &'static [&'static str] = &[#(#aliases),*];
            const PATH: ::core::option::Option<&'static str> = #path;
            const ID_PREFIX: ::core::option::Option<&'static str> = #id_prefix;
            const OPERATIONS: #krate::view::Operations =
                #krate::view::Operations::new(#retrieve, #list, #search, #delete);
            const EXPANDABLE: &'static [&'static str] = &[#(#expandable),*];
            const EXPANDS_TO: &'static [&'static [&'static str]] =
                &[#(<#targets as #krate::view::Referent>::OBJECTS),*];
        }
    }
}

fn optional(text: Option<&syn::LitStr>) -> TokenStream {
    text.map_or_else(
        || quote!(::core::option::Option::None),
        |text| quote!(::core::option::Option::Some(#text)),
    )
}
