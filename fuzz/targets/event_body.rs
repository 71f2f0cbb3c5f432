//! Any input, held to what `properties/event_body.rs` says of it.
#![no_main]

#[path = "../properties/event_body.rs"]
mod event_body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| event_body::check(input));
