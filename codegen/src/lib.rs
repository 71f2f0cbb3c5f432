//! Generates stripe-store's typed views from Stripe's OpenAPI description.
//!
//! The pipeline is description -> IR -> tokens -> files: [`Spec::read`](spec::Spec::read), [`generate`],
//! [`output::write`]. The command `stripe-codegen` does nothing else.

mod emit;
mod error;
pub mod ir;
mod lower;
pub mod output;
pub mod render;
mod report;
pub mod spec;

use crate::{output::Files, render::RenderError, spec::Spec};

pub use self::{
    error::Error,
    lower::LowerError,
    report::{Report, Skipped, SkippedOperation, Unlisted},
};

/// What to generate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The resources to generate, by the names of their schemas, with all that they are made of. Empty: all.
    pub only: Vec<String>,
    /// Whether to add a file that calls every getter, behind the feature `_exercise`: for stripe-store's own tests.
    pub exercise: bool,
    /// Whether to generate builders of the operations, and how. They need stripe-store's client.
    pub operations: Option<Operations>,
}

/// How operations are generated: the folder `operations`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operations {
    /// The feature of the crate that they are behind; `None` if they are always there.
    pub feature: Option<String>,
}

impl Operations {
    /// Behind a feature of the crate that they are in.
    #[must_use]
    pub fn behind(feature: impl Into<String>) -> Self {
        Self {
            feature: Some(feature.into()),
        }
    }
}

impl Options {
    /// Limits the generation to these resources; none is no limit.
    #[must_use]
    pub fn with_only(mut self, only: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.only = only.into_iter().map(Into::into).collect();
        self
    }

    /// Adds the file that calls every getter.
    #[must_use]
    pub fn with_exercise(mut self, exercise: bool) -> Self {
        self.exercise = exercise;
        self
    }

    /// Adds builders of the operations.
    #[must_use]
    pub fn with_operations(mut self, operations: Option<Operations>) -> Self {
        self.operations = operations;
        self
    }
}

/// What was generated.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Generated {
    /// The files.
    pub files: Files,
    /// What they came to.
    pub report: Report,
}

/// Generates the folder `resources`: every file, by path.
///
/// Pure: equal input gives equal bytes, on any machine.
///
/// # Errors
///
/// [`Error::UnknownResource`] if the options ask for a resource that is not there; [`Error::Render`] if what is
/// generated is not Rust.
pub fn generate(spec: &Spec, options: &Options) -> Result<Generated, Error> {
    if let Some(name) = options
        .only
        .iter()
        .find(|only| spec.resources().all(|(name, _)| name != *only))
    {
        return Err(Error::unknown_resource(name, spec));
    }
    let (api, counts) = lower::lower(spec, &options.only, options.operations.is_some())?;
    let files = files(&api, options)?;
    let report = Report {
        version: spec.version.clone(),
        schemas: counts.schemas,
        resources: api
            .views
            .iter()
            .filter(|view| view.resource.is_some())
            .count(),
        types: api.views.len(),
        getters: api.views.iter().map(|view| view.fields.len()).sum(),
        enums: api.enums.len(),
        twins: twins(&api),
        events: api.events.len(),
        operations: api.operations.len(),
        listings: api.listings.len(),
        skipped: counts
            .skipped
            .into_iter()
            .map(|(schema, reason)| Skipped::new(schema, reason))
            .collect(),
        untyped: counts
            .untyped
            .into_iter()
            .map(|(schema, reason)| Skipped::new(schema, reason))
            .collect(),
        skipped_operations: counts
            .skipped_operations
            .into_iter()
            .map(|(operation, reason)| SkippedOperation { operation, reason })
            .collect(),
        unlisted: counts
            .unlisted
            .into_iter()
            .map(|(path, reason)| Unlisted::new(path, reason))
            .collect(),
        keywords: spec.keywords.clone(),
    };
    Ok(Generated { files, report })
}

/// How many names share the code of another.
fn twins(api: &ir::Api) -> usize {
    let views = api.views.iter().filter(|view| view.twin.is_some());
    let enums = api.enums.iter().filter(|it| it.twin.is_some());
    views.count() + enums.count()
}

/// Every file of the folder, by path.
fn files(api: &ir::Api, options: &Options) -> Result<Files, RenderError> {
    let with_exercise = options.exercise;
    let mut files = Files::new();
    for (module, tokens) in emit::modules(api) {
        files.insert(format!("{module}.rs"), render::file(module, tokens)?);
    }
    for (name, tokens) in [
        (
            "mod.rs",
            emit::index(api, with_exercise, options.operations.as_ref()),
        ),
        ("markers.rs", emit::markers(api)),
        ("events.rs", emit::events(api)),
        ("listings.rs", emit::listings(api)),
    ] {
        files.insert(name.to_owned(), render::file("*", tokens)?);
    }
    if with_exercise {
        files.insert(
            "exercise.rs".to_owned(),
            render::file("*", emit::exercise(api))?,
        );
    }
    if options.operations.is_some() {
        operations(api, with_exercise, &mut files)?;
    }
    Ok(files)
}

/// The files of the folder `operations`.
fn operations(api: &ir::Api, with_exercise: bool, files: &mut Files) -> Result<(), RenderError> {
    let mut insert = |module: &str, source: &str, tokens| {
        let text = render::file(source, tokens)?;
        files.insert(format!("operations/{module}.rs"), text);
        Ok(())
    };
    for (module, tokens) in emit::operation::operations(api) {
        insert(module, module, tokens)?;
    }
    insert("mod", "*", emit::operation::index(api, with_exercise))?;
    insert("markers", "*", emit::operation::markers(api))?;
    if with_exercise {
        insert("exercise", "*", emit::operation::exercise(api))?;
    }
    Ok(())
}
