//! What fuzzing came upon, held to what the fuzz targets hold of any input: without them, and without their toolchain.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;

#[path = "../../fuzz/properties/documents.rs"]
mod documents;
#[path = "../../fuzz/properties/event_body.rs"]
mod event_body;
#[path = "../../fuzz/properties/signature_header.rs"]
mod signature_header;

/// Holds every file of a corpus to its property.
fn check(target: &str, property: impl Fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let corpus = root.join("fuzz/corpus").join(target);
    let mut files = 0;
    for entry in fs::read_dir(&corpus).unwrap() {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        let holds = catch_unwind(AssertUnwindSafe(|| property(&input))).is_ok();
        assert!(holds, "with {}", path.display());
        files += 1;
    }
    assert!(files > 0, "{} is empty", corpus.display());
}

#[test]
fn what_is_made_of_a_signature_header_is_what_stripe_describes() {
    check("signature_header", signature_header::check);
}

#[test]
fn what_is_read_of_an_event_is_what_its_json_says() {
    check("event_body", event_body::check);
}

#[test]
fn what_is_read_of_a_file_is_what_it_says() {
    check("documents", documents::check);
}

#[test]
fn no_depth_of_nesting_takes_more_stack_than_a_thread_has() {
    /// An eighth of what threads have, unoptimized.
    const STACK_BYTES: usize = 256 * 1024;
    let depths = [126, 127, 128, 129, 100_000];
    let nested = depths.map(|depth| ["[".repeat(depth), "]".repeat(depth)].concat());
    let event = |member: &str, nested: &str| {
        format!(
            r#"{{"object":"event","id":"evt_1","type":"customer.updated","created":1,"extra":{},"data":{{"object":{{"object":"customer","id":"cus_1","extra":{}}},"previous_attributes":{{"extra":{}}}}}}}"#,
            if member == "event" { nested } else { "1" },
            if member == "object" { nested } else { "1" },
            if member == "previous" { nested } else { "1" },
        )
    };
    let deep = move || {
        for nested in nested {
            for body in ["event", "object", "previous"].map(|member| event(member, &nested)) {
                event_body::check(body.as_bytes());
                documents::check(body.as_bytes());
            }
            event_body::check(nested.as_bytes());
            documents::check(nested.as_bytes());
        }
    };
    let thread = thread::Builder::new().stack_size(STACK_BYTES);
    thread.spawn(deep).unwrap().join().unwrap();
}
