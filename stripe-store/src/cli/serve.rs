//! `stripe-store serve`: a server of webhook endpoints, for those who want the mirror without writing one.

mod background;
mod http;
mod log;
mod metrics;
mod problems;
mod routes;
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::background::CatchingUp;
use self::http::Ended;
use self::log::Log;
use self::metrics::Metrics;
use super::database::Database;
use super::failure::Failure;
use super::output::Output;
use super::signal::Signals;
use super::stripe::Stripe;
use crate::client::Client;
use crate::store::Store;
use crate::webhook::Receiver;

/// Receive webhooks, and keep the table up to date with them
///
/// Takes what Stripe posts to /webhook, and to /webhook/NAME for each --endpoint: verifies the signature, and answers 200 once
/// the event and its object are stored. An event that comes twice changes nothing, and one that could not be stored is
/// answered with an error, so that Stripe sends it again. With STRIPE_SECRET_KEY set, it also reads Stripe's list of events
/// now and then, for those that never came. Creates the tables when they are missing.
///
/// GET /health is 200 as long as the process runs, GET /ready while the database answers and has the tables, and GET /metrics
/// is for Prometheus. They ask for no password: let only /webhook be reached from outside, through a proxy that speaks TLS.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    clippy::doc_markdown,
    reason = "flags of a command line, and their text, which is printed as it stands"
)]
#[command(after_help = "\
The endpoints' secrets (whsec_…) are taken from the environment, several of one endpoint separated by commas, as while one is \
rotated:
  STRIPE_WEBHOOK_SECRET               of /webhook
  STRIPE_WEBHOOK_SECRET_NAME          of /webhook/name, in capitals, with _ in the place of -

The first line on standard output says where it listens. SIGTERM and SIGINT end it: it accepts nothing more, answers what it \
has accepted, and leaves. A second one ends it at once.

Exit status: 0 when it was told to stop and everything was answered, 1 when it could not start or something was cut off.

Examples:
  STRIPE_WEBHOOK_SECRET=whsec_… stripe-store serve
  stripe-store serve --listen 0.0.0.0:8080 --trusted-proxies 1 --database postgres://app@db/app
  stripe-store serve --endpoint connect       with STRIPE_WEBHOOK_SECRET_CONNECT")]
pub(super) struct Arguments {
    /// Where to listen, ADDRESS:PORT; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: String,

    /// Also take requests to /webhook/NAME, with a secret of their own; can be given several times
    #[arg(long = "endpoint", value_name = "NAME", value_parser = secrets::name)]
    endpoints: Vec<String>,

    /// Take everything that has the form of an event where no secret is set, whoever sends it: for tests
    #[arg(long)]
    unverified: bool,

    /// How many proxies of yours requests pass, each of which adds to X-Forwarded-For: for the address in the log
    #[arg(long, value_name = "N", default_value_t = 0)]
    trusted_proxies: usize,

    /// How long a body may be, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1024 * 1024)]
    body_limit: usize,

    /// Answer once the event is in the inbox, and write its object a moment later
    #[arg(long)]
    defer: bool,

    /// Put events into the inbox only, for the workers of an application that has handlers
    #[arg(long, conflicts_with = "defer")]
    inbox_only: bool,

    /// How often Stripe's list of events is read, 90s, 5m, 1h, with STRIPE_SECRET_KEY set; 0 for never
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = interval)]
    catch_up_every: Duration,

    /// Also read the lists of events of the connected accounts
    #[arg(long)]
    connected_accounts: bool,

    /// Leave the tables as they are, and wait until they are there
    #[arg(long)]
    no_migrate: bool,

    /// Also print a line for each event
    #[arg(long)]
    verbose: bool,

    #[command(flatten)]
    stripe: Stripe,
}

pub(super) async fn run(
    arguments: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut signals = Signals::new().map_err(Failure::Runtime)?;
    let log = Log::new(output.json(), arguments.verbose);
    log.take_warnings();
    let endpoints = secrets::endpoints(&arguments.endpoints, arguments.unverified)?;
    let store = if arguments.no_migrate {
        database.open().await?
    } else {
        database.create().await?
    };
    let (client, store) = if Stripe::has_key() {
        let (client, store) = arguments.stripe.client(database, store)?;
        (Some(client), store)
    } else {
        (None, store)
    };
    let names = endpoints.iter().map(|(name, _)| name.clone());
    let metrics = Arc::new(Metrics::new(names));

    let mut builder = Receiver::builder(&store)
        .body_limit(arguments.body_limit)
        .trusted_proxies(arguments.trusted_proxies);
    for (name, endpoint) in endpoints {
        let endpoint = match database.mode() {
            Some(mode) => endpoint.only(mode),
            None => endpoint,
        };
        builder = builder.endpoint(name, endpoint);
    }
    if let Some(client) = &client {
        builder = builder.client(client);
    }
    if arguments.defer || arguments.inbox_only {
        builder = builder.deferred();
    }
    let told = log.clone();
    let receiver = builder
        .on_outcome(move |outcome| told.outcome(outcome))
        .build();

    let listen = |source| Failure::Listen {
        address: arguments.listen.clone(),
        source,
    };
    let listener = TcpListener::bind(&arguments.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let (stop, stopped) = watch::channel(false);
    let background = start(
        arguments, &store, client, &receiver, &metrics, &log, &stopped,
    );
    let router = routes::router(receiver, store, metrics);

    let url = format!("http://{address}");
    if output.json() {
        output.line(json!({"event": "listening", "url": url}))?;
    } else {
        output.line(format_args!("listening on {url}"))?;
    }
    output.flush()?;

    let ended = http::serve(listener, router, &mut signals, &log).await;
    // Nobody listens where nothing runs beside the server.
    let _ = stop.send(true);
    let ended = finish(background, ended, &mut signals).await;
    match ended {
        Ended::Answered => Ok(()),
        Ended::CutOff(connections) => Err(Failure::Message(format!(
            "stopped before everything was answered: {connections} left; Stripe sends what was not answered again"
        ))),
        Ended::Interrupted(status) => Err(Failure::Interrupted {
            message: "stopped at once: Stripe sends what was not answered again".to_owned(),
            status,
        }),
    }
}

/// Starts what runs beside the server, until it is told to stop.
fn start(
    arguments: &Arguments,
    store: &Store,
    client: Option<Client>,
    receiver: &Receiver,
    metrics: &Arc<Metrics>,
    log: &Log,
    stopped: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    if !arguments.inbox_only {
        tasks.spawn(background::work(
            receiver.worker(),
            Arc::clone(metrics),
            log.clone(),
            stopped.clone(),
        ));
    }
    match client {
        Some(client) if !arguments.catch_up_every.is_zero() => {
            let catching_up = CatchingUp {
                store: store.clone(),
                client,
                interval: arguments.catch_up_every,
                accounts: arguments.connected_accounts,
                inbox_only: arguments.inbox_only,
                metrics: Arc::clone(metrics),
                log: log.clone(),
            };
            tasks.spawn(catching_up.run(stopped.clone()));
        }
        Some(_) => {}
        None => {
            log.detail("STRIPE_SECRET_KEY is not set: events that never come are not looked for");
        }
    }
    tasks
}

/// Waits for what runs beside the server, unless a signal asks not to.
async fn finish(mut tasks: JoinSet<()>, ended: Ended, signals: &mut Signals) -> Ended {
    if matches!(ended, Ended::Interrupted(_)) {
        return ended;
    }
    loop {
        tokio::select! {
            biased;
            stop = signals.next() => return Ended::Interrupted(stop.status),
            done = tasks.join_next() => {
                if done.is_none() {
                    return ended;
                }
            }
        }
    }
}

/// Reads `90`, `90s`, `5m`, `1h`; a number alone is of seconds.
fn interval(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let (number, factor) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) if text.ends_with('m') => (number, 60),
        Some(number) if text.ends_with('h') => (number, 60 * 60),
        Some(number) => (number, 1),
        None => (text, 1),
    };
    let seconds = number.parse::<u64>().ok();
    let seconds = seconds.and_then(|number| number.checked_mul(factor));
    seconds
        .filter(|seconds| *seconds <= 30 * 24 * 60 * 60)
        .map(Duration::from_secs)
        .ok_or_else(|| "expected a time like 90s, 5m or 1h, of 30 days at most".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let seconds = |text| interval(text).map(|it| it.as_secs());
        assert_eq!(seconds("0"), Ok(0));
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("5m"), Ok(300));
        assert_eq!(seconds("720h"), Ok(2_592_000));
        for text in ["", "m", "-5m", "5 m", "5d", "721h", "99999999999999999999h"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }
}
