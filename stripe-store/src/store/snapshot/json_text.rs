//! What JSON can be given as.

use std::fmt;

use serde_json::value::RawValue;

/// JSON text that [`Snapshot::read`](super::Snapshot::read) takes: a `&str` or a `&RawValue`.
#[derive(Clone, Copy)]
pub struct JsonText<'a>(pub(super) &'a str);

impl fmt::Debug for JsonText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonText({} bytes)", self.0.len())
    }
}

impl<'a> From<&'a str> for JsonText<'a> {
    fn from(json: &'a str) -> Self {
        Self(json)
    }
}

impl<'a> From<&'a String> for JsonText<'a> {
    fn from(json: &'a String) -> Self {
        Self(json)
    }
}

impl<'a> From<&'a RawValue> for JsonText<'a> {
    fn from(json: &'a RawValue) -> Self {
        Self(json.get())
    }
}

impl<'a> From<&'a Box<RawValue>> for JsonText<'a> {
    fn from(json: &'a Box<RawValue>) -> Self {
        Self(json.get())
    }
}
