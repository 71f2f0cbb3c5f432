//! What was probably meant, when nothing is found.

use std::time::Duration;

use crate::resources;
use crate::store::{AccountId, Mode, Store, TypeCount};

/// How long the rows may take to be counted for a hint.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many accounts are looked into for an object that is not where it was looked for.
const ACCOUNTS: usize = 50;

/// Whether the API description of this version knows the type.
pub(super) fn is_known(object: &str) -> bool {
    resources::facts(object).is_some()
}

fn known<'a>() -> impl Iterator<Item = &'a str> {
    resources::RESOURCES
        .iter()
        .flat_map(|facts| std::iter::once(facts.object).chain(facts.aliases.iter().copied()))
}

/// The type that ids like this one belong to, if that is another than `object`.
pub(super) fn type_of_id(id: &str, object: &str) -> Option<&'static str> {
    let fits = |facts: &&crate::view::ResourceFacts| {
        facts.id_prefix.is_some_and(|prefix| id.starts_with(prefix))
    };
    let mut fitting = resources::RESOURCES.iter().filter(fits);
    let facts = fitting.next()?;
    (fitting.next().is_none() && facts.object != object).then_some(facts.object)
}

/// What the table holds, unless counting takes too long or fails.
pub(super) async fn counts(store: &Store) -> Vec<TypeCount> {
    match tokio::time::timeout(PATIENCE, store.counts()).await {
        Ok(Ok(counts)) => counts,
        _ => Vec::new(),
    }
}

/// The known or stored type whose name is most like `object`.
pub(super) fn near_type(object: &str, counts: &[TypeCount]) -> Option<String> {
    let mut names: Vec<&str> = counts.iter().map(|count| count.object.as_str()).collect();
    names.extend(known());
    let wanted = letters(object);
    let near = names
        .into_iter()
        .filter(|name| *name != object)
        .map(|name| (strsim::damerau_levenshtein(&wanted, &letters(name)), name))
        .min_by_key(|(distance, name)| (*distance, name.len()))?;
    let (distance, name) = near;
    (distance <= wanted.chars().count() / 3).then(|| name.to_owned())
}

/// A name as people may write it from memory: `Checkout-Sessions` is like `checkout.session`.
fn letters(name: &str) -> String {
    let letters: String = name
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    letters
        .strip_suffix('s')
        .map(str::to_owned)
        .unwrap_or(letters)
}

/// Whether another mode or account has the object, as the end of a message: `; test mode has it: add --test`.
pub(super) async fn elsewhere(store: &Store, object: &str, id: &str) -> Option<String> {
    let here = store.scope();
    let other = match here.mode() {
        Mode::Live => Mode::Test,
        Mode::Test => Mode::Live,
    };
    let other_mode = store.mode(other);
    if has(&other_mode, object, id).await {
        return Some(format!("{other} mode has it: add --{other}"));
    }
    if here.account().is_some() {
        for place in [store.platform(), other_mode.platform()] {
            if has(&place, object, id).await {
                let mode = place.scope().mode();
                return Some(format!(
                    "the platform's own account has it in {mode} mode: use --{mode} without --account"
                ));
            }
        }
    }
    let counts = counts(store).await;
    let accounts = counts
        .iter()
        .filter(|count| count.object == object && count.account.is_some());
    for count in accounts.take(ACCOUNTS) {
        let Some(account) = &count.account else {
            continue;
        };
        if has(&store.account(account).mode(count.mode), object, id).await {
            return Some(in_account(account, count.mode));
        }
    }
    None
}

async fn has(store: &Store, object: &str, id: &str) -> bool {
    matches!(store.get_object(object, id).await, Ok(Some(_)))
}

/// Which other modes and accounts have objects of the type, where this handle's has none.
pub(super) fn elsewhere_of_type(
    store: &Store,
    object: &str,
    counts: &[TypeCount],
) -> Option<String> {
    let here = store.scope();
    let places: Vec<&TypeCount> = counts
        .iter()
        .filter(|count| count.object == object && count.rows > count.deleted)
        .filter(|count| (count.account.as_ref(), count.mode) != (here.account(), here.mode()))
        .collect();
    let same_account = places
        .iter()
        .find(|count| count.account.as_ref() == here.account());
    if let Some(count) = same_account {
        return Some(format!(
            "{} mode has {}: add --{}",
            count.mode,
            count.rows - count.deleted,
            count.mode
        ));
    }
    let count = places.first()?;
    Some(match &count.account {
        Some(account) => in_account(account, count.mode),
        None => format!(
            "the platform's own account has some in {0} mode: use --{0} without --account",
            count.mode
        ),
    })
}

fn in_account(account: &AccountId, mode: Mode) -> String {
    format!("account {account} has it in {mode} mode: add --{mode} --account {account}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(object: &str, near: Option<&str>) {
        assert_eq!(near_type(object, &[]).as_deref(), near, "{object}");
    }

    #[test]
    fn the_type_that_was_meant_is_found() {
        check("customers", Some("customer"));
        check("custmer", Some("customer"));
        check("Subscription", Some("subscription"));
        check("CheckoutSession", Some("checkout.session"));
        check("payment-intents", Some("payment_intent"));
        check("zzzzzz", None);
    }

    #[test]
    fn an_id_tells_its_type() {
        assert_eq!(type_of_id("sub_1", "customer"), Some("subscription"));
        assert_eq!(type_of_id("cus_1", "customer"), None);
        assert_eq!(type_of_id("gold", "customer"), None);
    }
}
