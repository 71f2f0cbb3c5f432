//! That a row changed: what readers of the feed get, and how it goes through PostgreSQL.

use crate::clock::UnixMillis;
use crate::store::batch::Key;
use crate::store::outcome::Outcome;
use crate::store::scope::{AccountId, Mode, Scope};
use crate::store::snapshot::Interval;

/// The version of the payloads; a reader takes no other.
#[cfg(feature = "postgres")]
pub(crate) const PAYLOAD_VERSION: i64 = 1;

/// PostgreSQL takes payloads of fewer bytes. Only keys of over a thousand control characters get there.
#[cfg(feature = "postgres")]
pub(crate) const PAYLOAD_LIMIT: usize = 8000;

/// Stands for a payload that would be too long: a reader learns that it missed something.
#[cfg(feature = "postgres")]
pub(crate) const TOO_LONG: &str = "[1]";

/// A row of the table changed: it was made, it got other data, or its object was deleted.
///
/// It has no data in it. Read the row to see it as it is now, which may be newer still.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowChange {
    account: Option<AccountId>,
    mode: Mode,
    object: String,
    stripe_id: String,
    old: Option<Interval>,
    new: Interval,
    outcome: Outcome,
    is_deleted: bool,
    updated_at: UnixMillis,
}

impl RowChange {
    /// The connected account that owns the object, or `None` for the account that the API key belongs to.
    pub fn account(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }

    /// Live or test mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The account and mode of the row, to [read](crate::Store::with_scope) it in.
    pub fn scope(&self) -> Scope {
        let scope = Scope::default().with_mode(self.mode);
        match &self.account {
            Some(account) => scope.with_account(account),
            None => scope,
        }
    }

    /// Stripe's name of the type.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// Stripe's id, or the name of the type for what exists once and has none.
    pub fn stripe_id(&self) -> &str {
        &self.stripe_id
    }

    /// The interval of Stripe's clock that the row's data was of before; `None` when there was no row.
    ///
    /// On PostgreSQL as the write found the row when it began: where another writer came in between, it is that of the
    /// data before theirs, or `None` where they made the row.
    pub fn old_as_of(&self) -> Option<Interval> {
        self.old
    }

    /// The interval of Stripe's clock that the row's data is of now. The same as [`old_as_of`](Self::old_as_of) where the object
    /// was deleted and the data stayed.
    pub fn as_of(&self) -> Interval {
        self.new
    }

    /// What happened to the row: [`Inserted`](Outcome::Inserted), [`Updated`](Outcome::Updated), or
    /// [`Deleted`](Outcome::Deleted), also where the row was made as that of a deleted object.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Whether the object is deleted, now or since earlier: the data of a deleted object may still be completed.
    pub fn is_deleted(&self) -> bool {
        self.is_deleted
    }

    /// The row's [`updated_at`](super::super::Stored::updated_at), by the clock of the store that wrote it.
    pub fn updated_at(&self) -> UnixMillis {
        self.updated_at
    }
}

/// What a database knows of a changed row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) key: Key<'a>,
    /// The data's interval before, in unix milliseconds.
    pub(crate) old: Option<(i64, i64)>,
    pub(crate) new: (i64, i64),
    pub(crate) inserted: bool,
    pub(crate) was_deleted: bool,
    pub(crate) is_deleted: bool,
    pub(crate) now: UnixMillis,
}

/// A payload: an array, in this order. `(version, account, livemode, object, stripe_id, old as_of, old as_of_until, new
/// as_of, new as_of_until, inserted, was_deleted, is_deleted, updated_at)`.
#[cfg(feature = "postgres")]
#[derive(serde::Serialize, serde::Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts, as they stand in the payload"
)]
struct Payload<Text>(
    i64,
    Text,
    bool,
    Text,
    Text,
    Option<i64>,
    Option<i64>,
    i64,
    i64,
    bool,
    bool,
    bool,
    i64,
);

impl Facts<'_> {
    pub(crate) fn change(&self) -> RowChange {
        RowChange {
            account: (!self.key.account.is_empty()).then(|| AccountId::from(self.key.account)),
            mode: Mode::from_livemode(self.key.livemode),
            object: self.key.object.to_owned(),
            stripe_id: self.key.id.to_owned(),
            old: self.old.map(interval),
            new: interval(self.new),
            outcome: match self {
                Self {
                    is_deleted: true,
                    was_deleted: false,
                    ..
                } => Outcome::Deleted,
                Self { inserted: true, .. } => Outcome::Inserted,
                _ => Outcome::Updated,
            },
            is_deleted: self.is_deleted,
            updated_at: self.now,
        }
    }

    /// As PostgreSQL passes it on; the statement of a write makes the same in SQL.
    #[cfg(feature = "postgres")]
    pub(crate) fn payload(&self) -> Result<String, serde_json::Error> {
        let payload = serde_json::to_string(&Payload(
            PAYLOAD_VERSION,
            self.key.account,
            self.key.livemode,
            self.key.object,
            self.key.id,
            self.old.map(|old| old.0),
            self.old.map(|old| old.1),
            self.new.0,
            self.new.1,
            self.inserted,
            self.was_deleted,
            self.is_deleted,
            self.now.as_millis(),
        ))?;
        Ok(if payload.len() < PAYLOAD_LIMIT {
            payload
        } else {
            TOO_LONG.to_owned()
        })
    }
}

impl RowChange {
    /// Reads a payload; `None` when it is none, or of another version.
    #[cfg(feature = "postgres")]
    pub(crate) fn from_payload(payload: &str) -> Option<Self> {
        let Payload(
            version,
            account,
            livemode,
            object,
            id,
            old_start,
            old_end,
            start,
            end,
            inserted,
            was_deleted,
            is_deleted,
            now,
        ): Payload<String> = serde_json::from_str(payload).ok()?;
        (version == PAYLOAD_VERSION).then(|| {
            let facts = Facts {
                key: Key {
                    account: &account,
                    livemode,
                    object: &object,
                    id: &id,
                },
                old: old_start.zip(old_end),
                new: (start, end),
                inserted,
                was_deleted,
                is_deleted,
                now: UnixMillis::new(now),
            };
            facts.change()
        })
    }
}

/// What a row holds never ends before it begins.
fn interval((start, end): (i64, i64)) -> Interval {
    let start = UnixMillis::new(start);
    Interval::new(start, UnixMillis::new(end).max(start)).unwrap_or(Interval::second(0))
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    fn facts(id: &str) -> Facts<'_> {
        Facts {
            key: Key {
                account: "acct_1",
                livemode: false,
                object: "customer",
                id,
            },
            old: None,
            new: (1000, 2000),
            inserted: true,
            was_deleted: false,
            is_deleted: false,
            now: UnixMillis::new(5000),
        }
    }

    #[test]
    fn a_payload_reads_back() {
        for id in ["cus_1", "10% \"Grüße\"\n\u{1}🎉"] {
            let facts = facts(id);
            let read = RowChange::from_payload(&facts.payload().unwrap());
            assert_eq!(read, Some(facts.change()));
        }
    }

    #[test]
    fn what_does_not_fit_into_a_payload_is_no_change_and_no_error() {
        let fits = facts(&"x".repeat(1024)).payload().unwrap();
        assert!(RowChange::from_payload(&fits).is_some());
        let long = facts(&"\u{1}".repeat(1024)).payload().unwrap();
        assert!(long.len() < PAYLOAD_LIMIT);
        let long = facts(&"\u{1}".repeat(1400)).payload().unwrap();
        assert_eq!(long, TOO_LONG);
        assert_eq!(RowChange::from_payload(&long), None);
    }

    #[test]
    fn what_others_send_is_no_change() {
        for payload in [
            "",
            "hello",
            "[]",
            "[1]",
            "[2,\"\",true,\"customer\",\"cus_1\",null,null,0,1,true,false,false,5]",
        ] {
            assert_eq!(RowChange::from_payload(payload), None, "{payload}");
        }
        let payload = "[1,\"\",true,\"customer\",\"cus_1\",null,null,0,1,true,false,false,5]";
        assert!(RowChange::from_payload(payload).is_some());
    }

    #[test]
    fn a_row_made_deleted_is_deleted() {
        let made = Facts {
            is_deleted: true,
            ..facts("cus_1")
        };
        assert_eq!(made.change().outcome(), Outcome::Deleted);
        let completed = Facts {
            inserted: false,
            was_deleted: true,
            ..made
        };
        assert_eq!(completed.change().outcome(), Outcome::Updated);
        assert!(completed.change().is_deleted());
    }
}
