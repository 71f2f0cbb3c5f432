//! A world of many objects in the fake Stripe.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt as _;
use serde_json::Value;
use stripe_store::client::{Client, SecretKey};
use stripe_store::resources::LISTINGS;
use stripe_store_tests::fake::Fake;

use crate::spec;

async fn filled(seed: u64, count: usize) -> (Fake, BTreeMap<String, Vec<Value>>) {
    let fake = Fake::start().await.unwrap();
    fake.fill(seed, count);
    let paths = fake.lists().into_iter();
    let lists = paths
        .map(|path| (path.clone(), fake.objects(&path)))
        .collect();
    (fake, lists)
}

#[tokio::test]
async fn a_filled_world_is_as_the_description_says() {
    let (fake, lists) = filled(7, 3000).await;
    assert_eq!(fake.len(), 3000);
    let mut types = BTreeSet::new();
    let (mut first, mut last) = (i64::MAX, 0);
    for object in lists.values().flatten() {
        let name = object["object"].as_str().unwrap();
        types.insert(name.to_owned());
        let misfits = spec::misfits(spec::schema(name).unwrap(), object, name);
        assert_eq!(misfits, [""; 0], "{object}");
        if let Some(created) = object["created"].as_i64() {
            (first, last) = (first.min(created), last.max(created));
        }
    }
    assert!(types.len() >= 20, "{types:?}");
    assert!(last - first > 360 * 24 * 60 * 60);
    let truncated = lists["/v1/invoices"]
        .iter()
        .find(|it| it["lines"]["has_more"] == true);
    let url = truncated.unwrap()["lines"]["url"].as_str().unwrap();
    assert!(lists[url].len() > 10, "the rest has to be fetched");
    assert!(lists.keys().any(|path| path.ends_with("/sources")));
}

#[tokio::test]
async fn the_same_seed_gives_the_same_world() {
    let (one, same, other) = (
        filled(1, 300).await,
        filled(1, 300).await,
        filled(2, 300).await,
    );
    assert_eq!(one.1, same.1);
    assert_ne!(one.1, other.1);
}

#[tokio::test]
async fn the_listings_lead_to_every_object_of_a_filled_world() {
    let (fake, lists) = filled(3, 500).await;
    let client = Client::builder(SecretKey::new("sk_test_1").unwrap())
        .base_url(fake.url())
        .build()
        .unwrap();
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for listing in LISTINGS {
        let parent = listing.parent;
        let parents = match parent {
            None => BTreeSet::from([String::new()]),
            Some(parent) => seen.get(parent.object).cloned().unwrap_or_default(),
        };
        for id in parents {
            let (before, after) = listing.path.split_once('{').unwrap_or((listing.path, ""));
            let after = after.split_once('}').map_or("", |(_, after)| after);
            let by_path = parent.is_some_and(|parent| parent.param.is_none());
            let id_in_path = if by_path { id.as_str() } else { "" };
            let path = format!("{before}{id_in_path}{after}");
            let mut call = client.list_at(&path);
            if listing.has_pages {
                call = call.limit(100);
            }
            for (name, value) in listing.params {
                call = call.param(*name, *value);
            }
            if let Some(param) = parent.and_then(|parent| parent.param) {
                call = call.param(param, id.as_str());
            }
            for list in listing.expand {
                call = call.expand(*list);
            }
            let items: Vec<_> = call.stream().try_collect().await.unwrap();
            for item in items {
                let object: Value = serde_json::from_str(item.text()).unwrap();
                let object = object["object"].as_str().unwrap().to_owned();
                let is_new = seen.entry(object).or_default().insert(item.id().unwrap());
                assert!(is_new, "{path} has {:?} again", item.id());
            }
        }
    }
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for object in lists.values().flatten() {
        let text = |field: &str| object[field].as_str().unwrap().to_owned();
        expected
            .entry(text("object"))
            .or_default()
            .insert(text("id"));
    }
    assert_eq!(seen, expected);
    assert!(fake.pages_fetched().values().all(|times| *times == 1));
}
