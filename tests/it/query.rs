//! What a query hands out: one or none, pages and cursors, streams, and what it leaves out.

use std::collections::HashSet;

use futures_util::{StreamExt as _, TryStreamExt as _};
use stripe_store::query::{Query, not};
use stripe_store::resources::{Customer, File, Invoice, InvoiceStatus};
use stripe_store::store::{
    Cursor, CursorError, Interval, Snapshot, StoreError, Stored, TableNames,
};
use stripe_store::view::{Path, kind};
use stripe_store::{AnyObject, Store};
use stripe_store_tests::{TestDb, on_both};

async fn write(store: &Store, texts: &[String]) {
    let batch: Vec<_> = texts
        .iter()
        .map(|text| {
            Snapshot::read(text)
                .unwrap()
                .taken(Interval::second(1), "evt_1")
        })
        .collect();
    store.write(&batch).await.unwrap();
}

fn ids<T>(rows: &[Stored<T>]) -> Vec<&str> {
    rows.iter().map(|row| row.row().stripe_id()).collect()
}

fn customer(id: &str, created: i64, email: &str) -> String {
    format!(r#"{{"object":"customer","id":"{id}","created":{created},"email":"{email}"}}"#)
}

async fn three_customers(store: &Store) {
    let texts = [
        customer("cus_1", 1, "ada@example.com"),
        customer("cus_2", 2, "ada@example.com"),
        customer("cus_3", 3, "grace@example.com"),
    ];
    write(store, &texts).await;
}

#[tokio::test]
async fn c008_none_and_several_are_different_errors() {
    on_both(async |db: &TestDb| {
        three_customers(db.store()).await;
        let by_email = |email: &str| {
            db.store()
                .query::<Customer>()
                .filter(Customer::EMAIL.eq(email))
        };
        assert_eq!(
            by_email("grace@example.com").one().await.unwrap().id(),
            "cus_3"
        );

        let none = by_email("nobody@example.com").one().await.unwrap_err();
        assert!(matches!(none, StoreError::NoneFound { .. }) && none.is_not_found());
        assert_eq!(
            none.to_string(),
            "no customer matches: ask with `first` where there may be none"
        );

        let several = by_email("ada@example.com").one().await.unwrap_err();
        assert!(matches!(several, StoreError::SeveralFound { .. }) && !several.is_not_found());
        assert!(!several.is_transient() && !several.is_invalid_request());
        assert!(!format!("{none}{none:?}{several}{several:?}").contains("@example"));

        // The limit, the order and the cursor do not make one of several.
        let limited = by_email("ada@example.com").limit(1);
        assert!(matches!(
            limited.one().await,
            Err(StoreError::SeveralFound { .. })
        ));
        let first = by_email("ada@example.com")
            .order_by(Customer::CREATED.asc())
            .first()
            .await;
        assert_eq!(first.unwrap().unwrap().id(), "cus_1");
        assert!(
            by_email("nobody@example.com")
                .first()
                .await
                .unwrap()
                .is_none()
        );
    })
    .await;
}

#[tokio::test]
async fn a_cursor_belongs_to_its_query() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        three_customers(store).await;
        let query = || {
            let query = store
                .query::<Customer>()
                .filter(Customer::EMAIL.is_present());
            query.order_by(Customer::EMAIL.asc()).limit(1)
        };
        let cursor = query().page().await.unwrap().next.unwrap();
        let text = cursor.to_string();
        assert!(
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)),
            "{text}"
        );
        assert!(text.parse::<Cursor>().unwrap() == cursor);
        assert_eq!(
            ids(&query().after(&cursor).page().await.unwrap().data),
            ["cus_2"]
        );
        // Another number of rows, or another view of the deleted ones, is the same query.
        assert_eq!(
            ids(&query().limit(2).after(&cursor).page().await.unwrap().data),
            ["cus_2", "cus_3"]
        );
        assert!(
            query()
                .including_deleted()
                .after(&cursor)
                .page()
                .await
                .is_ok()
        );

        let list = store
            .list::<Customer>()
            .limit(1)
            .page()
            .await
            .unwrap()
            .next
            .unwrap();
        let others = [
            store
                .query::<Customer>()
                .order_by(Customer::EMAIL.asc())
                .after(&cursor),
            query().filter(Customer::NAME.is_null()).after(&cursor),
            query().order_by(Customer::NAME.asc()).after(&cursor),
            store
                .query::<Customer>()
                .filter(Customer::EMAIL.is_present())
                .after(&cursor),
            store
                .query::<Customer>()
                .filter(not(Customer::EMAIL.is_present()))
                .order_by(Customer::EMAIL.asc())
                .after(&cursor),
            store
                .query::<Customer>()
                .filter(Customer::EMAIL.is_present())
                .order_by(Customer::EMAIL.desc())
                .after(&cursor),
            query().after(&list),
            store.query::<Customer>().after(&list),
        ];
        for other in others {
            for error in [
                other.page().await.unwrap_err(),
                other.first().await.unwrap_err(),
                other.fetch_all().await.unwrap_err(),
                other.stream().try_next().await.unwrap_err(),
                other.to_sql().unwrap_err(),
            ] {
                assert!(error.is_invalid_request());
                assert!(matches!(
                    error,
                    StoreError::Cursor {
                        source: CursorError::OtherList,
                        ..
                    }
                ));
            }
        }
        let elsewhere = store
            .test_mode()
            .query::<Customer>()
            .filter(Customer::EMAIL.is_present());
        let elsewhere = elsewhere.order_by(Customer::EMAIL.asc()).after(&cursor);
        assert!(elsewhere.page().await.is_err());
        assert!(
            store
                .list::<Customer>()
                .after(&cursor)
                .page()
                .await
                .is_err()
        );
    })
    .await;
}

#[tokio::test]
async fn a_page_has_ten_objects_unless_asked_and_a_thousand_at_most() {
    on_both(async |db: &TestDb| {
        let texts: Vec<_> = (0..12)
            .map(|n| customer(&format!("cus_{n:02}"), n, "a"))
            .collect();
        write(db.store(), &texts).await;
        let query = || db.store().query::<Customer>();
        assert_eq!(query().page().await.unwrap().data.len(), 10);
        assert_eq!(query().limit(1000).page().await.unwrap().data.len(), 12);
        for limit in [0, 1001, usize::MAX] {
            let error = query().limit(limit).page().await.unwrap_err();
            assert!(matches!(error, StoreError::Limit { .. }) && error.is_invalid_request());
        }
        // Elsewhere any number will do.
        assert_eq!(query().limit(5000).fetch_all().await.unwrap().len(), 12);
        assert!(query().limit(0).fetch_all().await.unwrap().is_empty());
        assert!(query().limit(0).stream().next().await.is_none());
        assert_eq!(query().limit(3).stream().count().await, 3);
        assert_eq!(query().limit(3).count().await.unwrap(), 12);
    })
    .await;
}

#[tokio::test]
async fn a_stream_brings_every_object_once() {
    on_both(async |db: &TestDb| {
        // Many share a time, many have none: more than what is in memory at once.
        let text = |n: usize| match n % 3 {
            0 => format!(r#"{{"object":"customer","id":"cus_{n:04}"}}"#),
            1 => customer(&format!("cus_{n:04}"), 7, "a"),
            _ => customer(&format!("cus_{n:04}"), i64::try_from(n / 100).unwrap(), "b"),
        };
        let texts: Vec<_> = (0..2300).map(text).collect();
        write(db.store(), &texts).await;
        for query in [
            db.store().query::<Customer>(),
            db.store()
                .query::<Customer>()
                .order_by(Customer::CREATED.asc()),
            db.store()
                .query::<Customer>()
                .order_by(Customer::EMAIL.desc().nulls_first()),
        ] {
            let all = query.fetch_all().await.unwrap();
            assert_eq!(all.len(), 2300);
            let streamed: Vec<_> = query.stream().try_collect().await.unwrap();
            assert_eq!(ids(&streamed), ids(&all));
            let limited: Vec<_> = query
                .clone()
                .limit(1200)
                .stream()
                .try_collect()
                .await
                .unwrap();
            assert_eq!(ids(&limited), ids(&all)[..1200]);
            let page = query.clone().limit(700).page().await.unwrap();
            let rest = query.after(&page.next.unwrap());
            let rest: Vec<_> = rest.stream().try_collect().await.unwrap();
            assert_eq!(ids(&rest), ids(&all)[700..]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_stream_goes_past_a_row_that_cannot_be_read() {
    on_both(async |db: &TestDb| {
        three_customers(db.store()).await;
        let odd = match db.kind() {
            stripe_store_tests::Kind::Postgres => {
                "UPDATE stripe_objects SET updated_at = 'infinity' WHERE stripe_id = 'cus_2'"
            }
            stripe_store_tests::Kind::Sqlite => {
                "UPDATE stripe_objects SET updated_at = 'now' WHERE stripe_id = 'cus_2'"
            }
        };
        db.execute(odd).await;
        let found: Vec<_> = db.store().query::<Customer>().stream().collect().await;
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].as_ref().unwrap().id(), "cus_3");
        assert_eq!(found[2].as_ref().unwrap().id(), "cus_1");
        if db.kind() == stripe_store_tests::Kind::Sqlite {
            assert!(matches!(found[1], Err(StoreError::Row { .. })));
        }
        db.execute("DROP TABLE stripe_objects").await;
        let mut stream = db.store().query::<Customer>().stream();
        assert!(stream.next().await.unwrap().unwrap_err().is_not_migrated());
        assert!(stream.next().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_query_sees_its_scope_and_no_deleted_objects() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        three_customers(store).await;
        write(&store.account("acct_1"), &[customer("cus_4", 4, "a")]).await;
        write(&store.test_mode(), &[customer("cus_5", 5, "a")]).await;
        let stub = r#"{"object":"customer","id":"cus_2","deleted":true}"#;
        let gone = Snapshot::read(stub)
            .unwrap()
            .taken(Interval::second(9), "evt_2");
        store.write(&[gone]).await.unwrap();
        let found = async |store: &Store| {
            let found = store.query::<Customer>().fetch_all().await.unwrap();
            ids(&found).join(" ")
        };
        assert_eq!(found(store).await, "cus_3 cus_1");
        assert_eq!(found(&store.including_deleted()).await, "cus_3 cus_2 cus_1");
        assert_eq!(found(&store.account("acct_1")).await, "cus_4");
        assert_eq!(found(&store.test_mode()).await, "cus_5");
        let query = store.query::<Customer>();
        assert_eq!(query.count().await.unwrap(), 2);
        let all = query.including_deleted();
        assert_eq!(all.count().await.unwrap(), 3);
        let gone = all.filter(Customer::ID.eq("cus_2")).one().await.unwrap();
        assert!(gone.is_deleted());
    })
    .await;
}

#[tokio::test]
async fn a_query_reaches_every_name_of_a_type() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let texts: Vec<_> = (0..9)
            .map(|n| {
                let object = ["file", "file_upload"][n % 2];
                // The same id and time under both names.
                format!(
                    r#"{{"object":"{object}","id":"file_{}","created":{},"size":{n}}}"#,
                    n / 2,
                    n / 4
                )
            })
            .collect();
        write(store, &texts).await;
        write(store, &[r#"{"object":"other","id":"file_0"}"#.to_owned()]).await;
        for query in [
            store.query::<File>(),
            store.query::<File>().order_by(File::CREATED.asc()),
            store.query::<File>().order_by(File::SIZE.desc()),
            store.query::<File>().filter(File::ID.starts_with("file_")),
        ] {
            let all = query.fetch_all().await.unwrap();
            assert_eq!(all.len(), 9);
            assert_eq!(query.count().await.unwrap(), 9);
            let mut found = HashSet::new();
            let mut page = query.clone().limit(2).page().await.unwrap();
            let mut paged = Vec::new();
            loop {
                for row in &page.data {
                    assert!(found.insert((row.row().object().to_owned(), row.id().to_owned())));
                    paged.push(row.size());
                }
                let Some(next) = page.next else { break };
                page = query.clone().limit(2).after(&next).page().await.unwrap();
            }
            assert_eq!(paged, all.iter().map(|row| row.size()).collect::<Vec<_>>());
            let second = query.next_after(&all[0]).await.unwrap().unwrap();
            assert_eq!(second.size(), all[1].size());
        }
        assert_eq!(
            store
                .query::<File>()
                .filter(File::ID.eq("file_4"))
                .one()
                .await
                .unwrap()
                .size(),
            Some(8)
        );
    })
    .await;
}

#[tokio::test]
async fn objects_that_nobody_described_are_asked_for_by_name() {
    const COLOUR: Path<AnyObject, kind::Text> = Path::new("colour");
    on_both(async |db: &TestDb| {
        let store = db
            .store()
            .clone()
            .with_tables(TableNames::new().with_prefix("eu_").unwrap())
            .unwrap();
        store.migrate().await.unwrap();
        let card = |id: &str, colour: &str| {
            format!(r#"{{"object":"loyalty.card","id":"{id}","colour":"{colour}","created":1}}"#)
        };
        write(
            &store,
            &[card("a", "gold"), card("b", "red"), card("c", "gold")],
        )
        .await;
        let gold = store.query_object("loyalty.card").filter(COLOUR.eq("gold"));
        assert_eq!(ids(&gold.fetch_all().await.unwrap()), ["c", "a"]);
        assert_eq!(gold.filter(AnyObject::ID.eq("a")).count().await.unwrap(), 1);
        for nothing in ["loyalty", "loyalty.card\0", ""] {
            assert!(!store.query_object(nothing).exists().await.unwrap());
        }
    })
    .await;
}

#[tokio::test]
async fn values_are_parameters_and_shown_only_when_asked() {
    on_both(async |db: &TestDb| {
        let secret = "Bobby'); DROP TABLE stripe_objects; --";
        let query = db
            .store()
            .query::<Customer>()
            .filter(Customer::NAME.eq(secret))
            .filter(Customer::METADATA.key("it's").is_in([secret, "\\"]))
            .filter(Customer::BALANCE.lt(-1_234_567))
            .filter(Customer::DELINQUENT.eq(true));
        let sql = query.to_sql().unwrap();
        for shown in [sql.to_string(), format!("{sql:?}"), format!("{query:?}"), sql.text().to_owned()] {
            assert!(!shown.contains("Bobby") && !shown.contains("1234567"), "{shown}");
        }
        assert_eq!(sql.types().len(), sql.values().len());
        assert!(sql.types().any(|name| name == "text[]"));
        assert!(sql.to_string().contains(" -- "));
        assert!(sql.with_values().contains("Bobby''); DROP TABLE"));
        assert!(sql.with_values().contains("-1234567"));
        let text = format!(
            r#"{{"object":"customer","id":"cus_1","name":"{secret}","metadata":{{"it's":"\\"}},"balance":-1234568,"delinquent":true}}"#
        );
        write(db.store(), &[text]).await;
        assert_eq!(query.one().await.unwrap().id(), "cus_1");
        // The statement with its values in it is a statement.
        assert!(db.scalar_text(&sql.with_values()).await.is_some());
        let paid = db.store().query::<Invoice>().filter(Invoice::STATUS.eq(InvoiceStatus::Paid));
        assert!(paid.fetch_all().await.unwrap().is_empty());
    })
    .await;
}

#[test]
fn queries_go_from_thread_to_thread() {
    fn check<T: Send + Sync + 'static>(_: &T) {}
    fn future<T: Send>(_: &T) {}
    fn all(query: &Query<Customer>, row: &Stored<Customer>) {
        check(query);
        check(&Customer::NAME.eq("a"));
        check(&Customer::NAME.asc());
        future(&query.fetch_all());
        future(&query.one());
        future(&query.count());
        future(&query.page());
        future(&query.next_after(row));
        future(&query.stream());
    }
    // That it compiles is the test.
    std::hint::black_box(all as fn(&Query<Customer>, &Stored<Customer>));
}
