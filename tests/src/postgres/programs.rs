//! Where PostgreSQL's server programs are on this machine.

use std::{
    cmp::Reverse,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// A folder with PostgreSQL's server programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The folder that holds `initdb` and `postgres`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The programs in this folder, if it has them.
    ///
    /// Links are followed: `initdb` looks for its files beside the real program, and distributions link it into a
    /// folder that has no `postgres`.
    fn in_folder(folder: &Path) -> Option<Self> {
        let initdb = fs::canonicalize(folder.join("initdb")).ok()?;
        let folder = initdb.parent()?;
        folder.join("postgres").is_file().then(|| Self {
            folder: folder.to_owned(),
        })
    }
}

/// Where to look for the programs.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The folder that the user names. When it is set, nothing else counts.
    pub named: Option<PathBuf>,
    /// The folders of programs, as in `PATH`.
    pub path: OsString,
    /// Folders with one folder per version in them, and the path from there to the programs.
    pub versioned: Vec<(PathBuf, &'static str)>,
}

impl Search {
    /// The variable that names the folder of the programs.
    pub const VARIABLE: &str = "PGBIN";

    /// `PGBIN`, `PATH`, and where Debian, the PostgreSQL project's own packages for Fedora, and Homebrew put them.
    pub fn from_environment() -> Self {
        Self {
            named: super::setting(Self::VARIABLE).map(PathBuf::from),
            path: super::setting("PATH").unwrap_or_default().into(),
            versioned: vec![
                (PathBuf::from("/usr/lib/postgresql"), "bin"),
                (PathBuf::from("/usr/pgsql"), "bin"),
                (PathBuf::from("/opt/homebrew/opt"), "bin"),
                (PathBuf::from("/usr/local/opt"), "bin"),
                (PathBuf::from("/home/linuxbrew/.linuxbrew/opt"), "bin"),
            ],
        }
    }

    /// The programs, or `None` when no place has them.
    pub fn find(&self) -> Option<Programs> {
        if let Some(named) = &self.named {
            return Programs::in_folder(named);
        }
        let on_path =
            std::env::split_paths(&self.path).find_map(|folder| Programs::in_folder(&folder));
        on_path.or_else(|| {
            self.versioned.iter().find_map(|(folder, below)| {
                newest_first(folder)
                    .into_iter()
                    .find_map(|version| Programs::in_folder(&version.join(below)))
            })
        })
    }
}

/// The folders in `folder` that name a version of PostgreSQL (`15`, `postgresql@17`), the newest first.
fn newest_first(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<(Reverse<u32>, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?;
            let version = name
                .strip_prefix("postgresql")
                .unwrap_or(name)
                .trim_start_matches('@');
            // Homebrew's plain `postgresql` is the one that the user linked: it goes first.
            let version = if version.is_empty() {
                u32::MAX
            } else {
                version.parse().ok()?
            };
            Some((Reverse(version), path))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::Path};

    use super::Search;

    fn programs(folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        for name in ["initdb", "postgres"] {
            fs::write(folder.join(name), "").unwrap();
        }
    }

    #[test]
    fn the_newest_version_is_taken_by_number() {
        let root = tempfile::tempdir().unwrap();
        programs(&root.path().join("9/bin"));
        programs(&root.path().join("15/bin"));
        fs::create_dir_all(root.path().join("17/bin")).unwrap();
        let search = Search {
            versioned: vec![(root.path().to_owned(), "bin")],
            ..Search::default()
        };
        assert!(search.find().unwrap().folder().ends_with("15/bin"));
    }

    #[test]
    fn a_link_leads_to_the_real_folder() {
        let root = tempfile::tempdir().unwrap();
        programs(&root.path().join("real"));
        let links = root.path().join("links");
        fs::create_dir(&links).unwrap();
        symlink(root.path().join("real/initdb"), links.join("initdb")).unwrap();
        let search = Search {
            path: links.into(),
            ..Search::default()
        };
        assert!(search.find().unwrap().folder().ends_with("real"));
    }

    #[test]
    fn a_folder_that_the_user_names_is_the_only_one_that_counts() {
        let root = tempfile::tempdir().unwrap();
        programs(&root.path().join("other"));
        let search = Search {
            named: Some(root.path().join("empty")),
            path: root.path().join("other").into(),
            ..Search::default()
        };
        assert_eq!(search.find(), None);
    }
}
