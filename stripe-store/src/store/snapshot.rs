//! Snapshots: an object as Stripe rendered it, with when and by whom. What [`Store::write`](super::Store::write) takes.

mod error;
mod head;
mod json_text;
mod source;

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

pub(crate) use self::error::shown;
pub use self::error::{Named, SnapshotError};
pub use self::json_text::JsonText;
pub use self::source::Source;
use super::rivals::{self, Change};
use super::scope::{AccountId, Mode};
use super::text::{self, MAX_DEPTH, MAX_PLACES, TextFault, same_json};
use crate::clock::UnixMillis;
pub use crate::clock::{Interval, IntervalError};
use crate::view::{Resource, Timestamp};

/// The longest id and the longest type name, in bytes; longer ones do not fit an index of PostgreSQL.
const MAX_ID_BYTES: usize = 1024;
const MAX_OBJECT_BYTES: usize = 255;

/// The longest object, in bytes; past it `jsonb` could reach its own limit of 256 MiB.
const MAX_BYTES: usize = 32 << 20;

/// The longest source and API version, in bytes; longer ones are cut.
const MAX_LABEL_BYTES: usize = 255;

/// Types that exist once in an account and have no id; they are stored under their type's name.
const SINGLETONS: [&str; 3] = ["balance", "balance_settings", "tax.settings"];

/// An object as Stripe rendered it at some moment: its JSON, borrowed, and what the row is told besides.
///
/// ```
/// use stripe_store::store::{Interval, Snapshot, Source};
///
/// let json = r#"{"id": "cus_1", "object": "customer", "livemode": true, "email": "ada@example.com"}"#;
/// let snapshot = Snapshot::read(json)?
///     .account("acct_1")
///     .api_version("2026-10-28.endive")
///     .taken(Interval::second(1_700_000_000), Source::event("evt_1"));
///
/// assert_eq!((snapshot.object(), snapshot.id()), ("customer", "cus_1"));
/// # Ok::<(), stripe_store::store::SnapshotError>(())
/// ```
///
/// Its `Debug` shows no data.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot<'a> {
    content: SnapshotBuilder<'a>,
    as_of: Interval,
    source: Source,
}

impl<'a> Snapshot<'a> {
    /// Reads the head of an object, `id`, `object`, `livemode`, `created` and `deleted`, and checks the whole, without
    /// building a tree of it. Takes `&str` or `&RawValue`; white space around it is left out.
    ///
    /// * An object without an id is stored under the name of its type if there is one of its kind (`balance`).
    /// * `"deleted": true` makes the snapshot a tombstone.
    /// * `\u0000` and lone surrogates, which PostgreSQL cannot store, become `\ufffd`, and are counted in
    ///   [`replaced_escapes`](Self::replaced_escapes).
    ///
    /// # Errors
    ///
    /// Each concerns this one object, so a batch of others goes on without it.
    /// [`NotAnObject`](SnapshotError::NotAnObject) or [`Json`](SnapshotError::Json) when it is not a JSON object;
    /// [`MissingObject`](SnapshotError::MissingObject), [`MissingId`](SnapshotError::MissingId) (a preview like an
    /// upcoming invoice has none), [`InvalidKey`](SnapshotError::InvalidKey) when it cannot be filed;
    /// [`TooDeep`](SnapshotError::TooDeep), [`TooLarge`](SnapshotError::TooLarge) and
    /// [`NumberTooLong`](SnapshotError::NumberTooLong) when a database could not hold it or it could not be read back.
    pub fn read(json: impl Into<JsonText<'a>>) -> Result<SnapshotBuilder<'a>, SnapshotError> {
        SnapshotBuilder::read(json.into().0)
    }

    /// Stripe's name of the type: `customer`, `checkout.session`.
    pub fn object(&self) -> &str {
        &self.content.object
    }

    /// Stripe's id, or the name of the type for what has none.
    pub fn id(&self) -> &str {
        &self.content.id
    }

    /// The JSON as it will be stored.
    pub fn data(&self) -> &str {
        &self.content.data
    }

    /// The account the snapshot was filed under; `None` for the scope of the store that writes it.
    pub fn account(&self) -> Option<&AccountId> {
        self.content.account.as_ref()
    }

    /// The object's own mode, or the one given to the builder; `None` for the scope of the store that writes it.
    pub fn mode(&self) -> Option<Mode> {
        self.content.livemode.or(self.content.fallback_mode)
    }

    /// When it was created at Stripe, in seconds, where the object says so.
    pub fn created(&self) -> Option<Timestamp> {
        self.content.created()
    }

    /// The API version that rendered it, where known.
    pub fn api_version(&self) -> Option<&str> {
        self.content.api_version.as_deref()
    }

    /// The interval of Stripe's clock in which it was taken.
    pub fn as_of(&self) -> Interval {
        self.as_of
    }

    /// What brought it.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Whether it says that the object was deleted at Stripe.
    pub fn is_deleted(&self) -> bool {
        self.content.tombstone
    }

    /// When the object was deleted, if it says that it was: the [moment given](SnapshotBuilder::deleted_at), or the
    /// beginning of its interval.
    pub fn deleted_at(&self) -> Option<UnixMillis> {
        let moment = self.content.deleted_at.unwrap_or(self.as_of.start());
        self.content.tombstone.then_some(moment)
    }

    /// How many escapes no database takes were replaced in it.
    pub fn replaced_escapes(&self) -> usize {
        self.content.replaced_escapes
    }

    /// The same snapshot with its own copy of the text.
    pub fn into_owned(self) -> Snapshot<'static> {
        Snapshot {
            content: self.content.into_owned(),
            as_of: self.as_of,
            source: self.source,
        }
    }

    /// What the event that brought it says of the object's life.
    pub fn change(&self) -> Change {
        match self.content.change {
            // Where its data is of another moment, that it was deleted says nothing of it.
            _ if self.content.tombstone && self.content.deleted_at.is_none() => Change::Deleted,
            change => change,
        }
    }

    /// The values before the change, as the event that brought it lists them.
    pub fn previous_attributes(&self) -> Option<&str> {
        self.content.previous_attributes.as_deref()
    }

    /// Whether the data is the whole object, and not the few fields that remain of a deleted one.
    pub(crate) fn is_full(&self) -> bool {
        !self.content.stub
    }

    /// Whether its interval goes on past `moment`; an empty one lasts as long as a moment does.
    pub(crate) fn reaches(&self, moment: UnixMillis) -> bool {
        let interval = self.as_of;
        interval.end().max(interval.start().plus_millis(1)) > moment
    }

    /// Whether nothing is decided otherwise for its being there beside `other`, which is as great or greater.
    pub(crate) fn adds_nothing_to(&self, other: &Self) -> bool {
        self.as_of == other.as_of
            && same_json(self.data(), other.data())
            && self.change() <= other.change()
            && rivals::is_no_later_read(self.source.as_str(), other.source.as_str())
            && match (self.previous_attributes(), other.previous_attributes()) {
                (None, _) => true,
                (Some(own), Some(others)) => same_json(own, others),
                (Some(_), None) => false,
            }
    }
}

impl fmt::Debug for Snapshot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("object", &self.object())
            .field("id", &self.id())
            .field("account", &self.account())
            .field("mode", &self.mode())
            .field("as_of", &self.as_of)
            .field("source", &self.source)
            .field("api_version", &self.api_version())
            .field("is_deleted", &self.is_deleted())
            .finish_non_exhaustive()
    }
}

/// An object whose head was read; [`taken`](Self::taken) makes it a [`Snapshot`].
///
/// Its `Debug` shows no data.
#[must_use = "call `taken` to make it a snapshot"]
#[derive(Clone, PartialEq, Eq)]
pub struct SnapshotBuilder<'a> {
    object: Cow<'a, str>,
    id: Cow<'a, str>,
    livemode: Option<Mode>,
    created: Option<i64>,
    data: Cow<'a, str>,
    replaced_escapes: usize,
    stub: bool,
    tombstone: bool,
    deleted_at: Option<UnixMillis>,
    account: Option<AccountId>,
    fallback_mode: Option<Mode>,
    api_version: Option<Cow<'a, str>>,
    change: Change,
    previous_attributes: Option<Cow<'a, str>>,
}

impl<'a> SnapshotBuilder<'a> {
    fn read(json: &'a str) -> Result<Self, SnapshotError> {
        let json = json.trim();
        if !json.starts_with('{') {
            return Err(SnapshotError::NotAnObject);
        }
        if json.len() > MAX_BYTES {
            return Err(SnapshotError::TooLarge {
                bytes: json.len(),
                max_bytes: MAX_BYTES,
            });
        }
        let clean = text::clean(json);
        let (data, replaced_escapes) = match &clean {
            Ok(clean) => (clean.text.clone(), clean.replaced),
            Err(_) => (Cow::Borrowed(json), 0),
        };
        let head = head::Head::read(data).map_err(|source| SnapshotError::Json { source })?;
        let named = || Named::new(head.object.as_deref(), head.id.as_deref());
        match clean {
            Err(TextFault::Depth) => {
                return Err(SnapshotError::TooDeep {
                    named: named(),
                    max_depth: MAX_DEPTH,
                });
            }
            Err(TextFault::Number) => {
                return Err(SnapshotError::NumberTooLong {
                    named: named(),
                    max_places: MAX_PLACES,
                });
            }
            Ok(_) => {}
        }
        let object = match head.object.clone() {
            Some(object) if !object.is_empty() => object,
            _ => return Err(SnapshotError::MissingObject { named: named() }),
        };
        check_key("object", &object, MAX_OBJECT_BYTES, named)?;
        let id = match head.id.clone() {
            Some(id) if !id.is_empty() => id,
            _ if SINGLETONS.contains(&&*object) => object.clone(),
            _ => return Err(SnapshotError::MissingId { named: named() }),
        };
        check_key("id", &id, MAX_ID_BYTES, named)?;
        Ok(Self {
            object,
            id,
            livemode: head.livemode.map(Mode::from_livemode),
            created: head.created,
            data: head.data,
            replaced_escapes,
            stub: head.deleted,
            tombstone: head.deleted,
            deleted_at: None,
            account: None,
            fallback_mode: None,
            api_version: None,
            change: Change::Updated,
            previous_attributes: None,
        })
    }

    /// Reads a text that does not live as long as the snapshot, and keeps a copy of it.
    pub(crate) fn read_owned(json: &str) -> Result<Self, SnapshotError> {
        SnapshotBuilder::read(json).map(SnapshotBuilder::into_owned)
    }

    /// [`previous_attributes`](Self::previous_attributes) of a text that does not live as long as the snapshot.
    pub(crate) fn previous_attributes_owned(mut self, previous: &str) -> Self {
        let read = previous_attributes(previous);
        self.previous_attributes = read.map(|text| Cow::Owned(text.into_owned()));
        self
    }

    /// The account that owns the object; the empty id is the platform's. Default: the scope of the store that writes
    /// it.
    pub fn account(self, account: impl Into<AccountId>) -> Self {
        Self {
            account: Some(account.into()),
            ..self
        }
    }

    /// The mode of what brought the object, for objects that do not say their own: an event's `livemode`. Default: the
    /// scope of the store that writes it.
    pub fn mode(self, mode: Mode) -> Self {
        Self {
            fallback_mode: Some(mode),
            ..self
        }
    }

    /// The API version that rendered the object (`2026-10-28.endive`). Cut at 255 bytes.
    pub fn api_version(self, version: impl Into<Cow<'a, str>>) -> Self {
        Self {
            api_version: Some(label(version.into())),
            ..self
        }
    }

    /// What the event that brings it says of the object's life; a [tombstone](Self::tombstone) ends it in any case.
    /// Default: [`Change::Updated`].
    ///
    /// Decides between snapshots that time does not tell apart: nothing precedes a creation, nothing follows a deletion.
    pub fn change(self, change: Change) -> Self {
        Self { change, ..self }
    }

    /// The values before the change: `data.previous_attributes` of the event that brings it.
    ///
    /// Decides between snapshots that time does not tell apart: of two events of one second, the one whose previous
    /// attributes are what the other's object holds came later. What is not a JSON object is left out, and so is what
    /// no database could hold.
    pub fn previous_attributes(self, previous: impl Into<JsonText<'a>>) -> Self {
        Self {
            previous_attributes: previous_attributes(previous.into().0),
            ..self
        }
    }

    /// Makes it a tombstone: the object was deleted at Stripe, as a `*.deleted` event says of the whole object that it
    /// carries.
    ///
    /// Not for `customer.subscription.deleted`, which is a cancellation.
    pub fn tombstone(self) -> Self {
        Self {
            tombstone: true,
            ..self
        }
    }

    /// Makes it a tombstone of this moment, with data of another, older one: the row of a deleted object, as another
    /// store held it.
    ///
    /// Unlike [`tombstone`](Self::tombstone), the data is what was last seen of the object and not what the deletion
    /// brought, so that its [`change`](Self::change) is not the deletion.
    pub fn deleted_at(self, moment: impl Into<UnixMillis>) -> Self {
        Self {
            tombstone: true,
            deleted_at: Some(moment.into()),
            ..self
        }
    }

    /// Goes on only if the object is of type `T`, under any of the names it has been sent under.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::OtherType`] when it is of another type.
    pub fn require<T: Resource>(self) -> Result<Self, SnapshotError> {
        if is_of_type::<T>(&self.object) {
            return Ok(self);
        }
        Err(SnapshotError::OtherType {
            named: Named::new(Some(&self.object), Some(&self.id)),
            expected: T::OBJECT,
        })
    }

    /// Stripe's name of the type.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// Stripe's id, or the name of the type for what has none.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it was created at Stripe, in seconds, where the object says so.
    pub fn created(&self) -> Option<Timestamp> {
        self.created.map(Timestamp::from_unix_seconds)
    }

    /// Whether it says that the object was deleted at Stripe.
    pub fn is_deleted(&self) -> bool {
        self.tombstone
    }

    /// Completes the snapshot with when it was taken, by Stripe's clock, and what brought it.
    pub fn taken(self, as_of: Interval, source: impl Into<Source>) -> Snapshot<'a> {
        Snapshot {
            content: self,
            as_of,
            source: source.into(),
        }
    }

    fn into_owned(self) -> SnapshotBuilder<'static> {
        fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
            Cow::Owned(text.into_owned())
        }
        SnapshotBuilder {
            object: owned(self.object),
            id: owned(self.id),
            livemode: self.livemode,
            created: self.created,
            data: owned(self.data),
            replaced_escapes: self.replaced_escapes,
            stub: self.stub,
            tombstone: self.tombstone,
            deleted_at: self.deleted_at,
            account: self.account,
            fallback_mode: self.fallback_mode,
            api_version: self.api_version.map(owned),
            change: self.change,
            previous_attributes: self.previous_attributes.map(owned),
        }
    }
}

impl fmt::Debug for SnapshotBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotBuilder")
            .field("object", &self.object)
            .field("id", &self.id)
            .field("account", &self.account)
            .field("is_deleted", &self.tombstone)
            .finish_non_exhaustive()
    }
}

/// The text, if it is an object that a database can hold.
fn previous_attributes(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    let is_object = text.starts_with('{') && serde_json::from_str::<&RawValue>(text).is_ok();
    let clean = text::clean(text).ok().filter(|_| is_object);
    clean
        .map(|clean| clean.text)
        .filter(|text| text.len() <= MAX_BYTES)
}

/// Whether `object` is a name that objects of type `T` have been sent under.
pub(crate) fn is_of_type<T: Resource>(object: &str) -> bool {
    object == T::OBJECT || T::ALIASES.contains(&object)
}

/// A text for a column that is no key: without NUL, which PostgreSQL cannot store, and of bounded length.
pub(super) fn label(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= MAX_LABEL_BYTES && !text.contains('\0') {
        return text;
    }
    let clean = text.replace('\0', "\u{fffd}");
    let end = clean.floor_char_boundary(MAX_LABEL_BYTES);
    Cow::Owned(clean.get(..end).unwrap_or_default().to_owned())
}

fn check_key(
    field: &'static str,
    value: &str,
    max_bytes: usize,
    named: impl Fn() -> Named,
) -> Result<(), SnapshotError> {
    if value.len() > max_bytes {
        return Err(SnapshotError::InvalidKey {
            named: named(),
            field,
            max_bytes,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
