//! The table as lines of text, for a backup or for another database.
//!
//! Reads pages in the order of keys, within one transaction that sees one moment of the database. Knows what a line
//! looks like ([`line`]); what reads lines back is [`ingest`](crate::ingest).

mod line;

use std::fmt;

use self::line::Lines;
use super::dirty::DirtyReason;
use super::error::{ObjectRef, StoreError};
use super::rivals::Change;
use super::scope::{AccountId, Mode};
use super::stored::RawTime;
use super::{Database, Store, span};
use crate::clock::UnixMillis;

/// The version of the lines that [`Store::export`] writes. Lines of a later one are refused.
pub const EXPORT_VERSION: i64 = 1;

/// How many rows a page has at most, and after how many bytes of data it ends.
pub(crate) const PAGE_ROWS: i64 = 500;
pub(crate) const PAGE_BYTES: i64 = 4 << 20;

impl Store {
    /// Every row as a line of JSON, for a backup, or to be [imported](Self::import) into another database of either
    /// kind: every account and both modes, whatever the handle's scope, unless the export is narrowed.
    ///
    /// The lines hold what decides which of two snapshots is newer, and tombstones, so that an import is a write like
    /// any other. Left out is when rows were made and changed here (`created_at`, `updated_at`): an import makes rows
    /// of its own.
    ///
    /// ```
    /// # use stripe_store::Store;
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # store.migrate().await?;
    /// # let mut file = Vec::new();
    /// use std::io::Write as _;
    ///
    /// let mut export = store.export().of_types(["customer", "subscription"]).begin().await?;
    /// while let Some(page) = export.next_page().await? {
    ///     file.write_all(page.text().as_bytes()).expect("room on the disk");
    /// }
    /// # assert!(String::from_utf8(file).unwrap().starts_with(r#"{"row":"header","#));
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    pub fn export(&self) -> Export {
        Export {
            store: self.clone(),
            filter: Filter::default(),
        }
    }
}

/// An export being asked for; [`begin`](Self::begin) starts it.
#[must_use = "call `begin` to start"]
#[derive(Debug, Clone)]
pub struct Export {
    store: Store,
    filter: Filter,
}

/// Which rows are exported.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// All types when empty.
    pub(crate) types: Vec<String>,
    pub(crate) account: Option<AccountId>,
    pub(crate) mode: Option<Mode>,
    pub(crate) since: Option<UnixMillis>,
}

impl Export {
    /// Only objects of these types, as Stripe names them. Default: every type.
    pub fn of_types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.filter.types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Only rows of this account; the empty id is that of the account that the API key belongs to. Default: every one.
    pub fn of_account(mut self, account: impl Into<AccountId>) -> Self {
        self.filter.account = Some(account.into());
        self
    }

    /// Only rows of this mode. Default: both.
    pub fn of_mode(mut self, mode: Mode) -> Self {
        self.filter.mode = Some(mode);
        self
    }

    /// Only rows whose data changed here, or whose object was deleted, at this moment or later, by the store's clock
    /// ([`Stored::updated_at`](super::Stored::updated_at)). Default: whenever.
    pub fn changed_since(mut self, moment: impl Into<UnixMillis>) -> Self {
        self.filter.since = Some(moment.into());
        self
    }

    /// Begins: what is exported is the table as it is now, whatever is written in the meantime.
    ///
    /// Holds a connection and a transaction, which blocks no writer, until the [`Exporting`] is dropped. It keeps the
    /// database from giving up old versions of rows, so an export should not be left lying. On `sqlite::memory:` it has
    /// the one connection that there is, and everything else waits.
    ///
    /// Reads where the handle reads: from the [reader](Store::with_reader), if there is one.
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database), [`PoolTimedOut`](StoreError::PoolTimedOut) or
    /// [`NotMigrated`](StoreError::NotMigrated) when the transaction cannot begin.
    pub async fn begin(self) -> Result<Exporting, StoreError> {
        let begun = match self.store.reader() {
            #[cfg(feature = "postgres")]
            Database::Postgres(database) => database
                .begin_export(self.store.tables())
                .await
                .map(Transaction::Postgres),
            #[cfg(feature = "sqlite")]
            Database::Sqlite(database) => database
                .begin_export(self.store.tables())
                .await
                .map(Transaction::Sqlite),
        };
        let transaction = begun.map_err(|source| self.error(source))?;
        Ok(Exporting {
            export: self,
            transaction,
            after: None,
            lines: 0,
            state: State::Begun,
        })
    }

    fn error(&self, source: sqlx::Error) -> StoreError {
        self.store.read_error("export", ObjectRef::All, source)
    }
}

/// An export under way: [`next_page`](Self::next_page) gives its text.
pub struct Exporting {
    export: Export,
    transaction: Transaction,
    after: Option<RowKey>,
    /// How many lines were written but the first.
    lines: u64,
    state: State,
}

enum Transaction {
    #[cfg(feature = "postgres")]
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
}

/// Runs `$call` of the module `export` of the database that the transaction is on.
macro_rules! with_transaction {
    ($exporting:expr, $call:ident($($argument:expr),*)) => {
        match &mut $exporting.transaction {
            #[cfg(feature = "postgres")]
            Transaction::Postgres(transaction) => {
                super::postgres::export::$call(transaction, $($argument),*).await
            }
            #[cfg(feature = "sqlite")]
            Transaction::Sqlite(transaction) => {
                super::sqlite::export::$call(transaction, $($argument),*).await
            }
        }
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Begun,
    Rows,
    Done,
}

impl Exporting {
    /// How many rows this export has, for a progress bar. Reads every row that it is about to read.
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database) when the query fails.
    pub async fn count_rows(&mut self) -> Result<u64, StoreError> {
        let tables = self.export.store.tables().clone();
        let counted = with_transaction!(self, count(&tables, &self.export.filter));
        let count = counted.map_err(|source| self.export.error(source))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The next lines: the first page begins with the header, the last one ends with the line that says so. `None`
    /// after it.
    ///
    /// A page is up to 500 rows of about 4 MiB together, or a larger one alone, so that memory stays bounded however
    /// large the table is.
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database) when a query fails, [`Row`](StoreError::Row) when a row was not written by a
    /// store and cannot be read. What was given out is no whole export then.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing: the next call gives the page.
    pub async fn next_page(&mut self) -> Result<Option<ExportPage>, StoreError> {
        if self.state == State::Done {
            return Ok(None);
        }
        let span = tracing::debug_span!("stripe_store.export", duration_ms = tracing::field::Empty);
        let page = span::timed(span, self.fetch()).await?;
        let mut lines = Lines::default();
        if self.state == State::Begun {
            lines.header();
        }
        let mut rivals = page.rivals.iter().peekable();
        let mut marks = page.marks.iter().peekable();
        for (at, row) in page.rows.iter().enumerate() {
            lines.object(row, self.deleted_at(row)?);
            self.lines += 1;
            while let Some((_, rival)) = rivals.next_if(|(of, _)| *of == at) {
                lines.rival(&row.key, rival);
                self.lines += 1;
            }
            while let Some((_, mark)) = marks.next_if(|(of, _)| *of == at) {
                lines.dirty(&row.key, mark);
                self.lines += 1;
            }
        }
        let rows = page.rows.len();
        if let Some(last) = page.rows.into_iter().next_back() {
            self.after = Some(last.key);
            self.state = State::Rows;
        } else {
            lines.end(self.lines);
            self.state = State::Done;
        }
        Ok(Some(ExportPage {
            text: lines.into_text(),
            rows,
        }))
    }

    async fn fetch(&mut self) -> Result<FetchedPage, StoreError> {
        let tables = self.export.store.tables().clone();
        let start = RowKey::default();
        let after = self.after.as_ref().unwrap_or(&start);
        let fetched = with_transaction!(self, page(&tables, &self.export.filter, after));
        fetched.map_err(|source| self.export.error(source))
    }

    fn deleted_at(&self, row: &ExportRow) -> Result<Option<i64>, StoreError> {
        let moment = row.deleted_at.clone().transpose();
        let moment = moment.map_err(|text| StoreError::Row {
            table: self.export.store.inner.table.clone(),
            column: "deleted_at",
            object: ObjectRef::one(&row.key.object, &row.key.stripe_id),
            source: super::RowError::Time { text },
        })?;
        Ok(moment.map(UnixMillis::as_millis))
    }
}

impl fmt::Debug for Exporting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporting")
            .field("export", &self.export)
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}

/// Some lines of an export. `Debug` shows no data.
#[derive(Clone, PartialEq, Eq)]
pub struct ExportPage {
    text: String,
    rows: usize,
}

impl ExportPage {
    /// The lines, each with the line feed that ends it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many rows of the table of objects are in it.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

impl fmt::Debug for ExportPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportPage")
            .field("bytes", &self.text.len())
            .field("rows", &self.rows)
            .finish()
    }
}

/// A row's key, as read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RowKey {
    pub(crate) account: String,
    pub(crate) livemode: bool,
    pub(crate) object: String,
    pub(crate) stripe_id: String,
}

/// A snapshot, as a row of either table holds it.
#[derive(Debug)]
pub(crate) struct ExportSnapshot {
    pub(crate) data: String,
    pub(crate) api_version: Option<String>,
    pub(crate) as_of: i64,
    pub(crate) as_of_until: i64,
    pub(crate) source: String,
    pub(crate) previous: Option<String>,
    pub(crate) change: Change,
}

/// A row of the table of objects.
#[derive(Debug)]
pub(crate) struct ExportRow {
    pub(crate) key: RowKey,
    pub(crate) snapshot: ExportSnapshot,
    pub(crate) deleted_at: Option<RawTime>,
    pub(crate) has_rivals: bool,
}

/// A mark that an object has to be read again.
#[derive(Debug)]
pub(crate) struct ExportMark {
    /// From when on a new look at Stripe settles what is open, in unix milliseconds.
    pub(crate) not_before: i64,
    pub(crate) reason: DirtyReason,
}

/// Some rows in the order of keys, and what other tables hold of their objects, by the row's place.
#[derive(Debug, Default)]
pub(crate) struct FetchedPage {
    pub(crate) rows: Vec<ExportRow>,
    /// In the order of rows, and of their places.
    pub(crate) rivals: Vec<(usize, ExportSnapshot)>,
    /// In the order of rows.
    pub(crate) marks: Vec<(usize, ExportMark)>,
}
