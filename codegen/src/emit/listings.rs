//! The file `listings`: the table of what can be listed.

use proc_macro2::TokenStream;
use quote::quote;

use super::option;
use crate::ir::{Api, Listing, ListingParent};

/// The code of all listings.
pub(crate) fn listings(api: &Api) -> TokenStream {
    let listings = api.listings.iter().map(listing);
    let parent = api.listings.iter().any(|listing| listing.parent.is_some());
    let parent = parent.then(|| {
        quote!(
            use stripe_store::view::ListingParent;
        )
    });
    quote! {
        #![doc = " What can be listed."]
        use stripe_store::view::Listing;
        #parent

        #[doc = " The lists whose pages show every object that can be listed: lists of parents before those below them, then by"]
        #[doc = " path."]
        pub const LISTINGS: &[Listing] = &[#(#listings),*];
    }
}

fn listing(listing: &Listing) -> TokenStream {
    let Listing {
        path,
        objects,
        parent,
        params,
        expand,
        has_created,
        has_pages,
    } = listing;
    let parent = parent.as_ref().map_or_else(
        || quote!(None),
        |parent| {
            let ListingParent {
                object,
                param,
                field,
            } = parent;
            let (param, field) = (option(param.as_ref()), option(field.as_ref()));
            quote!(Some(ListingParent::new(#object, #param, #field)))
        },
    );
    let params = params.iter().map(|(name, value)| quote!((#name, #value)));
    quote! {
        Listing::new(#path, &[#(#objects),*], #parent, &[#(#params),*], &[#(#expand),*], #has_created, #has_pages)
    }
}
