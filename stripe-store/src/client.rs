//! Stripe's API over HTTP: calls, pages of lists, files.
//!
//! A [`Client`] is a handle: cheap to clone, with one pool of connections and one rate limit for all clones. What Stripe
//! sends is kept as the JSON that it sent, with what the store has to know of it: when it was made
//! ([`Meta::interval`]), for which account, in which version.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use futures_util::TryStreamExt;
//! use serde_json::json;
//! use stripe_store::client::{Client, Method};
//! use stripe_store::resources::{Customer, Subscription};
//!
//! let client = Client::new("sk_test_…")?;
//! let customer = client.create::<Customer>().param("email", "ada@example.com").send().await?;
//!
//! let subscriptions = client.list::<Subscription>().param("status", "all").param("customer", customer.id());
//! let mut subscriptions = subscriptions.stream();
//! while let Some(item) = subscriptions.try_next().await? {
//!     println!("{:?}", item.view()?.status());
//! }
//!
//! client
//!     .request(Method::Post, "/v1/payment_intents/pi_1/capture")
//!     .param("metadata", json!({"order": "42"}))
//!     .idempotency_key("capture-42")
//!     .send()
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! What the type alone does not say, such as capturing a charge, and typed parameters, are in
//! [`resources::operations`](crate::resources::operations), for [`Client::call`].
//!
//! # What is sent twice
//!
//! A request is sent again when there was no answer, when Stripe says so, and on status 409, 429 and 5xx, with growing
//! delays ([`RetryPolicy`]). Every POST has an idempotency key, the same at each try, so that it takes effect once;
//! one without is never repeated.
//!
//! # What is printed
//!
//! Spans and messages have methods, paths, Stripe's own words and request ids. Keys, parameters and bodies are in none.
//!
//! This module must not know the store; the store, sync and commands stand on it.

mod answer;
mod app_info;
mod builder;
mod call;
mod check;
mod error;
mod form;
mod idempotency;
mod key;
mod many;
mod operation;
mod page;
mod path;
mod prepare;
mod rate_limit;
mod request;
mod response;
mod retry;
mod send;
mod tls;
mod upload;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;

pub use self::app_info::AppInfo;
pub use self::builder::{BuildError, ClientBuilder};
use self::call::Target;
pub use self::call::{Call, One, Raw};
#[doc(hidden)]
pub use self::check::Check;
pub use self::error::{ApiError, ClientError, ErrorKind, RequestLine, Unusable, UnusableResponse};
pub use self::idempotency::{
    IdempotencyKey, IdempotencyKeys, KEY_LIFETIME, KeyFuture, KeysInMemory, Purpose,
};
pub use self::key::{SecretKey, SecretKeyError, SecretKeys};
pub use self::many::Many;
#[cfg(feature = "_exercise")]
#[doc(hidden)]
pub use self::operation::Exercised;
pub use self::operation::{
    Answer, IntoObject, IntoObjects, Operation, OperationFacts, Parameters, TimeRange,
};
pub use self::page::{Item, ItemError, Page, PageCursor, PageCursorError};
pub use self::path::{ApiPath, PathError};
use self::rate_limit::Limiter;
pub use self::rate_limit::RateLimit;
use self::request::Hosts;
pub use self::request::{Host, Method};
pub use self::response::{Fetched, Meta, RequestId, Response};
pub use self::retry::RetryPolicy;
pub use self::upload::FileUpload;
pub use crate::mode::Mode;
use crate::resources::File;
#[cfg(feature = "_store")]
use crate::view::ResourceFacts;
use crate::view::{AnyObject, Resource, View};

/// A client of Stripe's API.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    version: Arc<str>,
    account: Option<Arc<str>>,
    mode: Option<Mode>,
}

/// What all handles of a client have in common.
struct Shared {
    http: reqwest::Client,
    provider: Arc<CryptoProvider>,
    agent: app_info::UserAgent,
    keys: SecretKeys,
    hosts: Hosts,
    timeout: Duration,
    deadline: Option<Duration>,
    retry: RetryPolicy,
    limiter: Limiter,
    kept_keys: Arc<dyn IdempotencyKeys>,
}

impl Shared {
    fn fresh_key(&self) -> Result<IdempotencyKey, ClientError> {
        let mut bits = [0; 16];
        let filled = self.provider.secure_random.fill(&mut bits);
        filled.map_err(|_| ClientError::NoRandomness)?;
        Ok(IdempotencyKey::from_random(bits))
    }
}

impl Client {
    /// A client with this secret key, and the defaults of [`ClientBuilder`].
    ///
    /// # Errors
    ///
    /// [`BuildError::Key`] when the text is no secret key.
    pub fn new(key: impl AsRef<str>) -> Result<Self, BuildError> {
        let key = SecretKey::new(key).map_err(|source| BuildError::Key { source })?;
        Self::builder(key).build()
    }

    /// The settings of a client with this key, or these.
    pub fn builder(keys: impl Into<SecretKeys>) -> ClientBuilder {
        ClientBuilder::new(keys.into())
    }

    /// A handle whose calls are for a connected account, unless they name another.
    #[must_use]
    pub fn account(&self, id: impl AsRef<str>) -> Self {
        Self {
            account: Some(Arc::from(id.as_ref())),
            ..self.clone()
        }
    }

    /// A handle whose calls are for the account that the key belongs to.
    #[must_use]
    pub fn platform(&self) -> Self {
        Self {
            account: None,
            ..self.clone()
        }
    }

    /// A handle whose calls take the key for this mode.
    #[must_use]
    pub fn mode(&self, mode: Mode) -> Self {
        Self {
            mode: Some(mode),
            ..self.clone()
        }
    }

    /// Where idempotency keys are kept.
    pub fn kept_keys(&self) -> &dyn IdempotencyKeys {
        &*self.shared.kept_keys
    }

    /// A call to any path, as the API reference writes it, that answers with JSON.
    pub fn request<P>(&self, method: Method, path: P) -> Call<Raw>
    where
        P: TryInto<ApiPath>,
        P::Error: Into<PathError>,
    {
        let path = path.try_into().map_err(Into::into);
        Call::new(self, method, Raw { path })
    }

    /// Reads an object by its id, or the only one of its type by the type's name (`"balance"`).
    pub fn retrieve<T: Resource>(&self, id: impl Into<String>) -> Call<One<T>> {
        let target = Target::of::<T>("retrieve", T::OPERATIONS.retrieve, Some(id.into()));
        self.one(Method::Get, target)
    }

    /// Creates an object.
    pub fn create<T: Resource>(&self) -> Call<One<T>> {
        self.one(Method::Post, Target::of::<T>("create", true, None))
    }

    /// Changes an object: what is not named stays as it is.
    pub fn update<T: Resource>(&self, id: impl Into<String>) -> Call<One<T>> {
        self.one(
            Method::Post,
            Target::of::<T>("update", true, Some(id.into())),
        )
    }

    /// Deletes an object; the answer is what Stripe shows of a deleted one.
    pub fn delete<T: Resource>(&self, id: impl Into<String>) -> Call<One<T>> {
        let target = Target::of::<T>("delete", T::OPERATIONS.delete, Some(id.into()));
        self.one(Method::Delete, target)
    }

    /// Lists the objects of a type.
    pub fn list<T: Resource>(&self) -> Call<Many<T>> {
        let target = Target::of::<T>("list", T::OPERATIONS.list, None);
        self.many(target, Check::resource::<T>())
    }

    /// Searches the objects of a type, in [Stripe's query language](https://docs.stripe.com/search).
    pub fn search<T: Resource>(&self, query: impl Into<String>) -> Call<Many<T>> {
        let target = Target::of::<T>("search", T::OPERATIONS.search, Some("search".to_owned()));
        self.many(target, Check::resource::<T>())
            .param("query", query.into())
    }

    /// Goes on with a list at any path, such as the `url` of a list that came inside an object, query included.
    ///
    /// Its objects may be of any type: [`AnyObject`].
    pub fn list_at(&self, path: &str) -> Call<Many<AnyObject>> {
        self.many(Target::Path(ApiPath::new(path)), Check::ANYTHING)
    }

    /// A list at a path of the description, with an id in the place of its parameter.
    #[cfg(feature = "_store")]
    pub(crate) fn list_of(
        &self,
        template: &'static str,
        id: Option<&str>,
    ) -> Call<Many<AnyObject>> {
        let ids: Vec<String> = id.into_iter().map(str::to_owned).collect();
        let path = ApiPath::fill(template, &ids).and_then(|filled| {
            filled.map_err(|_| PathError::Malformed {
                path: template.into(),
            })
        });
        self.many(Target::Path(path), Check::ANYTHING)
    }

    /// Sends a file, to the server for files.
    pub fn upload(&self, file: FileUpload) -> Call<One<File>> {
        let target = Target::Path(ApiPath::new("/v1/files"));
        let mut call = self.one(Method::Post, target);
        call.options.host = Host::Files;
        call.options.file = Some(Arc::new(file));
        call
    }

    /// Reads an object of a type of which the facts are known, whatever comes.
    #[cfg(feature = "_store")]
    pub(crate) fn read_any(&self, facts: ResourceFacts, id: &str) -> Call<One<AnyObject>> {
        self.read_by_id(facts, id, Check::ANYTHING)
    }

    /// Reads an object of which `check` tells whether it is one.
    #[cfg(feature = "_store")]
    pub(crate) fn read_by_id<T: View>(
        &self,
        facts: ResourceFacts,
        id: &str,
        check: Check,
    ) -> Call<One<T>> {
        let is_offered = facts.operations.retrieve;
        let kind = One {
            target: Target::with_facts(facts, "retrieve", is_offered, Some(id.to_owned())),
            check,
            of: PhantomData,
        };
        Call::new(self, Method::Get, kind)
    }

    fn one<T: Resource>(&self, method: Method, target: Target) -> Call<One<T>> {
        let kind = One {
            target,
            check: Check::resource::<T>(),
            of: PhantomData,
        };
        Call::new(self, method, kind)
    }

    fn many<T: View>(&self, target: Target, check: Check) -> Call<Many<T>> {
        let kind = Many {
            target,
            cursor: None,
            check,
            of: PhantomData,
        };
        Call::new(self, Method::Get, kind)
    }
}

/// Without keys.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.shared.hosts.api.as_str())
            .field("version", &self.version)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}
