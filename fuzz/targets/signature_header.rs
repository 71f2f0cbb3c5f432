//! Any input, held to what `properties/signature_header.rs` says of it.
#![no_main]

#[path = "../properties/signature_header.rs"]
mod signature_header;

libfuzzer_sys::fuzz_target!(|input: &[u8]| signature_header::check(input));
