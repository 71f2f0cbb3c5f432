//! Where in a document something stands, as a JSON pointer that is only written out when it is
//! asked for.

use std::fmt;

/// A place in a document, linked to the place around it.
///
/// Walking a document makes one of these a step, on the stack; the text is made for messages only.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

/// One step into a document.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl Place<'static> {
    /// The document itself: `#`.
    pub(super) const ROOT: Self = Place {
        parent: None,
        step: Step::Root,
    };
}

impl<'a> Place<'a> {
    /// The value under `key`.
    pub(super) fn key(&'a self, key: &'a str) -> Place<'a> {
        Place {
            parent: Some(self),
            step: Step::Key(key),
        }
    }

    /// The element at `index`.
    pub(super) fn index(&'a self, index: usize) -> Place<'a> {
        Place {
            parent: Some(self),
            step: Step::Index(index),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Root => f.write_str("#"),
            Step::Index(index) => write!(f, "/{index}"),
            Step::Key(key) => write!(f, "/{}", key.replace('~', "~0").replace('/', "~1")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_a_json_pointer() {
        let root = Place::ROOT;
        let paths = root.key("paths");
        let path = paths.key("/v1/a~b");
        let index = path.index(3);
        assert_eq!(root.to_string(), "#");
        assert_eq!(index.to_string(), "#/paths/~1v1~1a~0b/3");
    }
}
