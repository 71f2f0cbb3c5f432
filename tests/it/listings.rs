//! What can be listed, held against the description.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stripe_store::{resources::LISTINGS, view::Listing};

use crate::spec::{self, Kind};

/// The lists that are no listings, with why.
const LEFT_OUT: [(&str, &str); 13] = [
    ("/v1/apps/secrets", "needs the scope, which no object says"),
    ("/v1/billing/meters/{id}/event_summaries", "needs a time"),
    ("/v1/charges/search", "a search"),
    ("/v1/credit_notes/preview/lines", "of a preview"),
    ("/v1/customers/search", "a search"),
    ("/v1/events", "events"),
    (
        "/v1/financial_connections/accounts/{account}/owners",
        "needs the ownership, which is no resource's id",
    ),
    ("/v1/invoices/search", "a search"),
    ("/v1/payment_intents/search", "a search"),
    ("/v1/prices/search", "a search"),
    ("/v1/products/search", "a search"),
    ("/v1/subscriptions/search", "a search"),
    ("/v2/core/events", "events"),
];

/// A list, as the description has it.
struct List {
    objects: BTreeSet<&'static str>,
    /// The query parameters, by name.
    query: BTreeMap<&'static str, &'static Value>,
}

impl List {
    fn takes(&self, name: &str) -> bool {
        self.query.contains_key(name)
    }

    fn needs(&self) -> BTreeSet<&'static str> {
        let required = self.query.iter().filter(|(_, it)| it["required"] == true);
        required.map(|(name, _)| *name).collect()
    }
}

/// Every operation that answers with an array `data`, by its path.
fn lists() -> BTreeMap<&'static str, List> {
    let operations = spec::paths().iter().filter_map(|(path, item)| {
        let operation = item.get("get")?;
        let answer = &operation["responses"]["200"]["content"]["application/json"];
        let answer = spec::resolve(answer.get("schema")?);
        let entries = answer["properties"]["data"].get("items")?;
        let branches = spec::branches(entries).unwrap_or(std::slice::from_ref(entries));
        let objects = branches.iter().map(|branch| {
            let schema = spec::resolve(branch);
            schema["properties"]["object"]["enum"][0].as_str().unwrap()
        });
        let own = operation["parameters"].as_array();
        let shared = item.get("parameters").and_then(Value::as_array);
        let parameters = own.into_iter().chain(shared).flatten();
        let query = parameters.filter(|parameter| parameter["in"] == "query");
        let list = List {
            objects: objects.collect(),
            query: query
                .map(|parameter| (parameter["name"].as_str().unwrap(), parameter))
                .collect(),
        };
        Some((path.as_str(), list))
    });
    operations.collect()
}

#[test]
fn every_list_is_a_listing_or_left_out_for_a_reason() {
    let lists = lists();
    assert_eq!(lists.len(), 145);
    let left_out: BTreeSet<&str> = LEFT_OUT.iter().map(|(path, _)| *path).collect();
    let listed: BTreeSet<&str> = LISTINGS.iter().map(|listing| listing.path).collect();
    assert!(left_out.is_disjoint(&listed));
    let all: BTreeSet<&str> = left_out.union(&listed).copied().collect();
    assert!(all.into_iter().eq(lists.keys().copied()));
    for listing in LISTINGS {
        let objects: BTreeSet<&str> = listing.objects.iter().copied().collect();
        assert_eq!(objects, lists[listing.path].objects, "{}", listing.path);
    }
}

#[test]
fn a_listing_asks_for_what_its_list_takes_and_for_all_it_needs() {
    let lists = lists();
    for listing in LISTINGS {
        let (path, list) = (listing.path, &lists[listing.path]);
        let param = listing.parent.and_then(|parent| parent.param);
        let names = listing.params.iter().map(|(name, _)| *name);
        let asked: BTreeSet<&str> = names
            .map(|name| name.split('[').next().unwrap())
            .chain(param)
            .collect();
        for name in &asked {
            assert!(list.takes(name), "{path} takes no {name}");
        }
        assert!(list.needs().is_subset(&asked), "{path}: {:?}", list.needs());

        let in_path = path.matches('{').count();
        let by_path = listing.parent.is_some_and(|parent| parent.param.is_none());
        assert_eq!(in_path, usize::from(by_path), "{path}");

        let cursor = list.takes("starting_after") || path.starts_with("/v2/");
        assert_eq!(listing.has_pages, list.takes("limit") && cursor, "{path}");
        assert!(listing.has_pages || !list.takes("limit"), "{path}");
        let created = list.query.get("created").map(ToString::to_string);
        let range = created.is_some_and(|created| created.contains("\"gte\""));
        assert_eq!(listing.has_created, range, "{path}");
        let is_expanded = !listing.expand.is_empty();
        assert!(list.takes("expand") || !is_expanded, "{path}");
    }
}

#[test]
fn a_list_that_takes_all_is_asked_for_all() {
    for (path, list) in lists() {
        for (name, parameter) in &list.query {
            let values = parameter["schema"]["enum"].as_array();
            if values.is_some_and(|values| values.contains(&"all".into())) {
                let mut listings = LISTINGS.iter().filter(|listing| listing.path == path);
                assert!(
                    listings.all(|listing| listing.params.contains(&(*name, "all"))),
                    "{path} is not asked for {name}=all"
                );
            }
        }
    }
}

/// What tells one listing from all others.
fn key(listing: &Listing) -> String {
    let param = listing.parent.and_then(|parent| parent.param);
    format!("{} {param:?} {:?}", listing.path, listing.params)
}

#[test]
fn parents_come_first_and_no_listing_comes_twice() {
    let mut seen = BTreeSet::new();
    for (index, listing) in LISTINGS.iter().enumerate() {
        assert!(seen.insert(key(listing)), "{}", key(listing));
        let Some(parent) = listing.parent else {
            continue;
        };
        assert!(spec::schema(parent.object).is_some(), "{}", parent.object);
        let later = LISTINGS.iter().skip(index);
        let late = later.filter(|later| later.objects.contains(&parent.object));
        assert_eq!(late.count(), 0, "{} comes before its parents", key(listing));
    }
}

#[test]
fn the_fields_of_parents_are_lists_of_the_same() {
    let mut taken = BTreeSet::new();
    for listing in LISTINGS {
        let Some((parent, field)) = listing
            .parent
            .and_then(|parent| Some((parent.object, parent.field?)))
        else {
            continue;
        };
        assert!(taken.insert((parent, field)), "{parent}.{field} twice");
        assert_eq!(spec::kind_of(parent, field), Some(Kind::List), "{parent}");
        let mut at = spec::schema(parent).unwrap();
        for step in field.split('.') {
            at = spec::resolve(&spec::resolve(at)["properties"][step]);
            if let Some([only]) = spec::branches(at) {
                at = spec::resolve(only);
            }
        }
        let entries = at["properties"]["data"]["items"].to_string();
        for object in listing.objects {
            assert!(
                entries.contains(&format!("/{object}\"")),
                "{parent}.{field}"
            );
        }
    }
}

/// The listings of a path, as whose each is, what is sent, and what is expanded.
#[track_caller]
fn check(path: &str, expected: &[&str]) {
    let listings = LISTINGS.iter().filter(|listing| listing.path == path);
    let found = listings.map(|listing| {
        let mut text = match listing.parent {
            Some(parent) => format!(
                "{} by {} from {}",
                parent.object,
                parent.param.unwrap_or("path"),
                parent.field.unwrap_or("nothing")
            ),
            None => "all".to_owned(),
        };
        for (name, value) in listing.params {
            text.extend([" ", name, "=", value]);
        }
        for list in listing.expand {
            text.extend([" +", list]);
        }
        text
    });
    assert_eq!(found.collect::<Vec<_>>(), expected, "{path}");
}

#[test]
fn what_stripe_leaves_out_is_asked_for() {
    check(
        "/v1/subscriptions",
        &[
            "all status=all",
            "test_helpers.test_clock by test_clock from nothing status=all",
        ],
    );
    check(
        "/v1/customers",
        &[
            "all +data.sources +data.tax_ids",
            "test_helpers.test_clock by test_clock from nothing +data.sources +data.tax_ids",
        ],
    );
    check("/v1/tax/registrations", &["all status=all"]);
    check("/v1/tax/locations", &["all type=performance"]);
    check("/v1/prices", &["all active=false", "all active=true"]);
    check(
        "/v2/core/accounts",
        &["all closed=false", "all closed=true"],
    );
    check(
        "/v2/money_management/financial_accounts",
        &["all statuses[0]=closed statuses[1]=open statuses[2]=pending"],
    );
    check(
        "/v1/billing/credit_balance_transactions",
        &["customer by customer from nothing"],
    );
}

#[test]
fn what_is_listed_below_an_object_says_whose_it_is() {
    check("/v1/accounts", &["all"]);
    for (path, expected) in [
        (
            "/v1/accounts/{account}/external_accounts",
            "account by path from external_accounts",
        ),
        (
            "/v1/subscription_items",
            "subscription by subscription from items",
        ),
        ("/v1/issuing/tokens", "issuing.card by card from nothing"),
        (
            "/v1/treasury/transactions",
            "treasury.financial_account by financial_account from nothing",
        ),
        (
            "/v1/financial_connections/transactions",
            "financial_connections.account by account from nothing",
        ),
        (
            "/v1/radar/value_list_items",
            "radar.value_list by value_list from list_items",
        ),
        (
            "/v1/quotes/{quote}/computed_upfront_line_items",
            "quote by path from computed.upfront.line_items",
        ),
        ("/v1/invoices/{invoice}/lines", "invoice by path from lines"),
        (
            "/v1/tax/transactions/{transaction}/line_items",
            "tax.transaction by path from line_items",
        ),
    ] {
        check(path, &[expected]);
    }
}
