//! Whether an object is what was asked for.

use serde_json::Value;

use crate::view::{ObjectMismatch, Resource};

/// Tells whether an object is of the type that a call answers with.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Check(fn(&Value) -> Result<(), ObjectMismatch>);

impl Check {
    /// Everything will do: the view is no resource's, so that objects do not say what they are.
    pub const ANYTHING: Self = Self(|_| Ok(()));

    /// Objects that say that they are of type `T`.
    #[must_use]
    pub const fn resource<T: Resource>() -> Self {
        Self(|value| T::from_object(value).map(drop))
    }

    pub(super) fn run(self, value: &Value) -> Result<(), ObjectMismatch> {
        (self.0)(value)
    }
}
