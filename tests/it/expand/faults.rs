//! What cannot be expanded is refused with what could be meant, and leaves the rows as they were.

use std::error::Error as _;

use serde_json::json;
use stripe_store::resources::{Charge, Subscription};
use stripe_store::store::{ExpandError, StoreError};
use stripe_store::{AnyObject, Stored};
use stripe_store_tests::{Kind, TestDb, on_both, on_sqlite, statements};

use super::{any, put, tree};

/// The error of expanding `paths` in `rows`, which came before any statement and left the rows as they were.
async fn refused(db: &TestDb, rows: &mut [Stored<AnyObject>], paths: &[&str]) -> ExpandError {
    let before: Vec<_> = rows.iter().map(|row| row.json().to_owned()).collect();
    let (result, sent) = statements(db.store().expand(rows, paths)).await;
    assert!(sent.is_empty(), "{sent:?}");
    let error = result.unwrap_err();
    assert!(error.is_invalid_request() && !error.is_transient());
    let after: Vec<_> = rows.iter().map(|row| row.json().to_owned()).collect();
    assert_eq!(before, after);
    match error {
        StoreError::Expand { source, .. } => source,
        other => panic!("{other}"),
    }
}

/// What an unknown path is said to be near to.
#[track_caller]
fn check(error: &ExpandError, expected: (&str, &str, &[&str])) {
    let ExpandError::UnknownPath {
        object,
        field,
        nearest,
        ..
    } = error
    else {
        panic!("{error}");
    };
    let nearest: Vec<&str> = nearest.iter().map(String::as_str).collect();
    assert_eq!(
        (object.as_str(), field.as_str(), nearest.as_slice()),
        expected
    );
}

#[tokio::test]
async fn an_unknown_path_is_an_error_that_names_the_nearest_before_any_query() {
    on_both(async |db: &TestDb| {
        put(db.store(), &[json!({"id": "sub_1", "object": "subscription", "customer": "cus_1"})]).await;
        let rows = &mut [any(db.store(), "subscription", "sub_1").await];
        let error = refused(db, rows, &["customer", "costumer"]).await;
        check(&error, ("subscription", "costumer", &["customer"]));
        assert_eq!(
            error.to_string(),
            "a subscription has nothing to expand at \"costumer\" of the path \"costumer\": the nearest that can be \
             expanded is \"customer\""
        );
        let error = refused(db, rows, &["items.price.product"]).await;
        check(&error, ("subscription", "items.price.product", &["items.data.price.product"]));
        let error = refused(db, rows, &["data.latest_invoice.payment_intent"]).await;
        let ExpandError::UnknownPath { object, field, nearest, path, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!((object.as_str(), field.as_str()), ("invoice", "payment_intent"));
        assert_eq!(path, "data.latest_invoice.payment_intent");
        assert!(!nearest.is_empty() && nearest.len() <= 5);
        assert!(nearest.iter().all(|path| path.starts_with("data.latest_invoice.")), "{nearest:?}");
        let error = refused(db, rows, &["default_source.custmer.test_clok"]).await;
        check(&error, ("bank_account", "custmer.test_clok", &["default_source.customer"]));
        // A field that is no reference, a part of one, an empty path, one with an end missing.
        for path in ["status", "custom", "customer.", "", ".", "data", "items", "data.data.customer", "🎉.é"] {
            let error = refused(db, rows, &[path]).await;
            assert!(matches!(error, ExpandError::UnknownPath { .. }), "{path}: {error}");
        }
        let long = "customer_".repeat(100_000);
        assert!(matches!(refused(db, rows, &[&long]).await, ExpandError::UnknownPath { .. }));

        // The type decides when there is no row, and the error has a source to print.
        let mut none: Vec<Stored<Subscription>> = Vec::new();
        let error = db.store().expand(&mut none, &["costumer"]).await.unwrap_err();
        assert_eq!(error.to_string(), "could not expand the objects");
        assert!(error.source().unwrap().to_string().contains("\"customer\""));
    })
    .await;
}

#[tokio::test]
async fn a_leading_data_is_of_lists_alone() {
    on_both(async |db: &TestDb| {
        put(
            db.store(),
            &[json!({"id": "ch_1", "object": "charge", "customer": "cus_1"})],
        )
        .await;
        let mut one = any(db.store(), "charge", "ch_1").await;
        assert!(
            db.store()
                .expand(&mut one, &["data.customer"])
                .await
                .is_err()
        );
        let expansion = db
            .store()
            .expand(&mut vec![one], &["data.customer"])
            .await
            .unwrap();
        assert_eq!(expansion.missing[0].path, "customer");
    })
    .await;
}

#[tokio::test]
async fn every_type_among_the_rows_has_to_have_the_path() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        put(store, &[
            json!({"id": "sub_1", "object": "subscription", "customer": "cus_1", "latest_invoice": "in_1"}),
            json!({"id": "ch_1", "object": "charge", "customer": "cus_1"}),
            json!({"id": "v_1", "object": "teleport.voucher", "customer": "cus_1"}),
            json!({"id": "cus_1", "object": "customer"}),
        ]).await;
        let mut rows = vec![any(store, "subscription", "sub_1").await, any(store, "charge", "ch_1").await];
        let error = refused(db, &mut rows, &["latest_invoice"]).await;
        assert!(matches!(error, ExpandError::UnknownPath { ref object, .. } if object == "charge"), "{error}");
        let (expansion, sent) = statements(store.expand(&mut rows, &["customer"])).await;
        assert!(expansion.unwrap().is_complete());
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert!(rows.iter().all(|row| tree(row)["customer"]["object"] == "customer"));
        let unheard = &mut [any(store, "teleport.voucher", "v_1").await];
        check(&refused(db, unheard, &["customer"]).await, ("teleport.voucher", "customer", &[]));
    })
    .await;
}

#[tokio::test]
async fn four_references_deep_is_the_most() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        put(
            store,
            &[
                json!({"id": "cus_1", "object": "customer", "default_source": "card_1"}),
                json!({"id": "card_1", "object": "card", "customer": "cus_1"}),
            ],
        )
        .await;
        let mut rows = [any(store, "customer", "cus_1").await];
        let five = "default_source.customer.default_source.customer.default_source";
        let error = refused(db, &mut rows, &[five]).await;
        assert!(
            matches!(error, ExpandError::TooDeep { max: 4, .. }),
            "{error}"
        );
        let error = refused(db, &mut rows, &[&format!("{five}.nonsense")]).await;
        assert!(
            matches!(error, ExpandError::TooDeep { max: 4, .. }),
            "{error}"
        );
        // In a circle, and each object is fetched once.
        let four = five.rsplit_once('.').unwrap().0;
        let (expansion, sent) = statements(store.expand(&mut rows, &[four])).await;
        assert!(expansion.unwrap().is_complete());
        assert_eq!(
            sent.iter().map(|it| it.rows).collect::<Vec<_>>(),
            [1, 1],
            "{sent:?}"
        );
        let card = |customer| json!({"id": "card_1", "object": "card", "customer": customer});
        let customer =
            |source| json!({"id": "cus_1", "object": "customer", "default_source": source});
        assert_eq!(
            tree(&rows[0]),
            customer(card(customer(card(customer(json!("card_1"))))))
        );
    })
    .await;
}

#[tokio::test]
async fn rows_that_would_come_to_too_much_are_refused_before_they_are_made() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        // Each list of 300 in each of 300 places: 90,000 copies of 20 KB.
        let items: Vec<_> = (0..300).map(|_| json!({"price": {"object": "price", "product": "prod_1"}})).collect();
        let subscriptions = |n: usize| json!({"object": "list", "data":
            (0..n).map(|_| json!({"id": "sub_1", "object": "subscription", "latest_invoice": "in_1"})).collect::<Vec<_>>()});
        let lines: Vec<_> = (0..300).map(|_| json!({"subscription": "sub_1"})).collect();
        put(store, &[
            json!({"id": "cus_1", "object": "customer", "subscriptions": subscriptions(300)}),
            json!({"id": "in_1", "object": "invoice", "lines": {"object": "list", "data": lines}}),
            json!({"id": "sub_1", "object": "subscription", "items": {"object": "list", "data": items}}),
            json!({"id": "prod_1", "object": "product", "description": "x".repeat(20_000)}),
        ]).await;
        let path = "subscriptions.data.latest_invoice.lines.data.subscription.items.data.price.product";
        let mut row = any(store, "customer", "cus_1").await;
        let before = row.json().to_owned();
        let error = store.expand(&mut row, &[path]).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::Expand { source: ExpandError::TooLarge { max_bytes, .. }, .. } if *max_bytes == 256 << 20),
            "{error:?}"
        );
        assert!(error.is_invalid_request());
        assert_eq!(row.json(), before);
        let fewer = "subscriptions.data.latest_invoice";
        assert!(
            store
                .expand(&mut row, &[fewer])
                .await
                .unwrap()
                .is_complete()
        );

        // Rows count together.
        let name = "x".repeat(3 << 20);
        put(
            store,
            &[
                json!({"id": "ch_1", "object": "charge", "customer": "cus_3"}),
                json!({"id": "cus_3", "object": "customer", "name": name}),
            ],
        )
        .await;
        let mut rows = vec![any(store, "charge", "ch_1").await; 100];
        assert!(store.expand(&mut rows, &["customer"]).await.is_err());
        assert!(store.expand(&mut rows[..10], &["customer"]).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_query_that_fails_leaves_every_row_as_it_was() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        put(
            store,
            &[
                json!({"id": "ch_1", "object": "charge", "customer": "cus_1"}),
                json!({"id": "cus_1", "object": "customer"}),
            ],
        )
        .await;
        let mut row = store.get::<Charge>("ch_1").await.unwrap().unwrap();
        let before = row.json().to_owned();
        db.execute("ALTER TABLE stripe_objects RENAME TO elsewhere")
            .await;
        let error = store.expand(&mut row, &["customer"]).await.unwrap_err();
        assert!(error.is_not_migrated(), "{error:?}");
        assert_eq!(row.json(), before);
        assert!(!row.customer().unwrap().is_expanded());
        db.execute("ALTER TABLE elsewhere RENAME TO stripe_objects")
            .await;
        assert!(
            store
                .expand(&mut row, &["customer"])
                .await
                .unwrap()
                .is_complete()
        );
    })
    .await;
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_named() {
    // A lone surrogate, which SQLite takes for JSON and no store writes.
    on_sqlite(async |db: &TestDb| {
        assert_eq!(db.kind(), Kind::Sqlite);
        let store = db.store();
        put(store, &[
            json!({"id": "ch_1", "object": "charge", "customer": "cus_1"}),
            json!({"id": "cus_1", "object": "customer", "name": "NAME"}),
        ]).await;
        db.execute(r#"UPDATE stripe_objects SET data = replace(data, 'NAME', '\ud800') WHERE stripe_id = 'cus_1'"#).await;
        let mut row = store.get::<Charge>("ch_1").await.unwrap().unwrap();
        let before = row.json().to_owned();
        let error = store.expand(&mut row, &["customer"]).await.unwrap_err();
        assert!(matches!(error, StoreError::Row { column: "data", .. }), "{error:?}");
        assert!(error.to_string().contains("customer cus_1"), "{error}");
        assert_eq!(row.json(), before);
    })
    .await;
}
