use std::fs;

use serde_json::json;
use stripe_store_tests::{TestDb, fixture_names, fixture_path, on_both, on_sqlite};
use tempfile::TempDir;

use super::{Run, customers, on, sample};

#[tokio::test]
async fn every_form_of_a_file_gives_the_same_rows() {
    on_both(async |db: &TestDb| {
        let (a, b) = (r#"{"id":"cus_a","object":"customer"}"#, r#"{"id":"cus_b","object":"customer"}"#);
        let forms = [
            format!("{a}\n{b}\n"),
            format!("[{a},{b}]"),
            format!("[\n  {a},\n  {b}\n]\n"),
            format!("{{\"object\":\"list\",\"data\":[{a},{b}],\"has_more\":false,\"url\":\"/v1/customers\"}}"),
            a.replace(',', ",\n  ") + "\n" + &b.replace('{', "{\n"),
            format!("\u{feff}{a}\r\n\r\n{b}"),
        ];
        for (number, form) in forms.iter().enumerate() {
            let id = format!("acct_{number}");
            let printed = on(db, &["ingest", "--live", "--account", &id, "-"]).stdin(form.as_str()).succeeds();
            assert_eq!(printed, "2 inserted\n", "{form}");
            let listed = on(db, &["list", "customer", "--json", "--account", &id]).succeeds();
            assert_eq!(listed.lines().count(), 2, "{form}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_summary_counts_every_outcome() {
    on_both(async |db: &TestDb| {
        let files = ["catalog.json", "customers.json", "billing.jsonl", "events.jsonl", "late_event.json"];
        let ingest = |arguments: &[&str]| {
            let run = on(db, &[&["ingest", "--as-of", "2026-11-06"], arguments].concat());
            files.iter().fold(run, |run, name| run.file(&sample(name)))
        };
        assert_eq!(
            ingest(&[]).succeeds(),
            "14 inserted, 3 updated, 1 stale, 1 deleted, 1 skipped\n\
             skipped 1 × invoice.upcoming: its object has no id\n",
        );
        let again = ingest(&["--json"]).json();
        assert_eq!(
            again,
            json!({
                "objects": 19, "inserted": 0, "updated": 0, "unchanged": again["unchanged"], "stale": again["stale"],
                "deleted": 0, "skipped": 1, "failed": 0, "complete": true,
                "skipped_reasons": {"invoice.upcoming: its object has no id": 1},
            })
        );
        assert_eq!(again["unchanged"].as_u64().unwrap() + again["stale"].as_u64().unwrap(), 19);
    })
    .await;
}

#[tokio::test]
async fn a_bad_line_is_reported_and_the_rest_is_stored() {
    on_both(async |db: &TestDb| {
        let mut input = customers(1..=2).into_bytes();
        input.extend(b"{\"id\":\"cus_3\",\"object\":\"custo\n");
        input.extend(b"{\"id\":\"cus_4\"}\n");
        input.extend(b"{\"id\":\"cus_\xff\xfe\",\"object\":\"customer\"}\n");
        input.extend(b"{\"id\":\"cus_6\",\"object\":\"customer\",}\n");
        input.extend(b"what is this\n");
        input.extend(customers(8..=9).into_bytes());
        let ended = on(db, &["ingest", "-"]).stdin(input).end();
        assert_eq!(ended.status, Some(1));
        assert_eq!(ended.stdout, "4 inserted, 5 failed\n");
        let lines: Vec<&str> = ended.stderr.lines().collect();
        assert_eq!(
            lines,
            [
                "stdin: line 3: a string does not end",
                "stdin: line 4: object cus_4 has no type: its `object` field is missing or no text",
                "stdin: line 5: not valid UTF-8",
                "stdin: line 6, column 35: trailing comma",
                "stdin: line 7: expected an object, found `what is this`",
            ]
        );
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM stripe_objects").await,
            Some(4)
        );
    })
    .await;
}

#[tokio::test]
async fn what_no_database_holds_is_a_bad_line_too() {
    on_both(async |db: &TestDb| {
        let deep = format!(
            "{{\"id\":\"a\",\"object\":\"x\",\"deep\":{}{}}}\n",
            "[".repeat(200),
            "]".repeat(200)
        );
        let ended = on(db, &["ingest", "-"])
            .stdin(deep + &customers(1..=1))
            .end();
        assert_eq!(
            (ended.status, ended.stdout.as_str()),
            (Some(1), "1 inserted, 1 failed\n")
        );
        assert!(
            ended
                .stderr
                .starts_with("stdin: line 1: x a is nested deeper than"),
            "{}",
            ended.stderr
        );
    })
    .await;
}

#[tokio::test]
async fn an_account_that_is_too_long_concerns_its_line_only() {
    on_both(async |db: &TestDb| {
        let event = |account: &str, id: &str| {
            json!({
                "id": format!("evt_{id}"), "object": "event", "type": "customer.created", "created": 1_793_923_200,
                "livemode": true, "account": account, "data": {"object": {"id": id, "object": "customer"}},
            })
        };
        let lines = format!("{}\n{}\n{}\n", event("acct_1", "a"), event(&"x".repeat(300), "b"), event("acct_1", "c"));
        let ended = on(db, &["ingest", "-"]).stdin(lines).end();
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), "2 inserted, 1 failed\n"));
        assert_eq!(ended.stderr, "stdin: line 2: an account id of 300 bytes is longer than 255 bytes\n");
    })
    .await;
}

#[tokio::test]
async fn the_fixtures_go_in() {
    on_both(async |db: &TestDb| {
        for name in fixture_names() {
            on(db, &["ingest", "--test"])
                .file(&fixture_path(&name))
                .succeeds();
        }
    })
    .await;
}

#[tokio::test]
async fn an_object_goes_where_it_says_and_else_where_it_is_told() {
    on_both(async |db: &TestDb| {
        let lines = concat!(
            r#"{"id":"a","object":"x","livemode":true}"#,
            r#"{"id":"b","object":"x","livemode":false}"#,
            r#"{"id":"c","object":"x"}"#,
            r#"{"id":"evt_1","object":"event","type":"x.y","created":5,"livemode":true,"account":"acct_2","data":{"object":{"id":"d","object":"x"}}}"#,
        );
        on(db, &["ingest", "--test", "--account", "acct_1", "-"]).stdin(lines).succeeds();
        let status = on(db, &["status", "--json"]).json();
        let places: Vec<String> = status["types"]
            .as_array()
            .unwrap()
            .iter()
            .map(|count| format!("{} {} {}", count["account"], count["livemode"], count["rows"]))
            .collect();
        assert_eq!(places, [r#""acct_1" false 2"#, r#""acct_1" true 1"#, r#""acct_2" true 1"#]);
    })
    .await;
}

#[tokio::test]
async fn an_event_beats_an_object_that_was_read_before_it() {
    on_both(async |db: &TestDb| {
        let object = |name: &str| json!({"id": "cus_1", "object": "customer", "livemode": true, "name": name}).to_string();
        let event = json!({
            "id": "evt_1", "object": "event", "type": "customer.updated", "created": 1_793_923_200, "livemode": true,
            "api_version": "2026-10-28.endive", "data": {"object": {"id": "cus_1", "object": "customer", "name": "event"}},
        });
        let name = || on(db, &["get", "customer", "cus_1", "--json"]).json()["data"]["name"].clone();
        on(db, &["ingest", "-"]).stdin(event.to_string()).succeeds();
        let ingest_as_of = |as_of: &str, text: &str| on(db, &["ingest", "--as-of", as_of, "-"]).stdin(object(text)).succeeds();

        assert_eq!(ingest_as_of("1793923199", "before"), "1 stale\n");
        assert_eq!(name(), "event");
        assert_eq!(ingest_as_of("2026-11-06T00:00:01Z", "after"), "1 updated\n");
        assert_eq!(name(), "after");
        // Without a word about it, standard input is now.
        assert_eq!(on(db, &["ingest", "-"]).stdin(object("now")).succeeds(), "1 updated\n");
        assert_eq!(name(), "now");
    })
    .await;
}

#[tokio::test]
async fn a_file_is_as_of_its_last_change() {
    on_sqlite(async |db: &TestDb| {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("customers.jsonl");
        fs::write(&path, customers(1..=1)).unwrap();
        let modified =
            std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(1_700_000_000_750);
        fs::File::open(&path)
            .unwrap()
            .set_modified(modified)
            .unwrap();
        on(db, &["ingest", "--api-version", "2020-08-27"])
            .file(&path)
            .succeeds();
        let row = on(db, &["get", "customer", "cus_000001", "--json"]).json();
        assert_eq!(row["as_of"], 1_700_000_000_000_i64);
        assert_eq!(row["as_of_until"], 1_700_000_001_000_i64);
        assert_eq!(
            (&row["source"], &row["api_version"]),
            (&json!("import"), &json!("2020-08-27"))
        );
    })
    .await;
}

#[tokio::test]
async fn an_as_of_in_the_future_is_remarked_on() {
    on_sqlite(async |db: &TestDb| {
        let ended = on(db, &["ingest", "--as-of", "9998-01-01", "-"])
            .stdin(customers(1..=1))
            .end();
        assert_eq!(ended.status, Some(0));
        assert!(
            ended.stderr.starts_with("note: --as-of lies in the future"),
            "{}",
            ended.stderr
        );
    })
    .await;
}

#[tokio::test]
async fn a_deletion_is_final_and_a_cancellation_is_none() {
    on_both(async |db: &TestDb| {
        let event = |id: u32, event_type: &str, object: serde_json::Value| {
            let created = 1_793_923_200 + id;
            json!({"id": format!("evt_{id}"), "object": "event", "type": event_type, "created": created, "livemode": true, "data": {"object": object}})
                .to_string()
        };
        let customer = json!({"id": "cus_1", "object": "customer", "name": "Ada"});
        let lines = [
            event(2, "customer.deleted", customer.clone()),
            event(3, "customer.updated", customer),
            event(4, "customer.subscription.deleted", json!({"id": "sub_1", "object": "subscription", "status": "canceled"})),
        ];
        on(db, &["ingest", "-"]).stdin(lines.join("\n")).succeeds();
        assert_eq!(on(db, &["list", "customer", "--json"]).end().stdout, "");
        assert_eq!(on(db, &["list", "customer", "--json", "--deleted"]).succeeds().lines().count(), 1);
        assert_eq!(on(db, &["list", "subscription", "--json"]).succeeds().lines().count(), 1);
    })
    .await;
}

#[tokio::test]
async fn more_objects_than_a_batch_holds_are_all_stored() {
    on_both(async |db: &TestDb| {
        let list = customers(5000..6201).trim_end().replace('\n', ",");
        let input = customers(0..5000) + &format!("{{\"object\":\"list\",\"data\":[{list}]}}");
        assert_eq!(
            on(db, &["ingest", "-"]).stdin(input).succeeds(),
            "6201 inserted\n"
        );
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM stripe_objects").await,
            Some(6201)
        );
    })
    .await;
}

#[tokio::test]
async fn what_trickles_in_is_stored_as_it_comes() {
    on_both(async |db: &TestDb| {
        use std::io::Write as _;

        let mut child = on(db, &["ingest", "-"]).start();
        let mut stdin = child.stdin.take().unwrap();
        for count in 1..=3 {
            stdin
                .write_all(customers(count..=count).as_bytes())
                .unwrap();
            for _ in 0..1000 {
                if db.scalar_i64("SELECT count(*) FROM stripe_objects").await
                    == Some(i64::from(count))
                {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            assert_eq!(
                db.scalar_i64("SELECT count(*) FROM stripe_objects").await,
                Some(i64::from(count))
            );
        }
        drop(stdin);
        assert_eq!(super::Ended::of(child).stdout, "3 inserted\n");
    })
    .await;
}

#[tokio::test]
async fn the_tables_are_made_when_they_are_missing() {
    for db in [TestDb::empty_sqlite().await, TestDb::empty_postgres().await] {
        assert_eq!(
            on(&db, &["ingest", "-"]).stdin(customers(1..=1)).succeeds(),
            "1 inserted\n"
        );
    }
    let folder = TempDir::new().unwrap();
    let printed = Run::bare(&["ingest", "-"])
        .folder(folder.path())
        .stdin(customers(1..=1))
        .succeeds();
    assert_eq!(printed, "1 inserted\n");
    assert!(folder.path().join("stripe-store.db").exists());
}

#[tokio::test]
async fn a_file_that_cannot_be_read_does_not_keep_the_others_out() {
    on_sqlite(async |db: &TestDb| {
        let folder = TempDir::new().unwrap();
        let missing = folder.path().join("missing.json");
        let ended = on(db, &["ingest"])
            .file(&missing)
            .file(folder.path())
            .file(&sample("customers.json"))
            .end();
        assert_eq!(
            (ended.status, ended.stdout.as_str()),
            (Some(1), "4 inserted, 2 failed\n")
        );
        let (first, second) = ended.stderr.split_once('\n').unwrap();
        assert!(
            first.starts_with(&format!("could not read {}: ", missing.display())),
            "{first}"
        );
        assert!(second.contains("is a directory"), "{second}");
    })
    .await;
}

#[tokio::test]
async fn an_empty_file_is_nothing_to_store() {
    on_sqlite(async |db: &TestDb| {
        assert_eq!(on(db, &["ingest", "-"]).succeeds(), "nothing to store\n");
        let compressed = on(db, &["ingest", "-"])
            .stdin(b"\x1f\x8b\x08".to_vec())
            .end();
        assert_eq!(compressed.status, Some(1));
        assert_eq!(
            compressed.stderr,
            "stdin: the input is compressed with gzip: decompress it first\n"
        );
    })
    .await;
}

#[tokio::test]
async fn an_object_without_a_mode_is_remarked_on_unless_one_is_asked_for() {
    on_sqlite(async |db: &TestDb| {
        let lines = r#"{"id":"a","object":"x"}{"id":"b","object":"x","livemode":true}"#;
        let ended = on(db, &["ingest", "-"]).stdin(lines).end();
        assert_eq!(
            (ended.status, ended.stdout.as_str()),
            (Some(0), "2 inserted\n")
        );
        assert!(
            ended
                .stderr
                .starts_with("note: 1 object does not say its mode and was stored in live mode"),
            "{}",
            ended.stderr
        );
        assert_eq!(
            on(db, &["ingest", "--test", "-"]).stdin(lines).succeeds(),
            "1 inserted, 1 unchanged\n"
        );
    })
    .await;
}
