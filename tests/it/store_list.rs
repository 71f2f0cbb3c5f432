//! Lists, page by page, and objects by many ids.

use std::collections::HashSet;

use serde_json::Value;
use stripe_store::store::{CursorError, Interval, Listing, Page, Snapshot, StoreError};
use stripe_store::view::{Operations, Resource, View};
use stripe_store::{AnyObject, Store};
use stripe_store_tests::{TestDb, on_both};

async fn write(store: &Store, json: &[String]) {
    let batch: Vec<_> = json
        .iter()
        .map(|json| {
            Snapshot::read(json)
                .unwrap()
                .taken(Interval::second(1), "evt_1")
        })
        .collect();
    store.write(&batch).await.unwrap();
}

fn customer(id: &str, created: &str) -> String {
    format!(r#"{{"object":"customer","id":"{id}","created":{created}}}"#)
}

fn ids<T>(page: &Page<T>) -> Vec<String> {
    page.data
        .iter()
        .map(|stored| stored.row().stripe_id().to_owned())
        .collect()
}

async fn all(list: impl Fn() -> Listing<AnyObject>, limit: usize) -> Vec<String> {
    let mut page = list().limit(limit).page().await.unwrap();
    let mut found = ids(&page);
    while let Some(next) = &page.next {
        // Through a browser and back.
        let next = next.to_string().parse().unwrap();
        page = list().limit(limit).after(&next).page().await.unwrap();
        assert!(!page.data.is_empty(), "a next page has something on it");
        found.extend(ids(&page));
    }
    found
}

#[tokio::test]
async fn lists_run_from_new_to_old_and_then_by_id() {
    on_both(async |db: &TestDb| {
        let json = [
            customer("old", "5"),
            customer("b", "7"),
            customer("a", "7"),
            customer("é", "7"),
            customer("Z", "7.0"),
            customer("new", "1700000000"),
            customer("none", "null"),
            customer("text", "\"7\""),
            customer("negative", "-5"),
            customer("huge", "1e300"),
            r#"{"object":"customer","id":"absent"}"#.to_owned(),
        ];
        write(db.store(), &json).await;
        let expected = [
            "huge", "new", "é", "b", "a", "Z", "old", "text", "none", "negative", "absent",
        ];
        for limit in [1, 2, 3, 5, 10, 11, 100] {
            assert_eq!(
                all(|| db.store().list_object("customer"), limit).await,
                expected,
                "{limit} a page"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn pages_cover_equal_times_once_while_rows_come_in_between() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let json: Vec<_> = (0..95)
            .map(|n| customer(&format!("cus_{n:02}"), &(n / 40).to_string()))
            .collect();
        write(store, &json).await;
        let mut found = Vec::new();
        let mut page = store.list_object("customer").limit(7).page().await.unwrap();
        let mut step = 0;
        loop {
            found.extend(ids(&page));
            let between = [
                customer(&format!("late_{step}"), "1"),
                customer(&format!("a_{step}"), "0"),
                customer(&format!("new_{step}"), "2000000000"),
            ];
            write(store, &between).await;
            step += 1;
            let Some(next) = &page.next else { break };
            page = store
                .list_object("customer")
                .limit(7)
                .after(next)
                .page()
                .await
                .unwrap();
        }
        let unique: HashSet<_> = found.iter().collect();
        assert_eq!(unique.len(), found.len(), "no row twice");
        for n in 0..95 {
            assert!(unique.contains(&format!("cus_{n:02}")), "{n} is missing");
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_has_ten_rows_unless_asked_and_a_thousand_at_most() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let json: Vec<_> = (0..12)
            .map(|n| customer(&format!("cus_{n}"), "1"))
            .collect();
        write(store, &json).await;
        assert_eq!(
            store
                .list_object("customer")
                .page()
                .await
                .unwrap()
                .data
                .len(),
            10
        );
        assert!(
            store
                .list_object("customer")
                .limit(1000)
                .page()
                .await
                .is_ok()
        );
        for limit in [0, 1001, usize::MAX] {
            let error = store
                .list_object("customer")
                .limit(limit)
                .page()
                .await
                .unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("a page has 1 to 1000 objects, not {limit}")
            );
            assert!(error.is_invalid_request());
        }
        assert!(
            store
                .list_object("charge")
                .page()
                .await
                .unwrap()
                .next
                .is_none()
        );
    })
    .await;
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        write(store, &[customer("a", "1"), customer("b", "1")]).await;
        let page = store.list_object("customer").limit(1).page().await.unwrap();
        let cursor = page.next.unwrap();
        let lists = [
            store.list_object("charge"),
            store.test_mode().list_object("customer"),
            store.account("acct_1").list_object("customer"),
        ];
        for list in lists {
            let error = list.after(&cursor).page().await.unwrap_err();
            assert!(matches!(
                error,
                StoreError::Cursor {
                    source: CursorError::OtherList,
                    ..
                }
            ));
            assert!(error.is_invalid_request());
        }
        assert!("x".parse::<stripe_store::store::Cursor>().is_err());
        // A cursor stays good when its row goes.
        db.execute("DELETE FROM stripe_objects WHERE stripe_id = 'b'")
            .await;
        let page = store
            .list_object("customer")
            .after(&cursor)
            .page()
            .await
            .unwrap();
        assert_eq!(ids(&page), ["a"]);
    })
    .await;
}

#[tokio::test]
async fn deleted_objects_are_hidden_unless_asked_for() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let stub = r#"{"object":"customer","id":"b","deleted":true}"#.to_owned();
        write(
            store,
            &[customer("a", "1"), stub.clone(), customer("c", "3")],
        )
        .await;
        assert_eq!(all(|| store.list_object("customer"), 1).await, ["c", "a"]);
        assert_eq!(
            all(|| store.list_object("customer").including_deleted(), 1).await,
            ["c", "a", "b"]
        );
        assert_eq!(
            all(|| store.including_deleted().list_object("customer"), 1).await,
            ["c", "a", "b"]
        );
        assert!(store.get_object("customer", "b").await.unwrap().is_none());
        let shown = store
            .including_deleted()
            .get_object("customer", "b")
            .await
            .unwrap()
            .unwrap();
        assert!(shown.is_deleted());
    })
    .await;
}

/// A view of our own, of a type that has been sent under two names.
#[derive(Clone, Debug, ref_cast::RefCast)]
#[repr(transparent)]
struct File(Value);

impl View for File {
    fn data(&self) -> &Value {
        &self.0
    }
    fn from_value(value: Value) -> Self {
        Self(value)
    }
}

impl Resource for File {
    const OBJECT: &'static str = "file";
    const ALIASES: &'static [&'static str] = &["file_upload"];
    const OPERATIONS: Operations = Operations::new(true, true, false, false);
}

#[tokio::test]
async fn c022_a_type_is_read_under_all_its_names_and_no_other() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let json: Vec<_> = (0..9)
            .flat_map(|n| {
                let object = if n % 3 == 0 { "file_upload" } else { "file" };
                let one = format!(
                    r#"{{"object":"{object}","id":"file_{n}","created":{}}}"#,
                    n / 4
                );
                let twin = format!(r#"{{"object":"file_upload","id":"twin_{n}","created":1}}"#);
                let other = format!(r#"{{"object":"file","id":"twin_{n}","created":1}}"#);
                [one, twin, other]
            })
            .chain([r#"{"object":"file_link","id":"link_1"}"#.to_owned()])
            .collect();
        write(store, &json).await;
        assert!(store.get::<File>("file_0").await.unwrap().is_some());
        assert!(store.get::<File>("file_1").await.unwrap().is_some());
        assert!(
            store.get::<File>("link_1").await.unwrap().is_none(),
            "a link is no file"
        );
        let both = store.get::<File>("twin_1").await.unwrap().unwrap();
        assert_eq!(both.row().object(), "file", "today's name comes first");
        for limit in [1, 2, 3, 100] {
            let mut page = store.list::<File>().limit(limit).page().await.unwrap();
            let mut found: Vec<_> = Vec::new();
            loop {
                found.extend(
                    page.data
                        .iter()
                        .map(|s| (s.row().stripe_id().to_owned(), s.row().object().to_owned())),
                );
                let Some(next) = &page.next else { break };
                page = store
                    .list::<File>()
                    .limit(limit)
                    .after(next)
                    .page()
                    .await
                    .unwrap();
            }
            let unique: HashSet<_> = found.iter().collect();
            assert_eq!((found.len(), unique.len()), (27, 27), "{limit} a page");
        }
        let any = store.get_object("file", "file_1").await.unwrap().unwrap();
        assert_eq!(any.downcast::<File>().unwrap().row().stripe_id(), "file_1");
        let link = store
            .get_object("file_link", "link_1")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            link.downcast::<File>().unwrap_err().row().object(),
            "file_link"
        );
    })
    .await;
}

#[tokio::test]
async fn many_ids_come_in_the_order_asked_for() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let json: Vec<_> = (0..5)
            .map(|n| {
                format!(
                    r#"{{"object":"{}","id":"f'{n}"}}"#,
                    ["file", "file_upload"][n % 2]
                )
            })
            .collect();
        write(store, &json).await;
        let found = store
            .get_many::<File>(&["f'3", "none", "f'0", "f'3", "a\0", "f'1"])
            .await
            .unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|stored| stored.row().stripe_id())
            .collect();
        assert_eq!(found, ["f'3", "f'0", "f'3", "f'1"]);
        assert!(
            store
                .get_many::<File>(&Vec::<String>::new())
                .await
                .unwrap()
                .is_empty()
        );
        assert!(
            store
                .test_mode()
                .get_many::<File>(&["f'0"])
                .await
                .unwrap()
                .is_empty()
        );
        let many: Vec<_> = (0..40_000).map(|n| format!("f'{n}")).collect();
        assert_eq!(store.get_many::<File>(&many).await.unwrap().len(), 5);
    })
    .await;
}
