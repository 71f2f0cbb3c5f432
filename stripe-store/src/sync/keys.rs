//! A store as the place of idempotency keys: what a process began that died, another one ends.

use std::time::Duration;

use crate::client::{IdempotencyKey, IdempotencyKeys, KEY_LIFETIME, KeyFuture, Purpose};
use crate::clock::UnixMillis;
use crate::store::{KeyColumns, Store};

/// Keys in the table `stripe_idempotency_keys`, for all processes on the database, each until the call it is for is done and
/// [forgotten](IdempotencyKeys::forget), or a day is over.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use stripe_store::Store;
/// use stripe_store::client::{Client, SecretKey};
/// use stripe_store::resources::Customer;
///
/// let store = Store::connect("sqlite://stripe.db").await?;
/// let client = Client::builder(SecretKey::new("sk_test_123")?)
///     .kept_keys(Arc::new(store.clone()))
///     .build()?;
/// // Whatever happens to this program meanwhile: made again, it makes no second customer.
/// let customer = client.create::<Customer>().kept_key("customer", "create:42").send().await?;
/// # Ok(())
/// # }
/// ```
impl IdempotencyKeys for Store {
    fn keep<'a>(
        &'a self,
        purpose: &'a Purpose,
        fresh: IdempotencyKey,
    ) -> KeyFuture<'a, IdempotencyKey> {
        Box::pin(async move {
            let oldest = before(self, KEY_LIFETIME);
            let kept = self.keep_key(columns(purpose), fresh.as_str(), oldest);
            // What is no key was written by somebody else.
            Ok(kept.await?.and_then(IdempotencyKey::new).unwrap_or(fresh))
        })
    }

    fn forget<'a>(&'a self, purpose: &'a Purpose) -> KeyFuture<'a, ()> {
        Box::pin(async move { Ok(self.forget_key(columns(purpose)).await?) })
    }

    fn clear_older_than(&self, age: Duration) -> KeyFuture<'_, u64> {
        Box::pin(async move {
            let cleared = self.clear_keys(before(self, age)).await?;
            Ok(u64::try_from(cleared).unwrap_or(u64::MAX))
        })
    }
}

/// The moment so long ago, by the store's clock.
fn before(store: &Store, age: Duration) -> UnixMillis {
    let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    store.now().plus_millis(age.saturating_neg())
}

fn columns(purpose: &Purpose) -> KeyColumns<'_> {
    [
        purpose.account.as_deref().unwrap_or_default(),
        purpose
            .mode
            .map_or("", |mode| if mode.is_live() { "live" } else { "test" }),
        &purpose.object,
        &purpose.action,
    ]
}
