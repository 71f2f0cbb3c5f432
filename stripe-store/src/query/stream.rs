//! Whole objects, and those one after the other, a page of them in memory at a time.

use futures_util::stream::Stream;

use super::fetch::{self, Fetch};
use super::{Query, SortKey};
use crate::store::{FoundRow, Place, StoreError, Stored};
use crate::view::View;

impl<T: View> Fetch for Query<T> {
    type Object = T;
    type Found = FoundRow;
    type Item = Stored<T>;

    const STREAM_ROWS: usize = 500;

    fn query(&self) -> &Self {
        self
    }

    async fn fetch(
        &self,
        keys: &[SortKey],
        place: Option<&Place>,
        limit: Option<usize>,
    ) -> Result<Vec<FoundRow>, StoreError> {
        self.store.query_rows(&self.plan, keys, place, limit).await
    }

    fn place(found: &FoundRow) -> &Place {
        &found.place
    }

    fn read(&self, found: FoundRow) -> Result<Stored<T>, StoreError> {
        self.store.read_row(found.row)
    }
}

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
        fetch::stream(self.clone())
    }
}
