//! Names: from the description's to Rust's.
//!
//! A name depends on the schema's own path only. Two sources that give one name are an error, settled in a
//! table here and never by a number.

use std::collections::BTreeMap;

use super::LowerError;

/// Keys that are Rust keywords, and so get a trailing underscore.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Type names that generated code needs for itself.
const RESERVED: &[&str] = &["Lens", "Self"];

/// Sources whose name would be another's, with the name they get instead.
const RENAMED: &[(&str, &str)] = &[
    // Operations have the names of these parameters.
    (
        "UpdateCustomer.cash_balance",
        "UpdateCustomerCashBalanceParameter",
    ),
    (
        "ReportPaymentRecordPaymentAttempt.canceled",
        "ReportPaymentRecordPaymentAttemptCanceledParameter",
    ),
    (
        "ReportPaymentRecordPaymentAttempt.failed",
        "ReportPaymentRecordPaymentAttemptFailedParameter",
    ),
    (
        "ReportPaymentRecordPaymentAttempt.guaranteed",
        "ReportPaymentRecordPaymentAttemptGuaranteedParameter",
    ),
    (
        "UpdateTreasuryFinancialAccount.features",
        "UpdateTreasuryFinancialAccountFeaturesParameter",
    ),
];

/// `checkout.session` is `CheckoutSession`.
pub(super) fn camel(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        let mut chars = word.chars();
        if let Some(first) = chars.next() {
            out.push(first.to_ascii_uppercase());
            out.push_str(chars.as_str());
        }
    }
    out
}

/// The key as a getter's name: `type` is `type_`, `3d_secure` is `v3d_secure`.
pub(super) fn getter(key: &str) -> String {
    let mut name: String = key
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    name = snake(&name);
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        name.insert(0, 'v');
    } else if name.is_empty() {
        name.push('_');
    }
    if name.chars().all(|c| c == '_') || KEYWORDS.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

/// Lower case, with an underscore before each capital inside a word.
fn snake(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = '_';
    for c in text.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
        before = c;
    }
    out
}

/// The key as a constant's name: `type` is `TYPE`.
pub(super) fn constant(key: &str) -> String {
    let getter = getter(key);
    let bare = getter
        .strip_suffix('_')
        .filter(|bare| !bare.is_empty() && !bare.ends_with('_'));
    bare.unwrap_or(&getter).to_ascii_uppercase()
}

/// The value of an enum as an arm: `past_due` is `PastDue`, `3d_secure` is `V3dSecure`.
pub(super) fn arm(value: &str) -> String {
    // Signs carry meaning in time zones, versions and the like; elsewhere a hyphen separates words.
    let mut spelled = String::with_capacity(value.len());
    let mut before = ' ';
    for (at, c) in value.char_indices() {
        let next = value
            .get(at + c.len_utf8()..)
            .and_then(|rest| rest.chars().next())
            .unwrap_or(' ');
        match c {
            '+' => spelled.push_str("_plus_"),
            '*' => spelled.push_str("_all_"),
            '-' if !before.is_ascii_digit() && next.is_ascii_digit() => spelled.push_str("_minus_"),
            c => spelled.push(c),
        }
        before = c;
    }
    let mut name = camel(&spelled);
    if name.is_empty() {
        "Empty".clone_into(&mut name);
    } else if name.starts_with(|first: char| first.is_ascii_digit()) {
        name.insert(0, 'V');
    } else if name == "Other" || name == "Self" {
        name.push_str("Value");
    }
    name
}

/// The Rust names taken so far, each with its source.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    /// Takes the name of a type.
    pub(super) fn claim(&mut self, source: &str, name: String) -> Result<String, LowerError> {
        let name = RENAMED
            .iter()
            .find(|(from, _)| *from == source)
            .map_or(name, |(_, to)| (*to).to_owned());
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(LowerError::NoName {
                source_path: source.to_owned(),
            });
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(LowerError::Collision {
                name,
                first: "the generated code".into(),
                second: source.into(),
            });
        }
        match self.0.insert(name.clone(), source.to_owned()) {
            None => Ok(name),
            Some(first) => Err(LowerError::Collision {
                name,
                first,
                second: source.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_identifiers() {
        for (key, expected, constant_name) in [
            ("amount_due", "amount_due", "AMOUNT_DUE"),
            ("type", "type_", "TYPE"),
            ("self", "self_", "SELF"),
            ("3d_secure", "v3d_secure", "V3D_SECURE"),
            ("accountId", "account_id", "ACCOUNT_ID"),
            ("a-b.c", "a_b_c", "A_B_C"),
            ("_", "__", "__"),
            ("", "__", "__"),
        ] {
            assert_eq!(
                (getter(key).as_str(), constant(key).as_str()),
                (expected, constant_name),
                "{key}"
            );
        }
    }

    #[test]
    fn values_become_arms() {
        for (value, expected) in [
            ("past_due", "PastDue"),
            ("", "Empty"),
            ("other", "OtherValue"),
            ("self", "SelfValue"),
            ("3d_secure", "V3dSecure"),
            ("US", "US"),
            ("2025-03-31.basil", "V20250331Basil"),
            ("Etc/GMT+7", "EtcGMTPlus7"),
            ("Etc/GMT-7", "EtcGMTMinus7"),
            ("*", "All"),
        ] {
            assert_eq!(arm(value), expected, "{value}");
        }
    }

    #[test]
    fn two_sources_of_one_name_are_an_error_that_names_both() {
        let mut names = Names::default();
        assert_eq!(names.claim("a.b", camel("a.b")).unwrap(), "AB");
        let error = names.claim("a_b", camel("a_b")).unwrap_err().to_string();
        assert!(
            error.contains("`a.b`") && error.contains("`a_b`") && error.contains("`AB`"),
            "{error}"
        );
    }
}
