//! The client of the commands that call Stripe.

use std::num::NonZeroU32;

use clap::Args;

use super::database::Database;
use super::failure::Failure;
use crate::client::{AppInfo, Client, RateLimit, SecretKey};
use crate::error::{Error, chain};
use crate::store::{Mode, Store};

/// The variable that the key is in.
pub(super) const KEY: &str = "STRIPE_SECRET_KEY";

/// How Stripe is called.
#[derive(Debug, Args)]
#[command(next_help_heading = "Calls to Stripe (the secret key is taken from STRIPE_SECRET_KEY)")]
pub(super) struct Stripe {
    /// How many requests leave in a second, at most [default: 80, with a key of test mode 20]
    #[arg(long, value_name = "REQUESTS")]
    rate: Option<NonZeroU32>,

    /// Where the API is, instead of api.stripe.com
    #[arg(long, env = "STRIPE_API_BASE", value_name = "URL")]
    api_base: Option<String>,
}

impl Stripe {
    /// Whether there is a key to make a client of.
    pub(super) fn has_key() -> bool {
        !key().trim().is_empty()
    }

    /// The client, and the store in the mode that was asked for, or else that of the key.
    pub(super) fn client(
        &self,
        database: &Database,
        store: Store,
    ) -> Result<(Client, Store), Failure> {
        let (client, mode) = self.build(database)?;
        Ok(match mode {
            Some(mode) => (client, store.mode(mode)),
            None => (client, store),
        })
    }

    /// The client alone, for the account that was asked for.
    pub(super) fn client_alone(&self, database: &Database) -> Result<Client, Failure> {
        let (client, _) = self.build(database)?;
        Ok(match database.account() {
            Some(account) if !account.as_str().is_empty() => client.account(account),
            _ => client,
        })
    }

    /// The client, and the mode of its key where none was asked for.
    fn build(&self, database: &Database) -> Result<(Client, Option<Mode>), Failure> {
        let key = key();
        if key.trim().is_empty() {
            return Err(Failure::Message(format!(
                "{KEY} is not set: it is to hold a secret key (sk_…) or a restricted one (rk_…) of your account"
            )));
        }
        let unusable = |error: &dyn std::error::Error| {
            let reason = chain(error);
            Failure::Message(format!("{KEY} cannot be used: {reason}"))
        };
        let key = SecretKey::new(key).map_err(|error| unusable(&error))?;
        let mode = match (database.mode(), key.mode()) {
            (Some(asked), Some(mode)) if asked != mode => {
                return Err(Failure::Message(format!(
                    "{KEY} holds a key of {mode} mode, and --{asked} asks for another one"
                )));
            }
            (None, mode) => mode,
            (Some(_), _) => None,
        };
        let app = AppInfo::new(env!("CARGO_PKG_NAME")).with_version(env!("CARGO_PKG_VERSION"));
        let mut builder = Client::builder(key).app_info(app);
        if let Some(url) = self.api_base.as_deref().filter(|url| !url.is_empty()) {
            builder = builder.base_url(url);
        }
        if let Some(rate) = self.rate {
            builder = builder.rate_limit(RateLimit::per_second(rate.get()));
        }
        let client = builder.build().map_err(|error| unusable(&error))?;
        Ok((client, mode))
    }
}

fn key() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "no option of the command: others on the machine can read those"
    )]
    std::env::var(KEY).unwrap_or_default()
}

/// What ended a command that calls Stripe, with what to do about it where that is known.
pub(super) fn failure(error: Error) -> Failure {
    match error {
        Error::Store(error) => Failure::Store(error),
        Error::Client(error) if error.status() == Some(401) => Failure::Message(format!(
            "{}; see whether {KEY} holds a key that is still valid",
            chain(&error)
        )),
        error => Failure::Message(chain(&error)),
    }
}
