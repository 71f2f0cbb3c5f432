//! Enums that may grow: Stripe adds values without a new API version.

use std::borrow::Cow;
use std::fmt;

/// A generated enum of the values that the API description lists, with an arm for those it does not.
///
/// The unknown arm is opaque on purpose: code that matched a text there would change its meaning in silence
/// when a regeneration turns that text into a variant. Compare through [`as_str`](Self::as_str) instead.
///
/// ```
/// use stripe_store::{resources::SubscriptionStatus, view::OpenEnum};
///
/// let known = SubscriptionStatus::from_text("past_due");
/// assert_eq!(known, SubscriptionStatus::PastDue);
/// assert_eq!(known.label(), "Past due");
///
/// let unknown = SubscriptionStatus::from_text("hibernating");
/// assert!(unknown.is_other());
/// assert_eq!(unknown.as_str(), "hibernating");
/// ```
pub trait OpenEnum: Sized + 'static {
    /// The listed values as Stripe spells them, sorted.
    const VALUES: &'static [&'static str];

    /// The value as Stripe spells it.
    fn as_str(&self) -> &str;

    /// The listed value at an index of [`VALUES`](Self::VALUES); past its end, the unknown arm with this text.
    #[doc(hidden)]
    fn at(index: usize, text: &str) -> Self;

    /// Reads a value; one that is not listed becomes the unknown arm and keeps its text.
    #[must_use]
    fn from_text(text: &str) -> Self {
        let listed = Self::VALUES.binary_search(&text);
        Self::at(listed.unwrap_or(usize::MAX), text)
    }

    /// Whether the API description did not list the value.
    fn is_other(&self) -> bool {
        Self::VALUES.binary_search(&self.as_str()).is_err()
    }

    /// The value as people read it: `us_bank_account` is "US bank account".
    fn label(&self) -> Cow<'_, str> {
        humanize(self.as_str())
    }
}

/// The text of a value that the API description does not list.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Other(Box<str>);

impl Other {
    /// For the generated `at` alone.
    #[doc(hidden)]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// For the generated `as_str` alone: users have that of the enum.
    #[doc(hidden)]
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Words that are written in capitals wherever they stand.
/// `Clone` of a generated enum: one call for each to compile.
#[doc(hidden)]
pub fn clone_enum<E: OpenEnum>(value: &E) -> E {
    E::from_text(value.as_str())
}

/// `PartialEq` of a generated enum.
#[doc(hidden)]
#[inline]
pub fn eq_enums<E: OpenEnum>(one: &E, other: &E) -> bool {
    one.as_str() == other.as_str()
}

/// `Debug` of a generated enum.
#[doc(hidden)]
pub fn fmt_enum<E: OpenEnum>(value: &E, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(value.as_str())
}

const ACRONYMS: &[&str] = &[
    "abn", "ach", "acss", "aed", "api", "atm", "au", "bacs", "bik", "bin", "blik", "ca", "cad",
    "cvc", "dob", "ein", "eft", "eps", "eu", "eur", "fpx", "gb", "gbp", "gst", "hk", "iban", "id",
    "ip", "jp", "kyc", "llc", "llp", "mcc", "mx", "nz", "pdf", "pin", "sepa", "ssn", "tos", "uk",
    "upi", "url", "us", "usd", "vat",
];

/// A value as people read it, for the fields that hold one of a few words and are described as plain strings.
///
/// Lower-case words that underscores join get spaces, a capital in front and their acronyms back. What is spelled
/// otherwise (a version, a country, a URL, a brand name) comes back as it is. [`OpenEnum::label`] does the same for
/// the fields that the API description lists values of.
///
/// ```
/// use serde_json::json;
/// use stripe_store::{View, resources::Payout, view::humanize};
///
/// let value = json!({"object": "payout", "status": "in_transit", "source_type": "bank_account"});
/// let payout = Payout::view(&value);
/// assert_eq!(payout.status().map(humanize).as_deref(), Some("In transit"));
/// assert_eq!(payout.source_type().map(humanize).as_deref(), Some("Bank account"));
/// ```
#[must_use]
pub fn humanize(value: &str) -> Cow<'_, str> {
    if !value.starts_with(|first: char| first.is_ascii_lowercase())
        || !value
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    for word in value.split('_').filter(|word| !word.is_empty()) {
        let first = out.is_empty();
        if !first {
            out.push(' ');
        }
        let mut rest = word.chars();
        if ACRONYMS.contains(&word) {
            out.push_str(&word.to_ascii_uppercase());
        } else if let Some(letter) = rest.next().filter(|_| first) {
            out.push(letter.to_ascii_uppercase());
            out.push_str(rest.as_str());
        } else {
            out.push_str(word);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::humanize;

    #[test]
    fn labels_read_as_people_write() {
        for (value, expected) in [
            ("past_due", "Past due"),
            ("active", "Active"),
            ("us_bank_account", "US bank account"),
            ("sepa_debit", "SEPA debit"),
            ("id_number", "ID number"),
            ("amex_express_checkout", "Amex express checkout"),
            // Not words of ours to touch: versions, countries, URLs, odd spellings.
            ("2025-03-31.basil", "2025-03-31.basil"),
            ("US", "US"),
            ("", ""),
            ("_", "_"),
        ] {
            assert_eq!(humanize(value), expected, "{value}");
        }
    }
}
