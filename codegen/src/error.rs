//! Everything that can stop a generation.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{lower::LowerError, output::OutputError, render::RenderError, spec::SpecError};

/// A generation failed. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file with the description could not be read.
    #[error("could not read {}", path.display())]
    #[non_exhaustive]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The description cannot be used.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A resource was asked for that the description does not have.
    #[error("{spec} has no resource `{name}`{}", near.as_ref().map(|near| format!(", did you mean `{near}`?")).unwrap_or_default())]
    #[non_exhaustive]
    UnknownResource {
        /// What was asked for.
        name: String,
        /// The description.
        spec: String,
        /// A resource with a name like it.
        near: Option<String>,
    },
    /// The description says something that cannot be generated.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// What was generated is not Rust.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The files could not be written, or compared.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl Error {
    /// A file with a description that could not be read.
    pub fn reading(path: &Path, source: io::Error) -> Self {
        Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    /// A resource that was asked for and is not there.
    pub(crate) fn unknown_resource(name: &str, spec: &crate::spec::Spec) -> Self {
        let near = spec
            .resources()
            .map(|(resource, _)| (distance(name, resource), resource))
            .filter(|(distance, resource)| distance.saturating_mul(3) <= resource.len())
            .min();
        Self::UnknownResource {
            name: name.to_owned(),
            spec: spec.name.clone(),
            near: near.map(|(_, resource)| resource.to_owned()),
        }
    }
}

/// How many characters have to be put in, left out or changed to get from one word to the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, character) in one.chars().enumerate() {
        let mut left = index.saturating_add(1);
        let mut next = vec![left];
        for (above, wanted) in row.windows(2).zip(&other) {
            let &[diagonal, above] = above else { continue };
            let change = diagonal.saturating_add(usize::from(character != *wanted));
            left = change
                .min(above.saturating_add(1))
                .min(left.saturating_add(1));
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Spec;

    #[test]
    fn the_distance_between_words_counts_changes() {
        assert_eq!(distance("customer", "customer"), 0);
        assert_eq!(distance("customers", "customer"), 1);
        assert_eq!(distance("costumer", "customer"), 2);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
    }

    #[test]
    fn a_wrong_resource_is_answered_with_the_one_meant() {
        let resource =
            |name| format!(r#""{name}": {{"type": "object", "x-resourceId": "{name}"}}"#);
        let schemas = ["customer", "checkout.session"].map(resource).join(",");
        let text = format!(
            r#"{{"openapi": "3.0.0", "info": {{"version": "1"}}, "paths": {{}}, "components": {{"schemas": {{{schemas}}}}}}}"#
        );
        let spec = Spec::read(&text, "api.json").unwrap();
        let message = |name| Error::unknown_resource(name, &spec).to_string();
        assert_eq!(
            message("customers"),
            "api.json has no resource `customers`, did you mean `customer`?"
        );
        assert_eq!(
            message("checkout_session"),
            "api.json has no resource `checkout_session`, did you mean `checkout.session`?"
        );
        assert_eq!(message("sku"), "api.json has no resource `sku`");
    }
}
