//! What a list shows of an object, whatever its type.

use serde_json::Value;

use crate::store::Stored;
use crate::view::{Amount, AnyObject, Timestamp, View};

/// The longest summary, in characters.
const LONGEST: usize = 70;

/// What tells an object from others of its type: its state, what people call it, how much it is, whose.
pub(super) fn summary(object: &Stored<AnyObject>) -> String {
    /// Fields that name an object, the most telling first; the first two that it has are shown.
    const NAMES: [&str; 6] = ["number", "name", "nickname", "email", "type", "description"];
    /// Fields with an amount in the minor unit of `currency`.
    const AMOUNTS: [&str; 3] = ["amount", "total", "unit_amount"];

    let data = object.view().data();
    let text = |key: &str| {
        data.get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let mut parts = Vec::new();
    if object.is_deleted() {
        parts.push("deleted".to_owned());
    }
    parts.extend(text("status").map(str::to_owned));
    parts.extend(
        NAMES
            .into_iter()
            .filter_map(text)
            .take(2)
            .map(str::to_owned),
    );
    let amount = AMOUNTS
        .into_iter()
        .find_map(|key| data.get(key).and_then(Value::as_i64));
    if let (Some(amount), Some(currency)) = (amount, text("currency")) {
        parts.push(Amount::new(amount, currency).to_string());
    }
    let customer = data
        .get("customer")
        .and_then(|customer| customer.as_str().or_else(|| customer.get("id")?.as_str()));
    parts.extend(customer.map(str::to_owned));
    let summary = printable(&parts.join("  "));
    match summary.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", summary.get(..cut).unwrap_or_default()),
        None => summary,
    }
}

/// A moment to the second, in UTC: `2026-11-06 09:30:00`.
pub(super) fn date(created: Option<Timestamp>) -> String {
    created.map_or_else(String::new, |created| {
        created.to_string().replace('T', " ").replace('Z', "")
    })
}

/// A text on one line, without the characters that a terminal takes for commands.
pub(super) fn printable(text: &str) -> String {
    let odd = |character: char| {
        character.is_control()
            // What reorders the text around it, and what ends a line elsewhere.
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|character| {
            if odd(character) {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_printed() {
        assert_eq!(
            printable("a\u{1b}[31mb\nc\u{9b}d\u{202e}é松"),
            "a\u{fffd}[31mb\u{fffd}c\u{fffd}d\u{fffd}é松"
        );
    }

    #[test]
    fn a_date_is_in_utc() {
        assert_eq!(
            date(Some(Timestamp::from_unix_seconds(1_793_923_200))),
            "2026-11-06 00:00:00"
        );
        assert_eq!(date(None), "");
    }
}
