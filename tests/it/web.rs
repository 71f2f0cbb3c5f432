//! The routes of webhook endpoints, over real HTTP.

mod endpoints;
pub(crate) mod raw;
mod verified;

use std::net::SocketAddr;

use axum::Router;
use serde_json::{Value, json};
use stripe_store::web::webhooks;
use stripe_store::webhook::{EndpointSecret, Receiver, ReceiverBuilder};
use stripe_store_tests::TestDb;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::raw::{Answer, send, signed};

const SECRET: &str = "whsec_of_the_test";

fn secret(text: &str) -> EndpointSecret {
    EndpointSecret::new(text).unwrap()
}

/// An event that creates a customer of test mode.
fn event(id: &str, customer: &str) -> Vec<u8> {
    let event = json!({
        "id": id, "object": "event", "type": "customer.created", "created": 1_700_000_000, "livemode": false,
        "data": {"object": {"id": customer, "object": "customer", "email": "ada@example.com", "livemode": false}},
    });
    event.to_string().into_bytes()
}

/// A server, until it is dropped.
struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { address, task }
    }

    /// The routes of a receiver of this database, with the one secret.
    async fn of(db: &TestDb, with: impl FnOnce(ReceiverBuilder) -> ReceiverBuilder) -> Self {
        let builder = Receiver::builder(db.store()).secrets([secret(SECRET)]);
        let receiver = with(builder).build();
        Self::start(Router::new().nest("/webhook", webhooks(receiver))).await
    }

    async fn send(&self, request: &[u8]) -> Answer {
        send(self.address, request).await
    }

    async fn post(&self, path: &str, body: &[u8]) -> Answer {
        self.send(&signed(path, SECRET, body)).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn rows(db: &TestDb, table: &str) -> i64 {
    let count = format!("SELECT count(*) FROM {table}");
    db.scalar_i64(&count).await.unwrap()
}

/// The customers, events and requests that were stored.
async fn stored(db: &TestDb) -> (i64, i64, i64) {
    (
        rows(db, "stripe_objects").await,
        rows(db, "stripe_events").await,
        rows(db, "stripe_webhook_deliveries").await,
    )
}

/// A column of the log's last row.
async fn last_delivery(db: &TestDb, column: &str) -> Option<String> {
    let sql = format!(
        "SELECT CAST({column} AS text) FROM stripe_webhook_deliveries ORDER BY delivery_id DESC LIMIT 1"
    );
    db.scalar_text(&sql).await
}

/// The headers that the log's last row has, by their names.
async fn last_headers(db: &TestDb) -> Value {
    let text = last_delivery(db, "headers").await.unwrap();
    let pairs: Vec<(String, String)> = serde_json::from_str(&text).unwrap();
    Value::from_iter(pairs)
}
