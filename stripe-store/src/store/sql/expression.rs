//! What a getter reads, as an expression.

use std::fmt::Write as _;

use super::CUT;
use crate::query::{Field, Read};
use crate::store::Dialect;
use crate::view::Segment;

/// References that the schema has an index on.
pub(super) const REFERENCES: [&str; 4] = ["customer", "invoice", "payment_intent", "subscription"];

/// What the primary key ends with.
pub(super) const ID: &str = "stripe_id";

/// Sorts lists; the same expressions as in the index `stripe_objects_created_idx`.
const POSTGRES_CREATED: &str = "(CASE WHEN jsonb_typeof(data -> 'created') = 'number' \
    THEN trunc(least(greatest((data -> 'created')::numeric, 0), 9999999999))::bigint ELSE 0 END)";
const SQLITE_CREATED: &str = "(CASE WHEN json_type(data, '$.created') IN ('integer', 'real') \
    THEN CAST(min(max(data ->> '$.created', 0), 9999999999) AS INTEGER) ELSE 0 END)";

/// `created` as lists sort it: within 0 and 9999999999.
pub(crate) const fn created(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => POSTGRES_CREATED,
        Dialect::Sqlite => SQLITE_CREATED,
    }
}

/// A JSON value that conditions look into: the object, or the element of an array.
#[derive(Debug, Clone)]
pub(crate) enum Json {
    /// An expression of type `jsonb`.
    Postgres(String),
    /// The column `data`.
    Sqlite,
    /// The row of `json_each` under this name, whose text is JSON only where the type says so.
    SqliteElement(String),
}

/// A value inside of [`Json`], as the functions of the database see it.
enum At {
    /// An expression of type `jsonb`.
    Postgres(String),
    Sqlite {
        /// The name of the JSON type; NULL when there is no value.
        kind: String,
        /// The value as SQL sees it.
        value: String,
        /// The type and the value of the member `id`.
        id: (String, String),
    },
}

impl Json {
    pub(crate) fn object(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Postgres => Self::Postgres("data".to_owned()),
            Dialect::Sqlite => Self::Sqlite,
        }
    }

    fn is_object(&self) -> bool {
        match self {
            Self::Postgres(root) => root == "data",
            Self::Sqlite => true,
            Self::SqliteElement(_) => false,
        }
    }

    fn at(&self, steps: &[Segment]) -> At {
        match self {
            Self::Postgres(root) => At::Postgres(postgres_path(root, steps)),
            Self::Sqlite => {
                let path = |more| sqlite_path(steps, more);
                At::Sqlite {
                    kind: format!("json_type(data, {})", path(None)),
                    value: format!("data ->> {}", path(None)),
                    id: (
                        format!("json_type(data, {})", path(Some("id"))),
                        format!("data ->> {}", path(Some("id"))),
                    ),
                }
            }
            Self::SqliteElement(name) => {
                let json =
                    format!("(CASE WHEN {name}.type IN ('object', 'array') THEN {name}.value END)");
                let path = |more| sqlite_path(steps, more);
                let id = (
                    format!("json_type({json}, {})", path(Some("id"))),
                    format!("{json} ->> {}", path(Some("id"))),
                );
                let (kind, value) = if steps.is_empty() {
                    (format!("{name}.type"), format!("{name}.value"))
                } else {
                    (
                        format!("json_type({json}, {})", path(None)),
                        format!("{json} ->> {}", path(None)),
                    )
                };
                At::Sqlite { kind, value, id }
            }
        }
    }

    /// What the getter reads, NULL where it reads nothing. Of objects, arrays and the like: whether it reads.
    pub(crate) fn read(&self, field: &Field) -> String {
        match self.at(&field.steps) {
            At::Postgres(at) => postgres_read(&at, field.read),
            At::Sqlite { kind, value, id } => sqlite_read(&kind, &value, &id, field.read),
        }
    }

    /// Whether the getter reads something.
    pub(crate) fn is_present(&self, field: &Field) -> String {
        let types: &[&str] = match (field.read, self) {
            (Read::Object, _) => &["object"],
            (Read::Array, _) => &["array"],
            (Read::Decimal, Self::Postgres(_)) => &["string", "number"],
            (Read::Decimal, _) => &["text", "integer", "real"],
            (Read::Json, _) => &["null"],
            _ => return format!("({}) IS NOT NULL", self.read(field)),
        };
        let kind = match self.at(&field.steps) {
            At::Postgres(at) => format!("jsonb_typeof({at})"),
            At::Sqlite { kind, .. } => kind,
        };
        let list = types.join("', '");
        if field.read == Read::Json {
            format!("{kind} NOT IN ('{list}')")
        } else {
            format!("{kind} IN ('{list}')")
        }
    }

    /// Whether there is a value, `null` counted.
    pub(crate) fn exists(&self, field: &Field) -> String {
        match self.at(&field.steps) {
            At::Postgres(at) => format!("({at}) IS NOT NULL"),
            At::Sqlite { kind, .. } => format!("{kind} IS NOT NULL"),
        }
    }

    /// The elements of an array as rows under `name`, and an element as JSON. No rows where there is no array.
    pub(crate) fn elements(&self, steps: &[Segment], name: &str) -> (String, Self) {
        match self.at(steps) {
            At::Postgres(at) => (
                format!(
                    "jsonb_array_elements(CASE WHEN jsonb_typeof({at}) = 'array' THEN {at} END) AS {name} (value)"
                ),
                Self::Postgres(format!("{name}.value")),
            ),
            At::Sqlite { kind, value, .. } => (
                format!("json_each(CASE WHEN {kind} = 'array' THEN {value} END) AS {name}"),
                Self::SqliteElement(name.to_owned()),
            ),
        }
    }
}

/// What an index on a field holds.
pub(super) struct IndexExpression {
    pub(super) text: String,
    /// The index is in the schema. It looks less closely at types than the getter does.
    pub(super) shipped: bool,
    /// The index holds the first characters of texts, and not all.
    cut: bool,
}

impl IndexExpression {
    /// What the index holds of a text.
    pub(super) fn of_text(&self, text: &str) -> String {
        if self.cut {
            text.chars().take(CUT).collect()
        } else {
            text.to_owned()
        }
    }

    /// Whether a text is this one, when the index holds the same of both.
    pub(super) fn tells_apart(&self, text: &str) -> bool {
        !self.shipped && (!self.cut || text.chars().nth(CUT - 1).is_none())
    }
}

/// What an index on this field holds, in the very spelling that the planner looks for.
pub(super) fn index_expression(json: &Json, field: &Field) -> IndexExpression {
    if let Some(text) = shipped(json, field) {
        return IndexExpression {
            cut: matches!(json, Json::Postgres(_)) && text != ID,
            text,
            shipped: true,
        };
    }
    let read = json.read(field);
    let is_text = super::is_text(field.read);
    IndexExpression {
        text: if is_text { cut(json, &read) } else { read },
        shipped: false,
        cut: is_text,
    }
}

/// The first characters of a text, in the order of their bytes.
pub(super) fn cut(json: &Json, text: &str) -> String {
    match json {
        Json::Postgres(_) => format!("(left({text}, {CUT}) COLLATE \"C\")"),
        Json::Sqlite | Json::SqliteElement(_) => format!("substr({text}, 1, {CUT})"),
    }
}

/// As the migrations have it.
fn shipped(json: &Json, field: &Field) -> Option<String> {
    let name = field.top().filter(|_| json.is_object())?;
    if name == "id" && field.read == Read::Text {
        // The key is the object's own id, wherever it has one.
        return Some(ID.to_owned());
    }
    let text = matches!(field.read, Read::Text | Read::Ref);
    let postgres = matches!(json, Json::Postgres(_));
    if name == "status" && field.read == Read::Text {
        return Some(if postgres {
            "left(data ->> 'status', 255)".to_owned()
        } else {
            "data ->> '$.status'".to_owned()
        });
    }
    if text && REFERENCES.contains(&name) {
        return Some(if postgres {
            format!("left(coalesce(data #>> '{{{name},id}}', data ->> '{name}'), 255)")
        } else {
            format!("coalesce(data ->> '$.{name}.id', data ->> '$.{name}')")
        });
    }
    (name == "created" && field.read == Read::Int).then(|| {
        let dialect = if postgres {
            Dialect::Postgres
        } else {
            Dialect::Sqlite
        };
        created(dialect).to_owned()
    })
}

pub(super) fn postgres_path(root: &str, steps: &[Segment]) -> String {
    let mut path = root.to_owned();
    for step in steps {
        path = match step {
            // No document has a NUL in it, and no statement can.
            Segment::Key(key) if key.contains('\0') => return "NULL::jsonb".to_owned(),
            Segment::Key(key) => format!("{path} -> {}", postgres_literal(key)),
            // A lone value is the first element of itself to `->`.
            Segment::Index(index) => match i32::try_from(*index) {
                Ok(index) => {
                    format!("CASE WHEN jsonb_typeof({path}) = 'array' THEN {path} -> {index} END")
                }
                Err(_) => return "NULL::jsonb".to_owned(),
            },
        };
        if let Segment::Index(_) = step {
            path = format!("({path})");
        }
    }
    path
}

/// A literal that means the same whatever the server's `standard_conforming_strings` says.
fn postgres_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// The path as a literal. A key of more than letters, digits and underscores is spelled as in JSON, escapes included.
pub(super) fn sqlite_path(steps: &[Segment], more: Option<&'static str>) -> String {
    let mut path = "$".to_owned();
    let more = more.map(|key| Segment::Key(key.into()));
    for step in steps.iter().chain(&more) {
        let _infallible = match step {
            Segment::Key(key) if is_plain(key) => write!(path, ".{key}"),
            Segment::Key(key) => write!(path, ".{}", serde_json::Value::from(key.as_ref())),
            // SQLite counts in 32 bits, and no array is that long.
            Segment::Index(index) => write!(path, "[{}]", index.min(&0x7fff_ffff)),
        };
    }
    format!("'{}'", path.replace('\'', "''"))
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric())
}

fn postgres_read(at: &str, read: Read) -> String {
    let number = format!("({at})::numeric");
    match read {
        Read::Text => {
            format!("CASE WHEN jsonb_typeof({at}) = 'string' THEN ({at}) #>> '{{}}' END")
        }
        Read::Ref => format!(
            "CASE jsonb_typeof({at}) WHEN 'string' THEN ({at}) #>> '{{}}' WHEN 'object' THEN \
             CASE WHEN jsonb_typeof({at} -> 'id') = 'string' THEN {at} ->> 'id' END END"
        ),
        Read::Int => format!(
            "CASE WHEN jsonb_typeof({at}) = 'number' THEN {} END",
            postgres_int(&number)
        ),
        Read::IntText => {
            let text = format!("({at}) #>> '{{}}'");
            format!(
                "CASE jsonb_typeof({at}) WHEN 'number' THEN {} \
                 WHEN 'string' THEN CASE WHEN {text} ~ '^[+-]?0{{0,99}}[0-9]{{1,19}}$' THEN \
                 CASE WHEN ({text})::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 \
                 THEN ({text})::bigint END END END",
                postgres_int(&number)
            )
        }
        // Past the smallest and the largest, PostgreSQL would refuse to convert.
        Read::Float => format!(
            "CASE WHEN jsonb_typeof({at}) = 'number' THEN \
             CASE WHEN abs({number}) <= 2.4703282292062327e-324 THEN 0 \
             WHEN abs({number}) <= 1.7976931348623157e308 THEN ({number})::float8 END END"
        ),
        Read::Bool => {
            format!("CASE WHEN jsonb_typeof({at}) = 'boolean' THEN ({at})::boolean END")
        }
        Read::Decimal | Read::Json => {
            format!("CASE WHEN jsonb_typeof({at}) <> 'null' THEN ({at}) #>> '{{}}' END")
        }
        Read::Object | Read::Array => format!("jsonb_typeof({at})"),
    }
}

/// A whole number: exactly, or one that is spelled with a fraction or exponent, by way of a float as in the getter.
fn postgres_int(number: &str) -> String {
    let float = format!("({number})::float8");
    format!(
        "CASE WHEN scale({number}) = 0 AND {number} BETWEEN -9223372036854775808 AND 9223372036854775807 \
         THEN ({number})::bigint \
         WHEN abs({number}) <= 2.4703282292062327e-324 THEN 0 \
         WHEN abs({number}) < 1e19 THEN CASE WHEN {float} = trunc({float}) \
         AND {float} >= -9223372036854775808 AND {float} < 9223372036854775808 THEN {float}::bigint END END"
    )
}

fn sqlite_read(kind: &str, value: &str, id: &(String, String), read: Read) -> String {
    match read {
        Read::Text => format!("CASE {kind} WHEN 'text' THEN {value} END"),
        Read::Ref => {
            let (id_kind, id) = id;
            format!(
                "CASE {kind} WHEN 'text' THEN {value} WHEN 'object' THEN CASE {id_kind} WHEN 'text' THEN {id} END END"
            )
        }
        Read::Int => format!(
            "CASE WHEN {kind} IN ('integer', 'real') THEN {} END",
            sqlite_int(value)
        ),
        Read::IntText => {
            let digits = format!(
                "ltrim(CASE WHEN substr({value}, 1, 1) IN ('+', '-') THEN substr({value}, 2) ELSE {value} END, '0')"
            );
            format!(
                "CASE WHEN {kind} IN ('integer', 'real') THEN {} \
                 WHEN {kind} = 'text' AND {value} GLOB '*[0-9]' AND {digits} NOT GLOB '*[^0-9]*' \
                 AND (length({digits}) < 19 OR length({digits}) = 19 AND {digits} <= \
                 CASE substr({value}, 1, 1) WHEN '-' THEN '9223372036854775808' ELSE '9223372036854775807' END) \
                 THEN CAST({value} AS INTEGER) END",
                sqlite_int(value)
            )
        }
        Read::Float => {
            format!(
                "CASE WHEN {kind} IN ('integer', 'real') AND {value} BETWEEN -1.7976931348623157e308 \
                 AND 1.7976931348623157e308 THEN CAST({value} AS REAL) END"
            )
        }
        Read::Bool => format!("CASE {kind} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"),
        Read::Decimal | Read::Json => format!("CASE WHEN {kind} <> 'null' THEN {value} END"),
        Read::Object | Read::Array => kind.to_owned(),
    }
}

/// A whole number. What does not fit into an integer is a float to SQLite, as to the getter.
fn sqlite_int(value: &str) -> String {
    format!(
        "CASE WHEN typeof({value}) = 'integer' THEN {value} \
         WHEN {value} >= -9223372036854775808.0 AND {value} < 9223372036854775808.0 \
         AND {value} = CAST({value} AS INTEGER) THEN CAST({value} AS INTEGER) END"
    )
}
