//! The fields of a model by name, against the object that they are of.

use serde_json::{Map, Value, json};
use stripe_store::resources::{
    CouponDuration, CustomerTaxExempt, PriceBillingScheme, PriceTaxBehavior, PriceTiersMode,
    PriceType, SubscriptionCollectionMethod, SubscriptionItem, SubscriptionStatus,
};
use stripe_store::view::Timestamp;
use stripe_store::{OpenEnum as _, View as _};

/// A field of a model as JSON.
pub(super) trait Shown {
    fn shown(&self) -> Value;
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> Value {
        self.as_ref().map_or(Value::Null, Shown::shown)
    }
}

macro_rules! shown_as {
    ($($type:ty: $show:expr;)*) => {$(
        impl Shown for $type {
            fn shown(&self) -> Value {
                let show: fn(&$type) -> Value = $show;
                show(self)
            }
        }
    )*};
}

shown_as! {
    bool: |flag| json!(flag);
    i64: |number| json!(number);
    f64: |number| json!(number);
    String: |text| json!(text);
    Value: Value::clone;
    Vec<String>: |texts| json!(texts);
    Vec<SubscriptionItem>: |items| items.iter().map(|item| item.data().clone()).collect();
    Timestamp: |at| json!(at.unix_seconds());
    rust_decimal::Decimal: |decimal| json!(decimal.to_string());
    CouponDuration: |value| json!(value.as_str());
    CustomerTaxExempt: |value| json!(value.as_str());
    PriceBillingScheme: |value| json!(value.as_str());
    PriceTaxBehavior: |value| json!(value.as_str());
    PriceTiersMode: |value| json!(value.as_str());
    PriceType: |value| json!(value.as_str());
    SubscriptionCollectionMethod: |value| json!(value.as_str());
    SubscriptionStatus: |value| json!(value.as_str());
}

/// The fields of a model that are listed, by name.
macro_rules! shown {
    ($model:expr, $($field:ident)*) => {
        ::serde_json::Map::from_iter([$((stringify!($field).trim_end_matches('_').to_owned(), $crate::extended_base_models::fields::Shown::shown(&$model.$field))),*])
    };
}

pub(super) use shown;

/// Every field is the object's of its name, or what `other` says.
#[track_caller]
pub(super) fn check(shown: &Map<String, Value>, object: &Value, other: Value) {
    let Value::Object(mut other) = other else {
        panic!("no fields: {other}")
    };
    for (name, found) in shown {
        let expected = other
            .remove(name)
            .unwrap_or_else(|| object[name.as_str()].clone());
        assert_eq!(*found, expected, "{name}");
    }
    assert!(other.is_empty(), "no such fields: {other:?}");
}

/// Of these, each field has a value once, so that a field which is never read is seen.
#[track_caller]
pub(super) fn check_values(of: &[&Map<String, Value>]) {
    for name in of[0].keys() {
        assert!(
            of.iter().any(|shown| !shown[name].is_null()),
            "{name} is never there"
        );
    }
}
