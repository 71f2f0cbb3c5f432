//! Views and enums that are the same under several names.
//!
//! The description spells most shapes out at each place, some of them seventy times. Every place keeps its name, and
//! what is equal is generated once, under the shortest of the names: that saves a third of what there is to compile.

use std::collections::BTreeMap;

use crate::ir::{Api, Field, ParameterObject, Variants, View};

/// Notes in every view and enum that is like another one which that is.
pub(super) fn find(api: &mut Api) {
    let enums = first_names(
        api.enums
            .iter()
            .map(|it| (it.name.clone(), it.values.clone())),
    );
    let views = views(&api.views, &enums);
    let twin = |firsts: &FirstNames, name: &String| {
        firsts.get(name).filter(|first| *first != name).cloned()
    };
    for it in &mut api.enums {
        it.twin = twin(&enums, &it.name);
    }
    parameters(api);
    let variants: BTreeMap<String, String> = api
        .views
        .iter()
        .filter_map(|view| Some((view.name.clone(), view.variants.as_ref()?.name.clone())))
        .collect();
    for view in &mut api.views {
        view.twin = twin(&views, &view.name);
        if let Some(own) = &mut view.variants {
            own.twin = view
                .twin
                .as_ref()
                .and_then(|first| variants.get(first))
                .cloned();
        }
    }
}

/// Notes in every enum of parameters that is like one of the views', or like another of parameters.
fn parameters(api: &mut Api) {
    let of_views: BTreeMap<&[(String, String)], &str> = api
        .enums
        .iter()
        .filter(|it| it.twin.is_none())
        .map(|it| (it.values.as_slice(), it.name.as_str()))
        .collect();
    let firsts = first_names(
        api.operation_enums
            .iter()
            .map(|parameter| (parameter.it.name.clone(), parameter.it.values.clone())),
    );
    for parameter in &mut api.operation_enums {
        let it = &mut parameter.it;
        parameter.of_view = of_views
            .get(it.values.as_slice())
            .map(|&name| name.to_owned());
        it.twin = firsts
            .get(&it.name)
            .filter(|first| parameter.of_view.is_none() && **first != it.name)
            .cloned();
    }
    objects(api);
}

/// Notes in every object among parameters that is like another one.
fn objects(api: &mut Api) {
    let enums: FirstNames = { api.operation_enums.iter() }
        .filter_map(|it| {
            let first = it.of_view.as_ref().or(it.it.twin.as_ref())?;
            // What a view has is told from what parameters have by a name that no enum has.
            let first = if it.of_view.is_some() {
                format!("::{first}")
            } else {
                first.clone()
            };
            Some((it.it.name.clone(), first))
        })
        .collect();
    let firsts = refined(|firsts| {
        let shape = |it: &ParameterObject| {
            let mut parameters = it.parameters.clone();
            for target in parameters.iter_mut().filter_map(|it| it.kind.target_mut()) {
                if let Some(first) = enums.get(target).or_else(|| firsts.get(target)) {
                    target.clone_from(first);
                }
            }
            parameters
        };
        first_names(
            api.operation_objects
                .iter()
                .map(|it| (it.name.clone(), shape(it))),
        )
    });
    for it in &mut api.operation_objects {
        it.twin = firsts
            .get(&it.name)
            .filter(|first| **first != it.name)
            .cloned();
    }
}

/// By name: the first name among those of what is equal.
type FirstNames = BTreeMap<String, String>;

/// The shortest name of equal things comes first, of names of one length the first in the alphabet.
fn first_names<T: Ord>(items: impl Iterator<Item = (String, T)>) -> FirstNames {
    let mut equal: BTreeMap<T, Vec<String>> = BTreeMap::new();
    for (name, item) in items {
        equal.entry(item).or_default().push(name);
    }
    let mut firsts = FirstNames::new();
    for names in equal.into_values() {
        if let Some(first) = names.iter().min_by_key(|name| (name.len(), *name)).cloned() {
            firsts.extend(names.into_iter().map(|name| (name, first.clone())));
        }
    }
    firsts
}

/// Begins with all views taken for equal, and tells apart those whose fields differ until nothing more differs.
///
/// Views may hold each other, and so can only be told apart step by step.
fn views(views: &[View], enums: &FirstNames) -> FirstNames {
    refined(|firsts| {
        let named = |name: &String| enums.get(name).or_else(|| firsts.get(name)).cloned();
        first_names(
            views
                .iter()
                .map(|view| (view.name.clone(), shape(view, named))),
        )
    })
}

/// Takes steps until nothing more differs.
fn refined(step: impl Fn(&FirstNames) -> FirstNames) -> FirstNames {
    let mut firsts = FirstNames::new();
    let mut kinds = 0;
    loop {
        let finer = step(&firsts);
        let finer_kinds = finer.iter().filter(|(name, first)| name == first).count();
        if finer_kinds == kinds {
            return finer;
        }
        (firsts, kinds) = (finer, finer_kinds);
    }
}

/// All that the code and the documentation of a view's members depend on. No resource is like another view, and what is
/// left of one type's objects not like what is left of another's.
fn shape(
    view: &View,
    first_name: impl Fn(&String) -> Option<String>,
) -> (Option<&String>, Vec<Field>, Option<Variants>) {
    let rename = |name: &mut String| {
        *name = first_name(name).unwrap_or_default();
    };
    let mut fields = view.fields.clone();
    for field in &mut fields {
        field.kind.target_mut().map(rename);
    }
    let mut variants = view.variants.clone();
    if let Some(variants) = &mut variants {
        variants.name.clear();
        variants
            .arms
            .iter_mut()
            .map(|arm| &mut arm.view)
            .for_each(rename);
    }
    let own = view.resource.is_some().then_some(&view.name);
    let own = own.or(view.tombstone_of.as_ref());
    (own, fields, variants)
}
