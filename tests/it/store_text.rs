//! Texts that trip databases: characters, numbers, depth and size.

use serde_json::{Value, json};
use stripe_store::store::{Interval, Snapshot};
use stripe_store::{Outcome, Store, View};
use stripe_store_tests::{Kind, TestDb, on_both};

async fn stored(
    store: &Store,
    json: &str,
    id: &str,
) -> stripe_store::Stored<stripe_store::AnyObject> {
    let snapshot = Snapshot::read(json)
        .unwrap()
        .taken(Interval::second(1), "evt_1");
    let outcomes = store.write(&[snapshot]).await.unwrap();
    assert_eq!(outcomes, [Outcome::Inserted]);
    store
        .get_object("product", id)
        .await
        .unwrap()
        .expect("the row that was written")
}

#[tokio::test]
async fn a_nul_or_half_a_character_is_replaced_and_fails_no_batch() {
    on_both(async |db: &TestDb| {
        let odd = r#"{"object":"product","id":"odd","a\u0000":"x\u0000y","b":"\ud800","c":"\\u0000","d":"\\\u0000",
            "e":"\ud83d\ude00","f":"\udc00\ud83d"}"#;
        let good = r#"{"object":"product","id":"good"}"#;
        let read = |json| Snapshot::read(json).unwrap().taken(Interval::second(1), "evt_1");
        assert_eq!(read(odd).replaced_escapes(), 6);
        let outcomes = db.store().write(&[read(odd), read(good)]).await.unwrap();
        assert_eq!(outcomes, [Outcome::Inserted; 2]);
        let row = db.store().get_object("product", "odd").await.unwrap().unwrap();
        assert_eq!(
            row.deserialize::<Value>().unwrap(),
            json!({"object": "product", "id": "odd", "a\u{fffd}": "x\u{fffd}y", "b": "\u{fffd}", "c": "\\u0000",
                "d": "\\\u{fffd}", "e": "😀", "f": "\u{fffd}\u{fffd}"})
        );
        assert_eq!(db.store().write(&[read(odd)]).await.unwrap(), [Outcome::Unchanged]);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_found_under_a_nul() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        assert!(store.get_object("product", "a\0").await.unwrap().is_none());
        assert!(store.get_object("a\0", "a").await.unwrap().is_none());
        assert!(
            store
                .list_object("a\0")
                .page()
                .await
                .unwrap()
                .data
                .is_empty()
        );
        assert!(
            store
                .account("a\0")
                .get_object("product", "a")
                .await
                .unwrap()
                .is_none()
        );
    })
    .await;
}

#[tokio::test]
async fn ids_and_texts_of_any_script_come_back() {
    on_both(async |db: &TestDb| {
        for id in [
            "10% Grüße",
            "金",
            "a'b\"c\\d",
            "{}",
            "\u{202e}x",
            "e\u{301}",
            "é",
            "%_",
            "🎉🎉",
        ] {
            let sent =
                json!({"object": "product", "id": id, "name": format!("{id}\n\t\u{7f}\u{10ffff}")});
            let row = stored(db.store(), &sent.to_string(), id).await;
            assert_eq!(row.view().data(), &sent);
            assert_eq!(row.row().stripe_id(), id);
        }
    })
    .await;
}

#[tokio::test]
async fn a_megabyte_comes_back() {
    on_both(async |db: &TestDb| {
        let sent = json!({"object": "product", "id": "big", "description": "ß".repeat(500_000),
            "list": (0..20_000).collect::<Vec<_>>()});
        let row = stored(db.store(), &sent.to_string(), "big").await;
        assert_eq!(row.view().data(), &sent);
    })
    .await;
}

#[tokio::test]
async fn nesting_at_the_limit_comes_back() {
    on_both(async |db: &TestDb| {
        let inner = format!("{}{}", "[".repeat(126), "]".repeat(126));
        let json = format!(r#"{{"object":"product","id":"deep","a":{inner}}}"#);
        let row = stored(db.store(), &json, "deep").await;
        assert_eq!(
            row.deserialize::<Value>().unwrap(),
            serde_json::from_str::<Value>(&json).unwrap()
        );
    })
    .await;
}

#[tokio::test]
async fn numbers_past_64_bits_are_not_rounded() {
    on_both(async |db: &TestDb| {
        let integer = "1234567890123456789012345678901234567890";
        let decimal = "0.1234567890123456789012345678901234567890";
        let json = format!(
            r#"{{"object":"product","id":"n","i":{integer},"d":{decimal},"neg":-{integer},"e":1e400,"max":9223372036854775807}}"#
        );
        let row = stored(db.store(), &json, "n").await;
        for number in [integer, decimal] {
            assert!(row.json().contains(number), "{}", row.json());
        }
        let written_out = match db.kind() {
            Kind::Sqlite => "1e400".to_owned(),
            Kind::Postgres => format!("1{}", "0".repeat(400)),
        };
        assert!(row.json().contains(&written_out));
        // The view has no place for it, and shows its digits.
        assert_eq!(row.view().data()["e"].to_string().trim_matches('"'), written_out);
        assert_eq!(row.view().data()["max"], i64::MAX);
        let other = json.replace("7890,\"d\"", "7891,\"d\"");
        let newer = |json| Snapshot::read(json).unwrap().taken(Interval::second(2), "evt_2");
        assert_eq!(db.store().write(&[newer(&other)]).await.unwrap(), [Outcome::Updated]);
        let row = db.store().get_object("product", "n").await.unwrap().unwrap();
        assert!(row.json().contains("1234567890123456789012345678901234567891"));
    })
    .await;
}

#[tokio::test]
async fn numbers_at_the_limit_of_the_database_come_back() {
    on_both(async |db: &TestDb| {
        let json = r#"{"object":"product","id":"n","a":1e16382,"b":-1e-16383,"c":0.0,"d":-0,"created":1e16382}"#;
        let row = stored(db.store(), json, "n").await;
        assert_eq!(row.row().stripe_id(), "n");
    })
    .await;
}

#[tokio::test]
async fn a_row_that_nobody_can_read_is_named() {
    on_both(async |db: &TestDb| {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        db.execute(&format!(
            "INSERT INTO stripe_objects (account, livemode, object, stripe_id, data, as_of, as_of_until, source) \
             VALUES ('', TRUE, 'product', 'odd', '{deep}', 0, 1, 'import')"
        ))
        .await;
        let error = db.store().get_object("product", "odd").await.unwrap_err();
        assert_eq!(error.to_string(), "could not read column data of product odd in stripe_objects");
        assert!(!error.is_transient());
        // It is in nobody's way.
        let snapshot = Snapshot::read(r#"{"object":"product","id":"odd"}"#).unwrap();
        let outcomes = db.store().write(&[snapshot.taken(Interval::second(9), "evt")]).await.unwrap();
        assert_eq!(outcomes, [Outcome::Updated]);
        assert!(db.store().get_object("product", "odd").await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn rows_written_by_sql_with_default_times_are_read() {
    on_both(async |db: &TestDb| {
        db.execute(
            "INSERT INTO stripe_objects (livemode, object, stripe_id, data, as_of, as_of_until, source) \
             VALUES (TRUE, 'product', 'p', '{\"id\":\"p\"}', 0, 1, 'import')",
        )
        .await;
        let row = db.store().get_object("product", "p").await.unwrap().unwrap();
        assert!(row.created_at().as_millis() > 1_700_000_000_000);
    })
    .await;
}
