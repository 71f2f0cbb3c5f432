//! Every field that the systems before us gave their users is there, or it is said where it went.
//!
//! The tables list the columns of other systems' models by where they are in Stripe's JSON at the pinned version. Rows that
//! other versions rendered have them where that version had them, mostly under the column's own name.

mod abstract_models;
mod billing;
mod connect;
mod core;
mod enums;
mod payment_methods;
mod webhooks;

use std::collections::BTreeSet;

use crate::{
    spec::{self, Kind},
    views_samples::{exercise, places, synth::Synth},
};

/// A model of another system.
#[derive(Debug)]
struct Model {
    /// What it was called there.
    name: &'static str,
    /// Stripe's object type; empty when there is none.
    object: &'static str,
    columns: &'static [Columns],
}

/// Columns of a model, by where they are now.
#[derive(Debug, Clone, Copy)]
enum Columns {
    /// Columns, separated by spaces, that stand in the object under their own names.
    Here(Kind, &'static str),
    /// One that stands in the same object at this path.
    At {
        column: &'static str,
        kind: Kind,
        path: &'static str,
        note: &'static str,
    },
    /// One that is found through another object.
    Other {
        column: &'static str,
        kind: Kind,
        object: &'static str,
        path: &'static str,
        note: &'static str,
    },
    /// Columns that Stripe's JSON does not have any more, or never had.
    Gone(&'static str, &'static str),
    /// Columns that were never Stripe's: the store's, or the application's.
    Ours(&'static str, &'static str),
}

const fn here(kind: Kind, columns: &'static str) -> Columns {
    Columns::Here(kind, columns)
}

const fn at(column: &'static str, kind: Kind, path: &'static str, note: &'static str) -> Columns {
    Columns::At {
        column,
        kind,
        path,
        note,
    }
}

const fn other(
    column: &'static str,
    kind: Kind,
    object: &'static str,
    path: &'static str,
    note: &'static str,
) -> Columns {
    Columns::Other {
        column,
        kind,
        object,
        path,
        note,
    }
}

const fn gone(columns: &'static str, note: &'static str) -> Columns {
    Columns::Gone(columns, note)
}

const fn ours(columns: &'static str, note: &'static str) -> Columns {
    Columns::Ours(columns, note)
}

/// What stands at a path of an object type: the one place that knows who is asked.
fn kind_of(object: &str, path: &str) -> Option<Kind> {
    spec::kind_of(object, path)
}

impl Columns {
    fn names(&self) -> Vec<&'static str> {
        match *self {
            Self::Here(_, names) | Self::Gone(names, _) | Self::Ours(names, _) => {
                names.split_whitespace().collect()
            }
            Self::At { column, .. } | Self::Other { column, .. } => vec![column],
        }
    }

    /// The paths that must be there, and what must stand at them.
    fn present(&self, object: &'static str) -> Vec<(&'static str, &'static str, Kind)> {
        match *self {
            Self::Here(kind, _) => self
                .names()
                .into_iter()
                .map(|name| (object, name, kind))
                .collect(),
            Self::At { kind, path, .. } => vec![(object, path, kind)],
            Self::Other {
                kind, object, path, ..
            } => vec![(object, path, kind)],
            Self::Gone(..) | Self::Ours(..) => Vec::new(),
        }
    }

    const fn note(&self) -> Option<&'static str> {
        match *self {
            Self::Here(..) => None,
            Self::At { note, .. }
            | Self::Other { note, .. }
            | Self::Gone(_, note)
            | Self::Ours(_, note) => Some(note),
        }
    }
}

/// Every model that has a table.
fn models() -> impl Iterator<Item = &'static Model> {
    [
        core::MODELS,
        payment_methods::MODELS,
        billing::MODELS,
        connect::MODELS,
        webhooks::MODELS,
        abstract_models::MODELS,
    ]
    .into_iter()
    .flatten()
}

#[test]
fn every_column_is_where_its_table_says() {
    let mut wrong = Vec::new();
    for model in models() {
        for (object, path, kind) in model
            .columns
            .iter()
            .flat_map(|columns| columns.present(model.object))
        {
            let found = kind_of(object, path);
            if found != Some(kind) {
                wrong.push(format!(
                    "{}: {object}.{path} is {found:?}, not {kind:?}",
                    model.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The getter of the last step of a path reads a sample of the object that the step is taken in.
fn is_read_by_a_getter(object: &str, path: &str) -> bool {
    let Some((place, key)) = places::getter(object, path) else {
        return false;
    };
    let sample = Synth::FULL.sample(places::schema(place));
    let getters = exercise(place)(&sample);
    getters.into_iter().any(|getter| getter == (key, true))
}

#[test]
fn c011_c012_every_column_is_read_by_a_getter() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for model in models() {
        for (object, path, _) in model
            .columns
            .iter()
            .flat_map(|columns| columns.present(model.object))
        {
            count += 1;
            if !is_read_by_a_getter(object, path) {
                wrong.push(format!("{}: {object}.{path}", model.name));
            }
        }
    }
    assert!(wrong.is_empty(), "no getter reads {wrong:#?}");
    assert!(count > 500, "{count} columns");
}

#[test]
fn a_column_that_moved_or_went_is_not_where_it_was() {
    let mut wrong = Vec::new();
    for model in models() {
        for columns in model
            .columns
            .iter()
            .filter(|columns| !matches!(columns, Columns::Here(..)))
        {
            for name in columns.names() {
                if kind_of(model.object, name).is_some() {
                    wrong.push(format!("{}: {}.{name} is there", model.name, model.object));
                }
            }
            assert!(
                columns.note().is_some_and(|note| !note.is_empty()),
                "{}: {columns:?} says nothing",
                model.name
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_column_stands_in_a_table_twice() {
    for model in models() {
        let mut seen = BTreeSet::new();
        for name in model.columns.iter().flat_map(Columns::names) {
            assert!(seen.insert(name), "{}: {name} twice", model.name);
        }
    }
}

#[test]
fn no_model_is_left_out() {
    let names: BTreeSet<&str> = models().map(|model| model.name).collect();
    assert_eq!(names.len(), models().count(), "a name stands twice");
    // 40 classes, of which File and FileUpload are one, and 4 and 7 of the abstract models.
    assert_eq!(names.len(), 39 + 4 + 7, "{names:?}");
}
