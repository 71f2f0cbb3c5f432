//! Imports: what was exported comes back as it was, on either database, in any order and number.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use stripe_store::ingest::{Documents, ExportReader, IngestError};
use stripe_store::store::{DirtyMark, ImportLine, Interval, Mode, Snapshot};
use stripe_store::{Outcome, Store};
use stripe_store_tests::{Kind, TestDb, on_both};

use super::ops_transfer::{exported, fill, import, sizes};

async fn fresh(kind: Kind) -> TestDb {
    match kind {
        Kind::Sqlite => TestDb::sqlite().await,
        Kind::Postgres => TestDb::postgres().await,
    }
}

#[tokio::test]
async fn what_was_exported_comes_back_as_it_was() {
    for kind in Kind::ALL {
        let (source, target) = (fresh(kind).await, fresh(kind).await);
        fill(source.store()).await;
        let text = exported(source.store()).await;
        let outcomes = import(target.store(), &text, 500).await;
        assert_eq!(exported(target.store()).await, text, "{kind}");
        assert_eq!(sizes(&target).await, sizes(&source).await, "{kind}");
        assert!(outcomes.contains(&Outcome::Inserted) && outcomes.contains(&Outcome::Deleted));
    }
}

#[tokio::test]
async fn sqlite_and_postgres_read_each_others_exports() {
    let [first, second] = [TestDb::sqlite().await, TestDb::sqlite().await];
    let [third, fourth] = [TestDb::postgres().await, TestDb::postgres().await];
    fill(first.store()).await;
    let spelled_by_stripe = exported(first.store()).await;
    import(third.store(), &spelled_by_stripe, 500).await;
    // From here on it is spelled as PostgreSQL spells it, which SQLite keeps.
    let spelled_by_postgres = exported(third.store()).await;
    assert_ne!(spelled_by_postgres, spelled_by_stripe);
    import(second.store(), &spelled_by_postgres, 500).await;
    assert_eq!(exported(second.store()).await, spelled_by_postgres);
    import(fourth.store(), &exported(second.store()).await, 500).await;
    assert_eq!(exported(fourth.store()).await, spelled_by_postgres);
    // And it says the same: the other way round there is nothing to change.
    for outcome in import(first.store(), &spelled_by_postgres, 500).await {
        assert!(!outcome.is_change(), "{outcome}");
    }
    assert_eq!(exported(first.store()).await, spelled_by_stripe);
}

#[tokio::test]
async fn importing_again_changes_nothing() {
    on_both(async |db: &TestDb| {
        fill(db.store()).await;
        let text = exported(db.store()).await;
        let stamps = "SELECT string_agg(updated_at, ',') FROM (SELECT CAST(updated_at AS text) AS updated_at \
            FROM stripe_objects ORDER BY account, livemode, object, stripe_id) AS t";
        let before = db.scalar_text(stamps).await;
        for (line, outcome) in text.lines().zip(import(db.store(), &text, 7).await) {
            if line.starts_with("{\"row\":\"rival\"") {
                assert_eq!(outcome, Outcome::Stale, "{line}");
            } else {
                assert_eq!(outcome, Outcome::Unchanged, "{line}");
            }
        }
        assert_eq!(exported(db.store()).await, text);
        assert_eq!(db.scalar_text(stamps).await, before);
    })
    .await;
}

#[tokio::test]
async fn an_import_into_a_newer_table_changes_nothing() {
    on_both(async |db: &TestDb| {
        fill(db.store()).await;
        let text = exported(db.store()).await;
        let newer = [
            r#"{"id":"cus_plain","object":"customer","livemode":true,"newer":true}"#,
            r#"{"id":"in_open","object":"invoice","status":"uncollectible"}"#,
            r#"{"id":"in_chain","object":"invoice","status":"void"}"#,
            r#"{"id":"cus_lines","object":"customer","deleted":true}"#,
        ];
        for json in newer {
            let snapshot = Snapshot::read(json).unwrap();
            db.store()
                .write(&[snapshot.taken(Interval::second(1000), "evt_new")])
                .await
                .unwrap();
        }
        let now = exported(db.store()).await;
        assert_eq!(
            sizes(db).await[1..],
            [0, 0],
            "the newer ones settled everything"
        );
        let outcomes = import(db.store(), &text, 500).await;
        assert!(
            outcomes.iter().all(|outcome| !outcome.is_change()),
            "{outcomes:?}"
        );
        assert_eq!(exported(db.store()).await, now);
        for (line, outcome) in text.lines().zip(outcomes) {
            if line.contains("\"in_open\"") || line.contains("\"in_chain\"") {
                assert_eq!(outcome, Outcome::Stale, "{line}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_open_stays_open_and_is_settled_the_same_way() {
    for kind in Kind::ALL {
        let (source, target) = (fresh(kind).await, fresh(kind).await);
        fill(source.store()).await;
        import(target.store(), &exported(source.store()).await, 500).await;
        // A late event of the same second, which is decided against all that were.
        let late = r#"{"id":"in_chain","object":"invoice","status":"uncollectible"}"#;
        let open = r#"{"id":"in_open","object":"invoice","status":"uncollectible"}"#;
        for store in [source.store(), target.store()] {
            let chained = Snapshot::read(late)
                .unwrap()
                .previous_attributes(r#"{"status":"paid"}"#);
            let other = Snapshot::read(open)
                .unwrap()
                .previous_attributes(r#"{"status":"void"}"#);
            let second = Interval::second(90);
            store
                .write(&[chained.taken(second, "evt_0"), other.taken(second, "evt_0")])
                .await
                .unwrap();
        }
        let text = exported(source.store()).await;
        assert!(text.contains(
            r#""stripe_id":"in_chain","as_of":90000,"as_of_until":91000,"source":"evt_0""#
        ));
        assert_eq!(exported(target.store()).await, text, "{kind}");
    }
}

#[tokio::test]
async fn a_mark_is_kept_unless_the_row_is_newer() {
    on_both(async |db: &TestDb| {
        let json = r#"{"id":"cus_1","object":"customer"}"#;
        let snapshot = Snapshot::read(json)
            .unwrap()
            .taken(Interval::second(10), "evt_1");
        db.store().write(&[snapshot]).await.unwrap();
        let mark = |id: &str, second| {
            let moment = stripe_store::clock::UnixMillis::from_seconds(second);
            ImportLine::Dirty(DirtyMark::new("", Mode::Live, "customer", id, moment))
        };
        let lines = [
            mark("cus_1", 9),
            mark("cus_1", 11),
            mark("cus_2", 11),
            mark("cus_1", 12),
        ];
        let outcomes = db.store().test_mode().import(&lines).await.unwrap();
        assert_eq!(
            outcomes[..3],
            [Outcome::Stale, Outcome::Inserted, Outcome::Stale]
        );
        assert!(!db.store().import(&lines[3..]).await.unwrap()[0].is_change());
        assert_eq!(
            db.scalar_i64("SELECT not_before FROM stripe_dirty_objects")
                .await,
            Some(11_000)
        );
        assert_eq!(
            db.store()
                .import(&[ImportLine::Header, ImportLine::End])
                .await
                .unwrap()
                .len(),
            2
        );
    })
    .await;
}

/// Reads lines, and gives the message of each that is none, and whether the export is complete.
fn errors(text: &str) -> (Vec<String>, bool) {
    let mut reader = ExportReader::new();
    let mut errors = Vec::new();
    for document in Documents::new(text.as_bytes()) {
        let error = match &document {
            Ok(document) => reader.read(document).err().map(|error| error.to_string()),
            Err(error) => {
                reader.skip();
                Some(error.to_string())
            }
        };
        errors.extend(error);
    }
    (errors, reader.is_complete())
}

const HEADER: &str = r#"{"row":"header","format":"stripe-store","version":1}"#;

#[test]
fn a_later_version_and_a_file_that_is_no_export_are_refused() {
    let later = HEADER.replace(":1}", ":2}");
    let document = Documents::new(later.as_bytes()).next().unwrap().unwrap();
    let error = ExportReader::new().read(&document).unwrap_err();
    assert!(matches!(
        error,
        IngestError::ExportVersion {
            line: 1,
            version: 2,
            known: 1,
            ..
        }
    ));
    assert!(error.is_fatal());
    assert_eq!(
        error.to_string(),
        "line 1: the export has version 2, and 1 is the last that this stripe-store knows: update it"
    );
    for other in [
        r#"{"id":"cus_1","object":"customer"}"#,
        r#"{"row":"object"}"#,
        r#"{"row":"header","version":1}"#,
    ] {
        let document = Documents::new(other.as_bytes()).next().unwrap().unwrap();
        let error = ExportReader::new().read(&document).unwrap_err();
        assert!(
            matches!(error, IngestError::NoExport { line: 1, .. }) && error.is_fatal(),
            "{other}"
        );
    }
}

#[test]
fn a_broken_line_is_reported_with_its_number_and_an_export_that_was_cut_off_is_noticed() {
    let row = |id: &str| {
        format!(
            r#"{{"row":"object","account":"","livemode":true,"object":"customer","stripe_id":"{id}","as_of":1,"as_of_until":2,"source":"s","change":"updated","data":{{"id":"{id}","object":"customer"}}}}"#
        )
    };
    let good = row("cus_1");
    let wrong = [
        (
            good.replace(r#","as_of":1"#, ""),
            "a line of an export whose `as_of` is missing or wrong",
        ),
        (
            good.replace(r#""as_of_until":2"#, r#""as_of_until":0"#),
            "a line of an export whose `as_of_until` is missing or wrong",
        ),
        (
            good.replace("updated", "moved"),
            "a line of an export whose `change` is missing or wrong",
        ),
        (
            good.replace(r#""stripe_id":"cus_1""#, r#""stripe_id":"cus_2""#),
            "a line of an export whose `stripe_id` is missing or wrong",
        ),
        (
            good.replace(r#""livemode":true"#, r#""livemode":1"#),
            "a line of an export whose `livemode` is missing or wrong",
        ),
        (
            good.replace(r#"{"id""#, r#"{"livemode":false,"id""#),
            "a line of an export whose `livemode` is missing or wrong",
        ),
        (
            good.replace(r#""row":"object""#, r#""row":"other""#),
            "a line of an export whose `row` is missing or wrong",
        ),
        (
            good.replace(r#""data":{"#, r#""data":["#)
                .replace("}}", "]}"),
            "expected",
        ),
    ];
    for (line, message) in wrong {
        let text = format!("{HEADER}\n{good}\n{line}\n{good}\n{{\"row\":\"end\",\"lines\":3}}\n");
        let (errors, complete) = errors(&text);
        assert_eq!(errors.len(), 1, "{line}: {errors:?}");
        assert!(errors[0].starts_with("line 3"), "{errors:?}");
        assert!(
            message == "expected" || errors[0].ends_with(message),
            "{errors:?}"
        );
        assert!(
            complete,
            "a line that cannot be read is not missing: {line}"
        );
    }
    let end = r#"{"row":"end","lines":2}"#;
    let whole = format!("{HEADER}\n{good}\n{good}\n{end}\n");
    assert_eq!(errors(&whole), (vec![], true));
    assert_eq!(
        errors(&format!("{whole}{whole}")),
        (vec![], true),
        "one after the other"
    );
    assert_eq!(
        errors(&format!("{HEADER}\n{good}\n{end}\n")),
        (vec![], false),
        "a line is missing"
    );
    assert_eq!(
        errors(&format!("{HEADER}\n{good}\n{good}\n")),
        (vec![], false),
        "the end is missing"
    );
    assert_eq!(
        errors(&format!("{whole}{HEADER}\n")),
        (vec![], false),
        "the second one was cut off"
    );
}

/// The lines of an export between its header and its end, in another order, some of them twice, cut into batches.
async fn import_shuffled(store: &Store, lines: &[&str], order: &[usize], batch: usize) {
    let end = format!(r#"{{"row":"end","lines":{}}}"#, order.len());
    let shuffled = order.iter().map(|at| lines[at % lines.len()]);
    let all: Vec<&str> = std::iter::once(HEADER)
        .chain(shuffled)
        .chain([end.as_str()])
        .collect();
    let text = all.join("\n");
    import(store, &text, batch).await;
}

#[test]
fn lines_may_come_in_any_order_and_number() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (kind, cases) in [(Kind::Sqlite, 24), (Kind::Postgres, 8)] {
        let text = runtime.block_on(async {
            let source = fresh(kind).await;
            fill(source.store()).await;
            exported(source.store()).await
        });
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| {
                !line.contains("\"row\":\"header\"") && !line.contains("\"row\":\"end\"")
            })
            .collect();
        // Marks are told by the objects themselves, and go with a row that is there.
        let all: Vec<usize> = (0..lines.len()).chain(0..lines.len()).collect();
        let strategy = (Just(all).prop_shuffle(), 1..40_usize);
        let mut runner = TestRunner::new(Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        });
        runner
            .run(&strategy, |(order, batch)| {
                runtime.block_on(async {
                    let target = fresh(kind).await;
                    import_shuffled(target.store(), &lines, &order, batch).await;
                    prop_assert_eq!(exported(target.store()).await, text.clone());
                    Ok(())
                })
            })
            .unwrap();
    }
}
