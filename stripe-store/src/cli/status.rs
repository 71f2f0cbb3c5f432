//! `stripe-store status`: what the table holds.

use std::time::Duration;

use clap::Args;
use indicatif::{HumanCount, HumanDuration};
use serde_json::json;

use super::database::Database;
use super::failure::Failure;
use super::output::{Output, Table};
use super::summary::{date, printable};
use crate::clock::{Clock as _, SystemClock, UnixMillis};
use crate::inbox::{InboxCount, InboxStatus};
use crate::store::AccountId;

/// Show how many objects there are, by account, mode and type, and what the inbox holds
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
    let inbox = store
        .inbox_counts()
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
        let inbox: Vec<_> = inbox
            .iter()
            .map(|count| {
                json!({
                    "status": count.status.as_str(),
                    "events": count.events,
                    "oldest": count.oldest.unix_seconds(),
                })
            })
            .collect();
        return output
            .line(json!({ "database": name, "types": types, "total": total, "inbox": inbox }));
    }
    if counts.is_empty() {
        output.line(format_args!(
            "{name} holds no objects: store some with `stripe-store ingest FILE`"
        ))?;
        return of_inbox(&inbox, output);
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
    table.print(output)?;
    of_inbox(&inbox, output)
}

/// What the inbox holds, and for how long somebody has been waited for.
fn of_inbox(counts: &[InboxCount], output: &mut Output) -> Result<(), Failure> {
    if counts.is_empty() {
        return Ok(());
    }
    output.line("")?;
    let now = SystemClock.now();
    let mut table = Table::new(&["EVENTS", "STATUS", "OLDEST", "AGE"], &[0, 3]);
    for count in counts {
        let oldest = UnixMillis::from(count.oldest);
        let age = now.as_millis().saturating_sub(oldest.as_millis());
        let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
        let is_waiting = matches!(count.status, InboxStatus::Pending | InboxStatus::Queued);
        table.row([
            HumanCount(count.events).to_string(),
            count.status.to_string(),
            date(Some(count.oldest)),
            if is_waiting {
                HumanDuration(age).to_string()
            } else {
                String::new()
            },
        ]);
    }
    table.print(output)
}
