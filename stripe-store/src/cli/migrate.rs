//! `stripe-store migrate`: the tables.

use clap::Args;
use serde_json::json;

use super::database::Database;
use super::failure::Failure;
use super::output::Output;

/// Create the tables, or bring them up to date
///
/// Creates the SQLite file if it is missing. Running it again changes nothing; several processes may run it at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stripe-store migrate
  stripe-store migrate --database postgres://app@db.example.com/app")]
pub(super) struct Arguments {}

pub(super) async fn run(
    _: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    database.create().await?;
    let name = database.name();
    if output.json() {
        return output.line(json!({ "database": name, "migrated": true }));
    }
    output.line(format_args!("{name} is up to date"))
}
