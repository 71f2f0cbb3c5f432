//! Operations: a builder each, and the files of the folder `operations` as a whole.

mod exercise;
mod index;
mod texts;

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;

use super::{docs, ident, open_enum};
use crate::ir::{
    ANY_OBJECT, Answer, Answered, Api, Host, Method, Operation, Parameter, ParameterEnum,
    ParameterKind, ParameterObject, PathParameter,
};

pub(crate) use self::exercise::exercise;
pub(crate) use self::index::{index, markers};

/// The files of operations: the name of the file, and what stands in it.
pub(crate) fn operations(api: &Api) -> BTreeMap<&str, TokenStream> {
    let modules = by_module(api);
    modules
        .into_iter()
        .map(|(name, it)| (name, module(&it)))
        .collect()
}

/// What is in a file.
#[derive(Default)]
struct Module<'a> {
    operations: Vec<&'a Operation>,
    objects: Vec<&'a ParameterObject>,
    enums: Vec<&'a ParameterEnum>,
}

fn by_module(api: &Api) -> BTreeMap<&str, Module<'_>> {
    let mut modules: BTreeMap<&str, Module<'_>> = BTreeMap::new();
    for it in &api.operations {
        modules.entry(&it.module).or_default().operations.push(it);
    }
    for it in &api.operation_objects {
        modules.entry(&it.module).or_default().objects.push(it);
    }
    for it in &api.operation_enums {
        modules.entry(&it.it.module).or_default().enums.push(it);
    }
    modules
}

/// One file.
fn module(module: &Module<'_>) -> TokenStream {
    let Module {
        operations,
        objects,
        enums,
    } = module;
    // What is another name of something has no code.
    let own_objects = || objects.iter().filter(|it| it.twin.is_none());
    let uses_views = operations.iter().any(|operation| match &operation.answer {
        Answer::One(it) | Answer::Many(it) => it.view != ANY_OBJECT,
        Answer::Raw => false,
    });
    let uses_views = uses_views.then(|| {
        quote!(
            use super::super as views;
        )
    });
    let has_enums = enums
        .iter()
        .any(|parameter| parameter.it.twin.is_none() && parameter.of_view.is_none());
    let uses_enums = has_enums.then(|| {
        quote! {
            use std::fmt::{Debug, Formatter, Result};
            use stripe_store::view as v;
        }
    });
    let takes = |wanted: fn(&ParameterKind) -> bool| {
        let of_operations = operations.iter().flat_map(|it| &it.parameters);
        let mut parameters = of_operations.chain(own_objects().flat_map(|it| &it.parameters));
        parameters.any(|parameter| wanted(&parameter.kind))
    };
    let uses_json = takes(|kind| matches!(kind, ParameterKind::Json(_)));
    let uses_time = takes(|kind| *kind == ParameterKind::Time);
    let uses_range = takes(|kind| *kind == ParameterKind::TimeRange);
    let uses_json = uses_json.then(|| {
        quote!(
            use ::serde_json::Value;
        )
    });
    let uses_time = uses_time.then(|| {
        quote!(
            use stripe_store::view::Timestamp;
        )
    });
    let uses_range = uses_range.then(|| {
        quote!(
            use stripe_store::client::TimeRange;
        )
    });
    let is_builder = !operations.is_empty() || own_objects().next().is_some();
    let uses_builder = is_builder.then(|| {
        quote! {
            use super::{Builder, markers};
            use stripe_store::client as c;
        }
    });
    let builders = operations.iter().map(|operation| builder(operation));
    let objects = objects.iter().map(|it| object(it));
    let enums = enums.iter().map(|parameter| parameter_enum(parameter));
    quote! {
        #uses_enums
        #uses_builder
        #uses_views
        #uses_json
        #uses_time
        #uses_range
        #(#builders)*
        #(#objects)*
        #(#enums)*
    }
}

fn parameter_enum(parameter: &ParameterEnum) -> TokenStream {
    match &parameter.of_view {
        Some(of_view) => open_enum::another_name(&parameter.it, &quote!(super::super), of_view),
        None => open_enum::open_enum(&parameter.it),
    }
}

/// One builder: the type, what it is called with, a setter for each parameter, and where it goes.
fn builder(operation: &Operation) -> TokenStream {
    let Operation {
        name,
        method,
        path,
        host,
        answer,
        ids,
        parameters,
        is_deprecated,
        id: _,
        module: _,
    } = operation;
    let name = ident(name);
    let doc = docs::lines(&texts::about(operation));
    let deprecated = deprecated(*is_deprecated);
    let new = constructor(ids, parameters);
    let setters = parameters
        .iter()
        .filter(|parameter| !parameter.is_argument)
        .map(setter);
    let method = method_path(*method);
    let host = host_path(*host).map(|host| quote!(const HOST: c::Host = #host;));
    let (answer, check) = match answer {
        Answer::One(it) => (answered("One", it), checked(it)),
        Answer::Many(it) => (answered("Many", it), checked(it)),
        Answer::Raw => (quote!(c::Raw), None),
    };
    quote! {
        #doc
        #deprecated
        pub type #name = Builder<markers::#name>;
        impl #name {
            #new
            #(#setters)*
        }
        impl c::OperationFacts for markers::#name {
            type Answer = #answer;
            const METHOD: c::Method = #method;
            const PATH: &'static str = #path;
            #host
            #check
        }
    }
}

/// The builder of an object among parameters: the type, what it is called with, and a setter for each of its fields.
fn object(it: &ParameterObject) -> TokenStream {
    let ParameterObject {
        name,
        source,
        module: _,
        parameters,
        twin,
    } = it;
    let name = ident(name);
    let doc = docs::lines(&format!("What `{source}` takes."));
    if let Some(twin) = twin {
        let twin = ident(twin);
        return quote!(#doc pub type #name = super::#twin;);
    }
    let new = constructor(&[], parameters);
    let setters = parameters
        .iter()
        .filter(|parameter| !parameter.is_argument)
        .map(setter);
    quote! {
        #doc
        pub type #name = Builder<markers::#name>;
        impl #name {
            #new
            #(#setters)*
        }
    }
}

/// The function that makes a builder, with what it cannot do without.
fn constructor(ids: &[PathParameter], parameters: &[Parameter]) -> TokenStream {
    let required = || parameters.iter().filter(|parameter| parameter.is_argument);
    let id_arguments = ids.iter().map(|id| {
        let argument = ident(&id.argument);
        quote!(#argument: impl Into<String>)
    });
    let arguments = required().map(|parameter| {
        let (argument, taken) = (ident(&parameter.setter), taken(&parameter.kind));
        quote!(#argument: #taken)
    });
    let arguments = id_arguments.chain(arguments);
    let set_ids = ids.iter().map(|id| {
        let argument = ident(&id.argument);
        quote!(.id(#argument))
    });
    let set = required().map(|parameter| {
        let (set, argument, key) = (
            ident(set(&parameter.kind)),
            ident(&parameter.setter),
            &parameter.key,
        );
        quote!(.#set(#key, #argument))
    });
    let doc = docs::lines(&texts::constructor(ids, required()));
    quote! {
        #doc
        #[inline]
        pub fn new(#(#arguments),*) -> Self {
            Self::from_parameters(c::Parameters::new() #(#set_ids)* #(#set)*)
        }
    }
}

fn setter(parameter: &Parameter) -> TokenStream {
    let Parameter {
        key,
        setter,
        kind,
        is_deprecated,
        ..
    } = parameter;
    let (name, taken, set) = (ident(setter), taken(kind), ident(set(kind)));
    let doc = docs::lines(&format!("{}.", texts::describe(parameter)));
    let deprecated = deprecated(*is_deprecated);
    quote! {
        #doc
        #deprecated
        #[inline]
        pub fn #name(self, #name: #taken) -> Self {
            Self::from_parameters(self.parameters.#set(#key, #name))
        }
    }
}

fn deprecated(is_deprecated: bool) -> Option<TokenStream> {
    is_deprecated.then(|| quote!(#[deprecated = "Stripe is phasing it out"]))
}

fn answered(kind: &str, it: &Answered) -> TokenStream {
    let (kind, view) = (ident(kind), view(it));
    quote!(c::#kind<#view>)
}

fn view(it: &Answered) -> TokenStream {
    if it.view == ANY_OBJECT {
        return quote!(stripe_store::view::AnyObject);
    }
    let view = ident(&it.view);
    quote!(views::#view)
}

fn checked(it: &Answered) -> Option<TokenStream> {
    let view = it.is_resource.then(|| view(it))?;
    Some(quote!(const CHECK: c::Check = c::Check::resource::<#view>();))
}

pub(super) fn method_path(method: Method) -> TokenStream {
    let method = ident(match method {
        Method::Get => "Get",
        Method::Post => "Post",
        Method::Delete => "Delete",
    });
    quote!(c::Method::#method)
}

fn host_path(host: Host) -> Option<TokenStream> {
    match host {
        Host::Api => None,
        Host::Files => Some(quote!(c::Host::Files)),
        Host::MeterEvents => Some(quote!(c::Host::MeterEvents)),
    }
}

/// What a setter takes.
fn taken(kind: &ParameterKind) -> TokenStream {
    match kind {
        ParameterKind::Text
        | ParameterKind::Constant(_)
        | ParameterKind::Decimal
        | ParameterKind::DateTime => quote!(impl Into<String>),
        ParameterKind::Int => quote!(i64),
        ParameterKind::Float => quote!(f64),
        ParameterKind::Bool => quote!(bool),
        ParameterKind::Time => quote!(impl Into<Timestamp>),
        ParameterKind::TimeRange => quote!(impl Into<TimeRange>),
        ParameterKind::Enum(name) => {
            let name = ident(name);
            quote!(super::#name)
        }
        ParameterKind::Texts => quote!(impl IntoIterator<Item = impl Into<String>>),
        ParameterKind::Enums(name) => {
            let name = ident(name);
            quote!(impl IntoIterator<Item = super::#name>)
        }
        ParameterKind::Map => {
            quote!(impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>)
        }
        ParameterKind::Object(name) => {
            let name = ident(name);
            quote!(impl c::IntoObject<super::#name>)
        }
        ParameterKind::Objects(name) => {
            let name = ident(name);
            quote!(impl c::IntoObjects<super::#name>)
        }
        ParameterKind::Json(_) => quote!(impl Into<Value>),
    }
}

/// What of `Parameters` sets it.
fn set(kind: &ParameterKind) -> &'static str {
    match kind {
        ParameterKind::Text
        | ParameterKind::Constant(_)
        | ParameterKind::Decimal
        | ParameterKind::DateTime => "text",
        ParameterKind::Int => "int",
        ParameterKind::Float => "float",
        ParameterKind::Bool => "bool",
        ParameterKind::Time => "time",
        ParameterKind::TimeRange => "range",
        ParameterKind::Enum(_) => "one_of",
        ParameterKind::Texts => "texts",
        ParameterKind::Enums(_) => "several_of",
        ParameterKind::Map => "map",
        ParameterKind::Object(_) => "object",
        ParameterKind::Objects(_) => "objects",
        ParameterKind::Json(_) => "json",
    }
}
