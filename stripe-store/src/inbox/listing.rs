//! The inbox, looked into: which events there are, and what became of them.

mod event;

pub use self::event::{InboxEvent, InboxStatus, UnknownStatus};
use crate::store::{
    Condition, Cursor, EventRow, Last, Mode, Position, Scope, StatusCount, Store, StoreError,
};
use crate::view::Timestamp;

/// What cursors call the list.
const LIST: &str = "event";

/// A list of events of the inbox being asked for: [`page`](Self::page), [`count`](Self::count) and
/// [`replay`](Self::replay) act on those that fit.
///
/// The newest come first: by the second in which Stripe created them, then by id. Pages are read along an index; a page of
/// what hardly any event fits reads past all others.
#[must_use = "nothing is read before `page` or `count`"]
#[derive(Debug, Clone)]
pub struct InboxEvents {
    pub(super) store: Store,
    account: Option<String>,
    mode: Option<Mode>,
    statuses: Vec<InboxStatus>,
    types: Vec<Condition>,
    object: Option<String>,
    object_id: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    limit: usize,
    after: Option<Cursor>,
}

impl InboxEvents {
    /// The most events that a page can have.
    pub const MAX_LIMIT: usize = 1000;

    /// Events of every account, and not of the handle's alone.
    pub fn any_account(self) -> Self {
        Self {
            account: None,
            ..self
        }
    }

    /// Events of live and of test mode, and not of the handle's alone.
    pub fn any_mode(self) -> Self {
        Self { mode: None, ..self }
    }

    /// Only those with this status; called again, or with that one.
    pub fn status(mut self, status: InboxStatus) -> Self {
        self.statuses.push(status);
        self
    }

    /// Only those of this type, `invoice.paid`, or of those below it, `customer.subscription.*`; called again, or of that
    /// one.
    pub fn event_type(mut self, event_type: impl AsRef<str>) -> Self {
        let event_type = event_type.as_ref();
        self.types.push(match event_type.strip_suffix('*') {
            Some(prefix) => Condition::Begins("event_type", prefix.to_owned()),
            None => Condition::Is("event_type", event_type.to_owned()),
        });
        self
    }

    /// Only those about objects of this type: `customer`.
    pub fn object(self, object: impl Into<String>) -> Self {
        Self {
            object: Some(object.into()),
            ..self
        }
    }

    /// Only those about objects with this id.
    pub fn object_id(self, id: impl Into<String>) -> Self {
        Self {
            object_id: Some(id.into()),
            ..self
        }
    }

    /// Only those that Stripe created in this second or later.
    pub fn since(self, moment: Timestamp) -> Self {
        Self {
            since: Some(moment),
            ..self
        }
    }

    /// Only those that Stripe created before this second.
    pub fn until(self, moment: Timestamp) -> Self {
        Self {
            until: Some(moment),
            ..self
        }
    }

    /// How many events a page has: 1 to [`MAX_LIMIT`](Self::MAX_LIMIT), which is 1000. Default: 10.
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Goes on where a page ended, with its [`next`](InboxPage::next).
    pub fn after(self, cursor: &Cursor) -> Self {
        Self {
            after: Some(cursor.clone()),
            ..self
        }
    }

    fn conditions(&self) -> Vec<Condition> {
        let mut all = Vec::new();
        if !self.statuses.is_empty() {
            let words = self.statuses.iter().map(|status| status.as_str());
            all.push(Condition::OneOf("status", words.collect()));
        }
        if !self.types.is_empty() {
            all.push(Condition::Any(self.types.clone()));
        }
        let texts = [
            ("account", &self.account),
            ("object", &self.object),
            ("stripe_id", &self.object_id),
        ];
        for (column, text) in texts {
            all.extend(text.clone().map(|text| Condition::Is(column, text)));
        }
        all.extend(
            self.mode
                .map(|mode| Condition::Flag("livemode", mode.is_live())),
        );
        let since = self.since.map(Timestamp::unix_seconds);
        all.extend(since.map(|since| Condition::AtLeast("created", since)));
        let until = self.until.map(Timestamp::unix_seconds);
        all.extend(until.map(|until| Condition::Below("created", until)));
        all
    }

    /// What tells the list from others in its cursors.
    fn key(conditions: &[Condition]) -> String {
        format!("{LIST}{conditions:?}")
    }

    /// Fetches a page.
    ///
    /// # Errors
    ///
    /// [`Limit`](StoreError::Limit) when the limit is 0 or over the most; [`Cursor`](StoreError::Cursor) when the cursor is
    /// of another list; [`Database`](StoreError::Database), [`NotMigrated`](StoreError::NotMigrated) or
    /// [`Row`](StoreError::Row) when the inbox cannot be read.
    pub async fn page(&self) -> Result<InboxPage, StoreError> {
        if self.limit == 0 || self.limit > Self::MAX_LIMIT {
            return Err(StoreError::Limit {
                limit: self.limit,
                max: Self::MAX_LIMIT,
            });
        }
        let conditions = self.conditions();
        // Cursors are of the conditions, which have the account and the mode in them.
        let (scope, key) = (Scope::default(), Self::key(&conditions));
        let after = match &self.after {
            Some(cursor) => Some(cursor.position(&scope, &key)?),
            None => None,
        };
        let after = after.map(|position| Last {
            created: position.created,
            id: &position.id,
        });
        let mut rows = self
            .store
            .event_rows(&conditions, after, self.limit.saturating_add(1))
            .await?;
        let has_more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let position = |row: &EventRow| Position {
            created: row.created,
            id: row.id.clone(),
            object: LIST.to_owned(),
        };
        let next = rows
            .last()
            .filter(|_| has_more)
            .map(|last| Cursor::new(&scope, &key, position(last)));
        let data = rows
            .into_iter()
            .map(|row| self.store.inbox_event(row))
            .collect::<Result<_, _>>()?;
        Ok(InboxPage { data, next })
    }

    /// How many events fit, on whatever page.
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database) or [`NotMigrated`](StoreError::NotMigrated) when they cannot be counted.
    pub async fn count(&self) -> Result<u64, StoreError> {
        self.store.count_events(&self.conditions()).await
    }
}

/// One page of a list of events.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InboxPage {
    /// The events, the newest first.
    pub data: Vec<InboxEvent>,
    /// Where the next page begins; `None` when this is the last one.
    pub next: Option<Cursor>,
}

/// How many events of the inbox have a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct InboxCount {
    /// The status.
    pub status: InboxStatus,
    /// How many have it, of every account and mode.
    pub events: u64,
    /// When Stripe created the oldest of them.
    pub oldest: Timestamp,
}

impl Store {
    /// The events of the inbox that are of this handle's account and mode, the newest first.
    ///
    /// ```
    /// # use stripe_store::Store;
    /// use stripe_store::inbox::InboxStatus;
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # store.migrate().await?;
    /// let dead = store.events().status(InboxStatus::Dead).event_type("invoice.*");
    /// for event in dead.limit(100).page().await?.data {
    ///     println!("{}: {}", event.id(), event.last_error().unwrap_or_default());
    /// }
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    pub fn events(&self) -> InboxEvents {
        InboxEvents {
            store: self.clone(),
            account: Some(self.scope().account_column().to_owned()),
            mode: Some(self.scope().mode()),
            statuses: Vec::new(),
            types: Vec::new(),
            object: None,
            object_id: None,
            since: None,
            until: None,
            limit: 10,
            after: None,
        }
    }

    /// An event of the inbox by its id, of whatever account and mode; `None` if it never came, or is no longer kept.
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database), [`NotMigrated`](StoreError::NotMigrated) or [`Row`](StoreError::Row) when the
    /// inbox cannot be read.
    pub async fn event(&self, id: &str) -> Result<Option<InboxEvent>, StoreError> {
        let by_id = [Condition::Is("event_id", id.to_owned())];
        let rows = self.event_rows(&by_id, None, 1).await?;
        rows.into_iter()
            .next()
            .map(|row| self.inbox_event(row))
            .transpose()
    }

    /// How many events the inbox holds of every account and mode, by status; a status that none has is left out. Counts
    /// every row.
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database) or [`NotMigrated`](StoreError::NotMigrated) when they cannot be counted.
    pub async fn inbox_counts(&self) -> Result<Vec<InboxCount>, StoreError> {
        let counts = self.count_events_by_status().await?;
        let count = |count: StatusCount| {
            let status = count.status.parse().ok()?;
            Some(InboxCount {
                status,
                events: u64::try_from(count.events).unwrap_or(0),
                oldest: Timestamp::from_unix_seconds(count.oldest),
            })
        };
        let mut counts: Vec<_> = counts.into_iter().filter_map(count).collect();
        counts.sort_by_key(|count| count.status);
        Ok(counts)
    }

    pub(super) fn inbox_event(&self, row: EventRow) -> Result<InboxEvent, StoreError> {
        InboxEvent::read(row, &self.tables().events().replace('"', ""))
    }
}
