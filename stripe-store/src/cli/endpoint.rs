//! `stripe-store endpoint`: webhook endpoints at Stripe, made for this installation, and marked as its own.
//!
//! An endpoint that has not this installation's mark is never changed, whoever made it.

mod create;
mod list;
mod mark;
mod rotate;
mod secret_file;

use clap::{Args, Subcommand};

use super::database::Database;
use super::failure::Failure;
use super::output::Output;

/// Make and list this installation's webhook endpoints at Stripe, and give one a new secret
///
/// Endpoints that it makes carry its mark in their metadata. What has another mark, or none, is left alone: several
/// installations can share an account.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stripe-store endpoint create https://shop.example.com/webhook --secret-file secret.txt
  stripe-store endpoint list
  stripe-store endpoint rotate https://shop.example.com/webhook")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(create::Arguments),
    List(list::Arguments),
    Rotate(rotate::Arguments),
}

pub(super) async fn run(
    arguments: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    match &arguments.command {
        Command::Create(arguments) => create::run(arguments, database, output).await,
        Command::List(arguments) => list::run(arguments, database, output).await,
        Command::Rotate(arguments) => rotate::run(arguments, database, output).await,
    }
}
