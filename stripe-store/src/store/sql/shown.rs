//! A statement for people to read: to log, to explain, to paste into the database's own shell.

use std::fmt;

use super::{Parameter, Statement};
use crate::store::Dialect;

/// The statement of a query: its text, and the types of its parameters.
///
/// The text holds names of fields and no values. `Display` prints it with the parameters' types, `Debug` too; the values
/// are shown only by [`values`](Self::values) and [`with_values`](Self::with_values), as they may be personal data.
#[derive(Clone, PartialEq)]
pub struct Sql {
    dialect: Dialect,
    text: String,
    parameters: Vec<Parameter>,
}

impl Sql {
    pub(crate) fn new(dialect: Dialect, statement: Statement) -> Self {
        Self {
            dialect,
            text: statement.sql,
            parameters: statement.parameters,
        }
    }

    /// The text as the database gets it, with `$1` or `?1` where a parameter goes.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The parameters' types, in their order: `text`, `bigint`, `double precision`, `boolean`, and arrays of these with
    /// `[]` (on SQLite a JSON text); of columns of a model's own, what they are called on PostgreSQL.
    pub fn types(&self) -> impl ExactSizeIterator<Item = &'static str> + '_ {
        self.parameters.iter().map(|parameter| match parameter {
            Parameter::Text(_) => "text",
            Parameter::Int(_) => "bigint",
            Parameter::Float(_) => "double precision",
            Parameter::Bool(_) => "boolean",
            Parameter::Texts(_) => "text[]",
            Parameter::Ints(_) => "bigint[]",
            Parameter::Floats(_) => "double precision[]",
            Parameter::Bools(_) => "boolean[]",
            Parameter::Own(value) => value.type_name(),
        })
    }

    /// The parameters' values as literals of the database, in their order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = String> + '_ {
        self.parameters
            .iter()
            .map(|parameter| literal(self.dialect, parameter))
    }

    /// The text with the values in it, to paste into `psql` or `sqlite3`. For people: programs ask with
    /// [`Query`](crate::query::Query), which keeps values out of texts.
    pub fn with_values(&self) -> String {
        let values: Vec<_> = self.values().collect();
        let sign = match self.dialect {
            Dialect::Postgres => '$',
            Dialect::Sqlite => '?',
        };
        let mut out = String::with_capacity(self.text.len());
        let mut rest = self.text.as_str();
        let mut quote = None;
        while let Some(letter) = rest.chars().next() {
            let (at, after) = rest.split_at(letter.len_utf8());
            rest = after;
            match quote {
                // A doubled quote ends one literal and begins the next, which comes to the same.
                Some(open) if open == letter => quote = None,
                None if letter == '\'' || letter == '"' => quote = Some(letter),
                None if letter == sign => {
                    let end = rest
                        .find(|c: char| !c.is_ascii_digit())
                        .unwrap_or(rest.len());
                    let (number, after) = rest.split_at(end);
                    let value = number
                        .parse::<usize>()
                        .ok()
                        .and_then(|number| values.get(number.checked_sub(1)?));
                    if let Some(value) = value {
                        out.push_str(value);
                        rest = after;
                        continue;
                    }
                }
                _ => {}
            }
            out.push_str(at);
        }
        out
    }
}

fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn literal(dialect: Dialect, parameter: &Parameter) -> String {
    let typed = |value: String, name: &str| match dialect {
        Dialect::Postgres => format!("'{value}'::{name}"),
        Dialect::Sqlite => value,
    };
    match (parameter, dialect) {
        (Parameter::Text(value), Dialect::Postgres) if value.contains('\\') => {
            format!("E{}", text(&value.replace('\\', "\\\\")))
        }
        (Parameter::Text(value), _) => text(value),
        (Parameter::Int(value), _) => typed(value.to_string(), "bigint"),
        (Parameter::Float(value), _) => typed(format!("{value:?}"), "float8"),
        (Parameter::Bool(value), _) => value.to_string().to_uppercase(),
        (Parameter::Texts(values), _) => list(dialect, values, "text", |value| {
            literal(dialect, &Parameter::Text(value.clone()))
        }),
        (Parameter::Ints(values), _) => list(dialect, values, "bigint", ToString::to_string),
        (Parameter::Floats(values), _) => {
            list(dialect, values, "float8", |value| format!("{value:?}"))
        }
        (Parameter::Bools(values), _) => list(dialect, values, "boolean", ToString::to_string),
        (Parameter::Own(value), _) => value.literal(dialect),
    }
}

fn list<T: serde::Serialize>(
    dialect: Dialect,
    values: &[T],
    name: &str,
    literal: impl Fn(&T) -> String,
) -> String {
    match dialect {
        Dialect::Postgres => {
            let values: Vec<_> = values.iter().map(literal).collect();
            format!("ARRAY[{}]::{name}[]", values.join(", "))
        }
        Dialect::Sqlite => text(&serde_json::to_string(values).unwrap_or_default()),
    }
}

/// The text, and the types of its parameters.
impl fmt::Display for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        let sign = match self.dialect {
            Dialect::Postgres => '$',
            Dialect::Sqlite => '?',
        };
        for (index, name) in self.types().enumerate() {
            let before = if index == 0 { " --" } else { "," };
            write!(f, "{before} {sign}{} {name}", index + 1)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sql({self})")
    }
}
