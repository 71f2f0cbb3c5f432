//! A batch on its way into the database: where it is cut, and what is worked out on the way.

use std::collections::BTreeSet;

use crate::store::batch::{Candidate, chunks};
use crate::store::text::digest;

/// What one statement of a write takes at most; a larger batch is a transaction of several. Measured: with more rows, the
/// server's memory for them outgrows its caches; with fewer, the cost of a statement shows.
const CHUNK_ROWS: usize = 400;
const CHUNK_BYTES: usize = 8 << 20;

/// A batch, cut into what a statement takes.
#[derive(Debug)]
pub(super) struct Pieces<'c, 'a> {
    candidates: &'c [Candidate<'a>],
    /// The places of those that time does not decide on, as far as known.
    contested: BTreeSet<usize>,
    /// Those of the first candidates.
    digests: Vec<[u8; 32]>,
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Piece<'c, 'a> {
    /// One that time does not decide on.
    Contested(&'c Candidate<'a>),
    Chunk(&'c [Candidate<'a>]),
}

impl<'c, 'a> Pieces<'c, 'a> {
    pub(super) fn new(candidates: &'c [Candidate<'a>]) -> Self {
        let contested = candidates.iter().enumerate();
        let contested = contested.filter(|(_, candidate)| !candidate.rivals.is_empty());
        Self {
            candidates,
            contested: contested.map(|(at, _)| at).collect(),
            digests: Vec::new(),
        }
    }

    /// Whether one statement may do.
    pub(super) fn is_single(&self) -> bool {
        self.contested.is_empty() && chunk(self.candidates).len() == self.candidates.len()
    }

    /// All of them.
    pub(super) fn all(&self) -> &'c [Candidate<'a>] {
        self.candidates
    }

    /// What comes at `first`; `None` at the end.
    pub(super) fn at(&self, first: usize) -> Option<Piece<'c, 'a>> {
        let rest = self.candidates.get(first..)?;
        let next = rest.first()?;
        let contested = self.contested.range(first..).next().copied();
        if contested == Some(first) {
            return Some(Piece::Contested(next));
        }
        let until_contested = contested.and_then(|at| rest.get(..at - first));
        Some(Piece::Chunk(chunk(until_contested.unwrap_or(rest))))
    }

    /// Notes what turned out to be contested, by its places after `first`.
    pub(super) fn contest(&mut self, first: usize, places: &[usize]) {
        self.contested.extend(places.iter().map(|at| first + at));
    }

    /// The digests of the `count` candidates from `first` on.
    pub(super) fn digests(&mut self, first: usize, count: usize) -> &[[u8; 32]] {
        self.digest_until(first + count);
        self.digests.get(first..first + count).unwrap_or_default()
    }

    /// Works out the digests of a chunk from `first` on: to be done while the server writes the one before. That one may
    /// still be on its way, so the first steps are small.
    pub(super) async fn digest_ahead(&mut self, first: usize) {
        let end = self.candidates.len().min(first + CHUNK_ROWS);
        while self.digests.len() < end {
            let step = 2 + self.digests.len().saturating_sub(first) / 2;
            self.digest_until(end.min(self.digests.len() + step));
            tokio::task::yield_now().await;
        }
    }

    fn digest_until(&mut self, end: usize) {
        let known = self.digests.len();
        let missing = self.candidates.get(known..end).unwrap_or_default();
        let digests = missing.iter().map(|next| digest(next.snapshot.data()));
        self.digests.extend(digests);
    }
}

/// As many of the candidates as one statement takes.
fn chunk<'c, 'a>(candidates: &'c [Candidate<'a>]) -> &'c [Candidate<'a>] {
    chunks(candidates, CHUNK_ROWS, CHUNK_BYTES)
        .next()
        .unwrap_or_default()
}
