//! JSON as Stripe sends it, one object, event or page per file in `fixtures/`, named by what it shows.

use std::{fs, path::PathBuf};

use serde_json::Value;

/// The file of a fixture: `fixtures/<name>.json`, for tests that hand a file to the command.
pub fn fixture_path(name: &str) -> PathBuf {
    folder().join(format!("{name}.json"))
}

/// A fixture as it stands in its file.
///
/// # Panics
///
/// When there is no such fixture; the message lists those that exist.
pub fn fixture_text(name: &str) -> String {
    let path = fixture_path(name);
    match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            panic!(
                "no fixture {name} ({}: {error}); there are: {}",
                path.display(),
                fixture_names().join(", ")
            )
        }
    }
}

/// A fixture as JSON.
///
/// # Panics
///
/// When there is no such fixture, or it is no JSON.
pub fn fixture(name: &str) -> Value {
    match serde_json::from_str(&fixture_text(name)) {
        Ok(value) => value,
        Err(error) => panic!("fixture {name} is no JSON: {error}"),
    }
}

/// The names of all fixtures, sorted.
///
/// # Panics
///
/// When the folder cannot be read.
pub fn fixture_names() -> Vec<String> {
    let folder = folder();
    let entries = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            (path.extension()? == "json").then_some(())?;
            Some(path.file_stem()?.to_str()?.to_owned())
        })
        .collect();
    names.sort();
    names
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}
