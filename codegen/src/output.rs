//! A folder of generated files: write it whole, or say how it differs.
//!
//! The folder belongs to the generator alone. A file in it that does not say it is generated was
//! put there by a person, and stops everything before anything is touched.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Component, Path, PathBuf},
    process,
};

use crate::render::MARK;

/// Generated files: the text of each, by its path inside the folder, with `/` between folders.
pub type Files = BTreeMap<String, String>;

/// Makes a folder hold exactly these files.
///
/// They are written beside it first and then take its place, so that a failure leaves it as it was.
/// A folder that holds them already is left alone, and keeps its times of change.
///
/// # Errors
///
/// [`OutputError::NotGenerated`] if the folder holds a file that was not generated, or is a file
/// itself; [`OutputError::Path`] if a path leads out of the folder; [`OutputError::Io`] if the file
/// system refuses.
pub fn write(files: &Files, folder: &Path) -> Result<Written, OutputError> {
    let differences = check(files, folder)?;
    if let Some(foreign) = differences
        .iter()
        .find(|difference| difference.kind == Kind::NotGenerated)
    {
        return Err(OutputError::NotGenerated {
            path: folder.join(&foreign.path),
        });
    }
    let exists = folder.exists();
    if exists && differences.is_empty() {
        return Ok(Written::Unchanged);
    }
    let swap = Swap::new(folder, exists)?;
    let result = swap.fill(files).and_then(|()| swap.commit(exists));
    if result.is_err() {
        // What was written is of no use any more. That it cannot be removed matters less than why
        // we are here.
        let _ = fs::remove_dir_all(&swap.new);
    }
    result.map(|()| Written::Written)
}

/// What [`write()`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Written {
    /// The folder holds the files now.
    Written,
    /// The folder held them already.
    Unchanged,
}

/// Says how a folder differs from these files, by path. A folder that does not exist lacks all of
/// them.
///
/// # Errors
///
/// [`OutputError::NotGenerated`] if the folder is a file; [`OutputError::Path`] if a path leads out
/// of the folder; [`OutputError::Io`] if the file system refuses.
pub fn check(files: &Files, folder: &Path) -> Result<Vec<Difference>, OutputError> {
    for path in files.keys() {
        let inside = Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !inside || path.is_empty() {
            return Err(OutputError::Path { path: path.clone() });
        }
    }
    let mut present = BTreeMap::new();
    if folder.exists() {
        read_folder(folder, "", &mut present)?;
    }
    let mut differences = Vec::new();
    for (path, text) in files {
        match present.get(path) {
            None => differences.push(Difference {
                path: path.clone(),
                kind: Kind::Missing,
            }),
            Some(Present::Other) => differences.push(Difference {
                path: path.clone(),
                kind: Kind::NotGenerated,
            }),
            Some(Present::Generated(found)) if found != text => {
                let line = first_difference(found, text);
                differences.push(Difference {
                    path: path.clone(),
                    kind: Kind::Changed { line },
                });
            }
            Some(Present::Generated(_)) => {}
        }
    }
    for (path, present) in present {
        if !files.contains_key(&path) {
            let kind = match present {
                Present::Generated(_) => Kind::Stale,
                Present::Other => Kind::NotGenerated,
            };
            differences.push(Difference { path, kind });
        }
    }
    differences.sort();
    Ok(differences)
}

/// One file in which a folder differs from what is generated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Difference {
    /// The path of the file, inside the folder.
    pub path: String,
    /// How it differs.
    pub kind: Kind,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.path)?;
        match self.kind {
            Kind::Changed { line } => write!(f, ", from line {line}"),
            _ => Ok(()),
        }
    }
}

/// How a file differs from what is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// It is generated, and not there.
    Missing,
    /// It was generated once, and is no longer.
    Stale,
    /// It is not as generated.
    #[non_exhaustive]
    Changed {
        /// The first line that differs, from 1.
        line: usize,
    },
    /// It was never generated, and does not belong here.
    NotGenerated,
}

impl Kind {
    /// The kind in a word: `missing`, `stale`, `changed`, `not generated`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Stale => "stale",
            Self::Changed { .. } => "changed",
            Self::NotGenerated => "not generated",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Writing the generated files, or comparing them, failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// A file stands where generated ones belong, and was not generated.
    #[error(
        "{} was not generated, and the folder is replaced whole: move the file elsewhere, or choose another folder",
        path.display()
    )]
    #[non_exhaustive]
    NotGenerated {
        /// The file.
        path: PathBuf,
    },
    /// The path of a generated file leads out of the folder: a fault of the generator.
    #[error("the generated path `{path}` leads out of the folder")]
    #[non_exhaustive]
    Path {
        /// The path.
        path: String,
    },
    /// The file system refused.
    #[error("could not {action} {}", path.display())]
    #[non_exhaustive]
    Io {
        /// What was tried: "read", "write".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// What a folder holds at some path.
enum Present {
    Generated(String),
    Other,
}

fn read_folder(
    folder: &Path,
    inside: &str,
    present: &mut BTreeMap<String, Present>,
) -> Result<(), OutputError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| OutputError::Io {
            action: "read",
            path,
            source,
        }
    };
    if !folder.is_dir() {
        return Err(OutputError::NotGenerated {
            path: folder.to_owned(),
        });
    }
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let (path, name) = (entry.path(), entry.file_name());
        let inside = match inside {
            "" => name.to_string_lossy().into_owned(),
            inside => format!("{inside}/{}", name.to_string_lossy()),
        };
        let kind = entry.file_type().map_err(failed(&path))?;
        if kind.is_dir() {
            read_folder(&path, &inside, present)?;
            continue;
        }
        // A link is none of ours, whatever it leads to.
        let text = if kind.is_file() {
            fs::read(&path).map_err(failed(&path))?
        } else {
            Vec::new()
        };
        let generated = String::from_utf8(text)
            .ok()
            .filter(|text| text.starts_with(MARK));
        present.insert(inside, generated.map_or(Present::Other, Present::Generated));
    }
    Ok(())
}

fn first_difference(one: &str, other: &str) -> usize {
    let same = one
        .lines()
        .zip(other.lines())
        .take_while(|(one, other)| one == other);
    same.count().saturating_add(1)
}

/// A new folder taking the place of an old one.
struct Swap {
    folder: PathBuf,
    new: PathBuf,
    old: PathBuf,
}

impl Swap {
    fn new(folder: &Path, exists: bool) -> Result<Self, OutputError> {
        // The place itself, so that a link to the folder goes on leading to it.
        let resolved = if exists {
            folder.canonicalize()
        } else {
            std::path::absolute(folder)
        };
        let failed = |source| OutputError::Io {
            action: "find",
            path: folder.to_owned(),
            source,
        };
        let folder = resolved.map_err(failed)?;
        let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
            return Err(failed(io::ErrorKind::InvalidInput.into()));
        };
        // Beside it, because a rename cannot cross file systems.
        let beside = |what| {
            let mut beside = std::ffi::OsString::from(".");
            beside.push(name);
            beside.push(format!(".{what}-{}", process::id()));
            parent.join(beside)
        };
        Ok(Self {
            new: beside("new"),
            old: beside("old"),
            folder,
        })
    }

    fn fill(&self, files: &Files) -> Result<(), OutputError> {
        let create = |path: &Path| {
            fs::create_dir_all(path).map_err(|source| {
                let path = path.to_owned();
                OutputError::Io {
                    action: "create",
                    path,
                    source,
                }
            })
        };
        create(&self.new)?;
        for (path, text) in files {
            let path = self.new.join(path);
            path.parent().map_or(Ok(()), create)?;
            fs::write(&path, text).map_err(|source| OutputError::Io {
                action: "write",
                path,
                source,
            })?;
        }
        Ok(())
    }

    fn commit(&self, exists: bool) -> Result<(), OutputError> {
        let rename = |from: &Path, to: &Path| {
            fs::rename(from, to).map_err(|source| {
                let path = self.folder.clone();
                OutputError::Io {
                    action: "replace",
                    path,
                    source,
                }
            })
        };
        if !exists {
            return rename(&self.new, &self.folder);
        }
        rename(&self.folder, &self.old)?;
        if let Err(error) = rename(&self.new, &self.folder) {
            // Back as it was; if even this fails, the files are still there under the other name.
            let _ = fs::rename(&self.old, &self.folder);
            return Err(error);
        }
        fs::remove_dir_all(&self.old).map_err(|source| {
            let path = self.old.clone();
            OutputError::Io {
                action: "remove",
                path,
                source,
            }
        })
    }
}

#[cfg(test)]
mod tests;
