//! What is to be in the table at the end, told by who made the events and not by the library.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use serde_json::Value;
use sqlx::Row as _;

use super::mix::fingerprint;
use super::story::INSIDE;
use crate::RawPool;

/// An object's last state, or that it was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    /// Of its JSON: 200,000 events are more than fits in memory well.
    fingerprint: u64,
    is_deleted: bool,
}

/// The last state of every object, by type and id.
#[derive(Debug, Clone, Default)]
pub struct Reference(HashMap<(String, String), State>);

/// An object that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// It has no row.
    Missing {
        /// Its type.
        object: String,
        /// Its id.
        id: String,
    },
    /// It has a row, and no event was of it.
    Unknown {
        /// Its type.
        object: String,
        /// Its id.
        id: String,
    },
    /// Its row holds another state than the last.
    Data {
        /// Its type.
        object: String,
        /// Its id.
        id: String,
        /// The event that the row is from.
        source: String,
    },
    /// Its row is a tombstone and should not be, or the other way round.
    Deletion {
        /// Its type.
        object: String,
        /// Its id.
        id: String,
        /// What the row is.
        is_deleted: bool,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { object, id } => write!(f, "{object} {id} has no row"),
            Self::Unknown { object, id } => write!(f, "{object} {id} should have no row"),
            Self::Data { object, id, source } => {
                write!(
                    f,
                    "{object} {id} holds what {source} brought, which is not the last"
                )
            }
            Self::Deletion {
                object,
                id,
                is_deleted,
            } => {
                write!(
                    f,
                    "{object} {id} is deleted: {is_deleted}, and should not be so"
                )
            }
        }
    }
}

impl Reference {
    /// The object's state is this one from now on.
    pub(super) fn tell(&mut self, key: &(String, String), object: &Value, is_deletion: bool) {
        let state = State {
            fingerprint: fingerprint(object),
            is_deleted: is_deletion,
        };
        self.0.insert(key.clone(), state);
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many of them are deleted.
    pub fn deleted(&self) -> usize {
        self.0.values().filter(|state| state.is_deleted).count()
    }

    /// Every row of `stripe_objects` that is not as it should be, and every one that is missing.
    ///
    /// # Panics
    ///
    /// When the table cannot be read.
    pub async fn differences(&self, pool: &RawPool) -> Vec<Difference> {
        use futures_util::TryStreamExt as _;
        let mut missing = self.0.clone();
        // What is inside objects has rows of its own, of types that no event is of.
        let types: BTreeSet<String> = missing.keys().map(|(object, _)| object.clone()).collect();
        let mut found = Vec::new();
        let mut look = |object: String, id: String, row: &State, source: String| {
            let key = (object, id);
            let expected = missing.remove(&key);
            let (object, id) = key;
            match expected {
                None if !types.contains(&object) || id.starts_with(INSIDE) => {}
                None => found.push(Difference::Unknown { object, id }),
                Some(state) if state.is_deleted != row.is_deleted => {
                    let is_deleted = row.is_deleted;
                    found.push(Difference::Deletion {
                        object,
                        id,
                        is_deleted,
                    });
                }
                Some(state) if state != *row => {
                    found.push(Difference::Data { object, id, source });
                }
                Some(_) => {}
            }
        };
        macro_rules! read {
            ($pool:expr, $data:literal) => {{
                let sql = concat!(
                    "SELECT object, stripe_id, ",
                    $data,
                    ", deleted_at IS NOT NULL, source FROM stripe_objects"
                );
                let mut rows = sqlx::query(sql).fetch($pool);
                while let Some(row) = rows.try_next().await.expect("the table is readable") {
                    let data: Value =
                        serde_json::from_str(row.get(2)).expect("a row's data is JSON");
                    let state = State {
                        fingerprint: fingerprint(&data),
                        is_deleted: row.get(3),
                    };
                    look(row.get(0), row.get(1), &state, row.get(4));
                }
            }};
        }
        match pool {
            RawPool::Postgres(pool) => read!(pool, "data::text"),
            RawPool::Sqlite(pool) => read!(pool, "data"),
        }
        let missing = missing.into_keys();
        found.extend(missing.map(|(object, id)| Difference::Missing { object, id }));
        found
    }
}
