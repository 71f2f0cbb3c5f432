//! Expanding references from the table: what comes in the place of ids, and what it takes.

mod edges;
mod faults;

use serde_json::{Value, json};
use stripe_store::resources::{
    Charge, Customer, CustomerDefaultSourceVariant, Invoice, Subscription,
};
use stripe_store::store::{Interval, Snapshot};
use stripe_store::{AnyObject, Store, Stored, View};
use stripe_store_tests::{TestDb, fixture, on_both, statements};

/// Writes objects, all of one second.
pub(crate) async fn put(store: &Store, objects: &[Value]) {
    let texts: Vec<String> = objects.iter().map(Value::to_string).collect();
    put_texts(store, &texts).await;
}

pub(crate) async fn put_texts(store: &Store, texts: &[String]) {
    let batch: Vec<_> = texts
        .iter()
        .map(|text| {
            let read = Snapshot::read(text.as_str()).unwrap();
            read.taken(Interval::second(1), "evt_1")
        })
        .collect();
    let outcomes = store.write(&batch).await.unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.is_change()));
}

pub(crate) async fn any(store: &Store, object: &str, id: &str) -> Stored<AnyObject> {
    store.get_object(object, id).await.unwrap().unwrap()
}

/// What a row holds, checked to be the same through the view and in the text.
pub(crate) fn tree<T: View>(row: &Stored<T>) -> Value {
    let read: Value = row.deserialize().unwrap();
    assert_eq!(
        row.view().data(),
        &read,
        "the view and the text say the same"
    );
    assert_eq!(serde_json::to_value(row).unwrap(), read);
    read
}

fn fixtures() -> Vec<Value> {
    [
        "subscription",
        "customer",
        "invoice",
        "product",
        "price",
        "payment_intent",
        "charge",
        "payment_method_card",
    ]
    .map(fixture)
    .into()
}

#[tokio::test]
async fn c014_an_expanded_reference_reads_as_if_stripe_had_expanded_it() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        put(store, &fixtures()).await;
        let mut row = store
            .get::<Subscription>("sub_gold")
            .await
            .unwrap()
            .unwrap();
        let before = tree(&row);
        let paths = [
            "customer",
            "latest_invoice.customer",
            "items.data.price.product",
        ];
        let expansion = store.expand(&mut row, &paths).await.unwrap();
        assert!(expansion.is_complete(), "{expansion:?}");

        let customer = row.customer().unwrap();
        assert_eq!(customer.id(), "cus_zoe");
        assert_eq!(customer.object().unwrap().data(), &fixture("customer"));
        let mut expected = before;
        expected["customer"] = fixture("customer");
        expected["latest_invoice"] = fixture("invoice");
        expected["latest_invoice"]["customer"] = fixture("customer");
        for item in expected["items"]["data"].as_array_mut().unwrap() {
            item["price"]["product"] = fixture("product");
        }
        assert_eq!(tree(&row), expected, "and nothing else changed");
        let item = row.items().data().iter().next().unwrap();
        let price = item.price().unwrap();
        let product = price.product().unwrap();
        assert_eq!(product.id(), "prod_gold");
        assert!(product.is_expanded());
        assert_eq!(row.row().stripe_id(), "sub_gold", "the row is the same");
        let table = any(store, "subscription", "sub_gold").await;
        assert_eq!(
            tree(&table)["customer"],
            "cus_zoe",
            "the table was not written to"
        );
    })
    .await;
}

#[tokio::test]
async fn one_row_an_array_a_slice_a_vec_and_a_page_expand_alike() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        put(store, &fixtures()).await;
        let get = async || store.get::<Invoice>("in_paid").await.unwrap().unwrap();
        let is_expanded = |row: &Stored<Invoice>| row.customer().unwrap().is_expanded();

        let mut one = get().await;
        store.expand(&mut one, &["customer"]).await.unwrap();
        assert!(is_expanded(&one));
        let mut found = store.get::<Invoice>("in_paid").await.unwrap();
        store
            .expand(&mut found, &["customer".to_owned()])
            .await
            .unwrap();
        assert!(is_expanded(&found.unwrap()));
        let mut none = store.get::<Invoice>("in_none").await.unwrap();
        assert!(
            store
                .expand(&mut none, &["customer"])
                .await
                .unwrap()
                .is_complete()
        );

        let mut array = [get().await, get().await];
        store.expand(&mut array, &["data.customer"]).await.unwrap();
        assert!(array.iter().all(is_expanded));
        let mut vec = vec![get().await, get().await];
        store.expand(&mut vec[1..], &["customer"]).await.unwrap();
        assert_eq!(
            vec.iter().map(is_expanded).collect::<Vec<_>>(),
            [false, true]
        );
        store.expand(&mut vec, &["data.customer"]).await.unwrap();
        assert!(vec.iter().all(is_expanded));
        let mut page = store.list::<Invoice>().page().await.unwrap();
        store.expand(&mut page, &["data.customer"]).await.unwrap();
        assert!(page.data.iter().all(is_expanded));
        assert_eq!(tree(&page.data[0]), tree(&one));

        let nothing: [&str; 0] = [];
        let before = get().await;
        store.expand(&mut one, &nothing).await.unwrap();
        let mut same = before.clone();
        store.expand(&mut same, &nothing).await.unwrap();
        assert_eq!(same.json(), before.json());
    })
    .await;
}

#[tokio::test]
async fn a_level_takes_one_statement_for_each_type_whatever_the_number_of_rows() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let mut objects = Vec::new();
        for n in 0..100 {
            objects.push(json!({"id": format!("sub_{n:03}"), "object": "subscription", "created": n,
                "customer": format!("cus_{}", n % 7), "latest_invoice": format!("in_{n}"),
                "items": {"object": "list", "data": [
                    {"id": "si", "object": "subscription_item", "price": {"object": "price", "product": format!("prod_{}", n % 3)}},
                    {"id": "si", "object": "subscription_item", "price": {"object": "price", "product": "prod_x"}},
                ]}}));
            objects.push(json!({"id": format!("in_{n}"), "object": "invoice", "customer": format!("cus_{}", n % 7),
                "default_payment_method": format!("pm_{n}")}));
            objects.push(json!({"id": format!("pm_{n}"), "object": "payment_method", "customer": "cus_late"}));
        }
        let customers = ["0", "1", "2", "3", "4", "5", "6", "late"];
        objects.extend(customers.map(|n| json!({"id": format!("cus_{n}"), "object": "customer"})));
        let products = ["0", "1", "2", "x"];
        objects.extend(products.map(|n| json!({"id": format!("prod_{n}"), "object": "product"})));
        put(store, &objects).await;

        let mut page = store.list::<Subscription>().limit(100).page().await.unwrap();
        let check = async |page: &mut stripe_store::store::Page<Subscription>, paths: &[&str], expected: &[u64]| {
            let (expansion, sent) = statements(store.expand(page, paths)).await;
            assert!(expansion.unwrap().is_complete());
            let rows: Vec<u64> = sent.iter().map(|statement| statement.rows).collect();
            assert_eq!(rows, expected, "{paths:?}: {sent:?}");
            assert!(sent.iter().all(|statement| statement.sql.starts_with("SELECT")));
        };
        let mut all = page.clone();
        // First customers, invoices and products; then the invoices' payment methods, whose customers were there but
        // for one; then that one.
        let paths = [
            "customer",
            "items.data.price.product",
            "latest_invoice.customer",
            "latest_invoice.default_payment_method.customer",
        ];
        check(&mut all, &paths, &[7, 100, 4, 100, 1]).await;
        assert_eq!(all.data.len(), 100);
        for row in &all.data {
            let invoice = row.latest_invoice().unwrap().object().unwrap();
            assert_eq!(invoice.customer().unwrap(), row.customer().unwrap());
            assert!(invoice.customer().unwrap().is_expanded());
            let method = invoice.default_payment_method().unwrap().object().unwrap();
            assert_eq!(method.customer().unwrap().object().unwrap().id(), "cus_late");
        }
        check(&mut all, &paths, &[]).await;
        check(&mut page, &["customer"], &[7]).await;
        check(&mut page, &["latest_invoice.customer"], &[100, 7]).await;
        check(&mut page, &["customer", "latest_invoice.customer"], &[]).await;
    })
    .await;
}

#[tokio::test]
async fn references_in_arrays_and_lists_are_expanded() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        put(store, &[
            json!({"id": "sub_1", "object": "subscription", "discounts": ["di_1", "di_gone", "di_2"],
                "items": {"object": "list", "data": [{"discounts": ["di_2"]}, {"discounts": []}, {}]}}),
            json!({"id": "di_1", "object": "discount", "promotion_code": "promo_1"}),
            json!({"id": "di_2", "object": "discount", "promotion_code": null}),
            json!({"id": "promo_1", "object": "promotion_code"}),
        ]).await;
        let mut row = store.get::<Subscription>("sub_1").await.unwrap().unwrap();
        let paths = ["discounts.promotion_code", "items.data.discounts"];
        let (expansion, sent) = statements(store.expand(&mut row, &paths)).await;
        assert_eq!(sent.len(), 2, "{sent:?}");
        let missing = expansion.unwrap().missing;
        assert_eq!(missing.len(), 1);
        assert_eq!((missing[0].id.as_str(), missing[0].path.as_str()), ("di_gone", "discounts"));
        let second = json!({"id": "di_2", "object": "discount", "promotion_code": null});
        assert_eq!(tree(&row), json!({"id": "sub_1", "object": "subscription",
            "discounts": [
                {"id": "di_1", "object": "discount", "promotion_code": {"id": "promo_1", "object": "promotion_code"}},
                "di_gone", second],
            "items": {"object": "list", "data": [{"discounts": [second]}, {"discounts": []}, {}]}}));
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_stays_an_id_and_is_reported_until_it_is_there() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let charge = json!({"id": "ch_1", "object": "charge", "customer": "cus_1", "payment_intent": "pi_1"});
        let other = json!({"id": "ch_2", "object": "charge", "customer": "cus_1"});
        let intent = json!({"id": "pi_1", "object": "payment_intent", "payment_method": "pm_1", "customer": "cus_1"});
        put(store, &[charge.clone(), other, intent.clone()]).await;
        let ids = ["ch_1", "ch_2"];
        let mut rows = store.get_many::<Charge>(&ids).await.unwrap();
        let paths = ["data.customer", "data.payment_intent.payment_method", "data.payment_intent.customer"];
        let (expansion, sent) = statements(store.expand(&mut rows, &paths)).await;
        // The customer, the intent, the payment method; and not the missing customer again.
        assert_eq!(sent.len(), 3, "{sent:?}");
        let expansion = expansion.unwrap();
        let reported: Vec<_> = expansion
            .missing
            .iter()
            .map(|it| (it.objects, it.id.as_str(), it.path.as_str()))
            .collect();
        let expected: [(&[&str], _, _); 2] = [
            (&["customer"], "cus_1", "customer"),
            (&["payment_method"], "pm_1", "payment_intent.payment_method"),
        ];
        assert_eq!(reported, expected, "each once, by the path that first led to it");
        assert_eq!(&expansion.missing[0].scope, store.scope());
        assert!(!expansion.is_complete());
        let mut halfway = charge.clone();
        halfway["payment_intent"] = intent.clone();
        assert_eq!(tree(&rows[0]), halfway);

        put(store, &[json!({"id": "cus_1", "object": "customer"})]).await;
        let expansion = store.expand(&mut rows, &paths).await.unwrap();
        assert_eq!(expansion.missing.len(), 1);
        let customer = json!({"id": "cus_1", "object": "customer"});
        halfway["customer"] = customer.clone();
        halfway["payment_intent"]["customer"] = customer;
        assert_eq!(tree(&rows[0]), halfway);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_object_is_shown_as_stripe_shows_it() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        put(store, &[
            json!({"id": "in_1", "object": "invoice", "customer": "cus_1", "default_source": "card_1"}),
            json!({"id": "cus_1", "object": "customer", "email": "ada@example.com", "default_source": "card_1"}),
            // The first thing that is heard of it is that it is gone.
            json!({"id": "card_1", "object": "card", "deleted": true, "currency": "eur"}),
        ]).await;
        let gone = r#"{"id": "cus_1", "object": "customer", "deleted": true}"#;
        let snapshot = Snapshot::read(gone).unwrap().taken(Interval::second(2), "evt_2");
        store.write(&[snapshot]).await.unwrap();

        let paths = ["customer.default_source", "default_source"];
        for handle in [store.clone(), store.including_deleted()] {
            let mut row = handle.get::<Invoice>("in_1").await.unwrap().unwrap();
            let expansion = handle.expand(&mut row, &paths).await.unwrap();
            assert!(expansion.is_complete());
            assert_eq!(
                tree(&row),
                json!({"id": "in_1", "object": "invoice",
                    "customer": {"id": "cus_1", "object": "customer", "deleted": true},
                    "default_source": {"id": "card_1", "object": "card", "deleted": true, "currency": "eur"}})
            );
            let customer = row.customer().unwrap();
            assert!(customer.is_deleted() && customer.object().is_none());
            assert_eq!(customer.id(), "cus_1");
        }
    })
    .await;
}

#[tokio::test]
async fn a_reference_to_one_of_several_types_finds_the_one() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let sources = [
            ("card_1", "card"),
            ("ba_1", "bank_account"),
            ("src_1", "source"),
            ("odd_card", "card"),
            ("odd_bank", "bank_account"),
        ];
        let mut objects = Vec::new();
        for (id, object) in sources {
            objects.push(json!({"id": id, "object": object, "customer": format!("cus_{id}")}));
        }
        let referring = [
            "card_1", "ba_1", "src_1", "odd_card", "odd_bank", "odd_none",
        ];
        for id in referring {
            objects.push(
                json!({"id": format!("cus_{id}"), "object": "customer", "default_source": id}),
            );
        }
        put(store, &objects).await;
        let mut rows = store
            .get_many::<Customer>(&referring.map(|id| format!("cus_{id}")))
            .await
            .unwrap();
        let (expansion, sent) =
            statements(store.expand(&mut rows, &["default_source.customer"])).await;
        // Each type once, for the ids with its prefix and for those that no type before had; the customers once.
        assert_eq!(sent.len(), 4, "{sent:?}");
        assert_eq!(sent.iter().map(|it| it.rows).sum::<u64>(), 9);
        let missing = expansion.unwrap().missing;
        assert_eq!(missing.len(), 1);
        assert_eq!(missing[0].objects, ["bank_account", "card", "source"]);
        assert_eq!(missing[0].id, "odd_none");
        for (row, (id, object)) in rows.iter().zip(sources) {
            let source = row.default_source().unwrap();
            assert_eq!((source.id(), source.is_expanded()), (id, true));
            match (source.object().unwrap().variant(), object) {
                (CustomerDefaultSourceVariant::Card(card), "card") => {
                    assert!(card.customer().unwrap().is_expanded());
                }
                (CustomerDefaultSourceVariant::BankAccount(account), "bank_account") => {
                    assert!(account.customer().unwrap().is_expanded());
                }
                (CustomerDefaultSourceVariant::Source(_), "source") => {}
                (variant, _) => panic!("{id} is no {variant:?}"),
            }
        }
    })
    .await;
}
