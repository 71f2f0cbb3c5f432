//! What the documentation of a builder says: facts, in words.

use super::set;
use crate::ir::{
    ANY_OBJECT, Answer, Answered, Host, Method, Operation, Parameter, ParameterKind, PathParameter,
    Shape,
};

/// Where an operation goes, and what comes back.
pub(super) fn about(operation: &Operation) -> String {
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
pub(super) fn constructor<'a>(
    ids: &[PathParameter],
    required: impl Iterator<Item = &'a Parameter>,
) -> String {
    let ids = ids
        .iter()
        .map(|id| format!("* `{}`: an id, for the path.", id.key));
    let required = required.map(|parameter| format!("* {}.", describe(parameter)));
    let lines: Vec<String> = ids.chain(required).collect();
    if lines.is_empty() {
        return "Without parameters yet.".to_owned();
    }
    format!("With what it cannot do without:\n{}", lines.join("\n"))
}

/// A parameter and what it takes, without a full stop.
pub(super) fn describe(parameter: &Parameter) -> String {
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
        ParameterKind::Object(name) => format!("[`{name}`](super::{name})"),
        ParameterKind::Objects(name) => format!("an array of [`{name}`](super::{name})"),
        ParameterKind::Json(Shape::Map) => "a map".to_owned(),
        ParameterKind::Json(Shape::OneOf(several)) => several.join("; or "),
        ParameterKind::Json(Shape::Any) => "JSON".to_owned(),
    };
    let emptied = match (parameter.can_be_emptied, set(&parameter.kind)) {
        (false, _) => "",
        (true, "text" | "json" | "object" | "objects") => "; an empty text empties it",
        (true, _) => "; an empty text through `param` empties it",
    };
    let required = if parameter.is_required && !parameter.is_argument {
        "; required"
    } else {
        ""
    };
    format!("`{}`: {what}{required}{emptied}", parameter.key)
}
