//! `stripe-store status`: what the table holds.

use clap::Args;
use indicatif::HumanCount;
use serde_json::json;

use super::database::Database;
use super::failure::Failure;
use super::output::{Output, Table};
use super::summary::printable;
use crate::store::AccountId;

/// Show how many objects there are, by account, mode and type
///
/// Counts every row, which takes a while on a large database. --test, --live and --account make no difference.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stripe-store status
  stripe-store status --json | jq '.total.rows'")]
pub(super) struct Arguments {}

pub(super) async fn run(
    _: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    let store = database.open().await?;
    let counts = store
        .counts()
        .await
        .map_err(|error| database.read_failure(error))?;
    let rows: u64 = counts.iter().map(|count| count.rows).sum();
    let deleted: u64 = counts.iter().map(|count| count.deleted).sum();
    let name = database.name();
    if output.json() {
        let types: Vec<_> = counts
            .iter()
            .map(|count| {
                json!({
                    "account": count.account.as_ref().map(AccountId::as_str),
                    "livemode": count.mode.is_live(),
                    "object": count.object,
                    "rows": count.rows,
                    "deleted": count.deleted,
                })
            })
            .collect();
        let total = json!({ "rows": rows, "deleted": deleted });
        return output.line(json!({ "database": name, "types": types, "total": total }));
    }
    if counts.is_empty() {
        return output.line(format_args!(
            "{name} holds no objects: store some with `stripe-store ingest FILE`"
        ));
    }
    output.line(format_args!("{name}\n"))?;
    let mut table = Table::new(&["ACCOUNT", "MODE", "TYPE", "ROWS", "DELETED"], &[3, 4]);
    for count in counts {
        table.row([
            count.account.map_or_else(
                || "platform".to_owned(),
                |account| printable(account.as_str()),
            ),
            count.mode.to_string(),
            printable(&count.object),
            HumanCount(count.rows).to_string(),
            HumanCount(count.deleted).to_string(),
        ]);
    }
    table.row([
        "total".to_owned(),
        String::new(),
        String::new(),
        HumanCount(rows).to_string(),
        HumanCount(deleted).to_string(),
    ]);
    table.print(output)
}
