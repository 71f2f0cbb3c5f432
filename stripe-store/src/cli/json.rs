//! Laying out JSON text without reading its values, so that no number changes its spelling.

/// `text` over several lines, indented by two spaces a level, for people. `text` is valid JSON.
///
/// Characters that a terminal may take for a command (`U+007F` to `U+009F`; JSON itself escapes those below `U+0020`)
/// are written as escapes, which mean the same.
pub(super) fn pretty(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut tokens = Tokens { rest: text }.peekable();
    while let Some(token) = tokens.next() {
        match token {
            "{" | "[" => {
                out.push_str(token);
                if tokens.peek().is_some_and(|next| matches!(*next, "}" | "]")) {
                    out.extend(tokens.next());
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            "}" | "]" => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push_str(token);
            }
            "," => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ":" => out.push_str(": "),
            scalar => {
                for character in scalar.chars() {
                    match character {
                        '\u{7f}'..='\u{9f}' => {
                            let escape = format!("\\u{:04x}", u32::from(character));
                            out.push_str(&escape);
                        }
                        _ => out.push(character),
                    }
                }
            }
        }
    }
    out
}

/// `text` on one line without white space between its tokens. `text` is valid JSON.
pub(super) fn compact(text: &str) -> String {
    Tokens { rest: text }.collect()
}

/// A text as a JSON string.
pub(super) fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text as a JSON string, `null` for none.
pub(super) fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), string)
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("  ");
    }
}

/// The tokens of valid JSON: brackets, commas, colons, and scalars as they are spelled.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let length = match rest.bytes().next()? {
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            b'"' => string_length(rest),
            _ => rest
                .find(['{', '}', '[', ']', ',', ':', '"', ' ', '\t', '\r', '\n'])
                .unwrap_or(rest.len()),
        };
        let (token, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(token)
    }
}

/// The length of the string that `text` begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pretty_text_is_indented_and_keeps_every_spelling() {
        let text =
            r#"{"a":1.50,"b":[12345678901234567890123,{"c":"x\"}, y"}],"d":{},"e":[ ] ,"f":null}"#;
        let expected = "{\n  \"a\": 1.50,\n  \"b\": [\n    12345678901234567890123,\n    {\n      \"c\": \"x\\\"}, y\"\n    }\n  ],\n  \"d\": {},\n  \"e\": [],\n  \"f\": null\n}";
        assert_eq!(pretty(text), expected);
        assert_eq!(compact(expected), compact(text));
    }

    #[test]
    fn compact_text_is_one_line() {
        assert_eq!(
            compact("{\r\n \"a\" :\t[ 1 , \"b c\\\\\" ] }\n"),
            r#"{"a":[1,"b c\\"]}"#
        );
    }

    #[test]
    fn what_a_terminal_may_take_for_a_command_is_escaped() {
        assert_eq!(
            pretty("{\"a\":\"\u{9b}31mé\u{7f}\"}"),
            "{\n  \"a\": \"\\u009b31mé\\u007f\"\n}"
        );
    }
}
