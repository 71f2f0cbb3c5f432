//! The harness itself: a fresh database each, and nothing left behind.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use stripe_store_tests::{
    Kind, TestDb, databases, on_both,
    postgres::{Cluster, ClusterError, Search, Server},
};

/// A process that holds a server, as a test process does.
struct Holder {
    process: Child,
    /// Open as long as the holder is to live.
    stdin: Option<ChildStdin>,
    server: u32,
    folder: PathBuf,
}

impl Holder {
    fn start() -> Self {
        // Makes sure that PostgreSQL is there, and installed where it can be.
        let _ = Server::get();
        let mut process = Command::new(env!("CARGO_BIN_EXE_hold-postgres"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let (server, folder) = line
            .trim()
            .split_once(' ')
            .expect("the holder says where its server is");
        let stdin = process.stdin.take();
        let holder = Self {
            server: server.parse().unwrap(),
            folder: PathBuf::from(folder),
            process,
            stdin,
        };
        assert!(is_alive(holder.server) && holder.folder.exists());
        holder
    }
}

/// Asks the kernel, without a signal.
fn is_alive(process: u32) -> bool {
    let probe = format!("kill -0 {process} 2>/dev/null");
    Command::new("/bin/sh")
        .args(["-c", &probe])
        .status()
        .unwrap()
        .success()
}

#[track_caller]
fn wait_until_gone(server: u32, folder: &Path) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while is_alive(server) || folder.exists() {
        assert!(
            Instant::now() < deadline,
            "server {server} or {} is still there",
            folder.display()
        );
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_server_vanishes_when_the_test_process_is_killed() {
    let mut holder = Holder::start();
    holder.process.kill().unwrap();
    holder.process.wait().unwrap();
    wait_until_gone(holder.server, &holder.folder);
}

#[test]
fn the_server_vanishes_when_the_test_process_ends_by_itself() {
    let mut holder = Holder::start();
    drop(holder.stdin.take());
    assert!(holder.process.wait().unwrap().success());
    wait_until_gone(holder.server, &holder.folder);
}

#[test]
fn a_dropped_cluster_is_gone_at_once() {
    let _ = Server::get();
    let cluster = Cluster::start(&Search::from_environment().find().unwrap(), &[]).unwrap();
    let (server, folder) = (cluster.server(), cluster.folder().to_owned());
    assert!(is_alive(server) && folder.exists());
    drop(cluster);
    assert!(!is_alive(server) && !folder.exists());
}

#[test]
fn a_server_that_does_not_start_says_why_and_leaves_nothing() {
    let _ = Server::get();
    let error = Cluster::start(
        &Search::from_environment().find().unwrap(),
        &["no_such_setting=1"],
    )
    .unwrap_err();
    assert!(matches!(error, ClusterError::Failed { .. }), "{error:?}");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[tokio::test]
async fn every_test_has_a_database_of_its_own() {
    let (some, others) = (databases().await, databases().await);
    for (one, other) in some.iter().zip(&others) {
        one.execute("CREATE TABLE mine (n BIGINT); INSERT INTO mine VALUES (1)")
            .await;
        other.execute("CREATE TABLE mine (n BIGINT)").await;
        assert_eq!(
            one.scalar_i64("SELECT n FROM mine").await,
            Some(1),
            "on {}",
            one.name()
        );
        assert_eq!(
            other.scalar_i64("SELECT n FROM mine").await,
            None,
            "on {}",
            other.name()
        );
    }
}

#[tokio::test]
async fn a_test_runs_once_on_each_kind() {
    let kinds = std::cell::RefCell::new(Vec::new());
    on_both(async |db| kinds.borrow_mut().push(db.kind())).await;
    assert_eq!(kinds.into_inner(), Kind::ALL);
}

#[tokio::test]
async fn a_dropped_database_is_gone_although_connections_are_open() {
    let db = TestDb::postgres().await;
    let name = db
        .scalar_text("SELECT current_database()::text")
        .await
        .unwrap();
    let open = db.connect().await;
    drop(db);
    let other = TestDb::empty_postgres().await;
    let left = format!("SELECT datname::text FROM pg_database WHERE datname = '{name}'");
    assert_eq!(other.scalar_text(&left).await, None);
    drop(open);
}
