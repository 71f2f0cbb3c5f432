//! The form of a list's body, of all three kinds: of v1, of a search, of v2.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What is read of a list; its objects as they stand in the text.
#[derive(Debug)]
pub(super) struct ListBody<'a> {
    pub(super) data: Vec<&'a RawValue>,
    pub(super) has_more: bool,
    pub(super) total_count: Option<u64>,
    /// Of a search.
    pub(super) next_page: Option<String>,
    /// Of v2.
    pub(super) next_page_url: Option<String>,
    pub(super) previous_page_url: Option<String>,
}

impl<'a> ListBody<'a> {
    /// `None` when it is JSON, but no list.
    pub(super) fn read(text: &'a str) -> Result<Option<Self>, serde_json::Error> {
        if !text.trim_start().starts_with('{') {
            return Ok(None);
        }
        let fields: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
        let Some(data) = fields
            .get("data")
            .filter(|data| data.get().starts_with('['))
        else {
            return Ok(None);
        };
        Ok(Some(Self {
            data: serde_json::from_str(data.get())?,
            has_more: field(&fields, "has_more").unwrap_or_default(),
            total_count: field(&fields, "total_count"),
            next_page: field(&fields, "next_page"),
            next_page_url: field(&fields, "next_page_url"),
            previous_page_url: field(&fields, "previous_page_url"),
        }))
    }
}

/// A field, where it is there and of that type.
fn field<'a, T: Deserialize<'a>>(fields: &BTreeMap<String, &'a RawValue>, name: &str) -> Option<T> {
    serde_json::from_str(fields.get(name)?.get()).ok()
}

/// A text that an object has under `name`.
pub(super) fn text_field(object: &RawValue, name: &str) -> Option<String> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(object.get()).ok()?;
    field(&fields, name)
}
