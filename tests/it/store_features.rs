//! What the systems before us could do with rows, each by the id of its line in the list of features.

use serde_json::{Value, json};
use stripe_store::clock::UnixMillis;
use stripe_store::resources::{
    BillingBillResourceInvoicingTaxesTax, Customer, CustomerSources, CustomerSourcesVariant,
    Invoice, PaymentMethod, TaxRate,
};
use stripe_store::store::{Interval, Snapshot, Store};
use stripe_store_tests::{TestDb, fixture, on_both};

async fn write(store: &Store, object: &Value, second: i64) {
    let json = object.to_string();
    let snapshot = Snapshot::read(&json).unwrap();
    let source = format!("evt_{second}");
    store
        .write(&[snapshot.taken(Interval::second(second), source)])
        .await
        .unwrap();
}

fn kind(source: &CustomerSources) -> String {
    match source.variant() {
        CustomerSourcesVariant::Card(card) => format!("card {}", card.id()),
        CustomerSourcesVariant::BankAccount(account) => format!("bank account {}", account.id()),
        CustomerSourcesVariant::Source(source) => format!("source {}", source.id()),
        CustomerSourcesVariant::Other(other) => format!("{} {}", other.object(), other.id()),
        _ => "what this program does not know".to_owned(),
    }
}

#[tokio::test]
async fn c007_a_deletion_keeps_the_row_and_says_when_it_was() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        for name in ["customer", "product", "price", "coupon"] {
            let object = fixture(name);
            let (kind, id) = (
                object["object"].as_str().unwrap(),
                object["id"].as_str().unwrap(),
            );
            write(store, &object, 1000).await;
            let stub = json!({"id": id, "object": kind, "deleted": true, "livemode": true});
            write(store, &stub, 2000).await;
            assert!(
                store.get_object(kind, id).await.unwrap().is_none(),
                "{kind}"
            );
            let kept = store
                .including_deleted()
                .get_object(kind, id)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(
                kept.deleted_at().map(UnixMillis::as_millis),
                Some(2_000_000)
            );
            assert_eq!(kept.deserialize::<Value>().unwrap(), object);
        }
    })
    .await;
}

#[tokio::test]
async fn c041_a_relation_that_stripe_cleared_is_cleared() {
    on_both(async |db: &TestDb| {
        let mut method = fixture("payment_method_card");
        let id = method["id"].as_str().unwrap().to_owned();
        method["customer"] = json!("cus_zoe");
        write(db.store(), &method, 1000).await;
        let read = async || db.store().get::<PaymentMethod>(&id).await.unwrap().unwrap();
        assert_eq!(
            read().await.customer().map(|it| it.id().to_owned()),
            Some("cus_zoe".to_owned())
        );
        method["customer"] = Value::Null;
        write(db.store(), &method, 1001).await;
        assert!(read().await.customer().is_none());
    })
    .await;
}

#[tokio::test]
async fn c046_fewer_taxes_are_fewer_taxes() {
    on_both(async |db: &TestDb| {
        let mut invoice = fixture("invoice");
        let tax = |amount: i64| json!({"amount": amount, "tax_behavior": "exclusive", "taxable_amount": 100, "type": "tax_rate_details"});
        invoice["total_taxes"] = json!([tax(7), tax(19)]);
        invoice["default_tax_rates"] = json!([{"id": "txr_1", "object": "tax_rate"}, {"id": "txr_2", "object": "tax_rate"}]);
        write(db.store(), &invoice, 1000).await;
        invoice["total_taxes"] = json!([tax(19)]);
        invoice["default_tax_rates"] = json!([{"id": "txr_2", "object": "tax_rate"}]);
        write(db.store(), &invoice, 1001).await;
        let read = db.store().get::<Invoice>("in_paid").await.unwrap().unwrap();
        let amounts: Vec<_> = read.total_taxes().iter().map(BillingBillResourceInvoicingTaxesTax::amount).collect();
        let rates: Vec<_> = read.default_tax_rates().iter().map(TaxRate::id).collect();
        assert_eq!((amounts, rates), (vec![Some(19)], vec!["txr_2"]));
    })
    .await;
}

#[tokio::test]
async fn c048_sources_of_every_kind_are_read_as_what_they_are_and_unknown_ones_are_kept() {
    on_both(async |db: &TestDb| {
        let source =
            |id: &str, object: &str| json!({"id": id, "object": object, "customer": "cus_zoe"});
        let sources = [
            source("card_1", "card"),
            source("ba_1", "bank_account"),
            source("src_1", "source"),
            source("tele_1", "teleporter"),
        ];
        let mut customer = fixture("customer");
        customer["sources"] =
            json!({"object": "list", "has_more": false, "url": "/v1/sources", "data": sources});
        write(db.store(), &customer, 1000).await;
        let read = db
            .store()
            .get::<Customer>("cus_zoe")
            .await
            .unwrap()
            .unwrap();
        let kinds: Vec<_> = read.sources().data().iter().map(kind).collect();
        assert_eq!(
            kinds,
            [
                "card card_1",
                "bank account ba_1",
                "source src_1",
                "teleporter tele_1"
            ]
        );
        // Each on its own, too.
        for source in &sources {
            write(db.store(), source, 1000).await;
            let (object, id) = (
                source["object"].as_str().unwrap(),
                source["id"].as_str().unwrap(),
            );
            let found = db.store().get_object(object, id).await.unwrap().unwrap();
            assert_eq!(found.deserialize::<Value>().unwrap(), *source);
        }
    })
    .await;
}
