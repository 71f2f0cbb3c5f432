//! What receives in the soak: a service with two handlers of all events, one in the transaction that inserts into
//! `effects`, and a queued one that inserts into `queued_effects`.

use std::convert::Infallible;
use std::process::ExitCode;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use stripe_store::Store;
use stripe_store::inbox::{HandlerError, Handlers};
use stripe_store::store::TransactionMut;
use stripe_store::webhook::{EndpointSecret, Receiver};
use tokio::net::TcpListener;

/// How long what a killed receiver had at hand is left alone: short, so that the end of a run is not long.
const LEASE: std::time::Duration = std::time::Duration::from_secs(5);

/// `serve --database URL --listen ADDRESS`, with `STRIPE_WEBHOOK_SECRET`.
pub(crate) fn main(args: &[String]) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let served = runtime.expect("a runtime").block_on(serve(args));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            // Where there is no standard error, there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "configured by the environment, like the command"
)]
async fn serve(args: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let given = |name: &str| {
        let place = args.iter().position(|it| it == name);
        let value = place.and_then(|place| args.get(place + 1));
        value.ok_or_else(|| format!("{name} is missing"))
    };
    let secrets = EndpointSecret::list(std::env::var("STRIPE_WEBHOOK_SECRET")?)?;
    let store = Store::connect(given("--database")?).await?;
    let receiver = Receiver::builder(&store)
        .secrets(secrets)
        .handlers(handlers())
        .build();
    let worker = receiver.worker().with_lease(LEASE);
    tokio::spawn(async move {
        // What cannot go on is seen by what is left to do.
        drop(worker.run(std::future::pending()).await);
    });
    let listener = TcpListener::bind(given("--listen")?).await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let receiver = receiver.clone();
        let answer = move |request| {
            let receiver = receiver.clone();
            async move { Ok::<_, Infallible>(answer(&receiver, request).await) }
        };
        let connection =
            http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
        // Who goes away is gone.
        tokio::spawn(async move { drop(connection.await) });
    }
}

async fn answer(receiver: &Receiver, request: Request<Incoming>) -> Response<Empty<Bytes>> {
    let (head, body) = request.into_parts();
    let status = match body.collect().await {
        Ok(body) => {
            let headers = head
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_bytes()));
            let request = stripe_store::webhook::Request::new(body.to_bytes()).headers(headers);
            let outcome = receiver.receive(request).await;
            StatusCode::from_u16(outcome.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        }
        Err(_) => StatusCode::BAD_REQUEST,
    };
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    response
}

fn handlers() -> Handlers {
    Handlers::new()
        .on_any(|mut cx| {
            Box::pin(async move {
                let id = cx.event().id().to_owned();
                let sql = "INSERT INTO effects (event_id) VALUES ($1)";
                insert(cx.transaction(), sql, id).await
            })
        })
        .queued_any("queued", |mut cx| {
            Box::pin(async move {
                let id = cx.event().id().to_owned();
                let sql = "INSERT INTO queued_effects (event_id) VALUES ($1)";
                insert(cx.transaction().await?, sql, id).await
            })
        })
}

async fn insert(
    mut transaction: TransactionMut<'_>,
    sql: &'static str,
    id: String,
) -> Result<(), HandlerError> {
    let insert = sqlx::query(sql).bind(id);
    insert.execute(transaction.postgres()?).await?;
    Ok(())
}
