//! Starts a throw-away PostgreSQL, says where it is, and waits to be killed.
//!
//! The harness's own test kills it in the least polite way and looks whether anything stays behind.

use std::io::{Write as _, stdin, stdout};

use stripe_store_tests::postgres::{Cluster, Search};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let programs = Search::from_environment()
        .find()
        .ok_or("no PostgreSQL on this machine")?;
    let cluster = Cluster::start(&programs, &[])?;
    writeln!(
        stdout(),
        "{} {}",
        cluster.server(),
        cluster.folder().display()
    )?;
    stdin().read_line(&mut String::new())?;
    Ok(())
}
