//! One open enum.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{docs, ident};
use crate::ir::OpenEnum;

/// The code of an enum. The traits are written out because that compiles in less than half the time of a derive.
pub(super) fn open_enum(it: &OpenEnum) -> TokenStream {
    let name = ident(&it.name);
    let doc = about(it);
    if let Some(twin) = &it.twin {
        return another_name(it, &quote!(super), twin);
    }
    let arms: Vec<_> = it.values.iter().map(|(arm, _)| ident(arm)).collect();
    let values: Vec<_> = it.values.iter().map(|(_, value)| value).collect();
    let indices = (0..arms.len()).map(Literal::usize_unsuffixed);
    let docs = values.iter().map(|value| format!(" `{value}`"));
    quote! {
        #doc
        #[non_exhaustive]
        pub enum #name {
            #(#[doc = #docs] #arms,)*
            #[doc = " A value that is newer than this list."]
            Other(v::Other),
        }
        impl v::OpenEnum for #name {
            const VALUES: &'static [&'static str] = &[#(#values),*];
            #[inline]
            fn as_str(&self) -> &str {
                match self {
                    #(Self::#arms => #values,)*
                    Self::Other(other) => other.as_str(),
                }
            }
            #[inline]
            fn at(index: usize, text: &str) -> Self {
                match index {
                    #(#indices => Self::#arms,)*
                    _ => Self::Other(v::Other::new(text)),
                }
            }
        }
        impl Clone for #name {
            #[inline]
            fn clone(&self) -> Self { v::clone_enum(self) }
        }
        impl PartialEq for #name {
            #[inline]
            fn eq(&self, other: &Self) -> bool { v::eq_enums(self, other) }
        }
        impl Eq for #name {}
        impl Debug for #name {
            #[inline]
            fn fmt(&self, f: &mut Formatter<'_>) -> Result { v::fmt_enum(self, f) }
        }
    }
}

/// The code of an enum that is the same as another one, which stands in `module`.
pub(super) fn another_name(it: &OpenEnum, module: &TokenStream, first: &str) -> TokenStream {
    let (name, first, doc) = (ident(&it.name), ident(first), about(it));
    quote!(#doc pub use #module::#first as #name;)
}

fn about(it: &OpenEnum) -> TokenStream {
    docs::lines(&format!("The values of `{}`.", it.source))
}
