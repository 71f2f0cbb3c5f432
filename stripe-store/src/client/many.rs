//! Lists: a page, the pages, or the objects one after the other.

use std::marker::PhantomData;

use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use super::call::{Call, Target};
use super::check::Check;
use super::error::ClientError;
use super::page::{Direction, Item, Page, PageCursor};
use super::path::ApiPath;
use crate::view::View;

/// How many objects a stream asks for at a time: the most that Stripe gives.
const STREAM_LIMIT: u32 = 100;

/// A call that answers with objects of type `T`, page by page.
#[derive(Debug, Clone)]
pub struct Many<T> {
    pub(super) target: Target,
    pub(super) cursor: Option<PageCursor>,
    pub(super) check: Check,
    pub(super) of: PhantomData<fn() -> T>,
}

impl<T: View> Call<Many<T>> {
    /// The id of the object that the list is below, as cards are below a customer. From the outside in, where there are
    /// several.
    pub fn parent(mut self, id: impl Into<String>) -> Self {
        self.kind.target.add_parent(id.into());
        self
    }

    /// How many objects a page has, 1 to 100. Stripe's own default is 10; streams ask for 100, except in v2.
    pub fn limit(self, limit: u32) -> Self {
        self.param("limit", limit)
    }

    /// From after the object with this id, towards older ones.
    pub fn starting_after(self, id: impl Into<String>) -> Self {
        self.at(PageCursor::After(id.into()))
    }

    /// From before the object with this id, towards newer ones. A page still has its newest object first; a stream goes
    /// the other way, from older to newer.
    pub fn ending_before(self, id: impl Into<String>) -> Self {
        self.at(PageCursor::Before(id.into()))
    }

    /// From where a page said that the next one is.
    pub fn at(mut self, cursor: PageCursor) -> Self {
        self.kind.cursor = Some(cursor);
        self
    }

    fn direction(&self) -> Direction {
        match self.kind.cursor {
            Some(PageCursor::Before(_)) => Direction::Backward,
            _ => Direction::Forward,
        }
    }

    /// As many objects on a page as Stripe gives, unless the caller said how many.
    pub(crate) fn with_most(self) -> Self {
        let is_v2 = self.kind.target.resolve().is_ok_and(|path| path.is_v2());
        if is_v2 || self.options.params.contains_key("limit") {
            return self;
        }
        self.limit(STREAM_LIMIT)
    }

    /// One page.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: as for other calls. That an object on the page is odd is no error.
    pub async fn page(&self) -> Result<Page<T>, ClientError> {
        let mut options = self.options.clone();
        let cursor = self.kind.cursor.as_ref();
        let path = match cursor {
            // It has all parameters in its query, and the path too.
            Some(PageCursor::Url(url)) => {
                options.params.clear();
                ApiPath::new(url).map_err(|source| ClientError::Path { source })?
            }
            _ => self.kind.target.resolve()?,
        };
        let named = match cursor {
            Some(PageCursor::After(id)) => Some(("starting_after", id)),
            Some(PageCursor::Before(id)) => Some(("ending_before", id)),
            Some(PageCursor::Token(token)) => Some(("page", token)),
            Some(PageCursor::Url(_)) | None => None,
        };
        if let Some((name, value)) = named {
            options
                .params
                .insert(name.to_owned(), Value::String(value.clone()));
        }
        let response = self.client.execute(self.method, &path, &options).await?;
        Page::read(&response, cursor, self.direction(), self.kind.check)
    }

    /// All pages, each asked for when the one before has been taken. The parameters are the same for each.
    ///
    /// An error ends the stream; [`Page::next`] of the last page says where to go on.
    ///
    /// # Cancellation
    ///
    /// Dropping the stream, or a future of its next page, leaves nothing behind.
    pub fn pages(
        &self,
    ) -> impl Stream<Item = Result<Page<T>, ClientError>> + Send + Unpin + use<T> {
        let call = self.clone().with_most();
        Box::pin(stream::unfold(
            Progress::At(Box::new(call)),
            async |progress| match progress {
                Progress::At(call) => match call.page().await {
                    Ok(page) => {
                        let progress = Progress::past(*call, &page);
                        Some((Ok(page), progress))
                    }
                    Err(error) => Some((Err(error), Progress::End)),
                },
                Progress::Stuck(error) => Some((Err(*error), Progress::End)),
                Progress::End => None,
            },
        ))
    }

    /// All objects, one by one: page after page is asked for as they are taken. Towards older ones, or, from
    /// [`ending_before`](Self::ending_before) on, towards newer ones.
    ///
    /// An object that is odd comes like the others; see [`Item::view`]. An error ends the stream.
    ///
    /// # Cancellation
    ///
    /// Dropping the stream, or a future of its next object, leaves nothing behind.
    pub fn stream(
        &self,
    ) -> impl Stream<Item = Result<Item<T>, ClientError>> + Send + Unpin + use<T> {
        let direction = self.direction();
        let items = move |page: Page<T>| {
            let mut items = page.into_items();
            if direction == Direction::Backward {
                items.reverse();
            }
            items
        };
        self.pages()
            .map_ok(move |page| stream::iter(items(page)).map(Ok))
            .try_flatten()
    }
}

/// How far a list was read.
enum Progress<T> {
    /// This page is next.
    At(Box<Call<Many<T>>>),
    /// There is more, and no way to it.
    Stuck(Box<ClientError>),
    End,
}

impl<T: View> Progress<T> {
    fn past(call: Call<Many<T>>, page: &Page<T>) -> Self {
        match page.next() {
            Ok(Some(next)) => Self::At(Box::new(call.at(next.clone()))),
            Ok(None) => Self::End,
            Err(error) => Self::Stuck(Box::new(error)),
        }
    }
}
