//! The log of requests, looked into.

use std::fmt;
use std::time::Duration;

use super::outcome::Verdict;
use crate::clock::UnixMillis;
use crate::store::{
    Condition, Cursor, DeliveryRow, ObjectRef, Position, RowError, Scope, Store, StoreError,
};

/// What cursors and errors call a request.
const LIST: &str = "delivery";

/// A request of the log: what reached an endpoint, and what became of it.
///
/// `Debug` shows neither body nor headers.
#[derive(Clone)]
pub struct Delivery {
    row: DeliveryRow,
    verdict: Verdict,
    received_at: UnixMillis,
}

impl Delivery {
    /// Its id, as in [`Outcome::delivery_id`](super::Outcome::delivery_id). It begins with the time.
    pub fn id(&self) -> &str {
        &self.row.id
    }

    /// The name of the endpoint that it was for; empty for the one without a name.
    pub fn endpoint(&self) -> &str {
        &self.row.endpoint
    }

    /// The sender's address, where known.
    pub fn remote(&self) -> Option<&str> {
        self.row.remote.as_deref()
    }

    /// The headers, names and values; secrets, and the signature, read `[redacted]`.
    pub fn headers(&self) -> Vec<(String, String)> {
        serde_json::from_str(&self.row.headers).unwrap_or_default()
    }

    /// The body as it was received, where it is another than what the inbox has of the event: what was refused, or what was
    /// read from Stripe in its place. Only its beginning where it is long, `<binary>` where it is no text.
    pub fn body(&self) -> Option<&str> {
        self.row.body.as_deref()
    }

    /// How long the body was, in bytes.
    pub fn body_bytes(&self) -> u64 {
        u64::try_from(self.row.body_bytes).unwrap_or(0)
    }

    /// What became of it.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The HTTP status that was answered.
    pub fn http_status(&self) -> u16 {
        u16::try_from(self.row.http_status).unwrap_or(0)
    }

    /// The id of its event, where it was read.
    pub fn event_id(&self) -> Option<&str> {
        self.row.event_id.as_deref()
    }

    /// Why it was not accepted, in full.
    pub fn error(&self) -> Option<&str> {
        self.row.error.as_deref()
    }

    /// How many requests that were refused came before it and have no row, because there were too many.
    pub fn not_logged(&self) -> u64 {
        u64::try_from(self.row.not_logged).unwrap_or(0)
    }

    /// How long it took until what became of it went to the database.
    pub fn duration(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.row.duration_us).unwrap_or(0))
    }

    /// When it came, by the store's clock.
    pub fn received_at(&self) -> UnixMillis {
        self.received_at
    }

    fn read(row: DeliveryRow, table: &str) -> Result<Self, StoreError> {
        let fail = |column, source| StoreError::Row {
            table: table.to_owned(),
            column,
            object: ObjectRef::one(LIST, &row.id),
            source,
        };
        let verdict = Verdict::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == row.verdict)
            .ok_or_else(|| {
                let text = row.verdict.clone();
                fail("verdict", RowError::Word { text })
            })?;
        let received_at = row
            .received_at
            .clone()
            .map_err(|text| fail("received_at", RowError::Time { text }))?;
        Ok(Self {
            row,
            verdict,
            received_at,
        })
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.row.id)
            .field("verdict", &self.verdict)
            .field("event_id", &self.row.event_id)
            .finish_non_exhaustive()
    }
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Accepted,
        Self::Duplicate,
        Self::Ignored,
        Self::Kept,
        Self::Invalid,
        Self::Failed,
    ];
}

/// A list of requests of the log being asked for; [`page`](Self::page) fetches, the last that came first.
///
/// Pages are read in the order of coming; a page of what hardly any request fits reads past all others, down to
/// [`since`](Self::since).
#[must_use = "nothing is read before `page` or `count`"]
#[derive(Debug, Clone)]
pub struct Deliveries {
    store: Store,
    verdicts: Vec<Verdict>,
    event: Option<String>,
    endpoint: Option<String>,
    since: Option<UnixMillis>,
    until: Option<UnixMillis>,
    limit: usize,
    after: Option<Cursor>,
}

impl Deliveries {
    /// The most requests that a page can have.
    pub const MAX_LIMIT: usize = 1000;

    /// Only those that this became of; called again, or that.
    pub fn verdict(mut self, verdict: Verdict) -> Self {
        self.verdicts.push(verdict);
        self
    }

    /// Only those that brought the event with this id, or claimed to.
    pub fn event(self, id: impl Into<String>) -> Self {
        Self {
            event: Some(id.into()),
            ..self
        }
    }

    /// Only those to the endpoint with this name; empty for the one without a name.
    pub fn endpoint(self, name: impl Into<String>) -> Self {
        Self {
            endpoint: Some(name.into()),
            ..self
        }
    }

    /// Only those that came at this moment or later.
    pub fn since(self, moment: UnixMillis) -> Self {
        Self {
            since: Some(moment),
            ..self
        }
    }

    /// Only those that came before this moment.
    pub fn until(self, moment: UnixMillis) -> Self {
        Self {
            until: Some(moment),
            ..self
        }
    }

    /// How many requests a page has: 1 to [`MAX_LIMIT`](Self::MAX_LIMIT), which is 1000. Default: 10.
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Goes on where a page ended, with its [`next`](DeliveryPage::next).
    pub fn after(self, cursor: &Cursor) -> Self {
        Self {
            after: Some(cursor.clone()),
            ..self
        }
    }

    fn conditions(&self) -> Vec<Condition> {
        let mut all = Vec::new();
        if !self.verdicts.is_empty() {
            let words = self.verdicts.iter().map(|verdict| verdict.as_str());
            all.push(Condition::OneOf("verdict", words.collect()));
        }
        let texts = [("event_id", &self.event), ("endpoint", &self.endpoint)];
        for (column, text) in texts {
            all.extend(text.clone().map(|text| Condition::Is(column, text)));
        }
        // Ids begin with the time.
        let id = |moment: UnixMillis| format!("{:012x}", moment.as_millis());
        let since = self.since.map(id);
        all.extend(since.map(|since| Condition::TextAtLeast("delivery_id", since)));
        let until = self.until.map(id);
        all.extend(until.map(|until| Condition::TextBelow("delivery_id", until)));
        all
    }

    /// Fetches a page.
    ///
    /// # Errors
    ///
    /// [`Limit`](StoreError::Limit) when the limit is 0 or over the most; [`Cursor`](StoreError::Cursor) when the cursor is
    /// of another list; [`Database`](StoreError::Database), [`NotMigrated`](StoreError::NotMigrated) or
    /// [`Row`](StoreError::Row) when the log cannot be read.
    pub async fn page(&self) -> Result<DeliveryPage, StoreError> {
        if self.limit == 0 || self.limit > Self::MAX_LIMIT {
            return Err(StoreError::Limit {
                limit: self.limit,
                max: Self::MAX_LIMIT,
            });
        }
        let mut conditions = self.conditions();
        let (scope, key) = (Scope::default(), format!("{LIST}{conditions:?}"));
        if let Some(cursor) = &self.after {
            let last = cursor.position(&scope, &key)?.id.clone();
            conditions.push(Condition::TextBelow("delivery_id", last));
        }
        let mut rows = self
            .store
            .delivery_rows(&conditions, self.limit.saturating_add(1))
            .await?;
        let has_more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let position = |row: &DeliveryRow| Position {
            created: 0,
            id: row.id.clone(),
            object: LIST.to_owned(),
        };
        let next = rows
            .last()
            .filter(|_| has_more)
            .map(|last| Cursor::new(&scope, &key, position(last)));
        let table = self.store.tables().deliveries().replace('"', "");
        let data = rows
            .into_iter()
            .map(|row| Delivery::read(row, &table))
            .collect::<Result<_, _>>()?;
        Ok(DeliveryPage { data, next })
    }

    /// How many requests fit, on whatever page.
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database) or [`NotMigrated`](StoreError::NotMigrated) when they cannot be counted.
    pub async fn count(&self) -> Result<u64, StoreError> {
        self.store.count_deliveries(&self.conditions()).await
    }
}

/// One page of a list of requests.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeliveryPage {
    /// The requests, the last that came first.
    pub data: Vec<Delivery>,
    /// Where the next page begins; `None` when this is the last one.
    pub next: Option<Cursor>,
}

impl Store {
    /// The log of the requests that reached the webhook endpoints, valid or not, the last first: of every account and mode,
    /// which of many are not known.
    ///
    /// ```
    /// # use stripe_store::Store;
    /// use stripe_store::webhook::Verdict;
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # store.migrate().await?;
    /// for delivery in store.deliveries().verdict(Verdict::Invalid).page().await?.data {
    ///     println!("{}: {}", delivery.received_at(), delivery.error().unwrap_or_default());
    /// }
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "webhook")))]
    pub fn deliveries(&self) -> Deliveries {
        Deliveries {
            store: self.clone(),
            verdicts: Vec::new(),
            event: None,
            endpoint: None,
            since: None,
            until: None,
            limit: 10,
            after: None,
        }
    }
}
