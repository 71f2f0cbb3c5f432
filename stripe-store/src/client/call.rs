//! Calls: a client, what to ask it for, and what the caller says of it.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::Client;
use super::check::Check;
use super::error::{ClientError, Unusable, UnusableResponse};
use super::key::SecretKey;
use super::path::{ApiPath, PathError};
use super::request::{Account, Host, Idempotency, Method, Options};
use super::response::{Fetched, Response};
use super::retry::RetryPolicy;
use crate::mode::Mode;
use crate::view::{Resource, ResourceFacts, View};

/// A call that answers with JSON, whatever it is.
#[derive(Debug, Clone)]
pub struct Raw {
    pub(super) path: Result<ApiPath, PathError>,
}

/// A call that answers with one object of type `T`.
#[derive(Debug, Clone)]
pub struct One<T> {
    pub(super) target: Target,
    pub(super) check: Check,
    pub(super) of: PhantomData<fn() -> T>,
}

/// Where a typed call goes.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// A path of the caller's or of ours.
    Path(Result<ApiPath, PathError>),
    /// What the description says of a type.
    Resource {
        object: &'static str,
        /// The path, with names for the ids of what it is in.
        template: Option<&'static str>,
        /// The operation, and whether the description has it.
        operation: (&'static str, bool),
        parents: Vec<String>,
        /// What follows the path: an id, `search`.
        tail: Option<String>,
    },
}

impl Target {
    pub(super) fn of<T: Resource>(
        operation: &'static str,
        is_offered: bool,
        tail: Option<String>,
    ) -> Self {
        Self::with_facts(ResourceFacts::of::<T>(), operation, is_offered, tail)
    }

    pub(super) fn with_facts(
        facts: ResourceFacts,
        operation: &'static str,
        is_offered: bool,
        tail: Option<String>,
    ) -> Self {
        Self::Resource {
            object: facts.object,
            template: facts.path,
            operation: (operation, is_offered),
            parents: Vec::new(),
            tail,
        }
    }

    pub(super) fn add_parent(&mut self, id: String) {
        if let Self::Resource { parents, .. } = self {
            parents.push(id);
        }
    }

    /// The path; an error of the caller's is told before anything is sent.
    pub(super) fn resolve(&self) -> Result<ApiPath, ClientError> {
        let bad = |source| ClientError::Path { source };
        match self {
            Self::Path(path) => path.clone().map_err(bad),
            Self::Resource {
                object,
                template,
                operation,
                parents,
                tail,
            } => {
                let template = template.ok_or(ClientError::NoPath { object })?;
                let (operation, is_offered) = *operation;
                if !is_offered {
                    return Err(ClientError::NotOffered { object, operation });
                }
                let filled = ApiPath::fill(template, parents).map_err(bad)?;
                let path = filled.map_err(|parent| ClientError::NoParent { object, parent })?;
                match tail {
                    // What an account has one of has no id: its rows are filed under the type's name.
                    Some(id) if id == object => Ok(path),
                    Some(segment) => path.then(segment).map_err(bad),
                    None => Ok(path),
                }
            }
        }
    }
}

/// A call to Stripe: nothing happens before it is sent.
///
/// `K` says what it answers with: [`Raw`] JSON, [`One`] object, or [`Many`](super::Many), page by page.
#[must_use = "nothing is sent before `send`, `page` or `stream`"]
#[derive(Clone)]
pub struct Call<K> {
    pub(super) client: Client,
    pub(super) method: Method,
    pub(super) options: Options,
    pub(super) kind: K,
}

impl<K> Call<K> {
    /// The client that sends it.
    #[cfg(feature = "_store")]
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    pub(super) fn new(client: &Client, method: Method, kind: K) -> Self {
        Self {
            client: client.clone(),
            method,
            options: Options::default(),
            kind,
        }
    }

    /// Sets a parameter, by the name that the API reference has: a text, a number, `true`, or JSON for what is nested.
    ///
    /// An empty text empties a field. `null`, and lists and maps with nothing in them, are not sent (to paths of v2, whose
    /// bodies are JSON, they are).
    ///
    /// ```
    /// # use stripe_store::client::{Client, ClientError, Method};
    /// # async fn example(client: &Client) -> Result<(), ClientError> {
    /// use serde_json::json;
    ///
    /// client
    ///     .request(Method::Post, "/v1/subscriptions")
    ///     .param("customer", "cus_1")
    ///     .param("items", json!([{"price": "price_gold", "quantity": 2}]))
    ///     .param("metadata", json!({"tier": "gold"}))
    ///     .send()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn param(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.options.params.insert(name.into(), value.into());
        self
    }

    /// Sets many parameters.
    pub fn params(mut self, params: impl IntoIterator<Item = (String, Value)>) -> Self {
        self.options.params.extend(params);
        self
    }

    /// Asks for the object in the place of an id: `"latest_invoice"`. In lists, paths begin with `data.`
    ///
    /// What a type has is in [`Resource::EXPANDABLE`].
    pub fn expand(mut self, path: impl Into<String>) -> Self {
        expand(&mut self.options.params, path.into());
        self
    }

    /// For a connected account: `Stripe-Account`. Goes before the account of the client's handle.
    pub fn account(mut self, id: impl AsRef<str>) -> Self {
        self.options.account = Account::Connected(Arc::from(id.as_ref()));
        self
    }

    /// For the account that the key belongs to, whatever the client's handle says.
    pub fn platform(mut self) -> Self {
        self.options.account = Account::Platform;
        self
    }

    /// For an account below an organization: `Stripe-Context`.
    pub fn context(mut self, context: impl Into<String>) -> Self {
        self.options.context = Some(context.into());
        self
    }

    /// In another version of the API: `Stripe-Version`. Calls after this one have the client's again.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.options.version = Some(version.into());
        self
    }

    /// With this key, and none of the client's.
    pub fn secret_key(mut self, key: SecretKey) -> Self {
        self.options.key = Some(key);
        self
    }

    /// With the client's key for this mode.
    pub fn mode(mut self, mode: Mode) -> Self {
        self.options.mode = Some(mode);
        self
    }

    /// With this idempotency key, at every try, and also where none would be sent.
    ///
    /// Without it, each POST has a new one. The answer to a key that Stripe has seen is the first one; how old it is cannot
    /// be told ([`Meta::interval`](super::Meta::interval)).
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.options.idempotency = Idempotency::Given(key.into());
        self
    }

    /// With the idempotency key that is kept for doing `action` (`"create:42"`) to an object of type `object`, in this mode
    /// and account: a new one if there is none, which is kept before anything is sent.
    ///
    /// So a call that was cut off is not done twice when it is made again, even by another process: where keys are kept
    /// is up to [`ClientBuilder::kept_keys`](super::ClientBuilder::kept_keys).
    pub fn kept_key(mut self, object: impl Into<String>, action: impl Into<String>) -> Self {
        self.options.idempotency = Idempotency::Kept {
            object: object.into(),
            action: action.into(),
        };
        self
    }

    /// Without an idempotency key. A POST is then sent once, whatever happens to it.
    pub fn without_idempotency_key(mut self) -> Self {
        self.options.idempotency = Idempotency::Without;
        self
    }

    /// How long the answer to each try is waited for. The client's, 80 s, if not set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// How long the whole may take: waiting for a turn, all tries and the pauses between them. For a list, each page.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.options.deadline = Some(deadline);
        self
    }

    /// How often, and with what delays, it is sent again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options.retry = Some(policy);
        self
    }
}

/// Adds a path to what is to be expanded.
pub(super) fn expand(params: &mut Map<String, Value>, path: String) {
    let paths = params
        .entry("expand")
        .or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(paths) = paths {
        paths.push(Value::String(path));
    }
}

impl Call<Raw> {
    /// To another of Stripe's servers.
    pub fn host(mut self, host: Host) -> Self {
        self.options.host = host;
        self
    }

    /// Sends it.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: Stripe refused it, there was no answer, or it could not be sent as it is.
    ///
    /// # Cancellation
    ///
    /// A POST whose future is dropped may have been carried out. The same call with the same idempotency key is safe.
    pub async fn send(self) -> Result<Response, ClientError> {
        let path = self
            .kind
            .path
            .map_err(|source| ClientError::Path { source })?;
        self.client.execute(self.method, &path, &self.options).await
    }
}

impl<T: View> Call<One<T>> {
    /// What its answer is held against.
    #[cfg(feature = "_store")]
    pub(crate) fn check(&self) -> Check {
        self.kind.check
    }

    /// The id of the object that this one is below, as a card is below a customer. From the outside in, where there are
    /// several.
    pub fn parent(mut self, id: impl Into<String>) -> Self {
        self.kind.target.add_parent(id.into());
        self
    }

    /// Sends it.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: as for raw calls, and [`NoPath`](ClientError::NoPath), [`NoParent`](ClientError::NoParent) and
    /// [`NotOffered`](ClientError::NotOffered) before anything is sent, and [`OtherType`](ClientError::OtherType).
    ///
    /// # Cancellation
    ///
    /// A POST or DELETE whose future is dropped may have been carried out.
    pub async fn send(self) -> Result<Fetched<T>, ClientError> {
        let path = self.kind.target.resolve()?;
        let response = self
            .client
            .execute(self.method, &path, &self.options)
            .await?;
        let value: Value = serde_json::from_str(response.text())
            .map_err(|error| unreadable(&response, Unusable::BadJson(error)))?;
        self.kind
            .check
            .run(&value)
            .map_err(|source| ClientError::OtherType {
                request: response.request().clone(),
                source,
            })?;
        Ok(Fetched {
            view: T::from_value(value),
            response,
        })
    }
}

/// An answer that is JSON, and not what was asked for.
pub(super) fn unreadable(response: &Response, reason: Unusable) -> ClientError {
    ClientError::Unusable(Box::new(UnusableResponse {
        request: response.request().clone(),
        status: response.status(),
        content_type: None,
        request_id: response.request_id().cloned(),
        attempts: response.attempts(),
        reason,
        body: UnusableResponse::kept(response.text().to_owned()),
    }))
}

/// Without what the parameters hold.
impl<K> fmt::Debug for Call<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
