//! PostgreSQL, driven by its own `pgbench`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Rows;
use crate::postgres::Programs;

/// How many events are taken for all: each is a script of its own, and as often as the others.
const SCRIPTS: usize = 8;
/// How many events there are of an object: one inserts its row, the others update it.
const EVENTS_OF_ONE: usize = 3;

/// Transactions in a second, by so many clients, in a database that has the store's tables.
///
/// # Panics
///
/// When `pgbench` is not there, or fails.
pub fn run(
    programs: &Programs,
    socket: &Path,
    database: &str,
    rows: &[Rows],
    clients: usize,
    time: Duration,
) -> f64 {
    let folder = tempfile::tempdir().expect("a folder for scripts");
    let mut command = Command::new(programs.folder().join("pgbench"));
    command.env_clear().args(["-n", "-M", "prepared"]);
    command.args([
        "-c",
        &clients.to_string(),
        "-j",
        &clients.min(2).to_string(),
    ]);
    command.args(["-T", &time.as_secs().max(1).to_string()]);
    let step = (rows.len() / SCRIPTS).max(1);
    for (number, rows) in rows.iter().step_by(step).take(SCRIPTS).enumerate() {
        let (script, object) = script(number, rows);
        let path = folder.path().join(format!("{number}.sql"));
        std::fs::write(&path, script).expect("a script is written");
        command.arg("-f").arg(path);
        command.args(["-D", &format!("n{number}=0")]);
        command.args(["-D", &format!("payload{number}={}", rows.payload)]);
        command.args(["-D", &format!("object{number}={object}")]);
    }
    command.arg("-h").arg(socket);
    command.args(["-p", "5432", "-U", "postgres", database]);
    let done = command.output().expect("pgbench runs");
    let said = String::from_utf8_lossy(&done.stdout);
    let complaints = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "pgbench fails: {said}{complaints}");
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = "));
    let tps = tps.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    tps.unwrap_or_else(|| panic!("pgbench does not say how fast it was: {said}"))
}

/// The transaction of one event, and its object without what the script puts there: the ids, which are others each time.
fn script(number: usize, rows: &Rows) -> (String, String) {
    let mut data = rows.data.clone();
    let mut ids = String::from("'{\"id\": \"' || ");
    let stripe_id =
        format!("'x_1' || lpad(:key::text, 9, '0') || '_' || :client_id::text || '_{number}'");
    ids.push_str(&stripe_id);
    ids.push_str(" || '\"'");
    if let Some(fields) = data.as_object_mut() {
        fields.remove("id");
        if fields.remove("customer").is_some_and(|it| it.is_string()) {
            ids.push_str(" || ', \"customer\": \"cus_' || left(md5(:key::text), 14) || '\"'");
        }
    }
    let data = data.to_string();
    let data = data.strip_prefix('{').unwrap_or(&data).to_owned();
    let event_id = format!(
        "'evt_1' || lpad(:n{number}::text, 9, '0') || '_' || :client_id::text || '_{number}'"
    );
    let (event_type, created, object) = (rows.event_type, rows.created, &rows.object);
    let mut script = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        script,
        "\\set n{number} :n{number} + 1
\\set key :n{number} / {EVENTS_OF_ONE}
BEGIN;
INSERT INTO stripe_events (event_id, account, livemode, event_type, created, api_version, payload, status, attempts, \
    received_at, updated_at)
VALUES ({event_id}, '', true, '{event_type}', {created}, '2026-10-28.endive', :payload{number}, 'applied', 1, now(), now())
ON CONFLICT (event_id) DO NOTHING;
INSERT INTO stripe_objects (account, livemode, object, stripe_id, data, data_digest, api_version, as_of, as_of_until, \
    source, change, created_at, updated_at)
VALUES ('', true, '{object}', {stripe_id}, ({ids} || ', ' || :object{number}::text)::jsonb, sha256(:n{number}::text::bytea), \
    '2026-10-28.endive', :n{number}::bigint * 1000, :n{number}::bigint * 1000 + 1000, {event_id}, 1, now(), now())
ON CONFLICT (account, livemode, object, stripe_id) DO UPDATE
SET data = excluded.data, data_digest = excluded.data_digest, api_version = excluded.api_version, as_of = excluded.as_of, \
    as_of_until = excluded.as_of_until, source = excluded.source, updated_at = excluded.updated_at;
COMMIT;
"
    );
    (script, data)
}
