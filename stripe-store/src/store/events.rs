//! Looking into the inbox and into the log of requests: which rows there are, and what becomes of events again.
//!
//! Knows rows and conditions. What the answers mean to whoever asks is the business of [`inbox`](crate::inbox) and of
//! `webhook`, which hand them out.

mod replay;
mod summary;

use sqlx::error::BoxDynError;

pub(crate) use self::replay::{Dead, Replayed};
pub(crate) use self::summary::StatusCount;
use super::arguments::{Arguments, Cell, Driven};
use super::error::{ObjectRef, StoreError};
use super::extension::place;
use super::stored::RawTime;
use super::{Dialect, Store, span, with_database};

/// A row of the inbox.
#[derive(Debug, Clone)]
pub(crate) struct EventRow {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) livemode: bool,
    pub(crate) event_type: String,
    pub(crate) created: i64,
    pub(crate) api_version: Option<String>,
    pub(crate) payload: String,
    pub(crate) status: String,
    pub(crate) attempts: i32,
    pub(crate) last_error: Option<String>,
    pub(crate) object: Option<String>,
    pub(crate) stripe_id: Option<String>,
    pub(crate) handled: Option<String>,
    pub(crate) due_at: Option<RawTime>,
    pub(crate) leased_until: Option<RawTime>,
    pub(crate) received_at: RawTime,
    pub(crate) updated_at: RawTime,
}

/// The columns of an [`EventRow`], in their order.
const EVENT: &str = "event_id, account, livemode, event_type, created, api_version, payload, status, attempts, \
    last_error, object, stripe_id, handled, due_at, leased_until, received_at, updated_at";

/// A row of the log of requests.
#[cfg(feature = "webhook")]
#[derive(Debug, Clone)]
pub(crate) struct DeliveryRow {
    pub(crate) id: String,
    pub(crate) endpoint: String,
    pub(crate) remote: Option<String>,
    pub(crate) headers: String,
    pub(crate) body: Option<String>,
    pub(crate) body_bytes: i64,
    pub(crate) verdict: String,
    pub(crate) http_status: i16,
    pub(crate) event_id: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) not_logged: i64,
    pub(crate) duration_us: i64,
    pub(crate) received_at: RawTime,
}

/// The columns of a [`DeliveryRow`], in their order.
#[cfg(feature = "webhook")]
const DELIVERY: &str = "delivery_id, endpoint, remote_address, headers, body, body_bytes, verdict, http_status, \
    event_id, error, not_logged, duration_us, received_at";

/// A condition on the rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// The column has this text.
    Is(&'static str, String),
    /// The column has one of these words, which are ours.
    OneOf(&'static str, Vec<&'static str>),
    /// The column begins with this text.
    Begins(&'static str, String),
    /// Any of these holds.
    Any(Vec<Condition>),
    Flag(&'static str, bool),
    AtLeast(&'static str, i64),
    Below(&'static str, i64),
    #[cfg(feature = "webhook")]
    TextAtLeast(&'static str, String),
    #[cfg(feature = "webhook")]
    TextBelow(&'static str, String),
}

/// The last row of a page: what the rows of the next one come after.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Last<'a> {
    pub(crate) created: i64,
    pub(crate) id: &'a str,
}

/// Conditions as they stand in a statement, and their parameters.
struct Clause {
    dialect: Dialect,
    arguments: Arguments,
    count: usize,
}

impl Clause {
    fn value<T: Driven>(&mut self, value: T) -> Result<String, BoxDynError> {
        self.arguments.add(value)?;
        self.count += 1;
        Ok(place(self.dialect, self.count))
    }

    /// A text, as a condition on a column; no row has one with a NUL in it.
    fn text(&mut self, column: &str, sign: &str, text: &str) -> Result<String, BoxDynError> {
        if text.contains('\0') {
            return Ok("1 = 0".to_owned());
        }
        let value = self.value(text.to_owned())?;
        Ok(format!("{column} {sign} {value}"))
    }

    fn condition(&mut self, condition: &Condition) -> Result<String, BoxDynError> {
        Ok(match condition {
            Condition::Is(column, text) => self.text(column, "=", text)?,
            // Of one status there is an index, to which SQLite does not find with `IN`.
            Condition::OneOf(column, words) => match words.as_slice() {
                [word] => format!("{column} = '{word}'"),
                words => format!("{column} IN ('{}')", words.join("', '")),
            },
            Condition::Begins(column, text) => {
                // Columns compare by their bytes, and nothing that follows is greater than the last character.
                let from = self.text(column, ">=", text)?;
                let to = self.text(column, "<", &format!("{text}\u{10ffff}"))?;
                format!("({from} AND {to})")
            }
            Condition::Any(any) => {
                let any: Result<Vec<_>, _> = any.iter().map(|it| self.condition(it)).collect();
                format!("({})", any?.join(" OR "))
            }
            Condition::Flag(column, flag) => {
                let value = self.value(*flag)?;
                format!("{column} = {value}")
            }
            Condition::AtLeast(column, number) => {
                let value = self.value(*number)?;
                format!("{column} >= {value}")
            }
            Condition::Below(column, number) => {
                let value = self.value(*number)?;
                format!("{column} < {value}")
            }
            #[cfg(feature = "webhook")]
            Condition::TextAtLeast(column, text) => self.text(column, ">=", text)?,
            #[cfg(feature = "webhook")]
            Condition::TextBelow(column, text) => self.text(column, "<", text)?,
        })
    }

    fn all(&mut self, conditions: &[Condition]) -> Result<String, BoxDynError> {
        let all: Result<Vec<_>, _> = conditions.iter().map(|it| self.condition(it)).collect();
        let all = all?;
        Ok(if all.is_empty() {
            "1 = 1".to_owned()
        } else {
            all.join(" AND ")
        })
    }
}

/// The columns of a row, one after the other.
struct Columns<'r>(Cell<'r>);

impl Columns<'_> {
    fn next<T: Driven>(&mut self) -> Result<T, sqlx::Error> {
        let value = self.0.get();
        self.0 = self.0.next();
        value
    }

    fn next_time(&mut self) -> Result<Option<RawTime>, sqlx::Error> {
        let time = self.0.time();
        self.0 = self.0.next();
        time
    }

    /// A time in a column that is never null.
    fn next_time_of(&mut self) -> Result<RawTime, sqlx::Error> {
        Ok(self.next_time()?.unwrap_or(Err(String::new())))
    }
}

fn event_row(cell: Cell<'_>) -> Result<EventRow, sqlx::Error> {
    let mut columns = Columns(cell);
    Ok(EventRow {
        id: columns.next()?,
        account: columns.next()?,
        livemode: columns.next()?,
        event_type: columns.next()?,
        created: columns.next()?,
        api_version: columns.next()?,
        payload: columns.next()?,
        status: columns.next()?,
        attempts: columns.next()?,
        last_error: columns.next()?,
        object: columns.next()?,
        stripe_id: columns.next()?,
        handled: columns.next()?,
        due_at: columns.next_time()?,
        leased_until: columns.next_time()?,
        received_at: columns.next_time_of()?,
        updated_at: columns.next_time_of()?,
    })
}

#[cfg(feature = "webhook")]
fn delivery_row(cell: Cell<'_>) -> Result<DeliveryRow, sqlx::Error> {
    let mut columns = Columns(cell);
    Ok(DeliveryRow {
        id: columns.next()?,
        endpoint: columns.next()?,
        remote: columns.next()?,
        headers: columns.next()?,
        body: columns.next()?,
        body_bytes: columns.next()?,
        verdict: columns.next()?,
        http_status: columns.next()?,
        event_id: columns.next()?,
        error: columns.next()?,
        not_logged: columns.next()?,
        duration_us: columns.next()?,
        received_at: columns.next_time_of()?,
    })
}

fn number(cell: Cell<'_>) -> Result<i64, sqlx::Error> {
    cell.get()
}

impl Store {
    fn clause(&self) -> Clause {
        Clause {
            dialect: self.dialect(),
            arguments: self.arguments(),
            count: 0,
        }
    }

    /// Events of the inbox, the newest first, from after one on.
    pub(crate) async fn event_rows(
        &self,
        conditions: &[Condition],
        after: Option<Last<'_>>,
        limit: usize,
    ) -> Result<Vec<EventRow>, StoreError> {
        let mut clause = self.clause();
        let mut select = || {
            let mut conditions = clause.all(conditions)?;
            if let Some(last) = after {
                let (created, id) = (
                    clause.value(last.created)?,
                    clause.value(last.id.to_owned())?,
                );
                conditions = format!("{conditions} AND (created, event_id) < ({created}, {id})");
            }
            Ok(format!(
                "SELECT {EVENT} FROM {} WHERE {conditions} ORDER BY created DESC, event_id DESC LIMIT {limit}",
                self.tables().events()
            ))
        };
        let sql = select().map_err(|error| self.log_error("read", sqlx::Error::Encode(error)))?;
        self.log_cells("stripe_store.events", sql, clause.arguments, event_row)
            .await
    }

    /// Requests of the log, the last first, from before one on.
    #[cfg(feature = "webhook")]
    pub(crate) async fn delivery_rows(
        &self,
        conditions: &[Condition],
        limit: usize,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let mut clause = self.clause();
        let conditions = clause
            .all(conditions)
            .map_err(|error| self.log_error("read", sqlx::Error::Encode(error)))?;
        let sql = format!(
            "SELECT {DELIVERY} FROM {} WHERE {conditions} ORDER BY delivery_id DESC LIMIT {limit}",
            self.tables().deliveries()
        );
        self.log_cells(
            "stripe_store.deliveries",
            sql,
            clause.arguments,
            delivery_row,
        )
        .await
    }

    /// How many events there are.
    pub(crate) async fn count_events(&self, conditions: &[Condition]) -> Result<u64, StoreError> {
        self.count_rows(&self.tables().events(), conditions).await
    }

    /// How many requests there are in the log.
    #[cfg(feature = "webhook")]
    pub(crate) async fn count_deliveries(
        &self,
        conditions: &[Condition],
    ) -> Result<u64, StoreError> {
        self.count_rows(&self.tables().deliveries(), conditions)
            .await
    }

    async fn count_rows(&self, table: &str, conditions: &[Condition]) -> Result<u64, StoreError> {
        let mut clause = self.clause();
        let conditions = clause
            .all(conditions)
            .map_err(|error| self.log_error("count", sqlx::Error::Encode(error)))?;
        let sql = format!("SELECT count(*) FROM {table} WHERE {conditions}");
        let counted = self
            .log_cells("stripe_store.count_events", sql, clause.arguments, number)
            .await?;
        Ok(counted
            .first()
            .and_then(|count| u64::try_from(*count).ok())
            .unwrap_or(0))
    }

    /// Rows of the tables that the store keeps for its own work, each as `read` has it.
    async fn log_cells<T: Send>(
        &self,
        what: &'static str,
        sql: String,
        arguments: Arguments,
        read: fn(Cell<'_>) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, StoreError> {
        let span = tracing::debug_span!(
            "stripe_store.inbox",
            what,
            duration_ms = tracing::field::Empty
        );
        span::timed(span, async {
            with_database!(self, database => database.cells(sql, arguments, read).await)
        })
        .await
        .map_err(|source| self.log_error("read", source))
    }

    fn log_error(&self, action: &'static str, source: sqlx::Error) -> StoreError {
        let table = self.tables().events().replace('"', "");
        StoreError::database(action, ObjectRef::Events, &table, source)
    }
}
