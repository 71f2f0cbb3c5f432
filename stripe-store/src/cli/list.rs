//! `stripe-store list`: the objects of a type.

use clap::Args;

use super::database::Database;
use super::failure::Failure;
use super::output::{Output, Table};
use super::summary::{date, printable, summary};
use super::{json, suggest};
use crate::store::{Cursor, Listing, Store, Stored};
use crate::view::AnyObject;

/// List the objects of a type, newest first
///
/// With --json, one line per object holds the columns of its row, the object's JSON as `data` among them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stripe-store list customer
  stripe-store list invoice --limit 100 --after CURSOR
  stripe-store list charge --all --json | jq -r '.data.amount'")]
pub(super) struct Arguments {
    /// The type, as Stripe names it: customer, checkout.session
    #[arg(value_name = "TYPE")]
    object: String,

    /// How many to list
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        value_parser = clap::value_parser!(u64).range(1..),
    )]
    limit: u64,

    /// List every one
    #[arg(long, conflicts_with = "limit")]
    all: bool,

    /// Go on where another list ended
    #[arg(long, value_name = "CURSOR")]
    after: Option<Cursor>,

    /// List deleted objects, too
    #[arg(long)]
    deleted: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    let Arguments {
        object,
        limit,
        all,
        after,
        deleted,
    } = arguments;
    let mut store = database.open().await?;
    if *deleted {
        store = store.including_deleted();
    }
    let mut left = if *all {
        usize::MAX
    } else {
        usize::try_from(*limit).unwrap_or(usize::MAX)
    };
    let mut after = after.clone();
    let mut printed = 0_u64;
    while left > 0 {
        let size = left.min(Listing::<AnyObject>::MAX_LIMIT);
        let mut listing = store.list_object(object).limit(size);
        if let Some(cursor) = &after {
            listing = listing.after(cursor);
        }
        let page = listing
            .page()
            .await
            .map_err(|error| database.read_failure(error))?;
        left = left.saturating_sub(page.data.len());
        print(&page.data, printed == 0, output)?;
        printed = printed.saturating_add(u64::try_from(page.data.len()).unwrap_or(u64::MAX));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    if printed == 0 {
        return nothing(&store, object, arguments.after.is_some(), output).await;
    }
    if let Some(cursor) = after {
        output.flush()?;
        output.note(format_args!("more: --after {cursor}"));
    }
    Ok(())
}

fn print(objects: &[Stored<AnyObject>], first: bool, output: &mut Output) -> Result<(), Failure> {
    if output.json() {
        return objects
            .iter()
            .try_for_each(|object| output.line(row(object)));
    }
    if objects.is_empty() {
        return Ok(());
    }
    let head: &[&str] = if first {
        &["ID", "CREATED", "SUMMARY"]
    } else {
        &[]
    };
    let mut table = Table::new(head, &[]);
    for object in objects {
        table.row([
            printable(object.row().stripe_id()),
            date(object.created()),
            summary(object),
        ]);
    }
    table.print(output)
}

/// Says why a list is empty. That it is, is no failure, but a type that nobody knows is.
async fn nothing(
    store: &Store,
    object: &str,
    continued: bool,
    output: &mut Output,
) -> Result<(), Failure> {
    if continued {
        output.note(format_args!(
            "no more objects of type {object} in {}",
            place(store)
        ));
        return Ok(());
    }
    let counts = suggest::counts(store).await;
    let message = format!("no objects of type {object} in {}", place(store));
    if let Some(elsewhere) = suggest::elsewhere_of_type(store, object, &counts) {
        output.note(format_args!("{message}; {elsewhere}"));
        return Ok(());
    }
    if suggest::is_known(object) || counts.iter().any(|count| count.object == object) {
        output.note(message);
        return Ok(());
    }
    Err(Failure::Message(
        match suggest::near_type(object, &counts) {
            Some(near) => format!("{message}; did you mean `{near}`?"),
            None => message,
        },
    ))
}

/// Where a handle reads: `live mode`, `test mode of account acct_1`.
pub(super) fn place(store: &Store) -> String {
    let scope = store.scope();
    match scope.account() {
        Some(account) => format!("{} mode of account {account}", scope.mode()),
        None => format!("{} mode", scope.mode()),
    }
}

/// The columns of a row as JSON on one line, in the order of the table.
pub(super) fn row(object: &Stored<AnyObject>) -> String {
    let row = object.row();
    let moment = |at: crate::clock::UnixMillis| json::string(&at.to_string());
    format!(
        "{{\"account\":{account},\"livemode\":{livemode},\"object\":{object},\"stripe_id\":{id},\"data\":{data},\
         \"api_version\":{version},\"as_of\":{as_of},\"as_of_until\":{until},\"source\":{source},\
         \"deleted_at\":{deleted_at},\"created_at\":{created_at},\"updated_at\":{updated_at}}}",
        account = json::optional(row.account()),
        livemode = row.mode().is_live(),
        object = json::string(row.object()),
        id = json::string(row.stripe_id()),
        data = json::compact(object.json()),
        version = json::optional(row.api_version()),
        as_of = row.as_of().start().as_millis(),
        until = row.as_of().end().as_millis(),
        source = json::string(row.source().as_str()),
        deleted_at = row.deleted_at().map_or_else(|| "null".to_owned(), moment),
        created_at = moment(row.created_at()),
        updated_at = moment(row.updated_at()),
    )
}
