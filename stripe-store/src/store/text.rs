//! JSON as text: what no database stores is found and replaced, and two texts are compared by what they say.
//!
//! Nothing here builds trees but [`to_value`] and [`to_elements`], which reading needs. Knows nothing of Stripe.

mod canonical;

use std::borrow::Cow;
use std::fmt::Write as _;

use memchr::{memchr, memchr2, memchr2_iter};
use serde_json::Value;

pub(crate) use self::canonical::canonical;
#[cfg(feature = "postgres")]
pub(crate) use self::canonical::digest;

/// Objects and arrays inside each other, the outermost counted: what `serde_json` reads back, and no more.
pub(crate) const MAX_DEPTH: usize = 127;

/// Decimal places before and after the point, written out: the `numeric` inside `jsonb` ends at 16,383 after it.
pub(crate) const MAX_PLACES: usize = 16_383;

/// Why a text cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextFault {
    /// More than [`MAX_DEPTH`] levels.
    Depth,
    /// A number with more than [`MAX_PLACES`] places.
    Number,
}

/// A text that both databases take.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Clean<'a> {
    /// The text, borrowed when nothing had to be replaced.
    pub(crate) text: Cow<'a, str>,
    /// How many escapes were replaced.
    pub(crate) replaced: usize,
}

/// Replaces the escapes that `jsonb` refuses, `\u0000` and lone surrogates, by `\ufffd`, and finds what goes past the
/// limits, in one pass.
///
/// For a text that is no JSON the result is some text of the same length; the parser that follows refuses it.
pub(crate) fn clean(json: &str) -> Result<Clean<'_>, TextFault> {
    let bytes = json.as_bytes();
    if is_plain(bytes) {
        return Ok(Clean {
            text: Cow::Borrowed(json),
            replaced: 0,
        });
    }
    let mut bad_escapes = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at, |escape| bad_escapes.push(escape)),
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(TextFault::Depth);
                }
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let end = scalar_end(bytes, at);
                let number = json.get(at..end).unwrap_or_default();
                if Number::read(number).places() > MAX_PLACES {
                    return Err(TextFault::Number);
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if bad_escapes.is_empty() {
        return Ok(Clean {
            text: Cow::Borrowed(json),
            replaced: 0,
        });
    }
    Ok(Clean {
        text: Cow::Owned(replace_escapes(json, &bad_escapes)),
        replaced: bad_escapes.len(),
    })
}

/// Whether a text has nothing that could go past a limit, as most have, by signs that are found many times faster.
fn is_plain(bytes: &[u8]) -> bool {
    let follows_digit = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        before.is_some_and(u8::is_ascii_digit)
    };
    bytes.len() <= MAX_PLACES
        && memchr(b'\\', bytes).is_none()
        && memchr2_iter(b'{', b'[', bytes).nth(MAX_DEPTH).is_none()
        && !memchr2_iter(b'e', b'E', bytes).any(follows_digit)
}

/// `json` with the six bytes at each of `escapes` replaced by `\ufffd`.
fn replace_escapes(json: &str, escapes: &[usize]) -> String {
    let mut out = String::with_capacity(json.len());
    let mut copied = 0;
    for &escape in escapes {
        out.push_str(json.get(copied..escape).unwrap_or_default());
        out.push_str("\\ufffd");
        copied = escape + 6;
    }
    out.push_str(json.get(copied..).unwrap_or_default());
    out
}

/// Where the string that begins at `start` ends, past its quote; calls `bad` with the place of each escape that stands
/// for no character that a database stores.
fn string_end(bytes: &[u8], start: usize, mut bad: impl FnMut(usize)) -> usize {
    let mut at = start + 1;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(ahead) = memchr2(b'"', b'\\', rest) else {
            return bytes.len();
        };
        at += ahead;
        if bytes.get(at) == Some(&b'"') {
            return at + 1;
        }
        let Some(unit) = unicode_escape(bytes, at) else {
            at += 2;
            continue;
        };
        let pair = (0xd800..0xdc00).contains(&unit)
            && unicode_escape(bytes, at + 6).is_some_and(|low| (0xdc00..0xe000).contains(&low));
        if pair {
            at += 12;
            continue;
        }
        if unit == 0 || (0xd800..0xe000).contains(&unit) {
            bad(at);
        }
        at += 6;
    }
}

/// The UTF-16 unit of the escape `\uXXXX` at `at`, if there is one.
fn unicode_escape(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = std::str::from_utf8(bytes.get(at..at + 6)?).ok()?;
    let digits = escape.strip_prefix("\\u")?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}

/// Where the number or word that begins at `start` ends.
fn scalar_end(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let length = rest
        .iter()
        .position(|b| !matches!(b, b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z'))
        .unwrap_or(rest.len());
    start + length.max(1)
}

/// Where the value that begins at `start` of a JSON text ends.
pub(crate) fn value_end(json: &str, start: usize) -> usize {
    let bytes = json.as_bytes();
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        at = match byte {
            b'"' => string_end(bytes, at, |_| ()),
            b'{' | b'[' => {
                depth += 1;
                at + 1
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at + 1
            }
            _ if depth > 0 => at + 1,
            _ => scalar_end(bytes, at),
        };
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

/// How many objects and arrays a JSON text has inside each other at its deepest, the outermost counted.
pub(crate) fn depth(json: &str) -> usize {
    let bytes = json.as_bytes();
    let (mut depth, mut deepest, mut at) = (0_usize, 0, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at, |_| ());
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
        at += 1;
    }
    deepest
}

/// What remains of a deleted object, as Stripe writes it.
pub(crate) fn object_stub(object: &str, id: &str) -> String {
    serde_json::json!({"id": id, "object": object, "deleted": true}).to_string()
}

/// A JSON number, taken apart without rounding.
#[derive(Debug, PartialEq, Eq)]
struct Number<'a> {
    negative: bool,
    integer: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Number<'a> {
    fn read(text: &'a str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, mantissa),
        };
        let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let out_of_range = if exponent.starts_with('-') {
            i64::MIN
        } else {
            i64::MAX
        };
        Self {
            negative,
            integer,
            fraction,
            exponent: exponent.parse().unwrap_or(out_of_range),
        }
    }

    /// The larger of the places before the point and after it, when the number is written without an exponent.
    fn places(&self) -> usize {
        let places = |digits: &str, shift: i64| {
            let digits = i64::try_from(digits.len()).unwrap_or(i64::MAX);
            usize::try_from(digits.saturating_add(shift)).unwrap_or(0)
        };
        places(self.integer, self.exponent)
            .max(places(self.fraction, self.exponent.saturating_neg()))
    }

    /// How many zeros an integer ends with before it is written with an exponent.
    const MAX_ZEROS: usize = 20;

    /// One spelling for every spelling of the same value: an integer as people write it, anything else as digits without
    /// zeros at either end and an exponent.
    fn canonical(&self) -> String {
        let digits = format!("{}{}", self.integer, self.fraction);
        let digits = digits.trim_start_matches('0');
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return "0".to_owned();
        }
        let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
        let exponent = self
            .exponent
            .saturating_sub(length(self.fraction))
            .saturating_add(length(digits) - length(significant));
        let sign = if self.negative { "-" } else { "" };
        match usize::try_from(exponent) {
            Ok(zeros) if zeros <= Self::MAX_ZEROS => format!("{sign}{significant}{:0<zeros$}", ""),
            _ => format!("{sign}{significant}e{exponent}"),
        }
    }
}

/// Whether two JSON texts say the same: white space, order of keys, escapes and spelling of numbers apart, and no
/// number rounded.
///
/// Usually one pass over both, which ends at the first difference; only keys in another order cost a second look.
pub(crate) fn same_json(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let (mut left, mut right) = (Tokens::new(a), Tokens::new(b));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(x), Some(y)) if x == y => {}
            (Some(x), Some(y)) if x.is_scalar() && y.is_scalar() => {
                if canonical_scalar(x.text) == canonical_scalar(y.text) {
                    continue;
                }
                if x.is_key || y.is_key {
                    return canonical(a) == canonical(b);
                }
                return false;
            }
            _ => return false,
        }
    }
}

/// A word of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token<'a> {
    text: &'a str,
    is_key: bool,
}

impl Token<'_> {
    fn is_scalar(&self) -> bool {
        !matches!(self.text, "{" | "}" | "[" | "]" | "," | ":")
    }
}

/// The words of a JSON text, white space left out.
struct Tokens<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    fn new(json: &'a str) -> Self {
        Self { json, at: 0 }
    }

    fn skip_space(&mut self) {
        let rest = self.json.get(self.at..).unwrap_or_default();
        self.at += rest.len() - rest.trim_start().len();
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        let bytes = self.json.as_bytes();
        let start = self.at;
        let end = match bytes.get(start)? {
            b'"' => string_end(bytes, start, |_| ()),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => start + 1,
            _ => scalar_end(bytes, start),
        };
        self.at = end;
        let text = self.json.get(start..end)?;
        let is_key = text.starts_with('"') && {
            self.skip_space();
            bytes.get(self.at) == Some(&b':')
        };
        Some(Token { text, is_key })
    }
}

/// One spelling for every spelling of a string, number, boolean or null.
fn canonical_scalar(text: &str) -> Cow<'_, str> {
    match text.as_bytes().first() {
        Some(b'"') if text.contains('\\') => serde_json::from_str::<String>(text)
            .map_or(Cow::Borrowed(text), |plain| {
                Cow::Owned(format!("\"{plain}"))
            }),
        // Without escapes the text is the string; the closing quote goes, as above.
        Some(b'"') => Cow::Borrowed(text.strip_suffix('"').unwrap_or(text)),
        Some(b'-' | b'0'..=b'9') => Cow::Owned(Number::read(text).canonical()),
        _ => Cow::Borrowed(text),
    }
}

/// The tree that views look at.
///
/// A number that no `f64` holds (`1e400`) becomes a string of its digits, because a [`Value`] has no place for it and
/// one odd number must not make the object unreadable. Integers past 64 bits become the nearest `f64`. The text keeps
/// both as they are.
pub(crate) fn to_value(json: &str) -> Result<Value, serde_json::Error> {
    read(json, |json| serde_json::from_str(json))
}

/// The elements of the arrays that stand one after the other in `json`, each as [`to_value`] would have it.
pub(crate) fn to_elements(json: &str) -> Result<Vec<Value>, serde_json::Error> {
    read(json, |json| {
        let mut arrays = serde_json::Deserializer::from_str(json).into_iter::<Vec<Value>>();
        let mut elements = arrays.next().unwrap_or_else(|| Ok(Vec::new()))?;
        for array in arrays {
            elements.append(&mut array?);
        }
        Ok(elements)
    })
}

/// Reads JSON, and, if that fails for numbers that no `f64` holds, with quotes around them.
fn read<T>(
    json: &str,
    parse: impl Fn(&str) -> Result<T, serde_json::Error>,
) -> Result<T, serde_json::Error> {
    parse(json).or_else(|error| match quote_large_numbers(json) {
        Some(quoted) => parse(&quoted),
        None => Err(error),
    })
}

/// `json` with quotes around every number too large for an `f64`; `None` when it has none.
fn quote_large_numbers(json: &str) -> Option<String> {
    let mut out = String::with_capacity(json.len() + 16);
    let mut copied = 0;
    let mut tokens = Tokens::new(json);
    while let Some(token) = tokens.next() {
        let is_number = token
            .text
            .starts_with(|c: char| c == '-' || c.is_ascii_digit());
        if is_number && token.text.parse().is_ok_and(f64::is_infinite) {
            let start = tokens.at - token.text.len();
            out.push_str(json.get(copied..start)?);
            let _infallible = write!(out, "\"{}\"", token.text);
            copied = tokens.at;
        }
    }
    if copied == 0 {
        return None;
    }
    out.push_str(json.get(copied..)?);
    Some(out)
}

#[cfg(test)]
mod tests;
