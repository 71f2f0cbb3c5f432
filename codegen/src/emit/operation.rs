//! Operations: a builder each, and the files of the folder `operations` as a whole.

mod exercise;

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;

use super::{docs, ident, module_ident, open_enum};
use crate::ir::{
    ANY_OBJECT, Answer, Answered, Api, Host, Method, Operation, Parameter, ParameterEnum,
    ParameterKind, Shape,
};

pub(crate) use self::exercise::exercise;

/// The files of operations: the name of the file, and what stands in it.
pub(crate) fn operations(api: &Api) -> BTreeMap<&str, TokenStream> {
    let modules = by_module(api);
    modules
        .into_iter()
        .map(|(name, (operations, enums))| (name, module(&operations, &enums)))
        .collect()
}

/// The operations and the enums of a file.
type Module<'a> = (Vec<&'a Operation>, Vec<&'a ParameterEnum>);

fn by_module(api: &Api) -> BTreeMap<&str, Module<'_>> {
    let mut modules: BTreeMap<&str, Module<'_>> = BTreeMap::new();
    for operation in &api.operations {
        modules
            .entry(&operation.module)
            .or_default()
            .0
            .push(operation);
    }
    for parameter in &api.operation_enums {
        modules
            .entry(&parameter.it.module)
            .or_default()
            .1
            .push(parameter);
    }
    modules
}

/// One file.
fn module(operations: &[&Operation], enums: &[&ParameterEnum]) -> TokenStream {
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
        let mut parameters = operations
            .iter()
            .flat_map(|operation| &operation.parameters);
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
    let builders = operations.iter().map(|operation| builder(operation));
    let enums = enums.iter().map(|parameter| parameter_enum(parameter));
    quote! {
        #uses_enums
        use super::{Builder, markers};
        #uses_views
        use stripe_store::client as c;
        #uses_json
        #uses_time
        #uses_range
        #(#builders)*
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
    let doc = docs::lines(&about(operation));
    let deprecated = deprecated(*is_deprecated);
    let (required, optional): (Vec<&Parameter>, Vec<&Parameter>) = parameters
        .iter()
        .partition(|parameter| parameter.is_required);
    let id_arguments = ids.iter().map(|id| {
        let argument = ident(&id.argument);
        quote!(#argument: impl Into<String>)
    });
    let arguments = required.iter().map(|parameter| {
        let (argument, taken) = (ident(&parameter.setter), taken(&parameter.kind));
        quote!(#argument: #taken)
    });
    let arguments = id_arguments.chain(arguments);
    let set_ids = ids.iter().map(|id| {
        let argument = ident(&id.argument);
        quote!(.id(#argument))
    });
    let set = required.iter().map(|parameter| {
        let (set, argument, key) = (
            ident(set(&parameter.kind)),
            ident(&parameter.setter),
            &parameter.key,
        );
        quote!(.#set(#key, #argument))
    });
    let new_doc = docs::lines(&constructor(operation, &required));
    let setters = optional.iter().map(|parameter| setter(parameter));
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
            #new_doc
            #[inline]
            pub fn new(#(#arguments),*) -> Self {
                Self::from_parameters(c::Parameters::new() #(#set_ids)* #(#set)*)
            }
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

fn setter(parameter: &Parameter) -> TokenStream {
    let Parameter {
        key,
        setter,
        kind,
        is_deprecated,
        ..
    } = parameter;
    let (name, taken, set) = (ident(setter), taken(kind), ident(set(kind)));
    let doc = docs::lines(&format!("{}.", describe(parameter)));
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
        ParameterKind::Json(_) => "json",
    }
}

/// Where an operation goes, and what comes back.
fn about(operation: &Operation) -> String {
    let Operation {
        method,
        path,
        answer,
        id,
        host,
        ..
    } = operation;
    let method = match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Delete => "DELETE",
    };
    let link = |it: &Answered| {
        if it.view == ANY_OBJECT {
            "object, of any type".to_owned()
        } else {
            format!("[`{0}`](views::{0})", it.view)
        }
    };
    let answer = match answer {
        Answer::One(it) => format!("answers with one {}", link(it)),
        Answer::Many(it) => format!("answers page by page, each item one {}", link(it)),
        Answer::Raw => "answers with JSON".to_owned(),
    };
    let host = match host {
        Host::Api => "",
        Host::Files => " On the server for files.",
        Host::MeterEvents => " On the server for meter events.",
    };
    let source = id
        .as_ref()
        .map_or_else(String::new, |id| format!("\n\nSource: operation `{id}`."));
    format!("`{method} {path}`: {answer}.{host}{source}")
}

/// The constructor's arguments.
fn constructor(operation: &Operation, required: &[&Parameter]) -> String {
    if operation.ids.is_empty() && required.is_empty() {
        return "Without parameters yet.".to_owned();
    }
    let ids = operation
        .ids
        .iter()
        .map(|id| format!("* `{}`: an id, for the path.", id.key));
    let required = required
        .iter()
        .map(|parameter| format!("* {}.", describe(parameter)));
    let lines: Vec<String> = ids.chain(required).collect();
    format!("With what it cannot do without:\n{}", lines.join("\n"))
}

/// A parameter and what it takes, without a full stop.
fn describe(parameter: &Parameter) -> String {
    let keys = |keys: &[(String, bool)]| {
        let keys: Vec<String> = keys
            .iter()
            .map(|(key, is_required)| {
                let mark = if *is_required { " (required)" } else { "" };
                format!("`{key}`{mark}")
            })
            .collect();
        keys.join(", ")
    };
    let what = match &parameter.kind {
        ParameterKind::Text => "a text".to_owned(),
        ParameterKind::Constant(value) => format!("the text `{value}`"),
        ParameterKind::Decimal => "a decimal, as text".to_owned(),
        ParameterKind::DateTime => "a moment, as RFC 3339 text".to_owned(),
        ParameterKind::Int => "an integer".to_owned(),
        ParameterKind::Float => "a number".to_owned(),
        ParameterKind::Bool => "true or false".to_owned(),
        ParameterKind::Time => "a moment, sent in unix seconds".to_owned(),
        ParameterKind::TimeRange => "a moment, or those in a range".to_owned(),
        ParameterKind::Enum(name) => format!("one of [`{name}`](super::{name})"),
        ParameterKind::Texts => "texts".to_owned(),
        ParameterKind::Enums(name) => format!("some of [`{name}`](super::{name})"),
        ParameterKind::Map => "texts by key".to_owned(),
        ParameterKind::Json(Shape::Object(all)) if all.is_empty() => "a map".to_owned(),
        ParameterKind::Json(Shape::Object(all)) => format!("a map with {}", keys(all)),
        ParameterKind::Json(Shape::Objects(all)) => format!("an array of maps with {}", keys(all)),
        ParameterKind::Json(Shape::OneOf(several)) => several.join("; or "),
        ParameterKind::Json(Shape::Any) => "JSON".to_owned(),
    };
    let emptied = match (parameter.can_be_emptied, set(&parameter.kind)) {
        (false, _) => "",
        (true, "text" | "json") => "; an empty text empties it",
        (true, _) => "; an empty text through `param` empties it",
    };
    format!("`{}`: {what}{emptied}", parameter.key)
}

/// The file `operations/mod.rs`: the builder, the modules, everything re-exported by name.
pub(crate) fn index(api: &Api, with_exercise: bool) -> TokenStream {
    let modules = by_module(api);
    let names: Vec<_> = modules.keys().map(|name| module_ident(name)).collect();
    let exports = modules.iter().map(|(module, (operations, enums))| {
        let module = module_ident(module);
        let mut names: Vec<&str> = operations
            .iter()
            .map(|operation| operation.name.as_str())
            .chain(enums.iter().map(|parameter| parameter.it.name.as_str()))
            .collect();
        names.sort_unstable();
        let names = names.into_iter().map(ident);
        quote!(pub use self::#module::{#(#names),*};)
    });
    let exercise = with_exercise.then(|| {
        quote! {
            #[cfg(feature = "_exercise")]
            #[doc(hidden)]
            pub mod exercise;
        }
    });
    let title = format!(
        " The operations of version {} of Stripe's API, a [`Builder`] each.",
        api.version
    );
    quote! {
        #![doc = #title]
        #![doc = ""]
        #![doc = " A builder holds parameters; [`Client::call`](stripe_store::client::Client::call) makes a call of it."]
        #![allow(deprecated, reason = "what Stripe phases out is there as long as Stripe has it")]

        use std::fmt;
        use std::marker::PhantomData;

        use stripe_store::client as c;

        #[doc = " An operation with its parameters: what every operation in this module is, with a marker for which."]
        #[must_use = "nothing is sent before the call of it is"]
        pub struct Builder<K> {
            parameters: c::Parameters,
            kind: PhantomData<fn() -> K>,
        }

        impl<K> Builder<K> {
            #[inline]
            fn from_parameters(parameters: c::Parameters) -> Self {
                Self { parameters, kind: PhantomData }
            }

            #[doc = " Sets a parameter by the name that the API reference has, also one that this version does not list."]
            pub fn param(self, name: impl Into<String>, value: impl Into<::serde_json::Value>) -> Self {
                Self::from_parameters(self.parameters.json(name, value))
            }

            #[doc = " Sets many parameters."]
            pub fn params(self, params: impl IntoIterator<Item = (String, ::serde_json::Value)>) -> Self {
                Self::from_parameters(self.parameters.all(params))
            }

            #[doc = " Asks for the object in the place of an id: `\"latest_invoice\"`. In lists, paths begin with `data.`"]
            pub fn expand(self, path: impl Into<String>) -> Self {
                Self::from_parameters(self.parameters.expand(path))
            }
        }

        impl<K: c::OperationFacts> c::Operation for Builder<K> {
            type Facts = K;
            fn parameters(&self) -> &c::Parameters { &self.parameters }
            fn into_parameters(self) -> c::Parameters { self.parameters }
        }

        impl<K> Clone for Builder<K> {
            fn clone(&self) -> Self { Self::from_parameters(self.parameters.clone()) }
        }

        #[doc = " The names of the parameters, and not what they hold."]
        impl<K> fmt::Debug for Builder<K> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.parameters.debug::<K>(f) }
        }

        #(mod #names;)*
        #[doc(hidden)]
        pub mod markers;
        #exercise

        #(#exports)*
    }
}

/// The file `operations/markers.rs`: a type without values per operation.
pub(crate) fn markers(api: &Api) -> TokenStream {
    let names = api
        .operations
        .iter()
        .map(|operation| ident(&operation.name));
    quote! {
        #![doc = " What tells one operation's type from another's."]
        #(pub enum #names {})*
    }
}
