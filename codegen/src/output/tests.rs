use tempfile::TempDir;

use super::*;

fn files(files: &[(&str, &str)]) -> Files {
    files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), format!("{MARK} by a test\n{text}")))
        .collect()
}

/// A folder's files with their text, and how many other entries stand beside it.
fn state(folder: &Path) -> (BTreeMap<String, Vec<u8>>, usize) {
    fn read(folder: &Path, inside: &Path, state: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder.join(inside)).unwrap() {
            let path = inside.join(entry.unwrap().file_name());
            if folder.join(&path).is_dir() {
                read(folder, &path, state);
            } else {
                state.insert(
                    path.display().to_string(),
                    fs::read(folder.join(&path)).unwrap(),
                );
            }
        }
    }
    let mut state = BTreeMap::new();
    if folder.exists() {
        read(folder, Path::new(""), &mut state);
    }
    (
        state,
        fs::read_dir(folder.parent().unwrap()).unwrap().count(),
    )
}

fn listed(files: &Files, folder: &Path) -> Vec<String> {
    check(files, folder)
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_folder_ends_with_exactly_the_files() {
    let temp = TempDir::new().unwrap();
    let folder = temp.path().join("not/there/yet");
    let first = files(&[("a.rs", "1"), ("b.rs", "2"), ("deep/er/c.rs", "3")]);
    assert_eq!(write(&first, &folder).unwrap(), Written::Written);
    assert_eq!(listed(&first, &folder), [""; 0]);

    let second = files(&[("a.rs", "1"), ("b.rs", "changed"), ("d.rs", "4")]);
    assert_eq!(
        listed(&second, &folder),
        [
            "changed b.rs, from line 2",
            "missing d.rs",
            "stale deep/er/c.rs"
        ]
    );
    assert_eq!(write(&second, &folder).unwrap(), Written::Written);
    let (found, beside) = state(&folder);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["a.rs", "b.rs", "d.rs"]);
    assert_eq!(found["b.rs"], second["b.rs"].as_bytes());
    assert_eq!(beside, 1, "nothing is left beside the folder");
}

#[test]
fn a_folder_that_is_as_it_should_be_is_left_alone() {
    let temp = TempDir::new().unwrap();
    let (folder, files) = (temp.path().join("out"), files(&[("a.rs", "1")]));
    write(&files, &folder).unwrap();
    let before = fs::metadata(folder.join("a.rs"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(write(&files, &folder).unwrap(), Written::Unchanged);
    assert_eq!(
        fs::metadata(folder.join("a.rs"))
            .unwrap()
            .modified()
            .unwrap(),
        before
    );
}

#[test]
fn a_file_of_someone_else_stops_everything() {
    let temp = TempDir::new().unwrap();
    let folder = temp.path().join("out");
    write(&files(&[("a.rs", "1")]), &folder).unwrap();
    for path in ["mine.rs", "a.rs", "sub/mine.rs"] {
        let full = folder.join(path);
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        let kept = fs::read(&full).ok();
        fs::write(&full, b"fn by_hand() {} \xff").unwrap();
        let before = state(&folder);

        let error = write(&files(&[("a.rs", "2")]), &folder).unwrap_err();
        assert!(error.to_string().contains(path), "{error}");
        assert_eq!(state(&folder), before);
        assert_eq!(
            listed(&files(&[("a.rs", "1")]), &folder),
            [format!("not generated {path}")]
        );
        match kept {
            Some(kept) => fs::write(&full, kept).unwrap(),
            None => fs::remove_file(&full).unwrap(),
        }
    }
}

#[test]
fn a_file_in_place_of_the_folder_is_kept() {
    let temp = TempDir::new().unwrap();
    let folder = temp.path().join("out");
    fs::write(&folder, "mine").unwrap();
    write(&files(&[("a.rs", "1")]), &folder).unwrap_err();
    assert_eq!(fs::read_to_string(&folder).unwrap(), "mine");
}

#[test]
fn a_failure_while_writing_leaves_the_folder_as_it_was() {
    let temp = TempDir::new().unwrap();
    let folder = temp.path().join("out");
    write(&files(&[("a.rs", "1")]), &folder).unwrap();
    let before = state(&folder);
    // A file cannot be a folder as well.
    write(
        &files(&[("a.rs", "2"), ("b", "3"), ("b/c.rs", "4")]),
        &folder,
    )
    .unwrap_err();
    assert_eq!(state(&folder), before);
}

#[test]
fn a_path_that_leads_out_is_refused() {
    let temp = TempDir::new().unwrap();
    for path in ["../a.rs", "/a.rs", "", "a/../../b.rs"] {
        let error = write(&files(&[(path, "1")]), &temp.path().join("out")).unwrap_err();
        assert!(matches!(error, OutputError::Path { .. }), "{path}: {error}");
    }
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn a_link_to_the_folder_goes_on_leading_to_it() {
    let temp = TempDir::new().unwrap();
    let (folder, link) = (temp.path().join("out"), temp.path().join("link"));
    write(&files(&[("a.rs", "1")]), &folder).unwrap();
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    write(&files(&[("a.rs", "2")]), &link).unwrap();
    assert_eq!(
        fs::read_to_string(folder.join("a.rs")).unwrap(),
        format!("{MARK} by a test\n2")
    );
    assert!(link.is_symlink());
}
