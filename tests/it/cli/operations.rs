//! `export`, `import`, `purge`, and the names of tables.

use serde_json::json;
use stripe_store::store::TableNames;
use stripe_store_tests::{Kind, TestDb, on_both, on_sqlite};
use tempfile::TempDir;

use super::{Run, customers, ingest_samples, on};

/// A database of the same kind, without tables.
async fn empty(kind: Kind) -> TestDb {
    match kind {
        Kind::Sqlite => TestDb::empty_sqlite().await,
        Kind::Postgres => TestDb::empty_postgres().await,
    }
}

#[tokio::test]
async fn an_export_is_imported_into_an_empty_database() {
    on_both(async |db: &TestDb| {
        ingest_samples(db);
        let exported = on(db, &["export"]).succeeds();
        assert_eq!(exported.lines().count(), 14 + 2);
        assert!(exported.starts_with("{\"row\":\"header\","));

        let other = empty(db.kind()).await;
        let imported = on(&other, &["import", "-"]).stdin(exported.as_str()).succeeds();
        assert_eq!(imported, "13 inserted, 1 deleted\n");
        assert_eq!(on(&other, &["export"]).succeeds(), exported);
        let again = on(&other, &["import", "-", "--json"]).stdin(exported.as_str()).json();
        assert_eq!(
            again,
            json!({
                "objects": 14, "inserted": 0, "updated": 0, "unchanged": 14, "stale": 0, "deleted": 0, "rivals": 0,
                "marks": 0, "failed": 0, "complete": true,
            })
        );
    })
    .await;
}

#[tokio::test]
async fn an_export_goes_into_a_file_that_is_whole() {
    on_both(async |db: &TestDb| {
        ingest_samples(db);
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("backup.ndjson");
        let run = |arguments: &[&str]| {
            on(
                db,
                &[&["export", "--out", file.to_str().unwrap()][..], arguments].concat(),
            )
        };
        assert_eq!(
            run(&[]).succeeds(),
            format!("14 rows in {}\n", file.display())
        );
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text, on(db, &["export"]).succeeds());
        let summary = run(&["--json", "customer"]).json();
        let bytes = std::fs::metadata(&file).unwrap().len();
        assert_eq!(
            summary,
            json!({"file": file.to_str().unwrap(), "rows": 4, "bytes": bytes})
        );
        // Nothing else is left beside it.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let nowhere = folder.path().join("missing").join("backup.ndjson");
        let message = on(db, &["export", "--out", nowhere.to_str().unwrap()]).fails(1);
        assert!(message.starts_with("error: could not write "), "{message}");
    })
    .await;
}

#[tokio::test]
async fn an_export_is_narrowed_by_the_arguments() {
    on_both(async |db: &TestDb| {
        ingest_samples(db);
        on(db, &["ingest", "--account", "acct_1", "-"])
            .stdin(customers(1..=3))
            .succeeds();
        let rows = |arguments: &[&str]| {
            let printed = on(db, &[&["export"], arguments].concat()).succeeds();
            printed
                .lines()
                .filter(|line| line.starts_with("{\"row\":\"object\""))
                .count()
        };
        assert_eq!(rows(&[]), 17);
        assert_eq!(rows(&["--live"]), 3);
        assert_eq!(rows(&["--test"]), 14);
        assert_eq!(rows(&["--account", "acct_1"]), 3);
        assert_eq!(rows(&["--account", "acct_1", "--test"]), 0);
        assert_eq!(rows(&["customer"]), 7);
        assert_eq!(rows(&["customer", "price", "--test"]), 7);
        assert_eq!(rows(&["--since", "2020-01-01"]), 17);
        assert_eq!(rows(&["--since", "2999-01-01"]), 0);
    })
    .await;
}

#[tokio::test]
async fn an_import_reports_bad_lines_and_stores_the_rest() {
    on_both(async |db: &TestDb| {
        let source = TestDb::sqlite().await;
        on(&source, &["ingest", "--live", "-"])
            .stdin(customers(1..=4))
            .succeeds();
        let exported = on(&source, &["export"]).succeeds();
        let mut lines: Vec<&str> = exported.lines().collect();
        let (cut, wrong) = (
            lines[2][..60].to_owned(),
            lines[3].replace("\"as_of\":", "\"as_off\":"),
        );
        lines[2] = &cut;
        lines[3] = &wrong;
        let ended = on(db, &["import", "-"]).stdin(lines.join("\n")).end();
        assert_eq!(
            (ended.status, ended.stdout.as_str()),
            (Some(1), "2 inserted, 2 failed\n"),
            "{}",
            ended.stderr
        );
        let reported: Vec<&str> = ended.stderr.lines().collect();
        assert_eq!(reported.len(), 2, "{reported:?}");
        assert!(reported[0].starts_with("stdin: line 3: "), "{reported:?}");
        assert_eq!(
            reported[1],
            "stdin: line 4: a line of an export whose `as_of` is missing or wrong"
        );

        // What was missing comes with the whole export, what was there stays.
        let again = on(db, &["import", "-"]).stdin(exported.as_str()).succeeds();
        assert_eq!(again, "2 inserted, 2 unchanged\n");
    })
    .await;
}

#[tokio::test]
async fn an_export_that_was_cut_off_is_noticed() {
    on_sqlite(async |db: &TestDb| {
        on(db, &["ingest", "--live", "-"]).stdin(customers(1..=4)).succeeds();
        let exported = on(db, &["export"]).succeeds();
        let cut: Vec<&str> = exported.lines().take(3).collect();
        let other = TestDb::empty_sqlite().await;
        let ended = on(&other, &["import", "-"]).stdin(cut.join("\n")).end();
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), "2 inserted, 1 failed\n"));
        assert_eq!(
            ended.stderr,
            "stdin: lines of the export are missing, or its last one: it was cut off, or is not whole\n"
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_no_export_or_a_later_one_is_refused() {
    on_sqlite(async |db: &TestDb| {
        let ended = on(db, &["import", "-"]).stdin(customers(1..=2)).end();
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), "nothing to store\n"));
        assert_eq!(
            ended.stderr,
            "error: stdin: line 1: this is no export of stripe-store, whose first line would say so\n"
        );
        let later = on(db, &["export"]).succeeds().replace("\"version\":1", "\"version\":7");
        let ended = on(db, &["import", "-"]).stdin(later).end();
        assert_eq!(ended.status, Some(1));
        assert_eq!(
            ended.stderr,
            "error: stdin: line 1: the export has version 7, and 1 is the last that this stripe-store knows: update it\n"
        );
    })
    .await;
}

#[tokio::test]
async fn commands_on_a_database_without_tables_say_what_to_do() {
    for kind in Kind::ALL {
        let db = empty(kind).await;
        for arguments in [&["export"][..], &["purge"], &["purge", "--dry-run"]] {
            let message = on(&db, arguments).fails(1);
            assert!(
                message.contains("run `stripe-store migrate`"),
                "{kind}: {message}"
            );
        }
    }
}

#[tokio::test]
async fn a_purge_says_what_it_removed() {
    on_both(async |db: &TestDb| {
        ingest_samples(db);
        // The samples' deletion was long ago; that it came here today is what keeps it.
        let purge = |arguments: &[&str]| on(db, &[&["purge"], arguments].concat());
        let nothing = "0 tombstones, 0 rivals of settled conflicts, 0 marks without an object\n";
        assert_eq!(purge(&[]).succeeds(), format!("removed {nothing}"));
        assert_eq!(purge(&["--tombstones-older-than", "45d"]).succeeds(), format!("removed {nothing}"));
        let sql = match db.kind() {
            Kind::Sqlite => "UPDATE stripe_objects SET updated_at = '2020-01-01T00:00:00.000Z', \
                deleted_at = CASE WHEN deleted_at IS NULL THEN NULL ELSE '2020-01-01T00:00:00.000Z' END",
            Kind::Postgres => "UPDATE stripe_objects SET updated_at = '2020-01-01', \
                deleted_at = CASE WHEN deleted_at IS NULL THEN NULL ELSE '2020-01-01'::timestamptz END",
        };
        db.execute(sql).await;
        assert_eq!(purge(&[]).succeeds(), format!("removed {nothing}"), "tombstones are kept");
        let one = nothing.replacen('0', "1", 1);
        assert_eq!(
            purge(&["--tombstones-older-than", "45d", "--dry-run"]).succeeds(),
            format!("would remove {one}")
        );
        assert_eq!(
            purge(&["--tombstones-older-than", "1080h", "--json", "--vacuum"]).json(),
            json!({
                "tombstones": 1, "rivals": 0, "marks": 0, "events": 0, "deliveries": 0, "dry_run": false, "complete": true,
            })
        );
        assert_eq!(db.scalar_i64("SELECT count(*) FROM stripe_objects").await, Some(13));

        let message = purge(&["--tombstones-older-than", "32d"]).fails(1);
        assert!(message.contains("have to be 33 days old to be removed, not 32"), "{message}");
        assert_eq!(purge(&["--tombstones-older-than", "1d", "--force"]).succeeds(), format!("removed {nothing}"));
        assert!(purge(&["--tombstones-older-than", "32"]).fails(2).contains("expected a number of days"));
    })
    .await;
}

#[tokio::test]
async fn the_tables_are_found_under_their_prefix_and_in_their_schema() {
    on_both(async |db: &TestDb| {
        let names = match db.kind() {
            Kind::Sqlite => vec!["--prefix", "eu_"],
            Kind::Postgres => vec!["--prefix", "eu_", "--schema", "billing"],
        };
        let with = |arguments: &[&str]| on(db, &[arguments, &names].concat());
        with(&["ingest", "--live", "-"])
            .stdin(customers(1..=2))
            .succeeds();
        assert_eq!(with(&["list", "customer"]).succeeds().lines().count(), 3);
        assert_eq!(with(&["export"]).succeeds().lines().count(), 4);
        with(&["purge", "--vacuum"]).succeeds();
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM stripe_objects").await,
            Some(0)
        );

        // The environment says the same.
        let mut run = on(db, &["status", "--json"]);
        run.command.env("STRIPE_STORE_PREFIX", "eu_");
        if db.kind() == Kind::Postgres {
            run.command.env("STRIPE_STORE_SCHEMA", "billing");
        }
        assert_eq!(run.json()["total"]["rows"], 2);
        let mut run = on(db, &["status", "--json"]);
        run.command
            .env("STRIPE_STORE_PREFIX", "")
            .env("STRIPE_STORE_SCHEMA", "");
        assert_eq!(
            run.json()["total"]["rows"],
            0,
            "an empty variable is one that was not set"
        );

        let mut tables = TableNames::new().with_prefix("eu_").unwrap();
        if db.kind() == Kind::Postgres {
            tables = tables.with_schema("billing").unwrap();
        }
        let store = db.connect().await.with_tables(tables).unwrap();
        assert_eq!(store.counts().await.unwrap()[0].rows, 2);
    })
    .await;
    let message = Run::bare(&[
        "status",
        "--database",
        "sqlite::memory:",
        "--schema",
        "billing",
    ])
    .fails(1);
    assert_eq!(
        message,
        "error: SQLite has no schema \"billing\": use a prefix instead\n"
    );
    let message =
        Run::bare(&["status", "--database", "sqlite::memory:", "--prefix", "a b"]).fails(1);
    assert!(
        message.starts_with("error: table names cannot be used: prefix \"a b\""),
        "{message}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn an_interrupted_export_leaves_the_last_one_as_it_was() {
    use std::process::Command;

    use super::Ended;

    on_both(async |db: &TestDb| {
        let insert = match db.kind() {
            Kind::Sqlite => {
                "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 60000) \
                 INSERT INTO stripe_objects (livemode, object, stripe_id, data, as_of, as_of_until, source) \
                 SELECT 1, 'customer', 'cus_' || n, '{\"id\":\"cus_' || n || '\",\"object\":\"customer\"}', 0, 1, 'x' FROM n"
            }
            Kind::Postgres => {
                "INSERT INTO stripe_objects (livemode, object, stripe_id, data, as_of, as_of_until, source) \
                 SELECT true, 'customer', 'cus_' || n, jsonb_build_object('id', 'cus_' || n, 'object', 'customer'), 0, 1, \
                 'x' FROM generate_series(1, 60000) AS n"
            }
        };
        db.execute(insert).await;
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("backup.ndjson");
        std::fs::write(&file, "the last one").unwrap();
        let part = folder.path().join("backup.ndjson.part");
        let child = on(db, &["export", "--out", file.to_str().unwrap()]).start();
        for _ in 0..3000 {
            if part.exists() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let sent = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
        assert!(sent.success());
        let ended = Ended::of(child);
        assert_eq!(ended.status, Some(130), "{} {}", ended.stdout, ended.stderr);
        assert!(ended.stderr.starts_with("interrupted: "), "{}", ended.stderr);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "the last one");
    })
    .await;
}
