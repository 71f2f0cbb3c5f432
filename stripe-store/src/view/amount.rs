//! Money: an integer of minor units, and the currency that says how many of them make a whole.

use std::fmt;

/// An amount of money in the minor unit of its currency, as Stripe counts it.
///
/// 1050 is `10.50 USD`, `1050 JPY` and `1.050 KWD`. Printing uses Stripe's own count of decimals, which differs
/// from ISO 4217 where Stripe keeps an old one (`ISK` and `UGX` are counted in hundredths).
///
/// ```
/// use stripe_store::view::Amount;
///
/// assert_eq!(Amount::new(1050, "usd").to_string(), "10.50 USD");
/// assert_eq!(Amount::new(500, "jpy").to_string(), "500 JPY");
/// assert_eq!(Amount::new(-5, "kwd").to_string(), "-0.005 KWD");
/// ```
///
/// Source: "Zero-decimal currencies", "Three-decimal currencies" and "Special cases" in Stripe's page on
/// supported currencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount<'a> {
    minor_units: i64,
    currency: &'a str,
}

/// Currencies without a minor unit, as the API counts them.
const ZERO_DECIMAL: &[&str] = &[
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
    "xof", "xpf",
];

/// Currencies whose minor unit is a thousandth.
const THREE_DECIMAL: &[&str] = &["bhd", "jod", "kwd", "omr", "tnd"];

impl<'a> Amount<'a> {
    /// `minor_units` of `currency`, a three-letter ISO code in either case.
    #[must_use]
    pub const fn new(minor_units: i64, currency: &'a str) -> Self {
        Self {
            minor_units,
            currency,
        }
    }

    /// The integer that Stripe sends and takes.
    #[must_use]
    pub const fn minor_units(&self) -> i64 {
        self.minor_units
    }

    /// The currency as it was given, lower case from Stripe.
    #[must_use]
    pub const fn currency(&self) -> &'a str {
        self.currency
    }

    /// How many decimals a whole unit has: 0, 2 or 3.
    #[must_use]
    pub fn decimals(&self) -> u8 {
        let among = |list: &[&str]| {
            list.iter()
                .any(|code| code.eq_ignore_ascii_case(self.currency))
        };
        if among(ZERO_DECIMAL) {
            0
        } else if among(THREE_DECIMAL) {
            3
        } else {
            2
        }
    }
}

/// The amount with its decimals and the currency in capitals: `-10.50 USD`.
impl fmt::Display for Amount<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor_units < 0 { "-" } else { "" };
        let decimals = u32::from(self.decimals());
        let unit = 10_u64.pow(decimals);
        let (whole, part) = (
            self.minor_units.unsigned_abs() / unit,
            self.minor_units.unsigned_abs() % unit,
        );
        write!(f, "{sign}{whole}")?;
        if decimals > 0 {
            write!(f, ".{part:0width$}", width = usize::from(self.decimals()))?;
        }
        write!(f, " {}", self.currency.to_ascii_uppercase())
    }
}

#[cfg(test)]
mod tests {
    use super::Amount;

    #[test]
    fn prints_whole_and_part_at_both_ends() {
        for (minor, currency, expected) in [
            (0, "usd", "0.00 USD"),
            (5, "usd", "0.05 USD"),
            (-105, "EUR", "-1.05 EUR"),
            (500, "jpy", "500 JPY"),
            (500, "isk", "5.00 ISK"),
            (500, "ugx", "5.00 UGX"),
            (1_234_567, "tnd", "1234.567 TND"),
            (i64::MIN, "usd", "-92233720368547758.08 USD"),
            (1, "", "0.01 "),
        ] {
            assert_eq!(Amount::new(minor, currency).to_string(), expected);
        }
    }
}
