//! Where a page begins, as text that can be kept.

use std::fmt;
use std::str::FromStr;

/// Where a page of a list begins.
///
/// `Display` writes it as text to keep, and `parse` reads it. A list that is read from a cursor takes the same parameters
/// as before.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PageCursor {
    /// After the object with this id: `starting_after`.
    After(String),
    /// Before the object with this id: `ending_before`. Read from there, a list goes from older to newer.
    Before(String),
    /// Where this token of a search says: `page`.
    Token(String),
    /// At this path, with the parameters in its query, as lists of v2 have it.
    Url(String),
}

impl fmt::Display for PageCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, value) = match self {
            Self::After(id) => ("after", id),
            Self::Before(id) => ("before", id),
            Self::Token(token) => ("page", token),
            Self::Url(url) => ("url", url),
        };
        write!(f, "{kind}:{value}")
    }
}

impl FromStr for PageCursor {
    type Err = PageCursorError;

    fn from_str(text: &str) -> Result<Self, PageCursorError> {
        let (kind, value) = text.split_once(':').ok_or(PageCursorError)?;
        let make = match kind {
            "after" => Self::After,
            "before" => Self::Before,
            "page" => Self::Token,
            "url" => Self::Url,
            _ => return Err(PageCursorError),
        };
        if value.is_empty() {
            return Err(PageCursorError);
        }
        Ok(make(value.to_owned()))
    }
}

/// A text is no cursor of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is no cursor of a page")]
pub struct PageCursorError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_text_and_back() {
        for cursor in [
            PageCursor::After("cus_1".to_owned()),
            PageCursor::Before("my:coupon".to_owned()),
            PageCursor::Token("eyJ=".to_owned()),
            PageCursor::Url("/v2/core/events?page=1:2".to_owned()),
        ] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in ["", "after", "after:", "later:x"] {
            assert_eq!(text.parse::<PageCursor>(), Err(PageCursorError), "{text}");
        }
    }
}
