//! `stripe-store get`: one object.

use clap::Args;

use super::database::Database;
use super::failure::Failure;
use super::output::Output;
use super::{json, list, suggest};
use crate::store::Store;

/// Print an object's JSON
///
/// On a terminal the JSON is laid out for reading; elsewhere it is printed as it is stored. With --json, one line holds
/// the columns of the row, the JSON as `data` among them. A deleted object is printed as it last was, with a note.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stripe-store get customer cus_123
  stripe-store --test get subscription sub_123 | jq .status
  stripe-store get invoice in_123 --json | jq '{as_of, source}'")]
pub(super) struct Arguments {
    /// The object's type, as Stripe names it: customer, checkout.session
    #[arg(value_name = "TYPE")]
    object: String,

    /// Its id; of an object that exists once per account, like `balance`, the type again
    id: String,
}

pub(super) async fn run(
    arguments: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    let Arguments { object, id } = arguments;
    let store = database.open().await?.including_deleted();
    let found = store
        .get_object(object, id)
        .await
        .map_err(|error| database.read_failure(error))?;
    let Some(found) = found else {
        return Err(Failure::Message(not_found(&store, object, id).await));
    };
    if output.json() {
        return output.line(list::row(&found));
    }
    if let Some(deleted_at) = found.deleted_at() {
        output.note(format_args!(
            "note: {object} {id} was deleted on {deleted_at}"
        ));
    }
    if output.out_is_terminal() {
        output.line(json::pretty(found.json()))
    } else {
        output.line(found.json())
    }
}

async fn not_found(store: &Store, object: &str, id: &str) -> String {
    let place = list::place(store);
    let message = format!("no {object} {id} in {place}");
    if let Some(elsewhere) = suggest::elsewhere(store, object, id).await {
        return format!("{message}; {elsewhere}");
    }
    if let Some(other) = suggest::type_of_id(id, object) {
        return format!("{message}; ids like that are of another type: try `get {other} {id}`");
    }
    if !suggest::is_known(object) {
        let counts = suggest::counts(store).await;
        if let Some(near) = suggest::near_type(object, &counts)
            .filter(|_| counts.iter().all(|count| count.object != object))
        {
            return format!("{message}; did you mean the type `{near}`?");
        }
    }
    message
}
