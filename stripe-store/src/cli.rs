//! The command `stripe-store`: arguments, and what each subcommand prints.
//!
//! Knows the public interface of the library only. This module and the real clock are the only ones that look at the
//! environment and the time.

mod catch_up;
mod check_pending;
mod database;
mod endpoint;
mod events;
mod export;
mod failure;
mod get;
mod import;
mod ingest;
mod intake;
mod json;
mod list;
mod migrate;
mod moment;
mod output;
mod progress;
mod purge;
mod reader;
mod reconcile;
mod serve;
mod signal;
mod status;
mod stripe;
mod suggest;
mod summary;
mod sync;
mod watch;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use self::database::Database;
use self::failure::Failure;
use self::output::Output;
use crate::store::Mode;

/// Keep a local mirror of Stripe, and look into it.
///
/// Objects and events are stored as the JSON that Stripe sent, in one table of a SQLite file or a PostgreSQL database.
#[derive(Debug, Parser)]
#[command(
    name = "stripe-store",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "\
Examples:
  stripe-store sync                         read everything from Stripe
  stripe-store catch-up                     apply the events that were missed
  stripe-store reconcile --sample 100       compare some of it with Stripe
  stripe-store serve                        receive webhooks
  stripe-store events --status failed       what could not be applied, and why
  stripe-store ingest customers.json        store what a file holds, in ./stripe-store.db
  stripe-store --test list customer         the newest customers of test mode
  stripe-store get customer cus_123         one customer's JSON
  stripe-store export --out backup.ndjson   every row, for `stripe-store import`

`stripe-store COMMAND --help` has more of each command.

Exit status: 0 done, 1 something failed or was not found, 2 the arguments are wrong, 130 interrupted."
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Options for every command")]
struct Global {
    #[arg(
        long,
        help = "The database: sqlite://FILE, or postgres://USER:PASSWORD@HOST/NAME",
        global = true,
        env = "DATABASE_URL",
        hide_env_values = true,
        default_value = "sqlite://stripe-store.db",
        value_name = "URL"
    )]
    database: String,

    /// The PostgreSQL schema that the tables are in
    #[arg(long, global = true, env = "STRIPE_STORE_SCHEMA", value_name = "NAME")]
    schema: Option<String>,

    #[arg(
        long,
        help = "The prefix of the tables: app_ for app_stripe_objects",
        global = true,
        env = "STRIPE_STORE_PREFIX",
        value_name = "PREFIX"
    )]
    prefix: Option<String>,

    /// Work on live mode, with real money [default]
    #[arg(long, global = true, conflicts_with = "test")]
    live: bool,

    /// Work on test mode and sandboxes
    #[arg(long, global = true)]
    test: bool,

    /// Work on a connected account (acct_…), instead of the account that the API key belongs to
    #[arg(long, global = true, value_name = "ID")]
    account: Option<String>,

    /// Print JSON, one document a line, for programs
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Migrate(migrate::Arguments),
    Sync(sync::Arguments),
    CatchUp(catch_up::Arguments),
    Reconcile(reconcile::Arguments),
    Serve(serve::Arguments),
    Events(Box<events::Arguments>),
    CheckPending(check_pending::Arguments),
    Endpoint(endpoint::Arguments),
    Ingest(ingest::Arguments),
    Get(get::Arguments),
    List(list::Arguments),
    Status(status::Arguments),
    Export(export::Arguments),
    Import(import::Arguments),
    Purge(purge::Arguments),
}

/// Runs the command with the process's arguments and standard streams.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut output = Output::standard(cli.global.json);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if !matches!(cli.command, Command::Serve(_)) {
        // A server has a thread for each core.
        builder.worker_threads(2);
    }
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output.finish(Err(Failure::Runtime(error))),
    };
    let result = runtime.block_on(run(&cli, &mut output));
    // A thread may still wait for standard input, which may never come.
    runtime.shutdown_background();
    output.finish(result)
}

async fn run(cli: &Cli, output: &mut Output) -> Result<(), Failure> {
    let Global {
        database,
        schema,
        prefix,
        live,
        test,
        account,
        ..
    } = &cli.global;
    // An empty variable is one that was not set.
    let url = if database.is_empty() {
        "sqlite://stripe-store.db"
    } else {
        database
    };
    let mode = match (*test, *live) {
        (true, _) => Some(Mode::Test),
        (false, true) => Some(Mode::Live),
        (false, false) => None,
    };
    let given = |name: &'_ Option<String>| name.clone().filter(|name| !name.is_empty());
    let database = Database::new(url, mode, account.as_deref())
        .with_tables(given(schema).as_deref(), given(prefix).as_deref())?;
    match &cli.command {
        Command::Migrate(arguments) => migrate::run(arguments, &database, output).await,
        Command::Sync(arguments) => sync::run(arguments, &database, output).await,
        Command::CatchUp(arguments) => catch_up::run(arguments, &database, output).await,
        Command::Reconcile(arguments) => reconcile::run(arguments, &database, output).await,
        Command::Serve(arguments) => serve::run(arguments, &database, output).await,
        Command::Events(arguments) => events::run(arguments, &database, output).await,
        Command::CheckPending(arguments) => check_pending::run(arguments, &database, output).await,
        Command::Endpoint(arguments) => endpoint::run(arguments, &database, output).await,
        Command::Ingest(arguments) => ingest::run(arguments, &database, output).await,
        Command::Get(arguments) => get::run(arguments, &database, output).await,
        Command::List(arguments) => list::run(arguments, &database, output).await,
        Command::Status(arguments) => status::run(arguments, &database, output).await,
        Command::Export(arguments) => export::run(arguments, &database, output).await,
        Command::Import(arguments) => import::run(arguments, &database, output).await,
        Command::Purge(arguments) => purge::run(arguments, &database, output).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Cli::command().debug_assert();
    }
}
