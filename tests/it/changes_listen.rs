//! The feed of what other processes write, on PostgreSQL.

use std::time::Duration;

use stripe_store::resources::Customer;
use stripe_store::store::{Gap, Interval, Pool, Snapshot, Source, Store, StoreError, TableNames};
use stripe_store_tests::{TestDb, on_both, on_postgres};

use super::changes::{change, delete, item, json, lines, write};

/// Ends the connections that listen, and returns how many there were.
pub(super) async fn kill_listeners(db: &TestDb) -> i64 {
    db.scalar_i64(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN %'",
    )
    .await
    .unwrap()
}

async fn other(db: &TestDb) -> Store {
    db.connect().await.with_change_notifications()
}

#[tokio::test]
async fn two_processes_see_each_others_changes_once() {
    on_postgres(async |db: &TestDb| {
        let (one, two) = (other(db).await, other(db).await);
        let mut at_one = one.changes::<Customer>().listen().await.unwrap();
        let mut at_two = two.changes::<Customer>().listen().await.unwrap();
        write(&one, "cus_1", 10).await;
        write(&two, "cus_1", 20).await;
        write(&one, "cus_2", 10).await;
        delete(&two, "cus_1", 30).await;
        assert_eq!(write(&two, "cus_1", 15).await.as_str(), "stale");
        write(&one, "cus_last", 10).await;
        let all = [
            "inserted cus_1 ..10",
            "updated cus_1 10..20",
            "inserted cus_2 ..10",
            "deleted cus_1 20..20",
            "inserted cus_last ..10",
        ];
        assert_eq!(lines(&mut at_one, 5).await, all);
        assert_eq!(lines(&mut at_two, 5).await, all);
    })
    .await;
}

#[tokio::test]
async fn a_notification_says_what_the_feed_of_the_process_says() {
    on_postgres(async |db: &TestDb| {
        let (one, two) = (other(db).await, other(db).await);
        let mut own = one.all_changes();
        let mut heard = two.all_changes().listen().await.unwrap();
        let connected = one.account("acct_\u{1}\"é");
        write(&connected, "cus \\ \n 🎉", 1).await;
        write(&connected, "cus \\ \n 🎉", 2).await;
        delete(&connected, "cus \\ \n 🎉", 3).await;
        // Contested: two of one second, in one batch and then one by one.
        for text in [json("cus_1", 1), json("cus_1", 2), json("cus_1", 3)] {
            for _ in 0..2 {
                let snapshot = Snapshot::read(&text).unwrap();
                one.write(&[snapshot.taken(Interval::second(9), text.as_str())])
                    .await
                    .unwrap();
            }
        }
        write(&one, "cus_last", 1).await;
        loop {
            let (own, heard) = (change(&mut own).await, change(&mut heard).await);
            assert_eq!(own, heard);
            if own.stripe_id() == "cus_last" {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_comes_before_the_commit_or_after_a_rollback() {
    on_postgres(async |db: &TestDb| {
        let (store, listening) = (other(db).await, other(db).await);
        let mut changes = listening.all_changes().listen().await.unwrap();
        let mut own = store.all_changes().listen().await.unwrap();
        let Pool::Postgres(pool) = store.pool() else {
            unreachable!()
        };
        let texts = [json("cus_back", 1), json("cus_in", 1), json("cus_in", 2)];
        let batch = texts.each_ref().map(|text| {
            Snapshot::read(text)
                .unwrap()
                .taken(Interval::second(1), Source::event(text))
        });
        let mut back = pool.begin().await.unwrap();
        store.write_in(&mut back, &batch[..1]).await.unwrap();
        let mut open = pool.begin().await.unwrap();
        store.write_in(&mut open, &batch[1..2]).await.unwrap();
        store.write_in(&mut open, &batch[2..]).await.unwrap();
        write(&store, "cus_between", 1).await;
        back.rollback().await.unwrap();
        write(&store, "cus_after_rollback", 1).await;
        open.commit().await.unwrap();
        write(&store, "cus_last", 1).await;
        let all = [
            "inserted cus_between ..1",
            "inserted cus_after_rollback ..1",
            "inserted cus_in ..1",
            "updated cus_in 1..1",
            "inserted cus_last ..1",
        ];
        assert_eq!(lines(&mut changes, 5).await, all);
        assert_eq!(lines(&mut own, 5).await, all);
    })
    .await;
}

#[tokio::test]
async fn large_batches_and_contested_ones_are_told_whole() {
    on_postgres(async |db: &TestDb| {
        let (store, listening) = (other(db).await, db.connect().await);
        let mut changes = listening.all_changes().listen().await.unwrap();
        // More than one statement takes, with two of one second in the midst.
        let texts: Vec<_> = (0..2500)
            .map(|n| json(&format!("cus_{n:04}"), 1))
            .chain([json("cus_1200", 2)])
            .collect();
        let batch: Vec<_> = texts
            .iter()
            .enumerate()
            .map(|(n, text)| {
                let snapshot = Snapshot::read(text).unwrap();
                snapshot.taken(Interval::second(1), format!("evt_{n}"))
            })
            .collect();
        store.write(&batch).await.unwrap();
        for n in 0..2500 {
            assert_eq!(
                change(&mut changes).await.stripe_id(),
                format!("cus_{n:04}")
            );
        }
        assert_eq!(store.dirty_objects(10).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_no_payload_takes_is_written_and_its_notification_is_a_gap() {
    on_postgres(async |db: &TestDb| {
        let (store, listening) = (other(db).await, db.connect().await);
        let mut changes = listening.all_changes().listen().await.unwrap();
        let account = "\u{1}".repeat(255);
        let id = r"\u0001".repeat(1024);
        let object = r"\u0001".repeat(255);
        let text = format!(r#"{{"id": "{id}", "object": "{object}"}}"#);
        let snapshot = Snapshot::read(&text).unwrap().account(account.as_str());
        let snapshot = snapshot.taken(Interval::second(1), Source::import());
        store.write(&[snapshot]).await.unwrap();
        let Err(gap) = item(&mut changes).await else {
            panic!("a gap comes first")
        };
        assert!(matches!(gap, Gap::Unreadable { .. }), "{gap:?}");
        let found = store.all_changed_since(gap.since()).page().await.unwrap();
        assert_eq!(found.data.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn installations_do_not_mix_and_names_of_one_table_do() {
    on_postgres(async |db: &TestDb| {
        let public = other(db).await;
        let names = TableNames::new().with_schema("billing").unwrap();
        let billing = other(db).await.with_tables(names).unwrap();
        billing.migrate().await.unwrap();
        // The table of `public` by its full name.
        let full = TableNames::new().with_schema("public").unwrap();
        let by_full_name = other(db).await.with_tables(full).unwrap();
        let mut at_public = public.all_changes().listen().await.unwrap();
        let mut at_billing = billing.all_changes().listen().await.unwrap();
        write(&billing, "cus_billing", 1).await;
        write(&by_full_name, "cus_public", 1).await;
        assert_eq!(change(&mut at_public).await.stripe_id(), "cus_public");
        assert_eq!(change(&mut at_billing).await.stripe_id(), "cus_billing");
    })
    .await;
}

#[tokio::test]
async fn off_means_that_nothing_is_sent_and_own_writes_come_all_the_same() {
    on_postgres(async |db: &TestDb| {
        let quiet = db.connect().await;
        let (store, mut raw) = (other(db).await, db.connect().await.all_changes());
        let mut changes = store.all_changes().listen().await.unwrap();
        // A handle of the same store that does not notify: told within the process, once.
        let own_quiet = db.store();
        let mut own = own_quiet.all_changes().listen().await.unwrap();
        write(&quiet, "cus_quiet", 1).await;
        write(own_quiet, "cus_own", 1).await;
        write(&store, "cus_loud", 1).await;
        assert_eq!(change(&mut changes).await.stripe_id(), "cus_loud");
        assert_eq!(
            lines(&mut own, 2).await,
            ["inserted cus_own ..1", "inserted cus_loud ..1"]
        );
        // A feed that does not listen, of a store nobody has a handle on, ends.
        assert!(raw.next().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_lost_connection_is_reported_and_what_was_missed_is_found() {
    on_postgres(async |db: &TestDb| {
        let (writer, store) = (other(db).await, db.connect().await);
        let mut changes = store.changes::<Customer>().listen().await.unwrap();
        let mut second = store.all_changes().listen().await.unwrap();
        write(&writer, "cus_before", 1).await;
        assert_eq!(change(&mut changes).await.stripe_id(), "cus_before");
        // One connection for both feeds.
        assert_eq!(kill_listeners(db).await, 1);
        write(&writer, "cus_missed", 1).await;
        let Err(gap) = item(&mut changes).await else {
            panic!("the loss comes first")
        };
        assert!(
            matches!(gap, Gap::ConnectionLost { .. }) && gap.is_open(),
            "{gap:?}"
        );
        assert!(std::error::Error::source(&gap).is_some());
        let Err(gap) = item(&mut changes).await else {
            panic!("it is back")
        };
        assert!(
            matches!(gap, Gap::Reconnected { .. }) && !gap.is_open(),
            "{gap:?}"
        );
        // From here on nothing is missing. What was written meanwhile comes as well if the connection was back by then.
        write(&writer, "cus_after", 1).await;
        let mut next = change(&mut changes).await;
        if next.stripe_id() == "cus_missed" {
            next = change(&mut changes).await;
        }
        assert_eq!(next.stripe_id(), "cus_after");
        let found = store.changed_since::<Customer>(gap.since());
        let found = found.margin(Duration::from_secs(10)).page().await.unwrap();
        let found: Vec<_> = found.data.iter().map(|row| row.id()).collect();
        assert!(found.contains(&"cus_missed"), "{found:?}");
        // The other feed learns of it as well.
        assert_eq!(change(&mut second).await.stripe_id(), "cus_before");
        assert!(matches!(
            item(&mut second).await,
            Err(Gap::ConnectionLost { .. })
        ));
        assert!(matches!(
            item(&mut second).await,
            Err(Gap::Reconnected { .. })
        ));
    })
    .await;
}

#[tokio::test]
async fn a_slow_reader_of_notifications_is_told_what_it_missed() {
    on_postgres(async |db: &TestDb| {
        let (writer, store) = (other(db).await, db.connect().await.with_change_capacity(8));
        let mut slow = store.all_changes().listen().await.unwrap();
        let mut fast = store.all_changes().listen().await.unwrap();
        for n in 0..20 {
            write(&writer, &format!("cus_{n}"), 1).await;
            assert_eq!(change(&mut fast).await.stripe_id(), format!("cus_{n}"));
        }
        let Err(gap) = item(&mut slow).await else {
            panic!("a gap comes first")
        };
        assert!(matches!(gap, Gap::Lagged { missed: 12, .. }), "{gap:?}");
        assert_eq!(change(&mut slow).await.stripe_id(), "cus_12");
        let found = store.all_changed_since(gap.since()).page().await.unwrap();
        assert_eq!(found.data.len(), 20);
    })
    .await;
}

#[tokio::test]
async fn listening_ends_with_the_last_feed_and_with_the_pool() {
    on_postgres(async |db: &TestDb| {
        let store = db.connect().await;
        let changes = store.all_changes().listen().await.unwrap();
        drop(changes);
        let listeners = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
            AND pid <> pg_backend_pid() AND query LIKE ANY('{LISTEN %,UNLISTEN %}')";
        for _ in 0..1000 {
            if db.scalar_i64(listeners).await == Some(0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(db.scalar_i64(listeners).await, Some(0));
        let mut changes = store.all_changes().listen().await.unwrap();
        store.pool().close().await;
        assert!(matches!(
            item(&mut changes).await,
            Err(Gap::ConnectionLost { .. })
        ));
        assert!(matches!(
            store.all_changes().listen().await,
            Err(StoreError::Database { .. })
        ));
        drop(store);
        assert!(changes.next().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn without_a_table_there_is_nothing_to_listen_to() {
    let db = TestDb::empty_postgres().await;
    let error = db.store().all_changes().listen().await.unwrap_err();
    assert!(error.is_not_migrated(), "{error:?}");
}

#[tokio::test]
async fn without_readers_the_statement_of_a_write_is_the_plain_one() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let sent = async |store: &Store, id: &str| {
            let written = Box::pin(write(store, id, 1));
            let (_, sent) = stripe_store_tests::statements(written).await;
            sent.into_iter()
                .map(|statement| statement.sql)
                .collect::<Vec<_>>()
        };
        let plain = sent(store, "cus_1").await;
        assert!(!plain.iter().any(|sql| sql.contains("pg_notify")));
        let changes = store.all_changes();
        let read = sent(store, "cus_2").await;
        assert_eq!(read.len(), plain.len(), "a reader costs no statement more");
        drop(changes);
        assert_eq!(sent(store, "cus_3").await, plain);
    })
    .await;
}
