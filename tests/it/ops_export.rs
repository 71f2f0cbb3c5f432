//! What an export holds, and of which moment.

use stripe_store::Outcome;
use stripe_store::clock::{Clock, UnixMillis};
use stripe_store::store::{Interval, Mode, Snapshot, StoreError};
use stripe_store_tests::{Kind, TestDb, on_both, on_sqlite};

use super::ops_transfer::{exported, fill, sizes, text};

#[derive(Debug)]
struct Stopped(i64);

impl Clock for Stopped {
    fn now(&self) -> UnixMillis {
        UnixMillis::from_seconds(self.0)
    }
}

fn customer(id: &str, more: &str) -> String {
    format!(r#"{{"id":"{id}","object":"customer"{more}}}"#)
}

fn at(json: &str, second: i64) -> Snapshot<'_> {
    Snapshot::read(json)
        .unwrap()
        .taken(Interval::second(second), format!("evt_{second}"))
}

/// The ids in an export, in its order.
fn ids(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line["row"] == "object")
        .map(|line| line["stripe_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn an_export_has_a_header_rows_and_an_end() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        assert_eq!(
            exported(store).await,
            "{\"row\":\"header\",\"format\":\"stripe-store\",\"version\":1}\n{\"row\":\"end\",\"lines\":0}\n"
        );
        let json = customer("cus_1", r#", "amount": 1.0"#);
        store.write(&[at(&json, 7)]).await.unwrap();
        let held = match db.kind() {
            Kind::Sqlite => json.clone(),
            Kind::Postgres => r#"{"id": "cus_1", "amount": 1.0, "object": "customer"}"#.to_owned(),
        };
        let row = format!(
            "{{\"row\":\"object\",\"account\":\"\",\"livemode\":true,\"object\":\"customer\",\"stripe_id\":\"cus_1\",\
             \"as_of\":7000,\"as_of_until\":8000,\"source\":\"evt_7\",\"change\":\"updated\",\"data\":{held}}}"
        );
        assert_eq!(exported(store).await.lines().nth(1), Some(row.as_str()));
    })
    .await;
}

#[tokio::test]
async fn every_row_of_every_table_is_there_in_the_order_of_keys() {
    on_both(async |db: &TestDb| {
        fill(db.store()).await;
        let text = exported(db.store()).await;
        let [objects, rivals, marks] = sizes(db).await;
        assert_eq!((rivals > 3, marks), (true, 1), "the table has of each");
        let count = |row: &str| {
            let begin = format!("{{\"row\":\"{row}\",");
            i64::try_from(text.lines().filter(|line| line.starts_with(&begin)).count()).unwrap()
        };
        assert_eq!(
            [count("object"), count("rival"), count("dirty")],
            [objects, rivals, marks]
        );
        let lines = objects + rivals + marks;
        assert!(text.ends_with(&format!("{{\"row\":\"end\",\"lines\":{lines}}}\n")));
        let keys: Vec<_> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .filter(|line| line["object"].is_string())
            .map(|line| {
                let text = |key: &str| line[key].as_str().unwrap().to_owned();
                (
                    text("account"),
                    line["livemode"].as_bool().unwrap(),
                    text("object"),
                    text("stripe_id"),
                )
            })
            .collect();
        assert!(keys.is_sorted(), "{keys:?}");
        assert_eq!(
            text,
            exported(db.store()).await,
            "the same rows give the same bytes"
        );
        // Whatever the handle's scope.
        let other = db.store().test_mode().account("acct_1");
        assert_eq!(text, exported(&other).await);
    })
    .await;
}

#[tokio::test]
async fn the_data_is_byte_for_byte_that_of_the_database() {
    on_both(async |db: &TestDb| {
        fill(db.store()).await;
        let column = if db.kind() == Kind::Postgres { "data::text" } else { "data" };
        let mut seen = 0;
        for line in exported(db.store()).await.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            if value["row"] != "object" {
                continue;
            }
            let id = value["stripe_id"].as_str().unwrap().replace('\'', "''");
            let sql = format!(
                "SELECT {column} FROM stripe_objects WHERE stripe_id = '{id}' AND account = '{}' AND {} livemode",
                value["account"].as_str().unwrap(),
                if value["livemode"] == true { "" } else { "NOT" }
            );
            let held = db.scalar_text(&sql).await.unwrap();
            match value["data_text"].as_str() {
                Some(text) => assert_eq!(text, held),
                None => assert!(line.ends_with(&format!("\"data\":{held}}}")), "{line}\n{held}"),
            }
            seen += 1;
        }
        assert_eq!(seen, sizes(db).await[0]);
    })
    .await;
}

#[tokio::test]
async fn an_export_is_narrowed_by_type_account_mode_and_time() {
    on_both(async |db: &TestDb| {
        let early = db.store().clone().with_clock(Stopped(1_700_000_000));
        fill(&early).await;
        let late = db.store().clone().with_clock(Stopped(1_700_000_100));
        let (new, changed) = (
            customer("cus_new", ""),
            customer("cus_lines", r#","changed":true"#),
        );
        late.write(&[at(&new, 1), at(&changed, 200)]).await.unwrap();

        let store = db.store();
        let of_type = text(store.export().of_types(["balance", "invoice"])).await;
        assert_eq!(ids(&of_type), ["balance", "in_chain", "in_open"]);
        assert_eq!(of_type.matches("\"row\":\"dirty\"").count(), 1);
        let connected = text(store.export().of_account("acct_1")).await;
        assert_eq!(ids(&connected), ["cus_plain", "cus_plain"]);
        let test = text(store.export().of_mode(Mode::Test)).await;
        assert_eq!(ids(&test), ["cus_test", "cus_plain"]);
        let platform_test = text(store.export().of_mode(Mode::Test).of_account("")).await;
        assert_eq!(ids(&platform_test), ["cus_test"]);
        let since = text(
            store
                .export()
                .changed_since(UnixMillis::from_seconds(1_700_000_100)),
        )
        .await;
        assert_eq!(ids(&since), ["cus_lines", "cus_new"]);
        assert_eq!(
            ids(&text(store.export().of_types(["nothing"])).await),
            [""; 0]
        );

        let mut narrowed = store.export().of_mode(Mode::Test).begin().await.unwrap();
        assert_eq!(narrowed.count_rows().await.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_export_is_of_the_moment_in_which_it_began() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        fill(store).await;
        let before = exported(store).await;
        let mut exporting = store.export().begin().await.unwrap();
        // Writers are not held up, also while it is under way.
        let (new, changed) = (
            customer("cus_aaa", ""),
            customer("cus_plain", r#","livemode":true"#),
        );
        let gone = customer("cus_test", r#","livemode":false,"deleted":true"#);
        let outcomes = store
            .write(&[at(&new, 300), at(&changed, 300), at(&gone, 300)])
            .await
            .unwrap();
        assert_eq!(
            outcomes,
            [Outcome::Inserted, Outcome::Updated, Outcome::Deleted]
        );
        let settled = r#"{"id":"in_open","object":"invoice","status":"paid"}"#;
        store.write(&[at(settled, 300)]).await.unwrap();
        let mut text = String::new();
        while let Some(page) = exporting.next_page().await.unwrap() {
            text.push_str(page.text());
        }
        drop(exporting);
        assert_eq!(text, before);
        assert_ne!(exported(store).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_page_is_bounded_in_rows_and_bytes() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let large: Vec<String> = (0..12)
            .map(|n| {
                customer(
                    &format!("cus_large_{n:02}"),
                    &format!(r#","text":"{}""#, "x".repeat(1 << 20)),
                )
            })
            .collect();
        let small: Vec<String> = (0..1100)
            .map(|n| customer(&format!("cus_small_{n:04}"), ""))
            .collect();
        let all: Vec<_> = large.iter().chain(&small).map(|json| at(json, 1)).collect();
        store.write(&all).await.unwrap();
        let mut exporting = store.export().begin().await.unwrap();
        assert_eq!(exporting.count_rows().await.unwrap(), 1112);
        let (mut text, mut pages, mut rows) = (String::new(), 0, 0);
        while let Some(page) = exporting.next_page().await.unwrap() {
            assert!(page.text().len() < 6 << 20, "{} bytes", page.text().len());
            assert!(page.rows() <= 500, "{} rows", page.rows());
            text.push_str(page.text());
            pages += 1;
            rows += page.rows();
        }
        assert_eq!(rows, 1112);
        assert!((6..=9).contains(&pages), "{pages} pages");
        let ids = ids(&text);
        assert_eq!(ids.len(), 1112);
        assert!(ids.is_sorted());
    })
    .await;
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_an_error_that_names_it() {
    on_sqlite(async |db: &TestDb| {
        fill(db.store()).await;
        db.execute("UPDATE stripe_objects SET deleted_at = 'soon' WHERE stripe_id = 'cus_gone'")
            .await;
        let mut exporting = db.store().export().begin().await.unwrap();
        let error = exporting.next_page().await.unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Row {
                    column: "deleted_at",
                    ..
                }
            ),
            "{error}"
        );
        assert!(error.to_string().contains("customer cus_gone"), "{error}");
    })
    .await;
    let empty = TestDb::empty_sqlite().await;
    let error = empty.store().export().begin().await.unwrap_err();
    assert!(error.is_not_migrated(), "{error}");
    let empty = TestDb::empty_postgres().await;
    let error = empty.store().export().begin().await.unwrap_err();
    assert!(error.is_not_migrated(), "{error}");
}
