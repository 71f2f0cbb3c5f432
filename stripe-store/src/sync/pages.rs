//! What those who read lists have in common: the call for one, and what an error means for it.

use serde_json::Value;

use super::{ListEnd, SkipReason, SyncError};
use crate::client::{ApiError, Call, Client, ClientError, ErrorKind, Many};
use crate::error::Error;
use crate::store::StoreError;
use crate::view::{AnyObject, Listing};

/// How long before the last pass began the next one begins, in seconds, for objects that a list did not have yet.
pub(super) const OVERLAP: i64 = 300;

/// Why a reading ended before the end of the list.
pub(super) enum Stopped {
    /// That is for this list alone.
    List(ListEnd),
    /// Nothing more can be read or written.
    All(Error),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::All(error.into())
    }
}

impl From<SyncError> for Stopped {
    fn from(error: SyncError) -> Self {
        Self::List(ListEnd::Unusable(error))
    }
}

impl Stopped {
    /// What an error of a call means for the list, on its first page or later; `is_named` where the caller asked for its
    /// types by name.
    pub(super) fn of(
        error: ClientError,
        listing: &Listing,
        is_first: bool,
        is_named: bool,
    ) -> Self {
        if error.status() == Some(401) {
            return Self::All(error.into());
        }
        let Some(api) = error.api().filter(|_| is_first) else {
            return Self::List(ListEnd::Failed(error));
        };
        match api.kind() {
            ErrorKind::Permission => Self::List(ListEnd::Skipped(SkipReason::NotPermitted(error))),
            _ if listing.parent.is_none() => Self::refused(error, is_named),
            _ => Self::List(ListEnd::Failed(error)),
        }
    }

    /// What a refusal of a whole list means for it.
    pub(super) fn refused(error: ClientError, is_named: bool) -> Self {
        let api = error.api();
        let kind = api.map(ApiError::kind);
        // Nothing that was sent is at fault, so that it is the list.
        let is_of_list =
            || api.is_some_and(|api| api.param().is_none() && matches!(api.status(), 400 | 404));
        Self::List(match kind {
            Some(ErrorKind::Permission) => ListEnd::Skipped(SkipReason::NotPermitted(error)),
            Some(ErrorKind::InvalidRequest) if !is_named && is_of_list() => {
                ListEnd::Skipped(SkipReason::NotAvailable(error))
            }
            _ => ListEnd::Failed(error),
        })
    }
}

/// The call for a list, or for that below the parent of this id: for all that is on it.
pub(super) fn call_of(
    client: &Client,
    listing: &Listing,
    parent: Option<&str>,
) -> Call<Many<AnyObject>> {
    let by_param = listing.parent.and_then(|parent| parent.param);
    let in_path = parent.filter(|_| by_param.is_none());
    let mut call = client.list_of(listing.path, in_path);
    if let (Some(id), Some(param)) = (parent, by_param) {
        call = call.param(param, id);
    }
    for (name, value) in listing.params {
        call = call.param(*name, *value);
    }
    for path in listing.expand {
        call = call.expand(*path);
    }
    if listing.has_pages {
        call = call.with_most();
    }
    call
}

/// Whether Stripe answered that this is not to be had, which another try would not change.
pub(super) fn is_refusal(error: &ClientError) -> bool {
    error.api().is_some_and(|api| {
        matches!(api.status(), 400 | 403 | 404)
            && matches!(
                api.kind(),
                ErrorKind::Permission | ErrorKind::InvalidRequest
            )
    })
}

/// Whether Stripe does not know the object whose list it is.
pub(super) fn is_gone(error: &ClientError) -> bool {
    let code = error.api().and_then(ApiError::code);
    error.is_not_found() && code == Some("resource_missing")
}

/// Whether Stripe does not know the object that the next page was to come after.
pub(super) fn is_lost_cursor(error: &ClientError) -> bool {
    let is_lost = |api: &ApiError| {
        api.code() == Some("resource_missing")
            && (api.status() == 400 || api.param() == Some("starting_after"))
    };
    error.api().is_some_and(is_lost)
}

/// A number or `null` under a key; `None` if there is something else.
#[expect(clippy::option_option, reason = "null is an answer")]
pub(super) fn number(value: &Value, key: &str) -> Option<Option<i64>> {
    match value.get(key)? {
        Value::Null => Some(None),
        number => number.as_i64().map(Some),
    }
}
