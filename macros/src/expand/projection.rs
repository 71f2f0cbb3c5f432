//! What a projection is to the library.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Generics, Ident, Path};

use super::local;
use crate::model::{Absent, FieldPath, ProjectedField, Projection};

pub(super) fn expand(projection: &Projection) -> TokenStream {
    let Projection {
        common,
        object,
        fields,
    } = projection;
    implement(
        &common.krate,
        &common.name,
        &common.generics,
        object,
        fields,
    )
}

/// The trait for a struct of these fields.
pub(super) fn implement(
    krate: &Path,
    name: &Ident,
    generics: &Generics,
    object: &Path,
    fields: &[ProjectedField],
) -> TokenStream {
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let columns = fields
        .iter()
        .flat_map(|field| &field.sources)
        .map(|source| path(krate, object, source));
    let values = local("values");
    let reads = fields
        .iter()
        .map(|field| read(krate, object, &values, field));
    let idents = fields.iter().map(|field| &field.ident);
    let locals = fields.iter().map(|field| local_of(&field.ident));
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::model::Projection for #name #type_generics #where_clause {
            type Object = #object;

            fn columns() -> ::std::vec::Vec<#krate::__private::Column> {
                ::std::vec![#(#krate::__private::column::<#object, _>(&#columns)),*]
            }

            fn read(#values: &mut #krate::__private::Values<'_>) -> Self {
                #(#reads)*
                Self { #(#idents: #locals),* }
            }
        }
    }
}

/// The variable of a field's value.
fn local_of(field: &Ident) -> Ident {
    format_ident!("field_{}", field, span = Span::mixed_site())
}

/// The path as an expression.
fn path(krate: &Path, object: &Path, source: &FieldPath) -> TokenStream {
    match source {
        FieldPath::Constant(constant) => quote!(<#object>::#constant),
        FieldPath::Metadata(text, key) => {
            let metadata = crate::model::ident("METADATA", text.span());
            quote!(<#object>::#metadata.key(#key))
        }
        // Through a function, so that a path of another object is told of at the path.
        FieldPath::Typed(expr) => {
            quote_spanned!(expr.span()=> #krate::__private::path_of::<#object, _>(#expr))
        }
    }
}

/// The field's variable. Every source takes its value, whether an earlier one had one or not.
fn read(krate: &Path, object: &Path, values: &Ident, field: &ProjectedField) -> TokenStream {
    let ProjectedField {
        ident,
        ty,
        sources,
        absent,
    } = field;
    let names: Vec<_> = (0..sources.len())
        .map(|number| local(&format!("source_{number}")))
        .collect();
    let paths = sources.iter().map(|source| path(krate, object, source));
    // What the source cannot be read as is told of at the field's type.
    let reads = paths.map(|path| {
        let function = if matches!(absent, Absent::None) {
            quote!(value_or_none)
        } else {
            quote!(value)
        };
        quote_spanned! {ty.span()=>
            #krate::__private::#function::<#object, _, #ty>(#values, || #path)
        }
    });
    let (first, rest) = match names.split_first() {
        Some((first, rest)) => (quote!(#first), rest),
        None => (quote!(::core::option::Option::None), [].as_slice()),
    };
    let end = match absent {
        Absent::None => quote!(),
        Absent::Default => quote_spanned!(ty.span()=> .unwrap_or_default()),
        Absent::Value(expr) => {
            quote_spanned!(expr.span()=> .unwrap_or_else(|| ::core::convert::Into::into(#expr)))
        }
    };
    let local = local_of(ident);
    quote! {
        let #local: #ty = {
            #(let #names = #reads;)*
            #first #(.or(#rest))* #end
        };
    }
}
