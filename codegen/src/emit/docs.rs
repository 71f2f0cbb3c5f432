//! Documentation: the description's own words where it has any, else the facts in words of ours.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Field, Kind, Note, Resource, View};

/// Doc attributes, one per line.
pub(super) fn lines(text: &str) -> TokenStream {
    let lines = text.lines().map(|line| {
        if line.is_empty() {
            String::new()
        } else {
            format!(" {line}")
        }
    });
    quote!(#(#[doc = #lines])*)
}

/// The documentation of a view.
pub(super) fn view(view: &View) -> TokenStream {
    let source = &view.source;
    let mut text = match (&view.description, &view.resource) {
        (Some(description), _) => description.clone(),
        (None, Some(resource)) => format!("A Stripe object of type `{}`.", resource.object),
        (None, None) if source.starts_with("deleted_") => {
            format!(
                "What Stripe shows of a `{}` that was deleted.",
                source.trim_start_matches("deleted_")
            )
        }
        (None, None) => match source.rsplit_once('.') {
            Some((parent, key))
                if !source.starts_with("v2.") || parent.matches('.').count() > 2 =>
            {
                format!("What `{key}` of a `{parent}` holds.")
            }
            _ => format!("Part of other objects: `{source}`."),
        },
    };
    if let Some(resource) = &view.resource {
        text.push_str(&endpoints(resource));
    }
    lines(&format!("{text}\n\nSource: schema `{source}`."))
}

/// The documentation of the enum of a view's alternatives.
pub(super) fn variants(view: &View) -> TokenStream {
    let View { name, source, .. } = view;
    lines(&format!(
        "The alternatives of [`{name}`], to match on.\n\nSource: schema `{source}`."
    ))
}

/// Where the API has a resource.
fn endpoints(resource: &Resource) -> String {
    let Some(path) = &resource.path else {
        return "\n\nThe API has no path of its own for it: it comes inside other objects and in events.".to_owned();
    };
    let can = [
        ("retrieved", resource.retrieve),
        ("listed", resource.list),
        ("searched", resource.search),
        ("deleted", resource.delete),
    ];
    let can: Vec<&str> = can
        .iter()
        .filter(|(_, can)| *can)
        .map(|(what, _)| *what)
        .collect();
    let can = if can.is_empty() {
        String::new()
    } else {
        format!("; can be {}", can.join(", "))
    };
    format!("\n\nAPI: `{path}`{can}.")
}

/// The documentation of a getter.
pub(super) fn getter(field: &Field, source: &str) -> TokenStream {
    let facts = facts(field);
    let text = match &field.description {
        Some(description) => format!("{description}\n\n{facts}"),
        None => facts,
    };
    lines(&format!("{text}\n\nSource: `{}` of `{source}`.", field.key))
}

/// What is known of a field, in one sentence.
fn facts(field: &Field) -> String {
    let what = match (&field.kind, &field.note) {
        (Kind::Id, _) => return "The object's id; empty only where Stripe left it out.".to_owned(),
        (_, Note::Always(value)) => format!("Always `{value}`"),
        (_, Note::MinorUnits) => {
            "An integer in the minor unit of the currency (1050 is 10.50 USD)".to_owned()
        }
        (_, Note::Percent) => "A percentage, 0 to 100".to_owned(),
        (kind, Note::None) => of_kind(kind),
    };
    let absent = match (&field.kind, field.required, field.nullable) {
        (Kind::Array(_) | Kind::List(_) | Kind::Map(_), true, false) => "",
        (Kind::Array(_) | Kind::List(_) | Kind::Map(_), ..) => "; empty where absent",
        (_, true, false) => "",
        (_, true, true) => "; may be `null`",
        (_, false, true) => "; may be absent or `null`",
        (_, false, false) => "; may be absent",
    };
    format!("{what}{absent}.")
}

fn of_kind(kind: &Kind) -> String {
    match kind {
        Kind::Id | Kind::Text => "A string".to_owned(),
        Kind::Int => "An integer".to_owned(),
        Kind::IntText => "An integer, which the API spells as a string".to_owned(),
        Kind::Float => "A number".to_owned(),
        Kind::Bool => "True or false".to_owned(),
        Kind::Decimal => "A decimal, spelled as a string".to_owned(),
        Kind::Time => "A moment, in unix seconds".to_owned(),
        Kind::DateTime => "A moment, as RFC 3339 text".to_owned(),
        Kind::Json => "JSON of no fixed shape".to_owned(),
        Kind::Enum(name) => {
            format!("One of the values of [`{name}`], or one that is newer than this list")
        }
        Kind::Object(name) => format!("A nested [`{name}`]"),
        Kind::Ref(name) => format!("The id of a [`{name}`], or the object where it was expanded"),
        Kind::Array(inner) => format!("An array: {}", element(inner)),
        Kind::List(inner) => format!("The first page of a list: {}", element(inner)),
        Kind::Map(inner) => format!("A map from strings: {}", element(inner)),
    }
}

fn element(kind: &Kind) -> String {
    let text = of_kind(kind);
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| format!("{}{}", first.to_lowercase(), letters.as_str()))
        .unwrap_or_default()
}
