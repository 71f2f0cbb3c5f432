//! One view: the type, its path constants and getters, what makes it a resource, its alternatives.

use proc_macro2::TokenStream;
use quote::quote;

use super::{docs, ident, marker, option, read, returned};
use crate::ir::{ANY_OBJECT, Discriminator, Field, Resource, Variants, View};

/// The code of a view.
pub(super) fn view(view: &View, version: &str) -> TokenStream {
    let name = ident(&view.name);
    let doc = docs::view(view);
    if let Some(twin) = &view.twin {
        return another_name(view, &doc, twin);
    }
    let members = view.fields.iter().map(|field| member(field, &view.source));
    let variant = view.variants.as_ref().map(variant_getter);
    let resource = view
        .resource
        .as_ref()
        .map(|facts| resource(view, facts, version));
    let variants = view
        .variants
        .as_ref()
        .map(|variants| variants_enum(view, variants));
    let (referent, tombstone) = (referent(view), tombstone(view));
    let members = (!view.fields.is_empty() || variant.is_some())
        .then(|| quote!(impl #name { #(#members)* #variant }));
    quote! {
        #doc
        pub type #name = Lens<markers::#name>;
        #members
        #resource
        #referent
        #tombstone
        #variants
    }
}

/// What becomes of the row of an object of which this is what is left.
fn tombstone(view: &View) -> Option<TokenStream> {
    let name = ident(&view.name);
    let row = match view.tombstone_of.as_deref()? {
        ANY_OBJECT => quote!(v::AnyObject),
        row => {
            let row = ident(row);
            quote!(super::#row)
        }
    };
    Some(quote! {
        impl v::Storable for #name {
            type Row = #row;
            const IS_TOMBSTONE: bool = true;
        }
    })
}

/// What a reference to one of several types can lead to. A resource has that by being one.
fn referent(view: &View) -> Option<TokenStream> {
    let variants = view.variants.as_ref()?;
    if variants.by != Discriminator::Object || view.resource.is_some() {
        return None;
    }
    let name = ident(&view.name);
    let objects = variants.arms.iter().map(|arm| &arm.value);
    let storable = view
        .tombstone_of
        .is_none()
        .then(|| quote!(impl v::Storable for #name { type Row = Self; }));
    Some(quote! {
        #storable
        impl v::Referent for #name {
            const OBJECTS: &'static [&'static str] = &[#(#objects),*];
        }
    })
}

/// The code of a view that is the same as another one.
fn another_name(view: &View, doc: &TokenStream, twin: &str) -> TokenStream {
    let (name, first) = (ident(&view.name), ident(twin));
    let variants = view.variants.as_ref().and_then(|variants| {
        let (name, first) = (ident(&variants.name), ident(variants.twin.as_ref()?));
        let doc = docs::variants(view);
        Some(quote!(#doc pub use super::#first as #name;))
    });
    quote! {
        #doc
        pub type #name = super::#first;
        #variants
    }
}

/// A path constant and a getter.
fn member(field: &Field, source: &str) -> TokenStream {
    let Field {
        key,
        getter,
        constant,
        kind,
        ..
    } = field;
    let getter = ident(getter);
    let constant = constant.as_ref().map(|name| {
        let (name, marker) = (ident(name), marker(kind));
        let doc = format!(" The path of [`{getter}`](Self::{getter}).");
        quote!(#[doc = #doc] pub const #name: v::Path<Self, #marker> = v::path(#key);)
    });
    let doc = docs::getter(field, source);
    let (returned, read) = (returned(kind), ident(read(kind)));
    quote! {
        #constant
        #doc
        #[inline]
        pub fn #getter(&self) -> #returned { #read(&self.value, #key) }
    }
}

fn resource(view: &View, facts: &Resource, _version: &str) -> TokenStream {
    let name = ident(&view.name);
    let Resource {
        object,
        aliases,
        path,
        id_prefix,
        retrieve,
        list,
        search,
        delete,
        expandable,
    } = facts;
    let aliases = (!aliases.is_empty())
        .then(|| quote!(const ALIASES: &'static [&'static str] = &[#(#aliases),*];));
    let path = path.as_ref().map(|_| {
        let path = option(path.as_ref());
        quote!(const PATH: Option<&'static str> = #path;)
    });
    let id_prefix = id_prefix.as_ref().map(|_| {
        let prefix = option(id_prefix.as_ref());
        quote!(const ID_PREFIX: Option<&'static str> = #prefix;)
    });
    let operations = (*retrieve || *list || *search || *delete)
        .then(|| quote!(const OPERATIONS: v::Operations = v::Operations::new(#retrieve, #list, #search, #delete);));
    let expandable = (!expandable.is_empty()).then(|| {
        let paths = expandable.iter().map(|(path, _)| path);
        let objects = expandable
            .iter()
            .map(|(_, objects)| quote!(&[#(#objects),*]));
        quote! {
            const EXPANDABLE: &'static [&'static str] = &[#(#paths),*];
            const EXPANDS_TO: &'static [&'static [&'static str]] = &[#(#objects),*];
        }
    });
    quote! {
        impl v::Resource for #name {
            const OBJECT: &'static str = #object;
            #aliases
            #path
            #id_prefix
            #operations
            #expandable
        }
    }
}

/// The functions that telling alternatives apart calls.
pub(super) fn variant_reads(view: &View) -> Vec<&'static str> {
    match view.variants.as_ref().map(|variants| variants.by) {
        Some(Discriminator::Object) => vec!["text"],
        Some(Discriminator::TypeField) => vec!["object", "text"],
        None => Vec::new(),
    }
}

/// Whether the code of a view calls methods of the trait `View`.
pub(super) fn needs_view_trait(view: &View) -> bool {
    view.variants.is_some()
}

/// The getter that tells which alternative a view holds.
fn variant_getter(variants: &Variants) -> TokenStream {
    let name = ident(&variants.name);
    let values = variants.arms.iter().map(|arm| &arm.value);
    let arms = variants.arms.iter().map(|arm| ident(&arm.name));
    let body = match variants.by {
        Discriminator::Object => {
            let views = variants.arms.iter().map(|arm| ident(&arm.view));
            quote! {
                match text(&self.value, "object") {
                    #(Some(#values) => #name::#arms(#views::view(&self.value)),)*
                    _ => #name::Other(AnyObject::view(&self.value)),
                }
            }
        }
        Discriminator::TypeField => {
            let fields = variants.arms.iter().map(|arm| &arm.value);
            quote! {
                let held = match text(&self.value, "type") {
                    #(Some(#values) => object(&self.value, #fields).map(#name::#arms),)*
                    _ => None,
                };
                held.unwrap_or_else(|| #name::Other(AnyObject::view(&self.value)))
            }
        }
    };
    let doc = docs::lines(match variants.by {
        Discriminator::Object => "Which alternative this is, told by its `object`.",
        Discriminator::TypeField => "Which alternative this is: the field that `type` names.",
    });
    quote! {
        #doc
        #[inline]
        pub fn variant(&self) -> #name<'_> { #body }
    }
}

fn variants_enum(view: &View, variants: &Variants) -> TokenStream {
    let name = ident(&variants.name);
    let doc = docs::variants(view);
    let arms = variants.arms.iter().map(|arm| {
        let (arm_name, view) = (ident(&arm.name), ident(&arm.view));
        let doc = format!(" `{}`.", arm.value);
        quote!(#[doc = #doc] #arm_name(&'a #view))
    });
    let other = match variants.by {
        Discriminator::Object => " An object of a type that is newer than this list.",
        Discriminator::TypeField => {
            " A type that is newer than this list or says no more: the object itself."
        }
    };
    quote! {
        #doc
        #[derive(Debug, Clone, Copy)]
        #[non_exhaustive]
        pub enum #name<'a> {
            #(#arms,)*
            #[doc = #other]
            Other(&'a AnyObject),
        }
    }
}
