use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use stripe_store_tests::{Kind, TestDb, on_both, on_sqlite};
use tempfile::TempDir;

use super::{Ended, Run, customers, ingest_samples, on, sample};

#[tokio::test]
async fn get_prints_the_json_as_it_is_stored() {
    on_both(async |db: &TestDb| {
        let json = "{ \"id\": \"x_1\", \"object\": \"x\",\n  \"livemode\": true, \"n\": 12345678901234567890123.50, \"t\": \"é \\u00e9 松\" }";
        on(db, &["ingest", "-"]).stdin(json).succeeds();
        let printed = on(db, &["get", "x", "x_1"]).succeeds();
        match db.kind() {
            Kind::Sqlite => assert_eq!(printed, format!("{json}\n")),
            // PostgreSQL keeps values, and neither spacing nor the order of keys.
            Kind::Postgres => assert!(printed.contains("12345678901234567890123.50"), "{printed}"),
        }
        let line = on(db, &["get", "x", "x_1", "--json"]).succeeds();
        assert!(line.contains("12345678901234567890123.50"), "{line}");
        let row: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(row["data"]["t"], "é é 松");
        let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "account", "api_version", "as_of", "as_of_until", "created_at", "data", "deleted_at", "livemode", "object",
                "source", "stripe_id", "updated_at",
            ]
        );
        assert_eq!((&row["account"], &row["livemode"], &row["deleted_at"]), (&Value::Null, &json!(true), &Value::Null));
    })
    .await;
}

#[tokio::test]
async fn what_is_not_found_is_said_with_where_it_is() {
    on_both(async |db: &TestDb| {
        ingest_samples(db);
        on(db, &["ingest", "--account", "acct_1", "-"]).stdin(customers(1..=1)).succeeds();
        let check = |arguments: &[&str], message: &str| {
            assert_eq!(on(db, arguments).fails(1), format!("error: {message}\n"), "{arguments:?}");
        };
        check(
            &["get", "customer", "cus_ada"],
            "no customer cus_ada in live mode; test mode has it: add --test",
        );
        check(
            &["--account", "acct_9", "get", "customer", "cus_ada"],
            "no customer cus_ada in live mode of account acct_9; the platform's own account has it in test mode: use --test without --account",
        );
        check(
            &["--test", "get", "customer", "cus_000001"],
            "no customer cus_000001 in test mode; account acct_1 has it in live mode: add --live --account acct_1",
        );
        check(&["--test", "get", "customer", "cus_nobody"], "no customer cus_nobody in test mode");
        check(
            &["--test", "get", "customer", "sub_ada"],
            "no customer sub_ada in test mode; ids like that are of another type: try `get subscription sub_ada`",
        );
        check(
            &["--test", "get", "costumer", "nobody"],
            "no costumer nobody in test mode; did you mean the type `customer`?",
        );
    })
    .await;
}

#[tokio::test]
async fn a_deleted_object_is_shown_with_a_note() {
    on_both(async |db: &TestDb| {
        ingest_samples(db);
        let ended = on(db, &["--test", "get", "customer", "cus_alan"]).end();
        assert_eq!(ended.status, Some(0));
        assert_eq!(
            serde_json::from_str::<Value>(&ended.stdout).unwrap()["name"],
            "Alan Turing"
        );
        assert_eq!(
            ended.stderr,
            "note: customer cus_alan was deleted on 2026-11-20T11:00:00.000Z\n"
        );
        let row = on(db, &["--test", "get", "customer", "cus_alan", "--json"]).json();
        assert_eq!(row["deleted_at"], "2026-11-20T11:00:00.000Z");
    })
    .await;
}

#[tokio::test]
async fn a_list_is_a_table_for_people() {
    on_both(async |db: &TestDb| {
        ingest_samples(db);
        assert_eq!(
            on(db, &["--test", "list", "customer", "--deleted"]).succeeds(),
            "\
ID          CREATED              SUMMARY
cus_hanako  2026-11-05 02:31:09  山田 花子  hanako@example.jp
cus_alan    2026-11-04 10:05:41  deleted  Alan Turing  alan@example.com
cus_grace   2026-11-03 14:20:00  Grace Hopper  grace@example.com
cus_ada     2026-11-02 08:58:12  Ada Lovelace  ada@lovelace.example
"
        );
        assert_eq!(
            on(db, &["--test", "list", "price"]).succeeds(),
            "\
ID                 CREATED              SUMMARY
price_monthly_jpy  2026-10-30 12:04:30  Monthly, Japan  recurring  1900 JPY
price_monthly      2026-10-30 12:04:30  Monthly  recurring  12.50 EUR
price_gift_box     2026-10-30 12:04:30  Gift box  one_time  49.00 EUR
"
        );
    })
    .await;
}

#[tokio::test]
async fn pages_follow_each_other() {
    on_both(async |db: &TestDb| {
        on(db, &["ingest", "-"])
            .stdin(customers(0..2500))
            .succeeds();
        let ids = |printed: &str| -> Vec<String> {
            printed
                .lines()
                .map(|line| {
                    serde_json::from_str::<Value>(line).unwrap()["stripe_id"]
                        .as_str()
                        .unwrap()
                        .to_owned()
                })
                .collect()
        };
        let first = on(db, &["list", "customer", "--json", "--limit", "1200"]).end();
        let cursor = first
            .stderr
            .strip_prefix("more: --after ")
            .unwrap()
            .trim_end();
        let rest = on(
            db,
            &["list", "customer", "--json", "--all", "--after", cursor],
        )
        .succeeds();
        let mut listed = ids(&first.stdout);
        assert_eq!(listed.len(), 1200);
        listed.extend(ids(&rest));
        let expected: Vec<String> = (0..2500).rev().map(|n| format!("cus_{n:06}")).collect();
        assert_eq!(listed, expected);
        assert_eq!(
            ids(&on(db, &["list", "customer", "--json", "--all"]).succeeds()),
            expected
        );
        assert_eq!(
            on(db, &["list", "customer"]).end().stdout.lines().count(),
            21
        );
        // Table heads stand once, whatever pages the rows came in.
        assert_eq!(
            on(db, &["list", "customer", "--all"])
                .succeeds()
                .matches("SUMMARY")
                .count(),
            1
        );

        let elsewhere = on(db, &["--test", "list", "customer", "--after", cursor]).fails(1);
        assert!(elsewhere.contains("from another list"), "{elsewhere}");
        assert!(
            on(db, &["list", "customer", "--after", "nonsense"])
                .fails(2)
                .contains("malformed")
        );
    })
    .await;
}

#[tokio::test]
async fn an_empty_list_says_why() {
    on_both(async |db: &TestDb| {
        ingest_samples(db);
        let note = |arguments: &[&str]| {
            let ended = on(db, arguments).end();
            assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), ""), "{arguments:?}");
            ended.stderr
        };
        assert_eq!(
            note(&["list", "customer"]),
            "no objects of type customer in live mode; test mode has 3: add --test\n"
        );
        assert_eq!(note(&["--test", "list", "customer", "--json", "--account", "acct_1"]),
            "no objects of type customer in test mode of account acct_1; the platform's own account has some in test mode: use --test without --account\n");
        assert_eq!(note(&["--test", "list", "refund"]), "no objects of type refund in test mode\n");
        assert_eq!(
            on(db, &["--test", "list", "customers"]).fails(1),
            "error: no objects of type customers in test mode; did you mean `customer`?\n"
        );
        assert_eq!(
            on(db, &["--test", "list", "loyalty_card"]).fails(1),
            "error: no objects of type loyalty_card in test mode; did you mean `loyalty.card`?\n"
        );
        assert_eq!(on(db, &["list", "zzzzzz"]).fails(1), "error: no objects of type zzzzzz in live mode\n");
    })
    .await;
}

#[tokio::test]
async fn status_counts_by_account_mode_and_type() {
    on_both(async |db: &TestDb| {
        let empty = on(db, &["status"]).succeeds();
        assert!(empty.ends_with(" holds no objects: store some with `stripe-store ingest FILE`\n"), "{empty}");
        ingest_samples(db);
        on(db, &["ingest", "--account", "acct_1", "-"]).stdin(customers(0..1200)).succeeds();
        let printed = on(db, &["status"]).succeeds();
        let (_, table) = printed.split_once("\n\n").unwrap();
        assert_eq!(
            table,
            "\
ACCOUNT   MODE  TYPE             ROWS  DELETED
platform  test  charge              1        0
platform  test  customer            4        1
platform  test  invoice             1        0
platform  test  loyalty.card        1        0
platform  test  payment_intent      1        0
platform  test  price               3        0
platform  test  product             1        0
platform  test  subscription        2        0
acct_1    live  customer        1,200        0
total                           1,214        1
"
        );
        let status = on(db, &["status", "--json"]).json();
        assert_eq!(status["total"], json!({"rows": 1214, "deleted": 1}));
        assert_eq!(
            status["types"][1],
            json!({"account": null, "livemode": false, "object": "customer", "rows": 4, "deleted": 1})
        );
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_has_enough_ends_the_command_in_silence() {
    on_both(async |db: &TestDb| {
        on(db, &["ingest", "-"])
            .stdin(customers(0..5000))
            .succeeds();
        for arguments in [
            &["list", "customer", "--all", "--json"][..],
            &["list", "customer", "--all"],
        ] {
            let mut child = on(db, arguments).start();
            let mut line = String::new();
            let mut reader = BufReader::with_capacity(64, child.stdout.take().unwrap());
            reader.read_line(&mut line).unwrap();
            drop(reader);
            let ended = Ended::of(child);
            assert_eq!(
                (ended.status, ended.stderr.as_str()),
                (Some(0), ""),
                "{arguments:?} after {line}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_database_that_was_not_migrated_is_named_and_left_alone() {
    let commands: [&[&str]; 3] = [
        &["get", "customer", "cus_1"],
        &["list", "customer"],
        &["status"],
    ];
    for db in [TestDb::empty_sqlite().await, TestDb::empty_postgres().await] {
        for arguments in commands {
            let message = on(&db, arguments).fails(1);
            assert!(
                message.contains("has no tables of stripe-store: run `stripe-store migrate` first"),
                "{message}"
            );
        }
        let migrated = on(&db, &["migrate", "--json"]).json();
        assert_eq!(migrated["migrated"], true);
        assert!(
            on(&db, &["migrate"])
                .succeeds()
                .ends_with(" is up to date\n")
        );
        on(&db, &["status"]).succeeds();
    }

    let folder = TempDir::new().unwrap();
    for arguments in commands {
        assert_eq!(
            Run::bare(arguments).folder(folder.path()).fails(1),
            "error: there is no file stripe-store.db: run `stripe-store migrate` to create it\n"
        );
        assert_eq!(
            folder.path().read_dir().unwrap().count(),
            0,
            "{arguments:?}"
        );
    }
    assert_eq!(
        Run::bare(&["migrate"]).folder(folder.path()).succeeds(),
        "sqlite://stripe-store.db is up to date\n"
    );
    assert_eq!(
        Run::new("", &["migrate"]).folder(folder.path()).succeeds(),
        "sqlite://stripe-store.db is up to date\n"
    );
}

#[test]
fn a_password_is_never_printed() {
    for url in [
        "postgres://ada:hunter2@127.0.0.1:1/app",
        "postgres://ada:hunter2@[broken/app",
        "postgres://ada:hunter2@127.0.0.1:1/app?sslmode=nonsense",
        "mysql://ada:hunter2@localhost/app",
        "hunter2",
    ] {
        for arguments in [
            &["status"][..],
            &["migrate", "--json"],
            &["get", "customer", "cus_1"],
        ] {
            let message = Run::new(url, arguments).fails(1);
            assert!(message.starts_with("error: "), "{message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
        let help = Run::new(url, &["--help"]).succeeds();
        assert!(!help.contains("hunter2"), "{help}");
    }
}

#[test]
fn wrong_arguments_end_with_status_2() {
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["get", "customer"],
        &["ingest"],
        &["ingest", "--as-of", "yesterday", "-"],
        &["list", "customer", "--limit", "0"],
        &["list", "customer", "--limit", "3", "--all"],
        &["status", "--test", "--live"],
    ] {
        let message = Run::bare(arguments).fails(2);
        assert!(
            message.contains("Usage:") || message.contains("For more information"),
            "{message}"
        );
    }
}

#[test]
fn help_has_examples_for_every_command() {
    for command in ["migrate", "ingest", "get", "list", "status"] {
        let help = Run::bare(&[command, "--help"]).succeeds();
        assert!(help.contains("Examples:\n  stripe-store "), "{help}");
        assert!(
            help.lines().all(|line| line.chars().count() <= 120),
            "{help}"
        );
    }
}

#[tokio::test]
async fn nothing_in_an_object_reaches_the_terminal_as_a_command() {
    on_sqlite(async |db: &TestDb| {
        let json = r#"{"id":"cus_\u001b[2J","object":"customer","livemode":true,"name":"\u001b]0;gone\u0007\nsecond line\u009b31m"}"#;
        on(db, &["ingest", "-"]).stdin(json).succeeds();
        for arguments in [&["list", "customer"][..], &["status"], &["get", "customer", "cus_\u{1b}[2J"]] {
            let printed = on(db, arguments).succeeds();
            let odd = |c: char| c.is_control() && c != '\n';
            assert!(!printed.contains(odd), "{printed:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn two_processes_that_store_at_once_both_succeed() {
    on_both(async |db: &TestDb| {
        let children: Vec<_> = (0..4)
            .map(|number| {
                let input = customers(number * 300..number * 300 + 600);
                std::thread::spawn({
                    let run = on(db, &["ingest", "--as-of", "1700000000", "-"]).stdin(input);
                    move || run.succeeds()
                })
            })
            .collect();
        for child in children {
            let printed = child.join().unwrap();
            assert!(
                printed.contains("inserted") || printed.contains("unchanged"),
                "{printed}"
            );
        }
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM stripe_objects").await,
            Some(1500)
        );
    })
    .await;
}

#[tokio::test]
async fn a_list_begins_before_it_is_complete() {
    on_sqlite(async |db: &TestDb| {
        on(db, &["ingest", "-"])
            .stdin(customers(0..20_000))
            .succeeds();
        let mut child = on(db, &["list", "customer", "--all", "--json"]).start();
        let mut stdout = child.stdout.take().unwrap();
        let mut first = [0; 1];
        stdout.read_exact(&mut first).unwrap();
        // More than a pipe holds is still to come, so the command is still there.
        std::thread::sleep(Duration::from_millis(100));
        assert!(child.try_wait().unwrap().is_none());
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest.lines().count(), 20_000);
        assert!(child.wait().unwrap().success());
    })
    .await;
}

#[test]
fn the_session_in_the_readme_is_real() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, session) = readme.split_once("```console\n$ ").unwrap();
    let (session, _) = session.split_once("\n```").unwrap();
    let folder = TempDir::new().unwrap();
    for entry in fs::read_dir(sample("")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    for step in session.split("\n\n$ ") {
        let (command, shown) = step.split_once('\n').unwrap();
        let mut words = command.split(' ');
        assert_eq!(words.next(), Some("stripe-store"));
        // What another program makes of it is not ours to test.
        let arguments: Vec<&str> = words.by_ref().take_while(|word| *word != "|").collect();
        let ended = Run::bare(&arguments).folder(folder.path()).end();
        if words.next().is_none() {
            assert_eq!(
                (ended.stdout + &ended.stderr).trim_end(),
                shown,
                "{command}"
            );
        }
    }
}
