//! The ends of every query: all, the first, a page, a stream. What comes out, whole objects or parts of them, is the
//! query's own.
//!
//! Knows places and cursors, and neither the statements nor what the rows are made into.

use std::vec;

use futures_util::stream::{Stream, unfold};

use super::{Query, SortKey};
use crate::store::{Cursor, Place, StoreError};

/// A query whose answer comes in rows, each of which has a place in the order.
pub(crate) trait Fetch: Send + Sync {
    /// What the query is about.
    type Object;

    /// A row as it comes from the database.
    type Found: Send;

    /// What a row is made into.
    type Item;

    /// How many rows of a stream are in memory at a time.
    const STREAM_ROWS: usize;

    /// Conditions, order, limit and cursor.
    fn query(&self) -> &Query<Self::Object>;

    /// The rows in the order of `keys`, from after `place` on.
    fn fetch(
        &self,
        keys: &[SortKey],
        place: Option<&Place>,
        limit: Option<usize>,
    ) -> impl Future<Output = Result<Vec<Self::Found>, StoreError>> + Send;

    /// Where a row stands.
    fn place(found: &Self::Found) -> &Place;

    /// Makes of a row what was asked for.
    fn read(&self, found: Self::Found) -> Result<Self::Item, StoreError>;
}

/// Every one up to the query's limit, in one statement.
pub(crate) async fn all<F: Fetch>(fetch: &F) -> Result<Vec<F::Item>, StoreError> {
    let rows = rows(fetch, fetch.query().limit).await?;
    rows.into_iter().map(|found| fetch.read(found)).collect()
}

/// The first in the order.
pub(crate) async fn first<F: Fetch>(fetch: &F) -> Result<Option<F::Item>, StoreError> {
    let found = rows(fetch, Some(1)).await?.pop();
    found.map(|found| fetch.read(found)).transpose()
}

/// The only one, in no order.
pub(crate) async fn one<F: Fetch>(fetch: &F) -> Result<F::Item, StoreError> {
    let object = || fetch.query().plan.object().to_owned();
    let mut rows = fetch.fetch(&[], None, Some(2)).await?.into_iter();
    match (rows.next(), rows.next()) {
        (Some(found), None) => fetch.read(found),
        (None, _) => Err(StoreError::NoneFound { object: object() }),
        (Some(_), Some(_)) => Err(StoreError::SeveralFound { object: object() }),
    }
}

/// A page, and where the next one begins.
pub(crate) async fn page<F: Fetch>(
    fetch: &F,
) -> Result<(Vec<F::Item>, Option<Cursor>), StoreError> {
    let query = fetch.query();
    let limit = query.page_limit()?;
    // One more than the page has tells whether there is a next one.
    let mut rows = rows(fetch, Some(limit + 1)).await?;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| has_more);
    let next = last.map(|last| query.cursor(F::place(last)));
    let data = rows.into_iter().map(|found| fetch.read(found));
    Ok((data.collect::<Result<_, _>>()?, next))
}

/// One after the other, up to the query's limit, a page of them in memory at a time.
///
/// After a row that cannot be read the stream goes on; every other error ends it.
pub(crate) fn stream<F: Fetch>(
    fetch: F,
) -> impl Stream<Item = Result<F::Item, StoreError>> + Send + Unpin + use<F> {
    Box::pin(unfold(Pages::new(fetch), Pages::next))
}

async fn rows<F: Fetch>(fetch: &F, limit: Option<usize>) -> Result<Vec<F::Found>, StoreError> {
    let query = fetch.query();
    let keys = query.store.sort_keys(&query.plan);
    let place = query.place(&keys)?;
    fetch.fetch(&keys, place.as_ref(), limit).await
}

/// A stream between two of its items.
struct Pages<F: Fetch> {
    fetch: F,
    keys: Vec<SortKey>,
    rows: vec::IntoIter<F::Found>,
    state: State,
    /// How many are still to come at most.
    left: usize,
}

enum State {
    /// Where the query's cursor says.
    Start,
    After(Place),
    End,
}

impl<F: Fetch> Pages<F> {
    fn new(fetch: F) -> Self {
        let query = fetch.query();
        Self {
            keys: query.store.sort_keys(&query.plan),
            rows: Vec::new().into_iter(),
            state: State::Start,
            left: query.limit.unwrap_or(usize::MAX),
            fetch,
        }
    }

    async fn next(mut self) -> Option<(Result<F::Item, StoreError>, Self)> {
        if self.rows.len() == 0
            && let Err(error) = self.turn().await
        {
            self.state = State::End;
            return Some((Err(error), self));
        }
        let found = self.rows.next()?;
        Some((self.fetch.read(found), self))
    }

    /// Fetches the next page, if there is one.
    async fn turn(&mut self) -> Result<(), StoreError> {
        let place = match std::mem::replace(&mut self.state, State::End) {
            State::Start => self.fetch.query().place(&self.keys)?,
            State::After(place) => Some(place),
            State::End => return Ok(()),
        };
        let limit = self.left.min(F::STREAM_ROWS);
        let rows = self
            .fetch
            .fetch(&self.keys, place.as_ref(), Some(limit))
            .await?;
        self.left -= rows.len().min(self.left);
        if let Some(last) = rows.last().filter(|_| rows.len() == limit && self.left > 0) {
            self.state = State::After(F::place(last).clone());
        }
        self.rows = rows.into_iter();
        Ok(())
    }
}
