//! Decimals of any precision, as Stripe spells them.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

/// A decimal as Stripe sent it, digit for digit: `"12.345678901234"`.
///
/// Money per unit with up to twelve decimal places (`unit_amount_decimal`), quantities, weights. It is text
/// because no float holds it; with the feature `rust_decimal` it converts to `rust_decimal::Decimal`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal<'a>(Cow<'a, str>);

impl<'a> Decimal<'a> {
    /// Reads a string, or a number where a version of the API sent one.
    pub(super) fn from_json(value: &'a Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self(Cow::Borrowed(text))),
            Value::Number(number) => Some(Self(Cow::Owned(number.to_string()))),
            _ => None,
        }
    }

    /// The digits as Stripe sent them.
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The exact value.
    ///
    /// # Errors
    ///
    /// [`rust_decimal::Error`] when the text is no decimal, or has more than 28 significant digits.
    #[cfg(feature = "rust_decimal")]
    pub fn to_decimal(&self) -> Result<rust_decimal::Decimal, rust_decimal::Error> {
        if self.0.contains(['e', 'E']) {
            rust_decimal::Decimal::from_scientific(&self.0)
        } else {
            rust_decimal::Decimal::from_str_exact(&self.0)
        }
    }
}

impl fmt::Display for Decimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl PartialEq<str> for Decimal<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Decimal<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

#[cfg(feature = "rust_decimal")]
impl TryFrom<Decimal<'_>> for rust_decimal::Decimal {
    type Error = rust_decimal::Error;

    fn try_from(decimal: Decimal<'_>) -> Result<Self, Self::Error> {
        decimal.to_decimal()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_digit() {
        let value = Value::from("0.123456789012");
        assert_eq!(Decimal::from_json(&value).unwrap(), "0.123456789012");
        assert_eq!(Decimal::from_json(&Value::from(12)).unwrap(), "12");
        assert_eq!(Decimal::from_json(&Value::Null), None);
    }

    #[cfg(feature = "rust_decimal")]
    #[test]
    fn converts_exactly_or_not_at_all() {
        let decimal = |text: &str| Decimal(Cow::Owned(text.to_owned())).to_decimal();
        assert_eq!(
            decimal("0.123456789012").unwrap().to_string(),
            "0.123456789012"
        );
        assert_eq!(decimal("1e-6").unwrap().to_string(), "0.000001");
        assert!(decimal("0.12345678901234567890123456789012345").is_err());
        assert!(decimal("free").is_err());
    }
}
