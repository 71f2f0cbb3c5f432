//! The client, against a server on loopback that speaks HTTP and fails as networks do.

mod calls;
mod errors;
mod faults;
pub(crate) mod forms;
mod keys;
mod pages;
mod paging;
mod retries;
mod times;
mod tls;
mod traces;
mod unsent;

use std::time::Duration;

use stripe_store::client::{
    Client, ClientBuilder, Host, RateLimit, RetryPolicy, SecretKey, SecretKeys,
};
use stripe_store_tests::fake::Fake;

/// What every test's key is, where it does not matter.
const KEY: &str = "sk_test_Abc123";

fn key(text: &str) -> SecretKey {
    SecretKey::new(text).unwrap()
}

async fn fake() -> Fake {
    Fake::start().await.unwrap()
}

/// The settings of a client of `fake`, without waiting where nothing is to be waited for.
fn builder(fake: &Fake, keys: impl Into<SecretKeys>) -> ClientBuilder {
    let millis = Duration::from_millis;
    Client::builder(keys)
        .base_url(fake.url())
        .host(Host::Connect, fake.url())
        .rate_limit(RateLimit::unlimited())
        .retry(RetryPolicy::new().with_delays(millis(1), millis(5)))
}

fn client(fake: &Fake) -> Client {
    builder(fake, key(KEY)).build().unwrap()
}

/// A fake, and a client of it.
async fn pair() -> (Fake, Client) {
    let fake = fake().await;
    let client = client(&fake);
    (fake, client)
}

#[test]
fn what_callers_hold_can_be_sent_to_other_threads() {
    fn check<T: Send + Sync>() {}
    fn sendable<T: Send>(_: T) {}
    check::<Client>();
    check::<ClientBuilder>();
    check::<stripe_store::client::ClientError>();
    check::<stripe_store::client::Page<stripe_store::AnyObject>>();
    let client = Client::new(KEY).unwrap();
    sendable(
        client
            .retrieve::<stripe_store::resources::Customer>("cus_1")
            .send(),
    );
    sendable(client.list_at("/v1/x").stream());
}
