//! Odd places, odd texts, other accounts, and single references.

use serde_json::{Value, json};
use stripe_store::View;
use stripe_store::resources::{Charge, Customer, Invoice, Payout};
use stripe_store::store::{Interval, Snapshot, TableNames};
use stripe_store_tests::{Kind, TestDb, on_both, statements};

use super::{any, put, put_texts, tree};

#[tokio::test]
async fn an_object_that_is_there_already_stays_and_is_gone_into() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        put(store, &[
            json!({"id": "ch_1", "object": "charge",
                "customer": {"id": "cus_1", "object": "customer", "name": "as it was", "default_source": "card_1"},
                "payment_intent": {"id": "pi_gone", "object": "payment_intent", "deleted": true},
                "transfer": {"id": "tr_1"}}),
            json!({"id": "cus_1", "object": "customer", "name": "as it is"}),
            json!({"id": "card_1", "object": "card", "customer": "cus_1"}),
            json!({"id": "tr_1", "object": "transfer", "amount": 1}),
        ]).await;
        let mut row = store.get::<Charge>("ch_1").await.unwrap().unwrap();
        let before = tree(&row);
        let paths = ["customer.default_source", "payment_intent.payment_method", "transfer"];
        let (expansion, sent) = statements(store.expand(&mut row, &paths)).await;
        assert!(expansion.unwrap().is_complete());
        assert_eq!(sent.len(), 1, "{sent:?}");
        let mut expected = before;
        expected["customer"]["default_source"] = json!({"id": "card_1", "object": "card", "customer": "cus_1"});
        assert_eq!(tree(&row), expected);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_reference_is_left_alone() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let odd = [
            json!(null),
            json!(12),
            json!(true),
            json!(""),
            json!([]),
            json!({}),
            json!([null, 1.5, {}]),
            json!({"id": "cus_1"}),
            json!({"id": 5, "object": ["customer"]}),
            json!([[{"customer": "cus_1"}]]),
        ];
        for (n, customer) in odd.into_iter().enumerate() {
            let id = format!("ch_{n}");
            put(
                store,
                &[json!({"id": id, "object": "charge", "customer": customer})],
            )
            .await;
            let mut row = store.get::<Charge>(&id).await.unwrap().unwrap();
            let before = row.json().to_owned();
            let paths = ["customer", "customer.default_source"];
            let (expansion, sent) = statements(store.expand(&mut row, &paths)).await;
            assert!(expansion.unwrap().is_complete());
            assert_eq!(row.json(), before);
            assert!(sent.is_empty(), "{sent:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_text_is_kept_to_the_letter_where_nothing_is_put_in() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let big = "123456789012345678901234567890.12345678901234567890";
        let charge = format!(
            r#" {{"id" : "ch_1","object":"charge", "a": [1e400, {big}], "say": "\"customer\": \"cus_\\1\" 🎉\n",
                "customer"	:
                "cus_\u00311" , "metadata": {{"customer": "cus_11"}}, "z": {{"customer": "cus_1"}} }} "#
        );
        let customer = format!(r#"{{"id":"cus_11","object":"customer","balance":{big},"n":-0.10}}"#);
        put_texts(store, &[charge, customer]).await;
        let (mut row, customer) = (
            store.get::<Charge>("ch_1").await.unwrap().unwrap(),
            any(store, "customer", "cus_11").await,
        );
        let before = row.json().to_owned();
        assert!(store.expand(&mut row, &["customer"]).await.unwrap().is_complete());
        assert!(row.json().contains(big) && customer.json().contains(big));
        assert_eq!(row.json().matches(big).count(), 2);
        assert_eq!(row.view().data()["customer"]["n"], json!(-0.1));
        // SQLite has the text as it came, PostgreSQL has its own.
        let id = match db.kind() {
            Kind::Sqlite => r#""cus_\u00311""#,
            Kind::Postgres => r#""cus_11""#,
        };
        let at = before.find(id).unwrap();
        let expected = format!("{}{}{}", &before[..at], customer.json(), &before[at + id.len()..]);
        assert_eq!(row.json(), expected);
        assert_eq!(row.metadata().get("customer"), Some("cus_11"), "no path leads there");
    })
    .await;
}

#[tokio::test]
async fn ids_that_databases_trip_over_are_looked_for() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let ids = ["a'b\"c\\", "🎉", "%", "a\u{1}b", "cus_NULL"];
        let mut objects = Vec::new();
        for (n, id) in ids.into_iter().enumerate() {
            objects.push(json!({"id": id, "object": "customer"}));
            objects.push(json!({"id": format!("ch_{n}"), "object": "charge", "customer": id}));
        }
        put(store, &objects).await;
        let mut page = store.list::<Charge>().page().await.unwrap();
        assert!(store.expand(&mut page, &["customer"]).await.unwrap().is_complete());
        assert!(page.data.iter().all(|row| row.customer().unwrap().object().is_some()));

        let long = "x".repeat(100_000);
        put(store, &[json!({"id": "ch_odd", "object": "charge", "customer": "cus_\u{0}", "payment_intent": long})]).await;
        let mut row = store.get::<Charge>("ch_odd").await.unwrap().unwrap();
        let expansion = store.expand(&mut row, &["customer", "payment_intent"]).await.unwrap();
        assert_eq!(expansion.missing.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn objects_come_from_the_account_and_mode_of_the_row() {
    on_both(async |db: &TestDb| {
        let handles = [
            db.store().clone(),
            db.store().test_mode(),
            db.store().account("acct_1"),
            db.store().account("acct_2").test_mode(),
        ];
        let mut rows = Vec::new();
        for (n, handle) in handles.iter().enumerate() {
            put(
                handle,
                &[json!({"id": "ch_1", "object": "charge", "customer": "cus_1"})],
            )
            .await;
            if n != 3 {
                put(
                    handle,
                    &[json!({"id": "cus_1", "object": "customer", "balance": n})],
                )
                .await;
            }
            rows.push(handle.get::<Charge>("ch_1").await.unwrap().unwrap());
        }
        let (expansion, sent) = statements(handles[2].expand(&mut rows, &["customer"])).await;
        let expansion = expansion.unwrap();
        assert_eq!(sent.len(), 4, "{sent:?}");
        for (n, row) in rows.iter().take(3).enumerate() {
            assert_eq!(tree(row)["customer"]["balance"], n);
        }
        assert_eq!(tree(&rows[3])["customer"], "cus_1");
        assert_eq!(expansion.missing.len(), 1);
        assert_eq!(&expansion.missing[0].scope, handles[3].scope());
        assert_eq!(rows[3].row().scope(), expansion.missing[0].scope);
    })
    .await;
}

#[tokio::test]
async fn a_type_is_found_under_its_older_name() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        put(
            store,
            &[
                json!({"id": "link_1", "object": "file_link", "file": "file_old"}),
                json!({"id": "link_2", "object": "file_link", "file": "file_new"}),
                json!({"id": "file_old", "object": "file_upload"}),
                json!({"id": "file_new", "object": "file"}),
            ],
        )
        .await;
        let mut page = store.list_object("file_link").page().await.unwrap();
        let (expansion, sent) = statements(store.expand(&mut page, &["file"])).await;
        assert!(expansion.unwrap().is_complete());
        assert_eq!(sent.len(), 2, "{sent:?}");
        let names: Vec<Value> = page
            .data
            .iter()
            .map(|row| tree(row)["file"]["object"].clone())
            .collect();
        assert!(names.contains(&json!("file_upload")) && names.contains(&json!("file")));
    })
    .await;
}

#[tokio::test]
async fn what_would_nest_too_deep_to_be_read_stays_an_id() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        put_texts(store, &[
            r#"{"id": "ch_1", "object": "charge", "customer": "cus_most", "payment_intent": "pi_over"}"#.to_owned(),
            format!(r#"{{"id": "cus_most", "object": "customer", "a": {}}}"#, deep(125)),
            format!(r#"{{"id": "pi_over", "object": "payment_intent", "a": {}}}"#, deep(126)),
        ]).await;
        let mut row = store.get::<Charge>("ch_1").await.unwrap().unwrap();
        let expansion = store.expand(&mut row, &["customer", "payment_intent"]).await.unwrap();
        assert!(expansion.missing.is_empty() && !expansion.is_complete());
        assert_eq!(expansion.too_deep.len(), 1);
        assert_eq!((expansion.too_deep[0].id.as_str(), expansion.too_deep[0].path.as_str()), ("pi_over", "payment_intent"));
        assert!(row.customer().unwrap().is_expanded());
        assert_eq!(tree(&row)["payment_intent"], "pi_over");
    })
    .await;
}

#[tokio::test]
async fn tables_in_another_place_are_read() {
    on_both(async |db: &TestDb| {
        let names = TableNames::new().with_prefix("eu_").unwrap();
        let store = db.connect().await.with_tables(names).unwrap();
        store.migrate().await.unwrap();
        put(
            &store,
            &[
                json!({"id": "ch_1", "object": "charge", "customer": "cus_1"}),
                json!({"id": "cus_1", "object": "customer"}),
            ],
        )
        .await;
        let mut row = store.get::<Charge>("ch_1").await.unwrap().unwrap();
        assert!(
            store
                .expand(&mut row, &["customer"])
                .await
                .unwrap()
                .is_complete()
        );
        let mut same = store.get::<Charge>("ch_1").await.unwrap().unwrap();
        let expansion = db.store().expand(&mut same, &["customer"]).await.unwrap();
        assert_eq!(expansion.missing.len(), 1, "the other tables are empty");
    })
    .await;
}

#[tokio::test]
async fn c014_one_reference_resolves_to_the_row_whatever_the_field_holds() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        put(store, &[
            json!({"id": "in_id", "object": "invoice", "customer": "cus_1"}),
            json!({"id": "in_object", "object": "invoice", "customer": {"id": "cus_1", "object": "customer", "name": "was"}}),
            json!({"id": "in_stub", "object": "invoice", "customer": {"id": "cus_2", "object": "customer", "deleted": true}}),
            json!({"id": "in_gone", "object": "invoice", "customer": "cus_gone"}),
            json!({"id": "in_null", "object": "invoice", "customer": null}),
            json!({"id": "cus_1", "object": "customer", "name": "is"}),
            json!({"id": "cus_2", "object": "customer", "name": "was"}),
        ]).await;
        let gone = r#"{"id": "cus_2", "object": "customer", "deleted": true}"#;
        store.write(&[Snapshot::read(gone).unwrap().taken(Interval::second(2), "evt_2")]).await.unwrap();
        let resolve = async |id: &str, handle: &stripe_store::Store| {
            let row = store.get::<Invoice>(id).await.unwrap().unwrap();
            let (found, sent) = statements(row.customer().unwrap().resolve(handle)).await;
            assert_eq!(sent.len(), 1, "{sent:?}");
            found.unwrap()
        };
        for id in ["in_id", "in_object"] {
            let customer = resolve(id, store).await.unwrap();
            assert_eq!(customer.name(), Some("is"));
            assert_eq!(customer.row().stripe_id(), "cus_1");
        }
        assert!(resolve("in_gone", store).await.is_none());
        assert!(resolve("in_id", &store.test_mode()).await.is_none());
        assert!(resolve("in_stub", store).await.is_none());
        let deleted = resolve("in_stub", &store.including_deleted()).await.unwrap();
        assert!(deleted.is_deleted());
        let row = store.get::<Invoice>("in_null").await.unwrap().unwrap();
        assert!(row.customer().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_reference_to_one_of_several_types_resolves_to_the_one() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        put(
            store,
            &[
                json!({"id": "card_1", "object": "card", "last4": "4242"}),
                json!({"id": "odd", "object": "card"}),
                json!({"id": "po_1", "object": "payout", "destination": "odd"}),
            ],
        )
        .await;
        let cases = [
            (json!("card_1"), 1),
            (json!("odd"), 2),
            (json!("none"), 3),
            (json!({"id": "odd", "object": "card"}), 1),
        ];
        for (n, (source, queries)) in cases.into_iter().enumerate() {
            let id = format!("cus_{n}");
            put(
                store,
                &[json!({"id": id, "object": "customer", "default_source": source})],
            )
            .await;
            let row = store.get::<Customer>(&id).await.unwrap().unwrap();
            let reference = row.default_source().unwrap();
            let (found, sent) = statements(reference.resolve(store)).await;
            assert_eq!(sent.len(), queries, "{source}: {sent:?}");
            let found = found.unwrap().map(|found| found.row().object().to_owned());
            assert_eq!(
                found.as_deref(),
                (source != "none").then_some("card"),
                "{source}"
            );
        }
        let payout = store.get::<Payout>("po_1").await.unwrap().unwrap();
        let found = payout
            .destination()
            .unwrap()
            .resolve(store)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.view().data()["object"], "card");
    })
    .await;
}
