//! A service on axum that takes Stripe's webhooks: who has paid has access, from the moment the mirror knows.
//!
//! Run it with `cargo run -p stripe-store-examples --example axum_webhooks`: it starts on a free
//! port, posts a few signed events to itself, and says what came of them. It needs no Stripe account
//! and no network.
//!
//! With an address after it, it serves there, for `stripe listen --forward-to` or a real endpoint:
//!
//! ```sh
//! cargo run -p stripe-store-examples --example axum_webhooks -- 127.0.0.1:3000 whsec_…
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use sqlx::SqlitePool;
use stripe_store::Store;
use stripe_store::clock::{Clock as _, SystemClock};
use stripe_store::inbox::{EventContext, HandlerError, Handlers};
use stripe_store::resources::Subscription;
use stripe_store::resources::events::{CustomerCreated, CustomerSubscriptionCreated};
use stripe_store::web::webhooks;
use stripe_store::webhook::{EndpointSecret, Receiver, sign};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).filter(|it| it != "--demo");
    let address = arguments.next();
    let is_demo = address.is_none();
    let secret = arguments.next().unwrap_or("whsec_of_the_demo".to_owned());
    let secret = EndpointSecret::new(secret)?;

    let folder = tempfile::Builder::new().prefix("stripe-store-").tempdir()?;
    let url = format!("sqlite://{}/service.db?mode=rwc", folder.path().display());
    let pool = SqlitePool::connect(&url).await?;
    own_tables(&pool).await?;
    let store = Store::from_pool(pool.clone());
    store.migrate().await?;

    let receiver = Receiver::builder(&store)
        .secrets([secret.clone()])
        .handlers(handlers())
        .build();
    let worker = receiver.worker();
    let router = Router::new()
        .nest("/webhook", webhooks(receiver))
        .route("/access", get(access))
        .with_state(pool);

    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    let address = listener.local_addr()?;
    // With the peer's address, for the log of requests.
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    if is_demo {
        tokio::spawn(axum::serve(listener, service).into_future());
        demo(address, &secret).await?;
        println!("\nAfter the commit, and again if it fails");
        worker.drain().await?;
        return Ok(());
    }
    println!("listening on http://{address}/webhook");
    let worker = tokio::spawn(worker.run(stopped()));
    axum::serve(listener, service)
        .with_graceful_shutdown(stopped())
        .await?;
    Ok(worker.await??)
}

/// The service's own tables, in the database that the mirror is in.
async fn own_tables(pool: &SqlitePool) -> anyhow::Result<()> {
    sqlx::raw_sql(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, customer TEXT UNIQUE);
         CREATE TABLE access (user_id INTEGER NOT NULL REFERENCES users (id), subscription TEXT PRIMARY KEY);
         INSERT INTO users (id, email) VALUES (7, 'ada@example.com'), (8, 'grace@example.com')",
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// What happens with events. The first two write in the transaction that stores the event and its object: either all of it
/// is there, or nothing, and then Stripe sends the event again.
fn handlers() -> Handlers {
    Handlers::new()
        .on::<CustomerCreated>(|mut cx, customer| {
            Box::pin(async move {
                sqlx::query("UPDATE users SET customer = ?1 WHERE email = ?2")
                    .bind(customer.id())
                    .bind(customer.email())
                    .execute(cx.sqlite()?)
                    .await?;
                Ok(())
            })
        })
        .on_prefix("customer.subscription", |cx| Box::pin(provision(cx)))
        .queued::<CustomerSubscriptionCreated>("welcome", |cx, subscription| {
            Box::pin(async move {
                let (id, event) = (subscription.id(), cx.event().id());
                println!("  a mail about {id} would go out, once for {event}");
                Ok(())
            })
        })
}

/// Who has access, by what the mirror says of the subscription now. The event may be an old one that comes late.
async fn provision(mut cx: EventContext<'_>) -> Result<(), HandlerError> {
    let Some(subscription) = cx.object::<Subscription>() else {
        return Ok(());
    };
    let id = subscription.id().to_owned();
    let connection = cx.sqlite()?;
    sqlx::query("DELETE FROM access WHERE subscription = ?1")
        .bind(&id)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO access (user_id, subscription)
         SELECT users.id, stripe_id FROM stripe_objects JOIN users ON customer = data ->> 'customer'
         WHERE object = 'subscription' AND stripe_id = ?1 AND data ->> 'status' IN ('active', 'trialing')",
    )
    .bind(&id)
    .execute(connection)
    .await?;
    Ok(())
}

/// A page of the service: who has access.
async fn access(State(pool): State<SqlitePool>) -> String {
    let sql = "SELECT DISTINCT email FROM access JOIN users ON id = user_id ORDER BY email";
    let emails: Vec<String> = match sqlx::query_scalar(sql).fetch_all(&pool).await {
        Ok(emails) => emails,
        Err(error) => return error.to_string(),
    };
    if emails.is_empty() {
        "nobody".to_owned()
    } else {
        emails.join(", ")
    }
}

async fn stopped() {
    // Where the signal cannot be waited for, it ends the process.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A month of a subscriber, as Stripe would post it.
async fn demo(address: SocketAddr, secret: &EndpointSecret) -> anyhow::Result<()> {
    let customer = r#"{"id": "cus_ada", "object": "customer", "email": "ada@example.com"}"#;
    let subscription = |status: &str| {
        format!(
            r#"{{"id": "sub_ada", "object": "subscription", "customer": "cus_ada", "status": "{status}"}}"#
        )
    };
    let was = |status: &str| format!(r#", "previous_attributes": {{"status": "{status}"}}"#);
    let incomplete = subscription("incomplete");
    let active = subscription("active");
    let canceled = subscription("canceled");
    let became_active = (
        2,
        "customer.subscription.updated",
        0,
        &active,
        was("incomplete"),
    );
    for (n, event_type, second, object, previous) in [
        (
            0,
            "customer.created",
            0,
            &customer.to_owned(),
            String::new(),
        ),
        // In the same second, and the second of them first.
        became_active.clone(),
        (
            1,
            "customer.subscription.created",
            0,
            &incomplete,
            String::new(),
        ),
        // Twice, as it happens.
        became_active,
        (
            3,
            "customer.subscription.deleted",
            60,
            &canceled,
            String::new(),
        ),
    ] {
        let event = format!(
            r#"{{"id": "evt_{n}", "object": "event", "type": "{event_type}", "created": {},
                "livemode": false, "data": {{"object": {object}{previous}}}}}"#,
            1_793_923_200 + second
        );
        let header = sign(event.as_bytes(), secret, SystemClock.now().timestamp());
        let answer = send(address, "POST", "/webhook", &header, &event).await?;
        let access = send(address, "GET", "/access", "", "").await?;
        println!("{event_type}: {answer}; access: {access}");
    }
    let forged = send(
        address,
        "POST",
        "/webhook",
        "t=1,v1=00",
        r#"{"id": "evt_9"}"#,
    )
    .await?;
    println!("somebody else: {forged}");
    Ok(())
}

/// A request as short as can be, and the body of the answer.
async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    signature: &str,
    body: &str,
) -> anyhow::Result<String> {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nStripe-Signature: {signature}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    let status = head.split(' ').nth(1).context("no status")?;
    Ok(match method {
        "GET" => body.to_owned(),
        _ => format!("{status} {}", body.trim_end()),
    })
}
