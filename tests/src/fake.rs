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
mod change;
mod events;
mod expand;
pub(crate) mod facts;
mod fault;
mod filled;
mod form;
mod list;
mod objects;
mod server;
mod shape;
mod world;

use std::collections::BTreeMap;
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

    /// What goes wrong with every request at a path and below it, until it is taken back with `None`.
    pub fn fail_path(&self, path: &str, fault: Option<Fault>) {
        let paths = &mut self.state.world().paths;
        match fault {
            Some(fault) => paths.insert(path.to_owned(), fault),
            None => paths.remove(path),
        };
    }

    /// How often each page of a list was asked for: by path and query, as they were sent.
    pub fn pages_fetched(&self) -> BTreeMap<String, usize> {
        let received = self.state.received.lock();
        let received = received.unwrap_or_else(PoisonError::into_inner);
        let mut pages = BTreeMap::new();
        let lists = received.iter().filter(|it| it.method == "GET");
        for request in lists.filter(|it| world::is_list(&it.path)) {
            let page = format!("{}?{}", request.path, request.query);
            *pages.entry(page).or_default() += 1;
        }
        pages
    }

    /// Puts an object into a list, as the newest of it. It need not be one.
    ///
    /// Where objects do not name what they are listed by, the path does:
    /// `/v1/entitlements/active_entitlements?customer=cus_1`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "what is given is the world's"
    )]
    pub fn add(&self, path: &str, object: Value) {
        self.state.world().add(path, &object);
    }

    /// Adds so many valid objects of about twenty types, as the description has them, created in the course of a year: with
    /// references to each other, and with lists inside, some longer than what comes inside.
    ///
    /// The same seed gives the same objects.
    pub fn fill(&self, seed: u64, count: usize) {
        filled::fill(&mut self.state.world(), seed, count);
    }

    /// Every event of what requests did, the oldest first. They are listed at `/v1/events`; objects that a test
    /// [adds](Self::add) bring none.
    pub fn events(&self) -> Vec<Value> {
        self.objects(events::PATH)
    }

    /// Every object of a list, the oldest first, whatever its requests leave out.
    pub fn objects(&self, path: &str) -> Vec<Value> {
        let world = self.state.world();
        world
            .list(path)
            .map_or_else(Vec::new, objects::Objects::values)
    }

    /// The paths of the lists that there are.
    pub fn lists(&self) -> Vec<String> {
        self.state.world().paths_of_lists()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.state.world().len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
