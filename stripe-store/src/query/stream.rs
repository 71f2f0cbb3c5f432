//! Objects one after the other, a page of them in memory at a time.

use std::vec;

use futures_util::stream::{Stream, unfold};

use super::{Query, SortKey};
use crate::store::{FoundRow, Place, StoreError, Stored};
use crate::view::View;

/// How many rows are in memory at a time.
const STREAM_ROWS: usize = 500;

impl<T: View> Query<T> {
    /// The objects one after the other, up to the limit, of which 500 at most are in memory.
    ///
    /// They are fetched in pages, each of which goes on where the last one ended; no connection is held in between, and
    /// no transaction. So a stream may take hours and shows what is written meanwhile; what was there from beginning to
    /// end and did not change its place comes exactly once.
    ///
    /// In the order of `created`, ascending or descending, an index serves the pages. In another order every page reads
    /// all objects that fulfil the conditions.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use stripe_store::{Store, resources::Invoice};
    /// use futures_util::TryStreamExt;
    ///
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # store.migrate().await?;
    /// let mut invoices = store.query::<Invoice>().stream();
    /// let mut due = 0;
    /// while let Some(invoice) = invoices.try_next().await? {
    ///     due += invoice.amount_due().unwrap_or(0);
    /// }
    /// # assert_eq!(due, 0);
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Items are errors as those of [`fetch_all`](Self::fetch_all). After [`Row`](StoreError::Row), a row that cannot be
    /// read, the stream goes on; every other one ends it.
    ///
    /// # Cancellation
    ///
    /// Dropping the stream, or a future of its next item, leaves nothing behind.
    pub fn stream(
        &self,
    ) -> impl Stream<Item = Result<Stored<T>, StoreError>> + Send + Unpin + use<T> {
        Box::pin(unfold(Pages::new(self.clone()), Pages::next))
    }
}

/// A stream between two of its items.
struct Pages<T> {
    query: Query<T>,
    keys: Vec<SortKey>,
    rows: vec::IntoIter<FoundRow>,
    /// Where to go on; `Start` is where the query's cursor says.
    state: State,
    /// How many objects are still to come at most.
    left: usize,
}

enum State {
    Start,
    After(Place),
    End,
}

impl<T: View> Pages<T> {
    fn new(query: Query<T>) -> Self {
        Self {
            keys: query.store.sort_keys(&query.plan),
            rows: Vec::new().into_iter(),
            state: State::Start,
            left: query.limit.unwrap_or(usize::MAX),
            query,
        }
    }

    async fn next(mut self) -> Option<(Result<Stored<T>, StoreError>, Self)> {
        if self.rows.len() == 0
            && let Err(error) = self.fetch().await
        {
            self.state = State::End;
            return Some((Err(error), self));
        }
        let found = self.rows.next()?;
        Some((self.query.read(found), self))
    }

    async fn fetch(&mut self) -> Result<(), StoreError> {
        let place = match std::mem::replace(&mut self.state, State::End) {
            State::Start => self.query.place(&self.keys)?,
            State::After(place) => Some(place),
            State::End => return Ok(()),
        };
        let limit = self.left.min(STREAM_ROWS);
        let Query { store, plan, .. } = &self.query;
        let rows = store
            .query_rows(plan, &self.keys, place.as_ref(), Some(limit))
            .await?;
        self.left -= rows.len().min(self.left);
        if let Some(last) = rows.last().filter(|_| rows.len() == limit && self.left > 0) {
            self.state = State::After(last.place.clone());
        }
        self.rows = rows.into_iter();
        Ok(())
    }
}
