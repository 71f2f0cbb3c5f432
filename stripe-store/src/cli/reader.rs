//! Reading a file on a thread of its own, no further ahead of the database than memory allows.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::failure::Failure;
use crate::clock::{Clock, SystemClock, UnixMillis};
use crate::ingest::{Document, Documents, IngestError};

/// How much of a file may be in memory before it is written, in KiB. One document may exceed it.
const AHEAD_KIB: u32 = 16 * 1024;
const AHEAD_PERMITS: usize = 16 * 1024;

/// How many documents may be.
const AHEAD_DOCUMENTS: usize = 1000;

/// A file, or standard input.
pub(super) struct Input {
    pub(super) name: String,
    /// When its objects were read from Stripe, as far as can be told.
    pub(super) modified: UnixMillis,
    /// In bytes; `None` when it has no end yet.
    pub(super) length: Option<u64>,
    reader: Box<dyn BufRead + Send>,
}

impl Input {
    /// Opens a file; `-` is standard input.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let now = SystemClock.now();
        if path == Path::new("-") {
            return Ok(Self {
                name: "stdin".to_owned(),
                modified: now,
                length: None,
                reader: Box::new(BufReader::with_capacity(64 * 1024, std::io::stdin())),
            });
        }
        let failure = |source| Failure::File {
            path: PathBuf::from(path),
            source,
        };
        let file = File::open(path).map_err(failure)?;
        let metadata = file.metadata().map_err(failure)?;
        if metadata.is_dir() {
            return Err(failure(std::io::ErrorKind::IsADirectory.into()));
        }
        let modified = match metadata.modified() {
            Ok(modified) if metadata.is_file() => UnixMillis::from(modified).min(now),
            _ => now,
        };
        Ok(Self {
            name: path.display().to_string(),
            modified,
            length: metadata.is_file().then_some(metadata.len()),
            reader: Box::new(BufReader::with_capacity(64 * 1024, file)),
        })
    }

    /// Begins to read.
    pub(super) fn documents(self) -> Result<Reading, Failure> {
        let (sender, receiver) = mpsc::channel(AHEAD_DOCUMENTS);
        let memory = Arc::new(Semaphore::new(AHEAD_PERMITS));
        let bytes = Arc::new(AtomicU64::new(0));
        let (runtime, progress) = (Handle::current(), Arc::clone(&bytes));
        // Not one of the runtime's own threads: those are waited for at the end, and this one may wait for input.
        let read = move || {
            let mut documents = Documents::new(self.reader);
            while let Some(content) = documents.next() {
                progress.store(documents.bytes_read(), Ordering::Relaxed);
                let length = content.as_ref().map_or(0, |document| document.text().len());
                let kib = u32::try_from(length / 1024 + 1)
                    .unwrap_or(AHEAD_KIB)
                    .min(AHEAD_KIB);
                let Ok(held) = runtime.block_on(Arc::clone(&memory).acquire_many_owned(kib)) else {
                    return;
                };
                if sender
                    .blocking_send(Part {
                        content,
                        _held: held,
                    })
                    .is_err()
                {
                    return;
                }
            }
            progress.store(documents.bytes_read(), Ordering::Relaxed);
        };
        std::thread::Builder::new()
            .name("reader".to_owned())
            .spawn(read)
            .map_err(Failure::Runtime)?;
        Ok(Reading { receiver, bytes })
    }
}

/// A document, or what was wrong with it, and the memory that it may hold until it is dropped.
pub(super) struct Part {
    pub(super) content: Result<Document, IngestError>,
    _held: OwnedSemaphorePermit,
}

/// A file being read.
pub(super) struct Reading {
    receiver: mpsc::Receiver<Part>,
    bytes: Arc<AtomicU64>,
}

impl Reading {
    /// Appends up to `limit` parts to `parts`: what is there, waiting for at least one. Returns how many; 0 at the
    /// end. Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self, parts: &mut Vec<Part>, limit: usize) -> usize {
        self.receiver.recv_many(parts, limit).await
    }

    /// How many bytes were read.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
