//! Orders, and the same in Rust.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use stripe_store::View;
use stripe_store::query::{Equatable, Order};
use stripe_store::resources::{Customer, Subscription, SubscriptionItem};
use stripe_store::view::kind::{Int, IntText, Text};
use stripe_store::view::{OpenEnum, Path};

type S = Subscription;
type Read = Arc<dyn Fn(&Subscription) -> Option<Value> + Send + Sync>;

/// A value that is sorted by.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum Value {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
}

/// A key of an order.
#[derive(Clone)]
pub(super) struct Key {
    name: String,
    read: Read,
    order: Order<Subscription>,
    ascending: bool,
    nulls_first: bool,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Key {
    pub(super) fn newest_first() -> Self {
        Self {
            name: "newest first".to_owned(),
            read: Arc::new(|view| Some(list_time(view))),
            order: Subscription::CREATED.desc(),
            ascending: false,
            nulls_first: false,
        }
    }

    pub(super) fn order(&self) -> Order<Subscription> {
        self.order.clone()
    }

    pub(super) fn is_ascending(&self) -> bool {
        self.ascending
    }

    pub(super) fn compare(&self, one: &Subscription, other: &Subscription) -> Ordering {
        match ((self.read)(one), (self.read)(other)) {
            (Some(one), Some(other)) => {
                let found = one.partial_cmp(&other).unwrap();
                if self.ascending {
                    found
                } else {
                    found.reverse()
                }
            }
            (None, None) => Ordering::Equal,
            (None, Some(_)) if self.nulls_first => Ordering::Less,
            (Some(_), None) if !self.nulls_first => Ordering::Less,
            _ => Ordering::Greater,
        }
    }
}

/// What lists sort by: 0 for what has no number, within bounds, less its fraction.
fn list_time(subscription: &Subscription) -> Value {
    let created = subscription
        .data()
        .get("created")
        .filter(|found| found.is_number());
    let time = created.map_or(0, |number| match (number.as_i64(), number.as_f64()) {
        (Some(whole), _) => whole.clamp(0, 9_999_999_999),
        #[expect(clippy::cast_possible_truncation, reason = "within bounds")]
        (_, Some(float)) => float.clamp(0.0, 9_999_999_999.0) as i64,
        _ => 0,
    });
    Value::Int(time)
}

fn cut(text: &str) -> Value {
    Value::Text(text.chars().take(255).collect())
}

/// The six ways to sort by a field.
fn ways<K: Equatable>(
    list: &mut Vec<Key>,
    path: &Path<Subscription, K>,
    value: impl for<'a> Fn(K::Out<'a>) -> Value + Send + Sync + 'static,
) {
    let read: Read = Arc::new({
        let path = path.clone();
        move |view: &Subscription| path.read(view.data()).map(&value)
    });
    for ascending in [true, false] {
        let order = || {
            if ascending {
                path.clone().asc()
            } else {
                path.clone().desc()
            }
        };
        for (nulls, order, nulls_first) in [
            ("", order(), false),
            (" nulls first", order().nulls_first(), true),
            (" nulls last", order().nulls_last(), false),
        ] {
            list.push(Key {
                name: format!("{path}{} {ascending}{nulls}", K::NAME),
                read: Arc::clone(&read),
                order,
                ascending,
                nulls_first,
            });
        }
    }
}

pub(super) fn keys() -> Vec<Key> {
    let mut keys = Vec::new();
    ways(&mut keys, &S::DESCRIPTION, cut);
    ways(&mut keys, &S::STATUS, |status| cut(status.as_str()));
    ways(&mut keys, &S::CUSTOMER, |customer| cut(customer.id()));
    ways(&mut keys, &S::METADATA.key("tier"), cut);
    ways(&mut keys, &S::CUSTOMER.then(Customer::EMAIL), cut);
    ways(&mut keys, &S::ID, cut);
    ways(&mut keys, &S::DAYS_UNTIL_DUE, Value::Int);
    ways(
        &mut keys,
        &S::ITEMS.at(0).then(SubscriptionItem::QUANTITY),
        Value::Int,
    );
    ways(
        &mut keys,
        &Path::<S, IntText>::new("days_until_due"),
        Value::Int,
    );
    ways(&mut keys, &S::CANCEL_AT, |time| {
        Value::Int(time.unix_seconds())
    });
    ways(&mut keys, &S::APPLICATION_FEE_PERCENT, Value::Float);
    ways(&mut keys, &S::CANCEL_AT_PERIOD_END, Value::Bool);
    ways(&mut keys, &Path::<S, Text>::new("customer"), cut);
    let before = keys.len();
    ways(&mut keys, &S::CREATED, |time| {
        Value::Int(time.unix_seconds())
    });
    ways(&mut keys, &Path::<S, Int>::new("created"), Value::Int);
    // Unless nulls are placed, what has no time counts as 0.
    for key in &mut keys[before..] {
        if !key.name.contains("nulls") {
            key.read = Arc::new(|view| Some(list_time(view)));
        }
    }
    keys
}
