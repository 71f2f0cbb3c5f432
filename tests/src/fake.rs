//! A fake Stripe: an HTTP server on loopback, over a world in memory.
//!
//! It takes requests as Stripe does, in forms and JSON, answers as Stripe does, and fails in the ways that a network fails
//! in, when told to. It knows nothing of the library under test but the facts of the pinned description: which types
//! there are, where, and how their ids begin.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use stripe_store::client::{Client, SecretKey};
//! use stripe_store::resources::Customer;
//! use stripe_store_tests::fake::{Fake, Fault};
//!
//! let fake = Fake::start().await?;
//! fake.fail_next(Fault::status(503));
//!
//! let client = Client::builder(SecretKey::new("sk_test_1")?).base_url(fake.url()).build()?;
//! let customer = client.create::<Customer>().param("email", "ada@example.com").send().await?;
//! assert_eq!(customer.response().attempts(), 2);
//! assert_eq!(fake.count("/v1/customers"), 1);
//! # Ok(())
//! # }
//! ```

mod body;
mod fault;
mod form;
mod list;
mod server;
mod world;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::fault::{Fault, Reply};
pub use self::server::Received;
use self::world::{Date, World};

/// A running fake, which stops when it is dropped.
#[derive(Debug)]
pub struct Fake {
    url: String,
    state: Arc<State>,
    server: JoinHandle<()>,
    certificate: Option<String>,
}

/// What the server's tasks share.
#[derive(Debug, Default)]
struct State {
    world: Mutex<World>,
    received: Mutex<Vec<Received>>,
}

impl State {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fake {
    /// Starts one on a port of its own, with nothing in it.
    ///
    /// # Errors
    ///
    /// When there is no port to be had.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(State::default());
        let server = tokio::spawn(server::run(listener, Arc::clone(&state), None));
        Ok(Self {
            url,
            state,
            server,
            certificate: None,
        })
    }

    /// Starts one that speaks TLS, and HTTP/2 to who asks for it, under a certificate that nobody trusts yet.
    ///
    /// # Errors
    ///
    /// When there is no port to be had, or no certificate.
    pub async fn start_tls() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("https://localhost:{}", listener.local_addr()?.port());
        let state = Arc::new(State::default());
        let (tls, certificate) = server::tls().map_err(io::Error::other)?;
        let server = tokio::spawn(server::run(listener, Arc::clone(&state), Some(tls)));
        Ok(Self {
            url,
            state,
            server,
            certificate: Some(certificate),
        })
    }

    /// Its address: `http://127.0.0.1:1234`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its certificate, in PEM; empty without TLS.
    pub fn certificate(&self) -> &str {
        self.certificate.as_deref().unwrap_or_default()
    }

    /// Every request that was received whole, in order.
    pub fn received(&self) -> Vec<Received> {
        let received = self.state.received.lock();
        received.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last request.
    ///
    /// # Panics
    ///
    /// When there was none.
    pub fn last(&self) -> Received {
        match self.received().pop() {
            Some(received) => received,
            None => panic!("the fake received nothing"),
        }
    }

    /// What goes wrong with the next request; called again, with the one after it.
    pub fn fail_next(&self, fault: Fault) {
        self.state.world().faults.push_back(fault);
    }

    /// What goes wrong with every request from now on; `None` for nothing.
    pub fn fail_always(&self, fault: Option<Fault>) {
        self.state.world().always = fault;
    }

    /// Puts an object into a list, as the newest of it. It need not be one.
    pub fn add(&self, path: &str, object: Value) {
        self.state.world().add(path, object);
    }

    /// How many objects a list has.
    pub fn count(&self, path: &str) -> usize {
        self.state.world().count(path)
    }

    /// How often something was created, changed or deleted by requests with this idempotency key.
    pub fn effects(&self, key: &str) -> u32 {
        self.state.world().effects(key)
    }

    /// How often something was created, changed or deleted.
    pub fn all_effects(&self) -> u32 {
        self.state.world().all_effects
    }

    /// What its `Date` says from now on, as HTTP writes it; `None` for none.
    pub fn set_date(&self, date: Option<&str>) {
        self.state.world().date = match date {
            Some(date) => Date::Fixed(date.to_owned()),
            None => Date::Missing,
        };
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}
