//! The first page: a mirror of Stripe in a SQLite file, filled and read.
//!
//! Run it with `cargo run -p stripe-store-examples --example quickstart`. It needs no Stripe account
//! and no network: the objects and events of a small tea club stand in `examples/data`, in the shape
//! that Stripe gives them.
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use anyhow::Context as _;
use stripe_store::Store;
use stripe_store::ingest::{Content, Documents, Origin};
use stripe_store::resources::{Customer, Invoice, Price, Subscription, SubscriptionStatus};
use stripe_store::store::Interval;
use stripe_store::view::{Amount, OpenEnum as _};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // A SQLite file is made when it is missing. `postgres://…` works the same.
    let folder = tempfile::Builder::new().prefix("stripe-store-").tempdir()?;
    let file = folder.keep().join("quickstart.db");
    let url = format!("sqlite://{}", file.display());
    let store = Store::connect(&url).await?;
    store.migrate().await?;
    println!("A mirror of Stripe in {}", file.display());

    // What Stripe sent goes in as it is: exports, pages of the API, events.
    println!("\nStoring the files of examples/data");
    for (name, file) in [
        ("catalog.json", include_str!("data/catalog.json")),
        ("customers.json", include_str!("data/customers.json")),
        ("billing.jsonl", include_str!("data/billing.jsonl")),
        ("events.jsonl", include_str!("data/events.jsonl")),
    ] {
        println!("  {name}: {}", ingest(&store, file).await?);
    }

    // A handle sees one mode, so that test data never turns up in the numbers of live mode. The tea
    // club's is test data.
    let store = store.test_mode();

    read_fields(&store).await?;
    follow_references(&store).await?;
    turn_pages(&store).await?;
    meet_the_unknown(&store).await?;
    be_late(&store).await?;

    println!("\nLook around in it:");
    println!("  cargo run -p stripe-store --features cli -- --database {url} --test status");
    Ok(())
}

/// Every field of Stripe's API has a typed getter. What is absent is `None`; no read can fail.
async fn read_fields(store: &Store) -> anyhow::Result<()> {
    let ada = store.get::<Customer>("cus_ada").await?;
    let ada = ada.context("cus_ada is not there")?;
    println!("\nA customer and her subscription");
    println!("  name   {}", ada.name().unwrap_or("-"));
    println!("  email  {}", ada.email().unwrap_or("-"));
    let city = ada.address().and_then(|address| address.city());
    println!("  city   {}", city.unwrap_or("-"));
    println!("  tier   {}", ada.metadata().get("tier").unwrap_or("-"));

    let subscription = store.get::<Subscription>("sub_ada").await?;
    let subscription = subscription.context("sub_ada is not there")?;
    // An enum to match on, and no text to misspell.
    if subscription.status() == Some(SubscriptionStatus::Active) {
        println!("  is subscribed");
    }
    for item in subscription.items().data() {
        let price = item.price().context("an item without a price")?;
        println!("  pays   {}", amount(price.unit_amount(), price.currency()));
    }
    Ok(())
}

/// Stripe sends a reference as an id, or as the whole object where it was asked to expand it. It has
/// an id either way.
async fn follow_references(store: &Store) -> anyhow::Result<()> {
    println!("\nWhose are they?");
    let subscription = store.get::<Subscription>("sub_ada").await?;
    let subscription = subscription.context("sub_ada is not there")?;
    let customer = subscription.customer().context("nobody's")?;
    println!("  the subscription: {}", customer.id());

    let invoice = store.get::<Invoice>("in_ada_1").await?;
    let invoice = invoice.context("in_ada_1 is not there")?;
    let customer = invoice.customer().context("nobody's")?;
    let name = customer.object().and_then(|expanded| expanded.name());
    println!(
        "  the invoice: {}, expanded: {}",
        customer.id(),
        name.unwrap_or("-")
    );
    Ok(())
}

/// Lists come newest first, a page at a time, and stay right while objects come and go.
async fn turn_pages(store: &Store) -> anyhow::Result<()> {
    println!("\nThe prices, two to a page");
    let mut cursor = None;
    loop {
        let mut list = store.list::<Price>().limit(2);
        if let Some(cursor) = &cursor {
            list = list.after(cursor);
        }
        let page = list.page().await?;
        for price in &page.data {
            let amount = amount(price.unit_amount(), price.currency());
            println!("  {:<18} {amount}", price.id());
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
        println!("  (next page)");
    }
}

/// What Stripe adds does not break a program that was compiled before: no new value, no new type.
async fn meet_the_unknown(store: &Store) -> anyhow::Result<()> {
    println!("\nNot in the description of the API that this program was built from");
    let subscription = store.get::<Subscription>("sub_grace").await?;
    let subscription = subscription.context("sub_grace is not there")?;
    let status = subscription.status().context("no status")?;
    if status.is_other() {
        println!("  a status: sub_grace is {:?}", status.as_str());
    }

    let card = store.get_object("loyalty.card", "loy_ada").await?;
    let card = card.context("loy_ada is not there")?;
    let stamps = card.get("stamps").context("no stamps")?;
    println!("  a type: {} {} has {stamps}", card.object(), card.id());
    Ok(())
}

/// Events arrive late, twice and out of order. Newer wins, whatever comes first; deleted is deleted.
async fn be_late(store: &Store) -> anyhow::Result<()> {
    println!("\nAn event comes half an hour late");
    let outcome = ingest(store, include_str!("data/late_event.json")).await?;
    println!("  late_event.json: {outcome}");
    let ada = store.get::<Customer>("cus_ada").await?;
    let ada = ada.context("cus_ada is not there")?;
    println!(
        "  the email is still {}, known since {}",
        ada.email().unwrap_or("-"),
        ada.as_of().start().timestamp()
    );

    let alan = store.get::<Customer>("cus_alan").await?;
    println!("  and cus_alan, deleted on Friday, is {alan:?}");
    Ok(())
}

/// Stores what a file holds, and says what became of each object.
async fn ingest(store: &Store, file: &str) -> anyhow::Result<String> {
    // Objects do not say when they were read from Stripe, and that decides which of two is newer:
    // these were, on 6 November 2026. Events carry their time.
    let origin = Origin::new(Interval::second(1_793_923_200));
    let mut outcomes = Vec::new();
    for document in Documents::new(file.as_bytes()) {
        let document = document?;
        let mut snapshots = Vec::new();
        for entry in document.entries(&origin) {
            match entry?.into_content() {
                Content::Snapshot(snapshot) => snapshots.push(*snapshot),
                Content::Skipped(_) => outcomes.push("skipped"),
                _ => {}
            }
        }
        let written = store.write(&snapshots).await?;
        outcomes.extend(written.iter().map(|outcome| outcome.as_str()));
    }
    Ok(outcomes.join(", "))
}

/// An amount as people write it: 1250 and `eur` make 12.50 EUR, 1900 and `jpy` make 1900 JPY.
fn amount(minor_units: Option<i64>, currency: Option<&str>) -> String {
    match (minor_units, currency) {
        (Some(minor_units), Some(currency)) => Amount::new(minor_units, currency).to_string(),
        _ => "-".to_owned(),
    }
}
