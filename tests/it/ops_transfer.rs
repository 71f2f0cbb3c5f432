//! What the tests of exports and imports share: a table of everything there can be, and both ways through text.

use stripe_store::Store;
use stripe_store::clock::UnixMillis;
use stripe_store::ingest::{Documents, ExportReader};
use stripe_store::store::{Change, Export, ImportLine, Interval, Mode, Outcome, Snapshot};
use stripe_store_tests::TestDb;

/// The text of an export.
pub(crate) async fn text(export: Export) -> String {
    let mut exporting = export.begin().await.unwrap();
    let mut text = String::new();
    while let Some(page) = exporting.next_page().await.unwrap() {
        text.push_str(page.text());
    }
    assert_eq!(exporting.next_page().await.unwrap(), None);
    text
}

pub(crate) async fn exported(store: &Store) -> String {
    text(store.export()).await
}

/// Imports an export in batches of this size, and says what became of each line.
pub(crate) async fn import(store: &Store, text: &str, batch: usize) -> Vec<Outcome> {
    let documents: Vec<_> = Documents::new(text.as_bytes())
        .map(Result::unwrap)
        .collect();
    let mut reader = ExportReader::new();
    let lines: Vec<ImportLine<'_>> = documents
        .iter()
        .map(|document| reader.read(document).unwrap())
        .collect();
    assert!(reader.is_complete());
    let mut outcomes = Vec::new();
    for batch in lines.chunks(batch) {
        outcomes.extend(store.import(batch).await.unwrap());
    }
    outcomes
}

fn read(json: &str) -> stripe_store::store::SnapshotBuilder<'_> {
    Snapshot::read(json).unwrap()
}

/// Fills a table with every kind of row: accounts, modes, deleted objects with and without data, conflicts that are
/// settled and open, odd texts and numbers.
pub(crate) async fn fill(store: &Store) {
    let second = Interval::second;
    let long = Interval::new(UnixMillis::from_seconds(90), UnixMillis::from_seconds(95)).unwrap();
    let one = |id: &str, more: &str| format!(r#"{{"id":"{id}","object":"customer"{more}}}"#);
    let (plain, lines) = (
        one("cus_plain", r#","livemode":true,"amount":1.50,"big":12345678901234567890123"#),
        "{\n  \"id\": \"cus_lines\",\r\n  \"object\": \"customer\",\n  \"text\": \"é\\n\\u0041\\\"\"\n}".to_owned(),
    );
    let nul = one("cus_nul", r#","name":"a\u0000b""#);
    let (test, connected) = (
        one("cus_test", r#","livemode":false"#),
        one("cus_plain", ""),
    );
    let gone = one("cus_gone", r#","name":"Ada""#);
    let stub = one("cus_gone", r#","deleted":true"#);
    let (stub_only, whole) = (
        one("cus_stub", r#","deleted":true"#),
        one("cus_whole", r#","v":1"#),
    );
    let balance = r#"{"object":"balance","available":[]}"#.to_owned();
    let quoted = one(r#"cus_\"quoted\" ☃"#, "");
    store
        .write(&[
            read(&plain)
                .api_version("2026-10-28.endive")
                .taken(second(1), "evt_plain"),
            read(&lines).taken(second(2), "import"),
            read(&nul).taken(second(2), "import"),
            read(&test).taken(long, "req_test"),
            read(&connected)
                .account("acct_1")
                .mode(Mode::Test)
                .taken(second(3), "evt_connected"),
            read(&connected)
                .account("acct_1")
                .mode(Mode::Live)
                .taken(second(3), "evt_connected"),
            read(&gone).taken(second(4), "evt_seen"),
            read(&stub).taken(second(5), "evt_deleted"),
            read(&stub_only).taken(second(7), "evt_deleted_again"),
            read(&stub_only).taken(second(6), "evt_deleted"),
            read(&whole).tombstone().taken(second(8), "evt_whole"),
            read(&balance).taken(second(9), "req_balance"),
            read(&quoted).taken(second(9), "req_quoted"),
        ])
        .await
        .unwrap();
    // Several snapshots of one second: one conflict that their chain settles, one that nothing does.
    let invoice = |id: &str, status: &str| {
        format!(r#"{{"id":"{id}","object":"invoice","status":"{status}"}}"#)
    };
    let chain = [
        invoice("in_chain", "draft"),
        invoice("in_chain", "open"),
        invoice("in_chain", "paid"),
    ];
    let [created, open, paid] = &chain;
    let fight = [
        invoice("in_open", "open"),
        invoice("in_open", "void"),
        invoice("in_open", "paid"),
    ];
    let [a, b, c] = &fight;
    store
        .write(&[
            read(paid)
                .previous_attributes("{\n\"status\": \"open\"}")
                .taken(second(90), "evt_a"),
            read(created)
                .change(Change::Created)
                .taken(second(90), "evt_c"),
            read(open)
                .previous_attributes(r#"{"status":"draft"}"#)
                .taken(second(90), "evt_b"),
            read(a).taken(second(90), "evt_1"),
            read(b).taken(long, "req_2"),
            read(c).taken(second(90), "evt_3"),
        ])
        .await
        .unwrap();
}

/// How many rows there are of objects, rivals and marks.
pub(crate) async fn sizes(db: &TestDb) -> [i64; 3] {
    let mut sizes = [0; 3];
    let tables = ["stripe_objects", "stripe_rivals", "stripe_dirty_objects"];
    for (size, table) in sizes.iter_mut().zip(tables) {
        let sql = format!("SELECT count(*) FROM {table}");
        *size = db.scalar_i64(&sql).await.unwrap();
    }
    sizes
}
