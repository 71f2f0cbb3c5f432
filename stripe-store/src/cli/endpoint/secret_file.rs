//! A file that an endpoint's secret goes into, and that nobody else can read.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;

/// A new file, which is removed again unless a secret was written into it.
pub(super) struct SecretFile {
    path: PathBuf,
    file: File,
    is_written: bool,
}

impl SecretFile {
    /// Makes the file; one that is there is left alone, and an error.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let file = options.open(path).map_err(|source| Failure::Write {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            is_written: false,
        })
    }

    pub(super) fn write(&mut self, secret: &str) -> Result<(), Failure> {
        let line = format!("{secret}\n");
        let written = self
            .file
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_all());
        written.map_err(|source| Failure::Write {
            path: self.path.clone(),
            source,
        })?;
        self.is_written = true;
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        if !self.is_written {
            // There is nothing in it that anybody needs.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
