#![cfg(unix)]

use std::{
    io::Write as _,
    process::{Child, Command},
    time::Duration,
};

use stripe_store_tests::{Kind, TestDb, on_both, on_sqlite};

use super::{Ended, customers, on};

pub(super) fn send(signal: &str, child: &Child) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{signal} {}", child.id())])
        .status()
        .unwrap();
    assert!(sent.success());
}

async fn rows(db: &TestDb) -> i64 {
    db.scalar_i64("SELECT count(*) FROM stripe_objects")
        .await
        .unwrap()
}

/// Waits until the command has stored at least this many rows.
async fn wait_for_rows(db: &TestDb, count: i64) {
    for _ in 0..3000 {
        if rows(db).await >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{count} rows do not come");
}

/// The line that the command says it got to.
fn stored_up_to(ended: &Ended) -> i64 {
    let line = ended
        .stderr
        .strip_prefix("interrupted: stdin is stored up to line ");
    let line = line.and_then(|rest| rest.strip_suffix("; ingest it again to store the rest\n"));
    line.unwrap_or_else(|| panic!("{}", ended.stderr))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn an_interrupted_ingest_says_how_far_it_got_and_leaves_the_database_whole() {
    on_both(async |db: &TestDb| {
        let mut child = on(db, &["ingest", "-"]).start();
        let mut stdin = child.stdin.take().unwrap();
        // As fast as it goes, until nobody reads any more.
        let feeder = std::thread::spawn(move || {
            let mut fed = 0;
            while stdin
                .write_all(customers(fed..fed + 100).as_bytes())
                .is_ok()
            {
                fed += 100;
            }
        });
        wait_for_rows(db, 1000).await;
        send("INT", &child);
        let ended = Ended::of(child);
        feeder.join().unwrap();

        assert_eq!(ended.status, Some(130), "{}", ended.stderr);
        let stored = rows(db).await;
        // One object a line: what the message promises is there, and nothing else is.
        assert_eq!(stored_up_to(&ended), stored);
        assert_eq!(ended.stdout, format!("{stored} inserted\n"));
        let last = format!(
            "SELECT count(*) FROM stripe_objects WHERE stripe_id = 'cus_{:06}'",
            stored - 1
        );
        assert_eq!(db.scalar_i64(&last).await, Some(1));
        if db.kind() == Kind::Sqlite {
            assert_eq!(
                db.scalar_text("PRAGMA integrity_check").await.as_deref(),
                Some("ok")
            );
        }

        // And so it can go on.
        let again = on(db, &["ingest", "-"]).stdin(customers(0..2000)).end();
        assert_eq!(again.status, Some(0), "{}", again.stderr);
        assert!(rows(db).await >= 2000);
    })
    .await;
}

#[tokio::test]
async fn an_ingest_that_waits_for_input_can_be_stopped() {
    on_both(async |db: &TestDb| {
        for (signal, status) in [("INT", 130), ("TERM", 143)] {
            let mut child = on(db, &["ingest", "--json", "-"]).start();
            let mut stdin = child.stdin.take().unwrap();
            let before = rows(db).await;
            stdin
                .write_all(customers([u32::try_from(before).unwrap()]).as_bytes())
                .unwrap();
            wait_for_rows(db, before + 1).await;
            send(signal, &child);
            // Its input stays open: it does not wait for the rest.
            let ended = Ended::of(child);
            drop(stdin);
            assert_eq!(ended.status, Some(status), "{}", ended.stderr);
            let summary: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
            assert_eq!(
                (&summary["complete"], &summary["inserted"]),
                (&false.into(), &1.into())
            );
        }
    })
    .await;
}

#[tokio::test]
async fn one_that_has_stored_nothing_says_so() {
    on_sqlite(async |db: &TestDb| {
        let mut child = on(db, &["ingest", "-"]).start();
        let stdin = child.stdin.take().unwrap();
        // The signal may come before the command has begun to listen for it, when it ends the process as ever.
        tokio::time::sleep(Duration::from_millis(500)).await;
        send("INT", &child);
        let ended = Ended::of(child);
        drop(stdin);
        assert_eq!(ended.status, Some(130), "{}", ended.stderr);
        assert_eq!(
            ended.stderr,
            "interrupted: nothing of stdin is stored yet\n"
        );
    })
    .await;
}

#[tokio::test]
async fn a_killed_ingest_leaves_the_database_whole() {
    on_both(async |db: &TestDb| {
        let mut child = on(db, &["ingest", "-"]).start();
        let mut stdin = child.stdin.take().unwrap();
        let feeder = std::thread::spawn(move || {
            let mut fed = 0;
            while stdin
                .write_all(customers(fed..fed + 100).as_bytes())
                .is_ok()
            {
                fed += 100;
            }
        });
        wait_for_rows(db, 1000).await;
        send("KILL", &child);
        child.wait().unwrap();
        feeder.join().unwrap();
        let stored = rows(db).await;
        // Whole batches in the order of the file: no line is missing before the last that is there.
        let first_missing =
            format!("SELECT count(*) FROM stripe_objects WHERE stripe_id < 'cus_{stored:06}'");
        assert_eq!(db.scalar_i64(&first_missing).await, Some(stored));
        if db.kind() == Kind::Sqlite {
            assert_eq!(
                db.scalar_text("PRAGMA integrity_check").await.as_deref(),
                Some("ok")
            );
        }
    })
    .await;
}
