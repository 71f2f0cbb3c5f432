//! What a generation came to, in numbers.

use serde::Serialize;

use crate::spec::Keywords;

/// The counts of one generation. They add up: a schema that gave no type of its own is listed with a reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The API version of the description.
    pub version: String,
    /// Schemas in the description.
    pub schemas: usize,
    /// Object types of the API, each a file.
    pub resources: usize,
    /// Views, those of resources and of what is nested in them.
    pub types: usize,
    /// Getters of all views.
    pub getters: usize,
    /// Enums of strings.
    pub enums: usize,
    /// How many of the types and enums are further names of others, with the same members.
    pub twins: usize,
    /// Event types.
    pub events: usize,
    /// Operations; none if they were not asked for.
    pub operations: usize,
    /// Lists whose pages show every object that can be listed.
    pub listings: usize,
    /// Schemas that gave no type, by name.
    pub skipped: Vec<Skipped>,
    /// Fields that are read as plain JSON because the description leaves their shape open, by place.
    pub untyped: Vec<Skipped>,
    /// Operations that were left out, by path.
    pub skipped_operations: Vec<SkippedOperation>,
    /// Lists that are left out, by path.
    pub unlisted: Vec<Unlisted>,
    /// How often each keyword of the description was seen.
    pub keywords: Keywords,
}

/// A schema that gave no type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Skipped {
    /// The schema.
    pub schema: String,
    /// Why, in a few words.
    pub reason: String,
}

/// An operation that was left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct SkippedOperation {
    /// The operation: `post /v1/files`.
    pub operation: String,
    /// Why, in a few words.
    pub reason: String,
}

impl Skipped {
    /// A schema that gave no type, for this reason.
    pub fn new(schema: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            reason: reason.into(),
        }
    }
}

/// A list that is left out of what can be listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Unlisted {
    /// Its path.
    pub path: String,
    /// Why, in a few words.
    pub reason: String,
}

impl Unlisted {
    /// A list that is left out, for this reason.
    pub fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            reason: reason.into(),
        }
    }
}
