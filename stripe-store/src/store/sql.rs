//! Filters and orders as SQL, in the spelling of either database.
//!
//! What is read out of the JSON is what the getters read, by expressions that no document makes fail: each looks at
//! the JSON type before it converts. Values are parameters; steps of a path are literals, because an index on an
//! expression serves only those who spell it as it does.

mod condition;
mod expression;
mod keyset;
mod lead;
mod shown;
mod values;

pub(crate) use self::expression::created;
use self::expression::{Json, index_expression};
pub(crate) use self::keyset::{Place, SortKey, sort_keys};
pub(crate) use self::lead::Added;
use self::lead::Pin;
pub use self::shown::Sql;
use super::Dialect;
use super::cursor::hash;
use super::extension::{self, Extension};
use super::scope::Scope;
use super::tables::TableNames;
use crate::extended::OwnValue;
use crate::model::Column;
use crate::query::{Node, Read};

/// How many characters of a text indexes and orders look at: an index entry has a size limit, and no object may be
/// refused for what is in it.
pub(crate) const CUT: usize = 255;

/// What a statement asks for; the scope is known.
const COLUMNS: &str =
    "api_version, as_of, as_of_until, source, deleted_at, created_at, updated_at, object";

/// Text with parameters in it, and their values.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Parameter>,
}

/// A value for the database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Parameter {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Texts(Vec<String>),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Bools(Vec<bool>),
    /// Of a column of a model's own.
    Own(OwnValue),
}

/// Which rows of a type are asked for.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    pub(crate) dialect: Dialect,
    /// The table, quoted.
    pub(crate) table: &'a str,
    pub(crate) scope: &'a Scope,
    /// The type's names.
    pub(crate) objects: Vec<&'a str>,
    pub(crate) filter: &'a [Node],
    pub(crate) deleted: bool,
    /// What indexes were added, where the planner has to be led to them.
    pub(crate) added: Option<Added<'a>>,
    /// What is asked for of each row, besides its id.
    pub(crate) asked: Asked<'a>,
}

/// What is asked for of each row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked<'a> {
    /// The row.
    Row,
    /// Values of the object, in the place of the row.
    Values(&'a [Column]),
    /// The row, and that of a model's table.
    Model(&'a Extension),
}

impl Rows<'_> {
    /// The rows in the order of `keys`, from after `place` on; without keys, in no order.
    pub(crate) fn select(
        &self,
        keys: &[SortKey],
        place: Option<&Place>,
        limit: Option<usize>,
    ) -> Statement {
        let mut writer = Writer::new(self.dialect);
        writer.pin = lead::pin(self);
        let mut keys = keys.to_vec();
        if writer.pin >= Some(Pin::Added) || (writer.pin == Some(Pin::Status) && limit.is_none()) {
            keys.iter_mut().take(1).for_each(SortKey::leave_index);
        }
        let keys = keys.as_slice();
        let scope = self.scope(&mut writer);
        let filter = self.filter(&mut writer);
        let after = match place {
            Some(place) => keyset::after(&mut writer, keys, place),
            None => vec![None],
        };
        let selected = self.selected();
        let values: String = keys
            .iter()
            .filter_map(|key| Some(format!(", {} AS {}", key.expression, key.column()?)))
            .collect();
        let table = self.from(&writer, limit);
        // The limit is a number in the text: of a parameter PostgreSQL's planner would expect a tenth of the rows.
        let limit = limit
            .map(|limit| format!(" LIMIT {limit}"))
            .unwrap_or_default();
        let order = order_by(keys.iter().map(SortKey::order));
        // A part by itself for each of the type's names, and for each part of what comes after the place: in each of
        // them an index has the rows in their order.
        let mut parts = Vec::new();
        for name in &self.objects {
            let object = self.object(&mut writer, name);
            for after in &after {
                let conditions: Vec<_> = [&scope, &object]
                    .into_iter()
                    .chain(&filter)
                    .chain(after)
                    .map(String::as_str)
                    .collect();
                let conditions = conditions.join(" AND ");
                parts.push(format!(
                    "SELECT stripe_id, {selected}{values} FROM {table} WHERE {conditions}{order}{limit}"
                ));
            }
        }
        if let [part] = parts.as_slice() {
            let part = part.clone();
            return writer.finish(part);
        }
        let parts: Vec<_> = parts
            .iter()
            .enumerate()
            .map(|(number, part)| format!("SELECT * FROM ({part}) AS part_{number}"))
            .collect();
        let order = order_by(keys.iter().map(SortKey::order_of_parts));
        writer.finish(format!("{}{order}{limit}", parts.join(" UNION ALL ")))
    }

    /// What is asked for of each row, besides its id.
    fn selected(&self) -> String {
        let own = match self.asked {
            Asked::Values(columns) => {
                return format!("{} AS data, object", values::values(self.dialect, columns));
            }
            Asked::Row => String::new(),
            Asked::Model(extension) => extension.selected(),
        };
        let data = match self.dialect {
            Dialect::Postgres => "data::text AS data",
            Dialect::Sqlite => "data",
        };
        format!("{data}, {COLUMNS}{own}")
    }

    /// The table, or both of them. PostgreSQL finds out by itself where to begin.
    fn from(&self, writer: &Writer, limit: Option<usize>) -> String {
        let table = self.table;
        let Asked::Model(extension) = self.asked else {
            return table.to_owned();
        };
        let own = extension.joined();
        match self.dialect {
            Dialect::Postgres if self.repeats_key() => {
                format!("{table} JOIN {own} ON stripe_id = own_stripe_id")
            }
            Dialect::Postgres => format!("{table} JOIN {own} ON {}", extension::on("", "")),
            // The first one is read first.
            Dialect::Sqlite if lead::begins_with_own(self, writer.pin, extension, limit) => {
                format!("{own} CROSS JOIN {table} ON {}", extension::on("", "+"))
            }
            Dialect::Sqlite => format!("{table} CROSS JOIN {own} ON {}", extension::on("+", "")),
        }
    }

    /// How many rows there are, or, of the first `limit`, how many.
    pub(crate) fn count(&self, limit: Option<usize>) -> Statement {
        let mut writer = Writer::new(self.dialect);
        writer.pin = lead::pin(self);
        let scope = self.scope(&mut writer);
        let filter = self.filter(&mut writer);
        let objects: Vec<_> = self
            .objects
            .iter()
            .map(|name| self.object(&mut writer, name))
            .collect();
        let conditions: Vec<_> = [scope, format!("({})", objects.join(" OR "))]
            .into_iter()
            .chain(filter)
            .collect();
        let conditions = conditions.join(" AND ");
        let table = self.from(&writer, None);
        writer.finish(match limit {
            None => format!("SELECT count(*) FROM {table} WHERE {conditions}"),
            Some(limit) => format!(
                "SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {conditions} LIMIT {limit}) AS found"
            ),
        })
    }

    /// On PostgreSQL by way of the primary key, where the filter names ids, and else of the other indexes: those are in
    /// this collation, which is `"C"` under another name, so that the planner never takes one kind for the other.
    fn collation(&self) -> &'static str {
        match self.dialect {
            Dialect::Postgres if !self.filter.iter().any(condition::names_ids) => {
                r#" COLLATE "POSIX""#
            }
            _ => "",
        }
    }

    /// Whether scope and type are said of the model's table, too, and the tables are joined by the id alone.
    ///
    /// PostgreSQL's planner then sees how many objects have a row, and for a page begins with the objects in their order;
    /// by four columns it expects fewer than there are. But without all four it finds no object's row from the model's,
    /// which is where a condition on an own column leads.
    fn repeats_key(&self) -> bool {
        self.dialect == Dialect::Postgres
            && matches!(self.asked, Asked::Model(_))
            && !self.filter.iter().any(condition::names_own)
    }

    fn scope(&self, writer: &mut Writer) -> String {
        let collation = self.collation();
        let account = writer.text(self.scope.account_column());
        let livemode = writer.parameter(Parameter::Bool(self.scope.mode().is_live()));
        let scope = format!("account{collation} = {account} AND livemode = {livemode}");
        if self.repeats_key() {
            format!("{scope} AND own_account = {account} AND own_livemode = {livemode}")
        } else {
            scope
        }
    }

    fn object(&self, writer: &mut Writer, name: &str) -> String {
        let collation = self.collation();
        let name = writer.text(name);
        if self.repeats_key() {
            format!("(object{collation} = {name} AND own_object = {name})")
        } else {
            format!("object{collation} = {name}")
        }
    }

    fn filter(&self, writer: &mut Writer) -> Vec<String> {
        let json = Json::object(self.dialect);
        let shown = (!self.deleted).then(|| "deleted_at IS NULL".to_owned());
        let filter = self
            .filter
            .iter()
            .map(|node| format!("({})", condition::condition(writer, &json, node)));
        shown.into_iter().chain(filter).collect()
    }
}

fn order_by(keys: impl Iterator<Item = String>) -> String {
    let keys: Vec<_> = keys.collect();
    if keys.is_empty() {
        String::new()
    } else {
        format!(" ORDER BY {}", keys.join(", "))
    }
}

/// Numbers parameters, and keeps their values.
#[derive(Debug)]
pub(crate) struct Writer {
    dialect: Dialect,
    parameters: Vec<Parameter>,
    /// How many elements of arrays were named so far.
    elements: usize,
    /// The index that the planner is led to, if it has to be.
    pin: Option<Pin>,
}

impl Writer {
    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            parameters: Vec::new(),
            elements: 0,
            pin: None,
        }
    }

    /// The place in the text where this value goes.
    fn parameter(&mut self, value: Parameter) -> String {
        self.parameters.push(value);
        let number = self.parameters.len();
        match self.dialect {
            Dialect::Postgres => format!("${number}"),
            Dialect::Sqlite => format!("?{number}"),
        }
    }

    fn text(&mut self, text: &str) -> String {
        self.parameter(Parameter::Text(text.to_owned()))
    }

    fn element(&mut self) -> String {
        self.elements += 1;
        format!("e{}", self.elements)
    }

    fn finish(self, sql: String) -> Statement {
        Statement {
            sql,
            parameters: self.parameters,
        }
    }
}

/// An index to be made: on fields read this way, or on columns of a model's own.
#[derive(Debug)]
pub(crate) struct IndexPlan {
    pub(crate) name: String,
    /// Quoted, and qualified as the table is.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "SQLite asks by the name alone")
    )]
    pub(crate) qualified: String,
    /// The table, quoted.
    pub(crate) table: String,
    /// What stands after the name of the table.
    pub(crate) columns: String,
    pub(crate) is_unique: bool,
}

impl IndexPlan {
    /// `None` for fields that an index of the schema serves already.
    pub(crate) fn new(
        dialect: Dialect,
        tables: &TableNames,
        field: &crate::query::Field,
    ) -> Option<Self> {
        let expression = match index_expression(&Json::object(dialect), field) {
            expression if expression.shipped => return None,
            expression => expression.text,
        };
        let collation = match dialect {
            Dialect::Postgres => r#" COLLATE "POSIX""#,
            Dialect::Sqlite => "",
        };
        let columns = format!(
            "(account{collation}, livemode, object{collation}, ({expression})) WHERE ({expression}) IS NOT NULL"
        );
        // Readable, then unmistakable; with the longest prefix and `stripe_objects_` at most 62 bytes.
        let readable: String = field
            .steps
            .iter()
            .flat_map(|step| match step {
                crate::view::Segment::Key(key) => key.chars().chain(['_']).collect::<Vec<_>>(),
                crate::view::Segment::Index(index) => {
                    index.to_string().chars().chain(['_']).collect()
                }
            })
            .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_')
            .take(10)
            .collect();
        let name = format!(
            "{}stripe_objects_{}_{:012x}_idx",
            tables.prefix(),
            readable.trim_matches('_'),
            hash([columns.as_bytes()]) & 0xffff_ffff_ffff
        );
        Some(Self {
            qualified: tables.in_schema(&name),
            name,
            table: tables.objects(),
            columns,
            is_unique: false,
        })
    }
}

impl IndexPlan {
    /// The statement that makes it, unless it is there.
    pub(crate) fn create_sql(&self, concurrently: &str) -> String {
        let unique = if self.is_unique { "UNIQUE " } else { "" };
        format!(
            "CREATE {unique}INDEX {concurrently}IF NOT EXISTS \"{}\" ON {} {}",
            self.name, self.table, self.columns
        )
    }
}

/// How a sort key's column comes out of the database.
pub(crate) fn is_text(read: Read) -> bool {
    matches!(read, Read::Text | Read::Ref | Read::Decimal)
}

impl From<crate::query::Operand> for Parameter {
    fn from(value: crate::query::Operand) -> Self {
        use crate::query::Operand;
        match value {
            Operand::Text(text) => Self::Text(text),
            Operand::Int(number) => Self::Int(number),
            Operand::Float(number) => Self::Float(number),
            Operand::Bool(value) => Self::Bool(value),
        }
    }
}
