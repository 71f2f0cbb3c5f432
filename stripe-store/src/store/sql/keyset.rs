//! Orders, and what comes after a place in one.

use super::expression::{Json, created, cut};
use super::{CUT, Writer, is_text};
use crate::query::{By, Direction, Nulls, Operand, OrderKey, Read, RowTime};
use crate::store::{Dialect, extension};

/// One of the expressions that rows are sorted by.
#[derive(Debug, Clone)]
pub(crate) struct SortKey {
    pub(crate) expression: String,
    pub(crate) direction: Direction,
    /// Where NULL goes; `None` where there is none.
    nulls: Option<Nulls>,
    column: Column,
}

#[derive(Debug, Clone)]
enum Column {
    /// A value read out of the object, in the result under this name.
    Value(String, Read),
    Id,
    Object,
}

/// A row's place in an order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    pub(crate) object: String,
    pub(crate) id: String,
    /// The values of the sort keys, NULL where there is none.
    pub(crate) values: Vec<Option<Operand>>,
}

/// The keys that rows are sorted by: those asked for, then id and type, which make the order total.
pub(crate) fn sort_keys(dialect: Dialect, keys: &[OrderKey], one_type: bool) -> Vec<SortKey> {
    let json = Json::object(dialect);
    let mut sorted: Vec<_> = keys
        .iter()
        .enumerate()
        .map(|(number, key)| {
            let (expression, read, nulls) = match &key.by {
                By::Created => (created(dialect).to_owned(), Read::Int, None),
                By::Field(field) => {
                    let value = json.read(field);
                    let expression = if is_text(field.read) {
                        cut(&json, &value)
                    } else {
                        value
                    };
                    let nulls = key.nulls.unwrap_or(Nulls::Last);
                    (expression, field.read, Some(nulls))
                }
                By::Row(time) => {
                    let (expression, read) = row_time(dialect, *time);
                    (expression, read, None)
                }
                By::Own(own) => {
                    let column = extension::own_name(own.column);
                    let (mut expression, read) = own.sort_key(&column, dialect);
                    if is_text(read) {
                        expression = cut(&json, &expression);
                    }
                    (expression, read, Some(key.nulls.unwrap_or(Nulls::Last)))
                }
            };
            SortKey {
                expression,
                direction: key.direction,
                nulls,
                column: Column::Value(format!("key_{number}"), read),
            }
        })
        .collect();
    let direction = keys
        .last()
        .map_or(Direction::Descending, |key| key.direction);
    let mut tie = |column, name: &str| {
        sorted.push(SortKey {
            expression: name.to_owned(),
            direction,
            nulls: None,
            column,
        });
    };
    tie(Column::Id, "stripe_id");
    if !one_type {
        tie(Column::Object, "object");
    }
    sorted
}

/// Milliseconds on PostgreSQL, without what is finer, and on SQLite text whose order is that of time.
fn row_time(dialect: Dialect, time: RowTime) -> (String, Read) {
    let column = match time {
        RowTime::CreatedAt => "created_at",
        RowTime::UpdatedAt => "updated_at",
    };
    match dialect {
        Dialect::Postgres => (
            format!(
                "(extract(epoch FROM date_trunc('minute', {column}))::bigint * 1000 \
                 + floor(extract(milliseconds FROM {column}))::bigint)"
            ),
            Read::Int,
        ),
        Dialect::Sqlite => (column.to_owned(), Read::Text),
    }
}

impl SortKey {
    /// Turns the order round.
    pub(crate) fn reverse(&mut self) {
        self.direction = self.direction.reversed();
        self.nulls = self.nulls.map(Nulls::reversed);
    }

    /// Keeps SQLite from sorting by way of an index.
    pub(super) fn leave_index(&mut self) {
        self.expression.insert(0, '+');
    }

    fn leaves_index(&self) -> bool {
        self.expression.starts_with('+')
    }

    /// The column of the result that has the key's value.
    pub(crate) fn column(&self) -> Option<&str> {
        match &self.column {
            Column::Value(name, _) => Some(name),
            Column::Id | Column::Object => None,
        }
    }

    /// The column of the result, and how it is read.
    pub(crate) fn value(&self) -> Option<(&str, Read)> {
        match &self.column {
            Column::Value(name, read) => Some((name, *read)),
            Column::Id | Column::Object => None,
        }
    }

    /// Whether a value could be of this key. What comes from a browser may be anything.
    pub(crate) fn takes(&self, value: Option<&Operand>) -> bool {
        match (self.value(), value) {
            (None, _) => false,
            (Some(_), None) => self.nulls.is_some(),
            (Some((_, read)), Some(value)) => match value {
                Operand::Text(text) => {
                    is_text(read) && !text.contains('\0') && text.chars().nth(CUT).is_none()
                }
                Operand::Int(_) => matches!(read, Read::Int | Read::IntText),
                Operand::Float(number) => read == Read::Float && number.is_finite(),
                Operand::Bool(_) => read == Read::Bool,
            },
        }
    }

    pub(super) fn order(&self) -> String {
        self.order_by(&self.expression)
    }

    /// The order of a union, by the columns of the result.
    pub(super) fn order_of_parts(&self) -> String {
        self.order_by(match &self.column {
            Column::Value(name, _) => name,
            Column::Id => "stripe_id",
            Column::Object => "object",
        })
    }

    fn order_by(&self, what: &str) -> String {
        let direction = match self.direction {
            Direction::Ascending => "ASC",
            Direction::Descending => "DESC",
        };
        let nulls = match self.nulls {
            None => "",
            Some(Nulls::First) => " NULLS FIRST",
            Some(Nulls::Last) => " NULLS LAST",
        };
        format!("{what} {direction}{nulls}")
    }

    fn sign(&self) -> &'static str {
        match self.direction {
            Direction::Ascending => ">",
            Direction::Descending => "<",
        }
    }
}

/// Where rows come after `place` in the order of `keys`: conditions that exclude each other, and nothing is elsewhere.
pub(super) fn after(writer: &mut Writer, keys: &[SortKey], place: &Place) -> Vec<Option<String>> {
    let mut values = place.values.iter();
    let pairs: Vec<_> = keys
        .iter()
        .map(|key| {
            let value = match &key.column {
                Column::Value(..) => values.next().cloned().flatten(),
                Column::Id => Some(Operand::Text(place.id.clone())),
                Column::Object => Some(Operand::Text(place.object.clone())),
            };
            (key, value.map(|value| writer.parameter(value.into())))
        })
        .collect();
    let Some(((first, value), rest)) = pairs.split_first() else {
        return vec![None];
    };
    let has_nulls =
        |(key, value): &(&SortKey, Option<String>)| key.nulls.is_some() || value.is_none();
    let same_way = pairs
        .iter()
        .all(|(key, _)| key.direction == first.direction);
    match (writer.dialect, value) {
        // PostgreSQL takes a comparison of rows to an index.
        (Dialect::Postgres, Some(_)) if same_way && !pairs.iter().any(has_nulls) => {
            let expressions: Vec<_> = keys.iter().map(|key| key.expression.as_str()).collect();
            let values: Vec<_> = pairs
                .iter()
                .filter_map(|(_, value)| value.as_deref())
                .collect();
            vec![Some(format!(
                "({}) {} ({})",
                expressions.join(", "),
                first.sign(),
                values.join(", ")
            ))]
        }
        // SQLite does not, where an expression is in it, and would read again every row with the same first value.
        (Dialect::Sqlite, Some(value))
            if first.nulls.is_none() && !first.leaves_index() && !rest.is_empty() =>
        {
            vec![
                Some(format!(
                    "{} = {value} AND {}",
                    first.expression,
                    bounded(rest)
                )),
                Some(format!("{} {} {value}", first.expression, first.sign())),
            ]
        }
        _ => vec![Some(bounded(&pairs))],
    }
}

fn bounded(pairs: &[(&SortKey, Option<String>)]) -> String {
    let bound = match pairs.first() {
        Some((key, Some(value))) if key.nulls != Some(Nulls::Last) => {
            format!("{} {}= {value} AND ", key.expression, key.sign())
        }
        _ => String::new(),
    };
    // Not an OR to the planner, which would read each part by itself and sort them together.
    format!("{bound}({}) IS TRUE", strictly_after(pairs))
}

/// After by the first key, or the same there and after by the rest.
fn strictly_after(pairs: &[(&SortKey, Option<String>)]) -> String {
    let Some(((key, value), rest)) = pairs.split_first() else {
        return "1 = 0".to_owned();
    };
    let expression = &key.expression;
    let (after, same) = match (value, key.nulls) {
        (Some(value), Some(Nulls::Last)) => (
            format!(
                "{expression} {} {value} OR {expression} IS NULL",
                key.sign()
            ),
            format!("{expression} = {value}"),
        ),
        (Some(value), _) => (
            format!("{expression} {} {value}", key.sign()),
            format!("{expression} = {value}"),
        ),
        (None, Some(Nulls::First)) => (
            format!("{expression} IS NOT NULL"),
            format!("{expression} IS NULL"),
        ),
        (None, _) => ("1 = 0".to_owned(), format!("{expression} IS NULL")),
    };
    if rest.is_empty() {
        return after;
    }
    format!("{after} OR ({same} AND ({}))", strictly_after(rest))
}
