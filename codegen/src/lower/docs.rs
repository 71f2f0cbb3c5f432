//! What the description implies about a field beyond its type.

use openapiv3::{ReferenceOr, Schema};

use super::kinds::{self, Properties};
use crate::ir::{Kind, Note};

/// Words of keys that name sums of money.
const MONEY: &[&str] = &[
    "amount", "balance", "total", "subtotal", "fee", "net", "gross", "price", "tax",
];

/// Words of keys that say that an integer is something else after all.
const NOT_MONEY: &[&str] = &[
    "count",
    "percent",
    "percentage",
    "rate",
    "number",
    "quantity",
    "days",
    "months",
];

/// What a field's documentation should add.
pub(super) fn note(
    key: &str,
    kind: &Kind,
    schema: Option<&Schema>,
    siblings: &Properties<'_>,
) -> Note {
    let has = |words: &[&str]| key.split('_').any(|word| words.contains(&word));
    match kind {
        Kind::Text => schema
            .and_then(kinds::only_value)
            .map_or(Note::None, |value| Note::Always(value.to_owned())),
        Kind::Int if has_currency(siblings) && has(MONEY) && !has(NOT_MONEY) => Note::MinorUnits,
        Kind::Float if has(&["percent", "percentage"]) => Note::Percent,
        _ => Note::None,
    }
}

fn has_currency(siblings: &Properties<'_>) -> bool {
    matches!(siblings.get("currency"), Some(ReferenceOr::Item(_)))
}
