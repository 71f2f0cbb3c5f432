//! What to expand: the paths that were asked for, checked, as a tree to walk a document with.

use std::collections::BTreeMap;
use std::fmt;

use super::References;
use crate::resources;

/// How many references deep an object is expanded: Stripe's own limit.
const MAX_LEVELS: usize = 4;

/// How many paths an error names at most.
const MAX_NEAREST: usize = 5;

/// What was asked to be expanded cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpandError {
    /// The path, or a part of it, is no reference of the object.
    #[error(
        "a {object} has nothing to expand at {field:?} of the path {path:?}{}",
        Nearest(nearest)
    )]
    #[non_exhaustive]
    UnknownPath {
        /// The path as it was given.
        path: String,
        /// The type that has no such reference.
        object: String,
        /// What is left of the path where nothing fits.
        field: String,
        /// What was probably meant: the paths that can be expanded and are most like it, at most five. Empty when
        /// nothing of the type can.
        nearest: Vec<String>,
    },
    /// The path goes on through more references than Stripe expands.
    #[error("the path {path:?} leads through more than {max} references")]
    #[non_exhaustive]
    TooDeep {
        /// The path as it was given.
        path: String,
        /// The most references that a path can lead through.
        max: usize,
    },
    /// The objects come to more than one call puts in. Nothing is: expand fewer rows at a time, or fewer paths.
    #[error(
        "the expanded rows come to more than {max_bytes} bytes; expand fewer rows at a time, or fewer paths"
    )]
    #[non_exhaustive]
    TooLarge {
        /// The most bytes of JSON that one call fetches and makes.
        max_bytes: usize,
    },
}

/// `: the nearest that can be expanded are "a", "b"`, or nothing.
struct Nearest<'a>(&'a [String]);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, path) in self.0.iter().enumerate() {
            let before = match index {
                0 if self.0.len() == 1 => ": the nearest that can be expanded is",
                0 => ": the nearest that can be expanded are",
                _ => ",",
            };
            write!(f, "{before} {path:?}")?;
        }
        Ok(())
    }
}

/// The paths to expand in objects of one type.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) root: Node,
}

/// A place in a document, and the places in it that paths lead through.
#[derive(Debug, Default)]
pub(super) struct Node {
    children: BTreeMap<&'static str, Node>,
    pub(super) target: Option<Target>,
}

/// A reference to expand, or several in an array.
#[derive(Debug)]
pub(super) struct Target {
    /// The types that it can lead to.
    pub(super) objects: &'static [&'static str],
    /// The same, as they are asked for an id.
    pub(super) candidates: Candidates,
    /// The path that led here, for reports.
    pub(super) path: String,
    /// What to expand in turn in an object of each type.
    next: BTreeMap<&'static str, Node>,
}

impl Plan {
    /// The plan for objects of the type `object`. In a `list` the paths may begin with `data.`.
    pub(super) fn new(
        object: &str,
        references: &References,
        paths: &[impl AsRef<str>],
        list: bool,
    ) -> Result<Self, ExpandError> {
        let mut root = Node::default();
        let has_data = references.iter().any(|(path, _)| path.starts_with("data."));
        for path in paths {
            let path = path.as_ref();
            let in_list = path.strip_prefix("data.");
            let rest = in_list.filter(|_| list && !has_data).unwrap_or(path);
            let asked = Asked { path, inner: rest };
            asked.add(&mut root, object, references, rest, 0)?;
        }
        Ok(Self { root })
    }
}

impl Node {
    /// Whether nothing is to be expanded here or further in.
    pub(super) fn is_empty(&self) -> bool {
        self.children.is_empty() && self.target.is_none()
    }

    /// The place under `key`.
    pub(super) fn child(&self, key: &str) -> Option<&Self> {
        self.children.get(key)
    }

    fn at(&mut self, path: &'static str) -> &mut Self {
        path.split('.')
            .fold(self, |node, key| node.children.entry(key).or_default())
    }

    /// Tells places of plans apart, while the plans are there.
    pub(super) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl Target {
    /// What to expand in an object that calls its type `object`, today or in the past.
    pub(super) fn next(&self, object: &str) -> Option<&Node> {
        if self.next.is_empty() {
            return None;
        }
        let today = || resources::facts(object).and_then(|facts| self.next.get(facts.object));
        self.next
            .get(object)
            .or_else(today)
            .filter(|node| !node.is_empty())
    }
}

/// A type that a reference can lead to. The order is that in which types are asked for an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// How its ids begin, where all do. Types with such a prefix come last: an id without it is of them only where
    /// Stripe makes an exception, as for refunds `pyr_…`.
    prefix: Option<&'static str>,
    pub(super) object: &'static str,
}

/// The types that a reference can lead to.
#[derive(Debug)]
pub(super) struct Candidates(Vec<Candidate>);

impl Candidates {
    pub(super) fn new(objects: &[&'static str]) -> Self {
        let types = objects.iter().map(|object| Candidate {
            prefix: resources::facts(object).and_then(|facts| facts.id_prefix),
            object,
        });
        let mut types: Vec<Candidate> = types.collect();
        types.sort_unstable();
        Self(types)
    }

    /// Those that an object with this id can be of: the types whose ids begin so, or else all.
    pub(super) fn of(&self, id: &str) -> impl Iterator<Item = Candidate> {
        let fits = move |it: &Candidate| it.prefix.is_some_and(|prefix| id.starts_with(prefix));
        let any_fits = self.0.len() > 1 && self.0.iter().any(fits);
        let fitting = self.0.iter().filter(move |it| !any_fits || fits(it));
        fitting.copied()
    }
}

/// A path that was asked for: as given, and without the `data.` of a list.
#[derive(Clone, Copy)]
struct Asked<'a> {
    path: &'a str,
    inner: &'a str,
}

impl Asked<'_> {
    /// Adds what is left of the path, `rest`, to the plan for objects of one type.
    fn add(
        self,
        node: &mut Node,
        object: &str,
        references: &References,
        rest: &str,
        level: usize,
    ) -> Result<(), ExpandError> {
        let mut fault = None;
        for (path, objects) in references.iter() {
            let tail = match rest.strip_prefix(path) {
                Some("") => None,
                Some(tail) if tail.starts_with('.') => tail.strip_prefix('.'),
                _ => continue,
            };
            if level == MAX_LEVELS {
                return Err(ExpandError::TooDeep {
                    path: self.path.to_owned(),
                    max: MAX_LEVELS,
                });
            }
            let done = self.inner.len() - tail.map_or(0, |tail| tail.len() + 1);
            let target = node.at(path).target.get_or_insert_with(|| Target {
                objects,
                candidates: Candidates::new(objects),
                path: self.inner.get(..done).unwrap_or_default().to_owned(),
                next: BTreeMap::new(),
            });
            let Some(tail) = tail else { return Ok(()) };
            // A path goes on in those of several types that have it, and has to in one.
            let mut fits = false;
            for object in objects {
                let next = target.next.entry(object).or_default();
                match self.add(next, object, &References::of(object), tail, level + 1) {
                    Ok(()) => fits = true,
                    Err(error) => fault = fault.or(Some(error)),
                }
            }
            if fits {
                return Ok(());
            }
        }
        Err(fault.unwrap_or_else(|| self.unknown(object, references, rest)))
    }

    fn unknown(self, object: &str, references: &References, rest: &str) -> ExpandError {
        let done = self.path.strip_suffix(rest).unwrap_or_default();
        let paths = references.iter().map(|(path, _)| path);
        let mut nearest: Vec<(usize, &str)> =
            paths.map(|path| (distance(path, rest), path)).collect();
        nearest.sort_unstable();
        let least = nearest.first().map_or(0, |(least, _)| *least);
        let nearest = nearest.into_iter().take_while(|(far, _)| *far == least);
        ExpandError::UnknownPath {
            path: self.path.to_owned(),
            object: object.to_owned(),
            field: rest.to_owned(),
            nearest: nearest
                .take(MAX_NEAREST)
                .map(|(_, path)| format!("{done}{path}"))
                .collect(),
        }
    }
}

/// How many letters have to be changed, put in or left out to make `path` the beginning of what was `asked`, up to a
/// dot of that or its end.
fn distance(path: &str, asked: &str) -> usize {
    // Beyond this many letters nothing is like a path, and the time that a comparison takes is bounded.
    const LONGEST: usize = 200;
    let asked: Vec<char> = asked.chars().take(LONGEST).collect();
    // How far the letters of `path` so far are from each beginning of `asked`.
    let mut row: Vec<usize> = (0..=asked.len()).collect();
    for letter in path.chars() {
        let mut diagonal = row.first().copied().unwrap_or_default();
        let mut left = diagonal + 1;
        for (place, other) in row
            .iter_mut()
            .zip(std::iter::once(None).chain(asked.iter().map(Some)))
        {
            let above = *place;
            *place = match other {
                None => left,
                Some(other) => (diagonal + usize::from(*other != letter))
                    .min(above + 1)
                    .min(left + 1),
            };
            diagonal = above;
            left = *place;
        }
    }
    let ends = asked.iter().copied().chain(['.']);
    let at_ends = row.iter().zip(ends).filter(|(_, next)| *next == '.');
    at_ends.map(|(far, _)| *far).min().unwrap_or(usize::MAX)
}
