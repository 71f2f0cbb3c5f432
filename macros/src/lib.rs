//! The derive macro of `stripe-store`, which re-exports it: see [`StripeModel`](macro@StripeModel).
//!
//! Three steps: `parse` reads the attributes, `check` makes a model of them or finds what is wrong, `expand` writes
//! code. Knows names of fields and types, and no object of Stripe's: what a field is, the compiler finds out from the
//! views' path constants.

mod check;
mod errors;
mod expand;
mod model;
mod parse;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

#[doc = include_str!("../README.md")]
#[proc_macro_derive(StripeModel, attributes(stripe))]
pub fn derive_stripe_model(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    match check::check(&input) {
        Ok(model) => expand::expand(&model),
        Err(error) => error.to_compile_error(),
    }
    .into()
}
