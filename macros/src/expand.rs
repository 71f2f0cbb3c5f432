//! A model to code. Cannot fail; calls what the library has rather than repeating it.

mod extended;
mod projection;
mod view;

use proc_macro2::{Ident, Span, TokenStream};

use crate::model::Model;

pub(crate) fn expand(model: &Model) -> TokenStream {
    match model {
        Model::Projection(projection) => projection::expand(projection),
        Model::View(own) => view::expand(own),
        Model::Extended(extended) => extended::expand(extended),
    }
}

/// A variable that no expression of the user's can name, and no field is in the way of.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// The same variable, used where the compiler's complaints are to point at.
fn local_at(name: &str, at: Span) -> Ident {
    Ident::new(name, Span::mixed_site().located_at(at))
}
