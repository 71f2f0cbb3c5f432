//! What operations are called: the verb, the resource, and what else the path says.
//!
//! `POST /v1/invoices/{invoice}/mark_uncollectible` is `MarkInvoiceUncollectible`: Stripe's clients say
//! `invoices.markUncollectible`. Names come from methods and paths, as the description's own ids do.

use crate::lower::names::camel;
use crate::spec::{Method, Operation, ResponseShape, Spec};

/// Operations that are called otherwise than by the rules, by method and path.
const RENAMED: &[(Method, &str, &str)] = &[
    // `RetrieveAccount` is that of any account.
    (Method::Get, "/v1/account", "RetrieveCurrentAccount"),
    (
        Method::Get,
        "/v1/credit_notes/preview/lines",
        "ListCreditNotePreviewLines",
    ),
    // It is not deleted: what it answers with is the subscription.
    (
        Method::Delete,
        "/v1/subscriptions/{subscription_exposed_id}",
        "CancelSubscription",
    ),
];

/// Last words of paths that say what a GET does.
const READS: &[&str] = &["find", "preview"];

/// The Rust name of an operation.
pub(super) fn operation(spec: &Spec, operation: &Operation) -> String {
    let (method, path) = (operation.method, operation.path.as_str());
    let renamed = RENAMED
        .iter()
        .find(|(of, at, _)| *of == method && *at == path);
    if let Some((.., name)) = renamed {
        return (*name).to_owned();
    }
    let words: Vec<&str> = path
        .split('/')
        .filter(|word| !word.is_empty() && *word != "v1")
        .collect();
    let Some((last, before)) = words.split_last() else {
        return String::new();
    };
    match (method, &operation.response) {
        (_, Some(ResponseShape::List(_))) => format!("List{}", subject(&words, Last::AsItIs)),
        (_, Some(ResponseShape::Search(_))) => format!("Search{}", subject(before, Last::AsItIs)),
        (Method::Get, _) if is_parameter(last) => {
            format!("Retrieve{}", subject(&words, Last::AsItIs))
        }
        (Method::Get, _)
            if READS.contains(last) && before.last().is_some_and(|word| !is_parameter(word)) =>
        {
            format!("{}{}", camel(last), subject(before, Last::Singular))
        }
        (Method::Get, _) => format!("Retrieve{}", subject(&words, Last::AsItIs)),
        (Method::Delete, _) => format!("Delete{}", subject(&words, Last::AsItIs)),
        (Method::Put, _) => format!("Replace{}", subject(&words, Last::AsItIs)),
        (Method::Patch, _) => format!("Change{}", subject(&words, Last::AsItIs)),
        (Method::Post, _) if is_parameter(last) => {
            format!("Update{}", subject(&words, Last::AsItIs))
        }
        (Method::Post, _) => post(spec, operation, &words, last, before),
    }
}

/// What is posted to a path that ends in a word: it creates, changes the only one there is, or does what the word says.
fn post(spec: &Spec, operation: &Operation, words: &[&str], last: &str, before: &[&str]) -> String {
    let read = spec
        .operations
        .iter()
        .find(|other| other.method == Method::Get && other.path == operation.path);
    let is_listed = |read: &Operation| {
        matches!(
            read.response,
            Some(ResponseShape::List(_) | ResponseShape::Search(_))
        )
    };
    if read.is_some_and(|read| !is_listed(read)) {
        return format!("Update{}", subject(words, Last::AsItIs));
    }
    let answer = match &operation.response {
        Some(ResponseShape::Object(name)) => name.rsplit('.').next().unwrap_or(name),
        _ => "",
    };
    let is_named = answer.ends_with(last);
    if is_named
        || read.is_some()
        || answer.ends_with(&singular(last))
        || !is_action(spec, operation)
    {
        let end = if is_named {
            Last::AsItIs
        } else {
            Last::Singular
        };
        return format!("Create{}", subject(words, end));
    }
    let (verb, rest) = last.split_once('_').unwrap_or((last, ""));
    format!(
        "{}{}{}",
        camel(verb),
        subject(before, Last::Singular),
        camel(rest)
    )
}

/// Whether the last word of a path says what is done to what stands before it: an object, or a collection.
fn is_action(spec: &Spec, operation: &Operation) -> bool {
    let Some((parent, _)) = operation.path.rsplit_once('/') else {
        return false;
    };
    let below = format!("{parent}/{{");
    parent.split('/').any(is_parameter)
        || spec
            .operations
            .iter()
            .any(|other| other.path == parent || other.path.starts_with(&below))
}

/// What becomes of the last word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    AsItIs,
    Singular,
}

/// What an operation is about: the words of its path, those of collections that an id follows in the singular.
fn subject(words: &[&str], last: Last) -> String {
    let mut out = String::new();
    for (at, word) in words.iter().enumerate() {
        if is_parameter(word) {
            continue;
        }
        let is_one = match words.get(at + 1) {
            Some(next) => is_parameter(next),
            None => last == Last::Singular,
        };
        if is_one {
            out.push_str(&camel(&singular(word)));
        } else {
            out.push_str(&camel(word));
        }
    }
    out
}

/// One of them: `entries` is `entry`, `addresses` is `address`.
fn singular(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies") {
        return format!("{stem}y");
    }
    let hisses = ["sses", "xes", "ches", "shes"];
    let stem = if hisses.iter().any(|end| word.ends_with(end)) {
        word.strip_suffix("es")
    } else if word.ends_with("ss") || word.ends_with("us") {
        None
    } else {
        word.strip_suffix('s')
    };
    stem.unwrap_or(word).to_owned()
}

/// Whether a word of a path stands for an id.
pub(super) fn is_parameter(word: &str) -> bool {
    word.starts_with('{') && word.ends_with('}')
}
