//! The rules of the source tree that a reader relies on and no lint knows.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The files of the repository, by their paths from its root; what is built or fetched is left out.
fn files() -> BTreeMap<String, PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/");
            if name == ".git"
                || path.join("CACHEDIR.TAG").exists()
                || name.ends_with("/target")
                || name == "target"
            {
                continue;
            }
            // Links are not followed: what they lead to is elsewhere, or here already.
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                files.insert(name, path);
            }
        }
    }
    files
}

/// The Rust files, with their texts.
fn sources() -> BTreeMap<String, String> {
    let rust = files().into_iter().filter(|(name, _)| is_rust(name));
    rust.map(|(name, path)| (name, fs::read_to_string(path).unwrap()))
        .collect()
}

fn is_rust(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "rs")
}

/// Written by the generator: the shipped views, and what its golden tests compare with.
fn is_generated(name: &str) -> bool {
    name.starts_with("stripe-store/src/resources/") || name.starts_with("codegen/tests/golden/")
}

/// The lines that are neither comments nor unit tests, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line));
    lines
        .take_while(|(_, line)| !line.starts_with("mod tests {"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Every line of hand-written library code that has one of these in it.
fn lines_with(wanted: &[&str], in_scope: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in sources()
        .iter()
        .filter(|(name, _)| !is_generated(name) && !name.ends_with("/tests.rs") && in_scope(name))
    {
        for (number, line) in
            code(text).filter(|(_, line)| wanted.iter().any(|wanted| line.contains(wanted)))
        {
            found.push(format!("{name}:{number}: {}", line.trim()));
        }
    }
    found
}

#[track_caller]
fn check(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

#[test]
fn no_file_is_longer_than_500_lines() {
    let long = |(name, text): &(String, String)| !is_generated(name) && text.lines().count() > 500;
    let broken: Vec<String> = sources()
        .into_iter()
        .filter(long)
        .map(|(name, _)| name)
        .collect();
    check("a file past 500 lines is split", &broken);
}

#[test]
fn a_module_is_a_file_of_its_name() {
    let ends = [
        "/mod.rs",
        "/utils.rs",
        "/util.rs",
        "/helpers.rs",
        "/common.rs",
        "/misc.rs",
    ];
    let broken: Vec<String> = files()
        .into_keys()
        .filter(|name| !is_generated(name) && ends.iter().any(|end| name.ends_with(end)))
        .collect();
    check(
        "a module is name.rs with its parts in name/, and says what it is about",
        &broken,
    );
}

#[test]
fn what_is_generated_says_so_and_nothing_else_does() {
    let says_so = |text: &str| text.starts_with("// @generated");
    let differs = |(name, text): &(String, String)| {
        says_so(text) != is_generated(name) && !name.starts_with("codegen/tests/golden/")
    };
    let broken: Vec<String> = sources()
        .into_iter()
        .filter(differs)
        .map(|(name, _)| name)
        .collect();
    check(
        "nothing by hand in resources/, nothing generated outside it",
        &broken,
    );
}

#[test]
fn nothing_is_generated_by_a_build() {
    let broken: Vec<String> = files()
        .into_keys()
        .filter(|name| name.ends_with("build.rs"))
        .collect();
    check(
        "only checked-in text joins the generator to the library",
        &broken,
    );
}

#[test]
fn sql_stays_with_the_store() {
    let statements = [
        "SELECT ",
        "INSERT INTO ",
        "UPDATE stripe_",
        "DELETE FROM ",
        "CREATE TABLE ",
        "CREATE INDEX ",
        "DROP TABLE ",
    ];
    let outside = |name: &str| {
        name.starts_with("stripe-store/src/")
            && !name.starts_with("stripe-store/src/store")
            && !name.ends_with("/inbox.rs")
    };
    check(
        "SQL appears under store/ and with the operational tables",
        &lines_with(&statements, outside),
    );
}

#[test]
fn paths_of_the_api_stay_with_the_client() {
    let outside = |name: &str| {
        name.starts_with("stripe-store/src/") && !name.starts_with("stripe-store/src/client")
    };
    check(
        "Stripe's paths appear under client/ and resources/",
        &lines_with(&["\"/v1/", "\"/v2/"], outside),
    );
}

#[test]
fn views_do_no_io() {
    let foreign = [
        "sqlx",
        "tokio",
        "reqwest",
        "std::fs",
        "std::net",
        "std::io",
        "std::env",
        "crate::store",
    ];
    let views = |name: &str| {
        [
            "stripe-store/src/view",
            "stripe-store/src/ext.",
            "stripe-store/src/ext/",
        ]
        .iter()
        .any(|layer| name.starts_with(layer))
    };
    check(
        "view does no I/O and knows no layer above it",
        &lines_with(&foreign, views),
    );
}

#[test]
fn no_test_is_switched_off() {
    // In two parts, so that this file does not have them.
    let switches = [
        concat!("#[", "ignore"),
        concat!("#[", "should_panic"),
        concat!("todo", "!("),
        concat!("```", "ignore"),
    ];
    let broken: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| switches.iter().any(|switch| text.contains(switch)))
        .map(|(name, _)| name)
        .collect();
    check(
        "no test is skipped or passes by failing anyhow, examples in documentation compile",
        &broken,
    );
}
