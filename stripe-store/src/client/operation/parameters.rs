//! What was set in an operation: the ids of its path, and a JSON map.

use std::fmt;

use serde_json::{Map, Value};

use super::object::{IntoObject, IntoObjects};
use super::range::TimeRange;
use crate::view::{OpenEnum, Timestamp};

/// The parameters of an operation.
///
/// Builders make these; the functions that set one are for generated code.
#[must_use]
#[derive(Clone, PartialEq, Default)]
pub struct Parameters {
    pub(super) ids: Vec<String>,
    pub(super) values: Map<String, Value>,
}

impl Parameters {
    /// The ids of the path, in its order.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// The parameters in the query or the body, by name, before they are encoded.
    pub fn values(&self) -> &Map<String, Value> {
        &self.values
    }

    fn set(mut self, name: String, value: Value) -> Self {
        self.values.insert(name, value);
        self
    }

    /// `Debug` of a builder: the names of its parameters.
    #[doc(hidden)]
    pub fn debug<K>(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = std::any::type_name::<K>();
        f.debug_struct(name.rsplit("::").next().unwrap_or(name))
            .field("ids", &self.ids)
            .field("params", &self.values.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// For generated code: one function for each kind of parameter.
#[doc(hidden)]
impl Parameters {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.ids.push(id.into());
        self
    }

    pub fn text(self, name: &str, value: impl Into<String>) -> Self {
        self.set(name.to_owned(), Value::String(value.into()))
    }

    pub fn int(self, name: &str, value: i64) -> Self {
        self.set(name.to_owned(), value.into())
    }

    pub fn float(self, name: &str, value: f64) -> Self {
        self.set(name.to_owned(), value.into())
    }

    pub fn bool(self, name: &str, value: bool) -> Self {
        self.set(name.to_owned(), value.into())
    }

    pub fn time(self, name: &str, value: impl Into<Timestamp>) -> Self {
        self.set(name.to_owned(), value.into().unix_seconds().into())
    }

    pub fn range(self, name: &str, value: impl Into<TimeRange>) -> Self {
        self.set(name.to_owned(), value.into().into())
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "setters take the enum itself, and hand it on"
    )]
    pub fn one_of<E: OpenEnum>(self, name: &str, value: E) -> Self {
        self.text(name, value.as_str())
    }

    pub fn several_of<E: OpenEnum>(self, name: &str, values: impl IntoIterator<Item = E>) -> Self {
        self.texts(
            name,
            values.into_iter().map(|value| value.as_str().to_owned()),
        )
    }

    pub fn texts(self, name: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let values = values.into_iter().map(|value| Value::String(value.into()));
        self.set(name.to_owned(), values.collect())
    }

    pub fn map(
        self,
        name: &str,
        values: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Self {
        let values = values
            .into_iter()
            .map(|(key, value)| (key.into(), Value::String(value.into())));
        self.set(name.to_owned(), Value::Object(values.collect()))
    }

    pub fn json(self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set(name.into(), value.into())
    }

    pub fn object<B>(self, name: &str, value: impl IntoObject<B>) -> Self {
        self.set(name.to_owned(), value.into_value())
    }

    pub fn objects<B>(self, name: &str, values: impl IntoObjects<B>) -> Self {
        self.set(name.to_owned(), values.into_values())
    }

    pub fn into_value(self) -> Value {
        Value::Object(self.values)
    }

    pub fn all(mut self, values: impl IntoIterator<Item = (String, Value)>) -> Self {
        self.values.extend(values);
        self
    }

    pub fn expand(mut self, path: impl Into<String>) -> Self {
        super::super::call::expand(&mut self.values, path.into());
        self
    }
}

/// The names of the parameters, and not what they hold.
impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.debug::<Self>(f)
    }
}
