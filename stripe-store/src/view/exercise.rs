//! For our own tests: whether a getter read something, for every kind of result.

use serde_json::Value;

use super::kind::Kind;
use super::{Array, List, Map};

/// Whether a getter's result holds anything.
pub trait Readable {
    /// `true` unless the result is what a getter gives for an absent field.
    fn is_readable(&self) -> bool;
}

impl<T> Readable for Option<T> {
    fn is_readable(&self) -> bool {
        self.is_some()
    }
}

impl Readable for &str {
    fn is_readable(&self) -> bool {
        !self.is_empty()
    }
}

impl<K: Kind> Readable for &Array<K> {
    /// Reads every element.
    fn is_readable(&self) -> bool {
        !self.is_empty() && self.iter().count() == self.len()
    }
}

impl<K: Kind> Readable for &List<K> {
    /// Reads every element.
    fn is_readable(&self) -> bool {
        self.data().is_readable()
    }
}

impl<K: Kind> Readable for &Map<K> {
    /// Reads every value.
    fn is_readable(&self) -> bool {
        !self.is_empty() && self.iter().count() == self.len()
    }
}

/// Which getters of a view read something from a document: the getter's key, and whether it did.
pub type Exercise = fn(&Value) -> Vec<(&'static str, bool)>;
