//! Small descriptions, each showing one thing, and the exact files or the message they must give.
//!
//! `UPDATE_EXPECT=1 cargo test -p stripe-codegen --test golden` writes what is generated now; a
//! person then reads the difference.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share fail like the tests themselves"
)]

use std::{
    collections::BTreeSet,
    error::Error as StdError,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use expect_test::expect_file;
use stripe_codegen::{Error, Generated, Operations, Options, generate, spec::Spec};
use tempfile::TempDir;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The descriptions in a folder, by name.
fn descriptions(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut descriptions: Vec<PathBuf> = entries
        .filter(|path| {
            path.extension()
                .is_some_and(|kind| kind == "json" || kind == "yaml")
        })
        .collect();
    descriptions.sort();
    assert_ne!(descriptions, [""; 0].map(PathBuf::from));
    descriptions
}

fn generated(description: &Path) -> Result<Generated, Error> {
    let text = fs::read_to_string(description).unwrap();
    let name = description.file_name().unwrap().to_string_lossy();
    // The one that shows operations; the others show views.
    let operations = name
        .starts_with("builders")
        .then(|| Operations::behind("client"));
    let options = Options::default().with_operations(operations);
    generate(&Spec::read(&text, &name)?, &options)
}

/// Every file below a folder, by its path inside it.
fn files_below(folder: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(
                    path.strip_prefix(folder)
                        .unwrap()
                        .to_string_lossy()
                        .into_owned(),
                );
            }
        }
    }
    files
}

/// The message that the command ends with: the error and all its causes.
fn message(error: &dyn StdError) -> String {
    let mut message = format!("error: {error}\n");
    let mut cause = error.source();
    while let Some(error) = cause {
        writeln!(message, "  because: {error}").unwrap();
        cause = error.source();
    }
    message
}

fn command(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stripe-codegen"));
    command.args(arguments).output().unwrap()
}

#[test]
fn a_small_description_gives_its_golden_files() {
    for description in descriptions(&golden()) {
        let folder = description.with_extension("");
        let Generated { files, .. } = generated(&description)
            .unwrap_or_else(|error| panic!("{}: {}", description.display(), message(&error)));
        for (path, text) in &files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            expect_file![path].assert_eq(text);
        }
        for path in files_below(&folder) {
            assert!(
                files.contains_key(&path),
                "{} is no longer generated: delete it",
                folder.join(path).display()
            );
        }
    }
}

#[test]
fn a_small_description_gives_the_same_bytes_again() {
    for description in descriptions(&golden()) {
        let (first, second) = (
            generated(&description).unwrap(),
            generated(&description).unwrap(),
        );
        assert_eq!(first, second, "{}", description.display());
    }
}

#[test]
fn only_the_listings_of_the_chosen_resources_are_generated() {
    let text = fs::read_to_string(golden().join("listings.json")).unwrap();
    let spec = Spec::read(&text, "listings.json").unwrap();
    let options = Options::default().with_only(["order", "card"]);
    let Generated { files, report, .. } = generate(&spec, &options).unwrap();
    // An order has its items inside; the sources of customers are cards too.
    let listings = files["listings.rs"].matches("Listing::new(\n").count();
    assert_eq!(
        (listings, report.listings),
        (4, 4),
        "{}",
        files["listings.rs"]
    );
    let unlisted: Vec<&str> = report.unlisted.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(unlisted, ["/v1/nowhere/{id}/cards"]);
}

#[test]
fn every_golden_folder_has_its_description() {
    for entry in fs::read_dir(golden()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("errors") {
            let described = ["json", "yaml"]
                .iter()
                .any(|kind| path.with_extension(kind).exists());
            assert!(
                described,
                "{} has no description: delete it",
                path.display()
            );
        }
    }
}

#[test]
fn a_faulty_description_says_what_is_wrong_and_where() {
    for description in descriptions(&golden().join("errors")) {
        let error = generated(&description).expect_err(&description.display().to_string());
        expect_file![description.with_extension("txt")].assert_eq(&message(&error));
    }
}

#[test]
fn a_faulty_description_leaves_the_output_folder_alone() {
    let temp = TempDir::new().unwrap();
    let out = temp.path().join("resources");
    let good = golden().join("scalars.json");
    let output = command(&[&"generate", &"--spec", &good, &"--out", &out]);
    assert!(output.status.success(), "{output:?}");
    let before: Vec<(String, Vec<u8>)> = files_below(temp.path())
        .into_iter()
        .map(|path| (path.clone(), fs::read(temp.path().join(path)).unwrap()))
        .collect();
    assert_ne!(before.len(), 0);

    for description in descriptions(&golden().join("errors")) {
        for out in [out.clone(), temp.path().join("new")] {
            let output = command(&[&"generate", &"--spec", &description, &"--out", &out]);
            assert_eq!(
                output.status.code(),
                Some(2),
                "{}: {output:?}",
                description.display()
            );
            assert!(output.stdout.is_empty(), "{output:?}");
            assert!(output.stderr.starts_with(b"error: "), "{output:?}");
            let after: Vec<(String, Vec<u8>)> = files_below(temp.path())
                .into_iter()
                .map(|path| (path.clone(), fs::read(temp.path().join(path)).unwrap()))
                .collect();
            assert_eq!(after, before, "{}", description.display());
        }
    }
}
