//! The mistakes of one input, collected, so that the user sees them all at once. Must not know what is right.

use std::fmt::Display;

use quote::ToTokens;

/// Every problem found in one input.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    pub(crate) fn push(&mut self, at: impl ToTokens, message: impl Display) {
        self.add(syn::Error::new_spanned(at, message));
    }

    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn finish(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

/// The one of `allowed` that was probably meant, as the end of a sentence; a full stop when none is near.
pub(crate) fn did_you_mean<'a>(found: &str, allowed: impl IntoIterator<Item = &'a str>) -> String {
    allowed
        .into_iter()
        .map(|name| (distance(found, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min()
        .map_or_else(
            || ".".to_owned(),
            |(_, name)| format!(": did you mean `{name}`?"),
        )
}

/// How many letters have to be put in, taken out or replaced to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (number, letter) in one.chars().enumerate() {
        let mut corner = number;
        let mut left = number + 1;
        let mut next = vec![left];
        for (place, above) in other.iter().zip(row.iter().skip(1)) {
            let replaced = corner + usize::from(letter != *place);
            corner = *above;
            left = replaced.min(*above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{did_you_mean, distance};

    #[test]
    fn a_distance_counts_letters() {
        assert_eq!(distance("", ""), 0);
        assert_eq!(distance("path", "path"), 0);
        assert_eq!(distance("pth", "path"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "path"), 4);
    }

    #[test]
    fn the_nearest_name_is_meant_and_a_far_one_is_not() {
        let allowed = ["object", "path", "id_prefix"];
        assert_eq!(did_you_mean("objekt", allowed), ": did you mean `object`?");
        assert_eq!(
            did_you_mean("id_prefx", allowed),
            ": did you mean `id_prefix`?"
        );
        assert_eq!(did_you_mean("colour", allowed), ".");
    }
}
