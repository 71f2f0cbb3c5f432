//! A model to code. Cannot fail; calls what the library has rather than repeating it.

mod projection;
mod view;

use proc_macro2::TokenStream;

use crate::model::Model;

pub(crate) fn expand(model: &Model) -> TokenStream {
    match model {
        Model::Projection(projection) => projection::expand(projection),
        Model::View(own) => view::expand(own),
    }
}
