//! Conditions, and the same in Rust over the views.

use std::fmt;
use std::sync::Arc;

use proptest::prelude::*;
use stripe_store::View;
use stripe_store::query::{Comparable, Comparand, Equatable, Filter, Filterable, all, any, not};
use stripe_store::resources::{
    CancellationDetails, CancellationDetailsFeedback, Customer, Subscription, SubscriptionItem,
    SubscriptionStatus, TaxRate,
};
use stripe_store::view::kind::{
    Array, Bool, DateTimeText, Decimal, Enum, Float, Int, IntText, Json, Object, Ref, Text,
};
use stripe_store::view::{OpenEnum, Path, State, Timestamp};

use super::documents::ODD_KEY;

type S = Subscription;
type Holds<T> = Arc<dyn Fn(&T) -> bool + Send + Sync>;

/// A condition as a filter and as a function.
#[derive(Clone)]
pub(super) struct Case<T = S> {
    filter: Filter<T>,
    holds: Holds<T>,
    text: String,
}

impl<T> fmt::Debug for Case<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<T: 'static> Case<T> {
    fn new(
        text: String,
        filter: Filter<T>,
        holds: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            filter,
            holds: Arc::new(holds),
            text,
        }
    }

    pub(super) fn filter(&self) -> Filter<T> {
        self.filter.clone()
    }

    pub(super) fn holds(&self, view: &T) -> bool {
        (self.holds)(view)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn negated(self) -> Self {
        let holds = self.holds;
        Self::new(format!("not {}", self.text), !self.filter, move |view| {
            !holds(view)
        })
    }

    fn joined(cases: Vec<Self>, every: bool) -> Self {
        let texts: Vec<_> = cases.iter().map(|case| case.text.as_str()).collect();
        let text = format!(
            "{}({})",
            if every { "all" } else { "any" },
            texts.join("; ")
        );
        let filters = cases.iter().map(Self::filter);
        let filter = if every { all(filters) } else { any(filters) };
        Self::new(text, filter, move |view| {
            if every {
                cases.iter().all(|case| case.holds(view))
            } else {
                cases.iter().any(|case| case.holds(view))
            }
        })
    }
}

fn presence<T: View, K: Filterable>(list: &mut Vec<Case<T>>, path: &Path<T, K>) {
    let name = format!("{path} as {}", K::NAME);
    let read = |holds: fn(State) -> bool| {
        let path = path.clone();
        move |view: &T| holds(path.state(view.data()))
    };
    list.extend([
        Case::new(
            format!("{name} is present"),
            path.clone().is_present(),
            read(|state| state == State::Present),
        ),
        Case::new(
            format!("{name} is null"),
            path.clone().is_null(),
            read(|state| state != State::Present),
        ),
        Case::new(
            format!("{name} exists"),
            path.clone().exists(),
            read(|state| state != State::Absent),
        ),
    ]);
}

/// Equality with each of these values, with each pair of them, and with none.
fn equality<T, K, V>(
    list: &mut Vec<Case<T>>,
    path: &Path<T, K>,
    values: &[V],
    out: impl for<'a> Fn(K::Out<'a>) -> V + Clone + Send + Sync + 'static,
) where
    T: View,
    K: Equatable,
    V: Comparand<K> + Clone + PartialEq + fmt::Debug + Send + Sync + 'static,
{
    presence(list, path);
    let name = format!("{path} as {}", K::NAME);
    let is_one_of = |values: Vec<V>| {
        let (path, out) = (path.clone(), out.clone());
        move |view: &T| {
            path.read(view.data())
                .is_some_and(|found| values.contains(&out(found)))
        }
    };
    for (number, value) in values.iter().enumerate() {
        let holds = is_one_of(vec![value.clone()]);
        list.push(Case::new(
            format!("{name} = {value:?}"),
            path.clone().eq(value.clone()),
            holds.clone(),
        ));
        list.push(Case::new(
            format!("{name} <> {value:?}"),
            path.clone().ne(value.clone()),
            move |view| !holds(view),
        ));
        let some = values[number..].iter().take(2).cloned().collect::<Vec<_>>();
        list.push(Case::new(
            format!("{name} in {some:?}"),
            path.clone().is_in(some.clone()),
            is_one_of(some),
        ));
    }
    let none: Vec<V> = Vec::new();
    list.push(Case::new(
        format!("{name} in []"),
        path.clone().is_in(none.clone()),
        is_one_of(none),
    ));
}

fn size<T, K, V>(
    list: &mut Vec<Case<T>>,
    path: &Path<T, K>,
    values: &[V],
    out: impl for<'a> Fn(K::Out<'a>) -> V + Clone + Send + Sync + 'static,
) where
    T: View,
    K: Comparable,
    V: Comparand<K> + Clone + PartialOrd + fmt::Debug + Send + Sync + 'static,
{
    equality(list, path, values, out.clone());
    for value in values {
        let holds = |holds: fn(&V, &V) -> bool| {
            let (path, value, out) = (path.clone(), value.clone(), out.clone());
            move |view: &T| {
                path.read(view.data())
                    .is_some_and(|found| holds(&out(found), &value))
            }
        };
        let text = |sign: &str| format!("{path} as {} {sign} {value:?}", K::NAME);
        let (path, value) = (|| path.clone(), || value.clone());
        list.extend([
            Case::new(text("<"), path().lt(value()), holds(|a, b| a < b)),
            Case::new(text("<="), path().le(value()), holds(|a, b| a <= b)),
            Case::new(text(">"), path().gt(value()), holds(|a, b| a > b)),
            Case::new(text(">="), path().ge(value()), holds(|a, b| a >= b)),
        ]);
    }
}

fn text(list: &mut Vec<Case>, path: &Path<S, Text>, values: &[String]) {
    equality(list, path, values, str::to_owned);
    let longer = [
        "x".repeat(256),
        "{".to_owned(),
        "sub_".to_owned(),
        "sub_1".to_owned(),
    ];
    for prefix in values.iter().chain(&longer) {
        let (path, wanted) = (path.clone(), prefix.clone());
        list.push(Case::new(
            format!("{path} begins with {prefix:?}"),
            path.clone().starts_with(prefix),
            move |view| {
                path.read(view.data())
                    .is_some_and(|found| found.starts_with(&wanted))
            },
        ));
    }
}

fn contains<K, V>(
    list: &mut Vec<Case>,
    field: &'static str,
    values: &[V],
    out: impl for<'a> Fn(K::Out<'a>) -> V + Clone + Send + Sync + 'static,
) where
    K: Equatable,
    V: Comparand<K> + Clone + PartialEq + fmt::Debug + Send + Sync + 'static,
{
    let path = Path::<S, Array<K>>::new(field);
    presence(list, &path);
    for value in values {
        let (path, wanted, out) = (path.clone(), value.clone(), out.clone());
        list.push(Case::new(
            format!("{path} of {} contains {value:?}", K::NAME),
            path.clone().contains(value.clone()),
            move |view| {
                let found = path.read(view.data());
                found.is_some_and(|array| array.iter().any(|value| out(value) == wanted))
            },
        ));
    }
}

fn any_element<V: View>(
    list: &mut Vec<Case>,
    path: &Path<S, Array<Object<V>>>,
    inner: Vec<Case<V>>,
) {
    for case in inner {
        let path = path.clone();
        list.push(Case::new(
            format!("{path} has one with {}", case.text),
            path.clone().any_element(case.filter()),
            move |view| {
                let found = path.read(view.data());
                found.is_some_and(|array| array.iter().any(|element| case.holds(element)))
            },
        ));
    }
}

fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        "a",
        "active",
        "Active",
        "é",
        "z\u{301}",
        "cus_1",
        "cus_12",
        "cus",
        "a'b",
        "\\",
        "$1 ?1 %_*",
        "12",
        "null",
        "true",
        "{\"id\":\"cus_1\"}",
        "{\"id\": \"cus_1\"}",
        "[\"a\"]",
        "\0",
        "a\0",
        "1700000000",
    ]
    .map(str::to_owned)
    .into();
    let long = "x".repeat(255);
    texts.extend([format!("{long}x"), format!("{long}y"), long]);
    texts
}

const INTS: [i64; 16] = [
    0,
    1,
    -1,
    2,
    12,
    13,
    100,
    1_700_000_000,
    1_700_000_001,
    9_999_999_998,
    9_999_999_999,
    10_000_000_000,
    1_000_000_000_000_000_000,
    i64::MAX,
    i64::MIN,
    -12,
];

const FLOATS: [f64; 11] = [
    0.0,
    -0.0,
    0.1,
    -0.5,
    12.0,
    12.5,
    1e300,
    1e-300,
    9_223_372_036_854_775_807.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

/// Conditions on one field each, of every kind.
pub(super) fn cases() -> Vec<Case> {
    let mut list = Vec::new();
    let ids: Vec<String> = ["cus_1", "cus_12", "12", "", "\0"]
        .map(str::to_owned)
        .into();
    for path in [
        S::DESCRIPTION,
        S::ID,
        S::METADATA.key("tier"),
        S::METADATA.key(ODD_KEY),
        S::METADATA.key(""),
        S::METADATA.key("with a \0"),
        S::CUSTOMER.then(Customer::EMAIL),
        Path::new("customer"),
        Path::new("status"),
    ] {
        text(&mut list, &path, &texts());
    }
    for path in [S::STATUS, Path::new("description")] {
        let values = ["active", "past_due", "a", "", "\0"].map(SubscriptionStatus::from_text);
        equality(&mut list, &path, &values, |found| found);
    }
    let feedback = S::CANCELLATION_DETAILS.then(CancellationDetails::FEEDBACK);
    let values = ["a", "unused"].map(CancellationDetailsFeedback::from_text);
    equality(&mut list, &feedback, &values, |found| found);
    let id = |found: stripe_store::view::Expandable<'_, Customer>| found.id().to_owned();
    for path in [
        S::CUSTOMER,
        Path::new("latest_invoice"),
        Path::new("discounts"),
    ] {
        equality(&mut list, &path, &ids, id);
    }
    equality(
        &mut list,
        &Path::<S, Array<Ref<Customer>>>::new("discounts").at(1),
        &ids,
        id,
    );
    for path in [
        S::DAYS_UNTIL_DUE,
        S::ITEMS.at(0).then(SubscriptionItem::QUANTITY),
        Path::new("created"),
        Path::<S, Array<Int>>::new("discounts").at(4_294_967_296),
    ] {
        size(&mut list, &path, &INTS, |found| found);
    }
    size(
        &mut list,
        &Path::<S, IntText>::new("days_until_due"),
        &INTS,
        |found| found,
    );
    for path in [S::CREATED, S::CANCEL_AT] {
        size(
            &mut list,
            &path,
            &INTS.map(Timestamp::from_unix_seconds),
            |found| found,
        );
    }
    for path in [S::APPLICATION_FEE_PERCENT, Path::new("created")] {
        size(&mut list, &path, &FLOATS, |found| found);
    }
    equality(
        &mut list,
        &S::CANCEL_AT_PERIOD_END,
        &[true, false],
        |found| found,
    );
    equality(
        &mut list,
        &Path::<S, DateTimeText>::new("description"),
        &["2026-01-01T00:00:00Z".to_owned()],
        |found| found.as_str().to_owned(),
    );
    presence(&mut list, &Path::<S, Decimal>::new("description"));
    presence(&mut list, &Path::<S, Json>::new("description"));
    presence(&mut list, &S::CANCELLATION_DETAILS);
    presence(&mut list, &S::METADATA);
    presence(&mut list, &S::ITEMS);
    presence(&mut list, &Path::<S, Array<Text>>::new("discounts").at(0));
    contains::<Text, _>(&mut list, "discounts", &texts(), str::to_owned);
    contains::<Ref<Customer>, _>(&mut list, "discounts", &ids, id);
    contains::<Int, _>(&mut list, "discounts", &INTS, |found| found);
    contains::<Float, _>(&mut list, "discounts", &FLOATS, |found| found);
    contains::<Bool, _>(&mut list, "discounts", &[true, false], |found| found);
    contains::<Enum<SubscriptionStatus>, _>(
        &mut list,
        "discounts",
        &["a", "active"].map(SubscriptionStatus::from_text),
        |found| found,
    );
    elements(&mut list);
    list
}

fn elements(list: &mut Vec<Case>) {
    let mut inner = Vec::new();
    size(&mut inner, &TaxRate::PERCENTAGE, &FLOATS, |found| found);
    equality(&mut inner, &TaxRate::ACTIVE, &[true, false], |found| found);
    inner.push(Case::joined(
        vec![inner[0].clone(), inner[1].clone().negated()],
        true,
    ));
    any_element(list, &S::DEFAULT_TAX_RATES, inner);
    let mut inner = Vec::new();
    size(&mut inner, &SubscriptionItem::QUANTITY, &INTS, |found| {
        found
    });
    let rates = SubscriptionItem::TAX_RATES;
    inner.push(Case::new(
        "tax_rates has an active one".to_owned(),
        rates.clone().any_element(not(TaxRate::ACTIVE.ne(true))),
        move |item| {
            let found = rates.read(item.data());
            found.is_some_and(|array| array.iter().any(|rate| rate.active() == Some(true)))
        },
    ));
    any_element(list, &S::ITEMS.elements(), inner);
}

/// Conditions inside of conditions.
pub(super) fn any_case() -> impl Strategy<Value = Case> {
    let leaf = proptest::sample::select(cases());
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4)
                .prop_map(|cases| Case::joined(cases, true)),
            proptest::collection::vec(inner.clone(), 0..4)
                .prop_map(|cases| Case::joined(cases, false)),
            inner.prop_map(Case::negated),
        ]
    })
}
