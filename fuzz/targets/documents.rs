//! Any input, held to what `properties/documents.rs` says of it.
#![no_main]

#[path = "../properties/documents.rs"]
mod documents;

libfuzzer_sys::fuzz_target!(|input: &[u8]| documents::check(input));
