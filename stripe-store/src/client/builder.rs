//! How a client is made.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use rustls::crypto::CryptoProvider;

use super::app_info::{AppInfo, UserAgent};
use super::error::Opaque;
use super::idempotency::{IdempotencyKeys, KeysInMemory};
use super::key::{SecretKey, SecretKeyError, SecretKeys};
use super::rate_limit::{Limiter, RateLimit};
use super::request::{Host, Hosts};
use super::retry::RetryPolicy;
use super::{Client, Shared, tls};
use crate::mode::Mode;

/// How many requests a second leave in live mode, if nothing is said: Stripe takes 100.
const LIVE_PER_SECOND: u32 = 80;

/// In test mode, where Stripe takes 25.
const TEST_PER_SECOND: u32 = 20;

/// Settings of a [`Client`], all with a default but the key.
///
/// Nothing is read from the environment.
#[must_use = "a builder makes nothing before `build`"]
#[derive(Debug)]
pub struct ClientBuilder {
    keys: SecretKeys,
    hosts: [Option<String>; 4],
    version: String,
    account: Option<Arc<str>>,
    app: Option<AppInfo>,
    timeout: Duration,
    connect_timeout: Duration,
    deadline: Option<Duration>,
    retry: RetryPolicy,
    rate_limit: Option<RateLimit>,
    kept_keys: Arc<dyn IdempotencyKeys>,
    certificates: Vec<Vec<u8>>,
    proxy: Option<String>,
}

impl ClientBuilder {
    /// With this key, or these.
    pub(super) fn new(keys: SecretKeys) -> Self {
        Self {
            keys,
            hosts: [const { None }; 4],
            version: crate::resources::API_VERSION.to_owned(),
            account: None,
            app: None,
            timeout: Duration::from_secs(80),
            connect_timeout: Duration::from_secs(30),
            deadline: None,
            retry: RetryPolicy::new(),
            rate_limit: None,
            kept_keys: Arc::new(KeysInMemory::new()),
            certificates: Vec::new(),
            proxy: None,
        }
    }

    /// Where the API is. `https://api.stripe.com` by default; a path below which it is may be part of it.
    ///
    /// The other servers stay where they are; see [`host`](Self::host).
    pub fn base_url(self, url: impl Into<String>) -> Self {
        self.host(Host::Api, url)
    }

    /// Where files go. `https://files.stripe.com` by default.
    pub fn upload_url(self, url: impl Into<String>) -> Self {
        self.host(Host::Files, url)
    }

    /// Where one of Stripe's servers is.
    pub fn host(mut self, host: Host, url: impl Into<String>) -> Self {
        let [api, files, connect, meter_events] = &mut self.hosts;
        let place = match host {
            Host::Api => api,
            Host::Files => files,
            Host::Connect => connect,
            Host::MeterEvents => meter_events,
        };
        *place = Some(url.into());
        self
    }

    /// The version of the API: `Stripe-Version`. By default the one that the views are of,
    /// [`API_VERSION`](crate::resources::API_VERSION).
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// The connected account that all calls are for which do not name another.
    pub fn account(mut self, id: impl AsRef<str>) -> Self {
        self.account = Some(Arc::from(id.as_ref()));
        self
    }

    /// What application this is, for Stripe to see.
    pub fn app_info(mut self, app: AppInfo) -> Self {
        self.app = Some(app);
        self
    }

    /// How long the answer to each try is waited for. 80 s by default, as in Stripe's own clients.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long a connection is waited for. 30 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a call may take in all, waiting and repetitions included. No limit by default.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// How often, and with what delays, requests are sent again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How many requests leave in a second. 80 by default, or 20 with a key of test mode: somewhat less than Stripe takes.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = Some(limit);
        self
    }

    /// Where idempotency keys are kept for calls with [`kept_key`](super::Call::kept_key). In memory by default; a
    /// `Store` keeps them in its database.
    pub fn kept_keys(mut self, keys: Arc<dyn IdempotencyKeys>) -> Self {
        self.kept_keys = keys;
        self
    }

    /// Also trusts the certificate authorities in this PEM text, such as that of a company's proxy. Those that Mozilla
    /// trusts are built in.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates.push(pem.into());
        self
    }

    /// Goes through this HTTP proxy. Without it, none is used, whatever the environment says.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// Makes the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`BuildError`] names the setting that cannot be used.
    pub fn build(self) -> Result<Client, BuildError> {
        let [api, files, connect, meter_events] = self.hosts;
        let hosts = Hosts {
            api: base(api.as_deref(), "https://api.stripe.com")?,
            files: base(files.as_deref(), "https://files.stripe.com")?,
            connect: base(connect.as_deref(), "https://connect.stripe.com")?,
            meter_events: base(meter_events.as_deref(), "https://meter-events.stripe.com")?,
        };
        for (url, key) in hosts
            .all()
            .into_iter()
            .flat_map(|url| self.keys.all().map(move |key| (url, key)))
        {
            if is_exposed(url, key) {
                return Err(BuildError::Exposed {
                    url: url.as_str().into(),
                });
            }
        }
        let provider = Arc::new(tls::provider());
        let http = http(
            &provider,
            &self.certificates,
            self.proxy,
            self.connect_timeout,
        )?;
        let limit = self.rate_limit.unwrap_or_else(|| {
            RateLimit::per_second(match self.keys.mode() {
                Some(Mode::Test) => TEST_PER_SECOND,
                Some(Mode::Live) | None => LIVE_PER_SECOND,
            })
        });
        Ok(Client {
            shared: Arc::new(Shared {
                http,
                provider,
                agent: UserAgent::new(self.app.as_ref())?,
                keys: self.keys,
                hosts,
                timeout: self.timeout,
                deadline: self.deadline,
                retry: self.retry,
                limiter: Limiter::new(limit),
                kept_keys: self.kept_keys,
            }),
            version: self.version.into(),
            account: self.account,
            mode: None,
        })
    }
}

/// The transport.
fn http(
    provider: &Arc<CryptoProvider>,
    certificates: &[Vec<u8>],
    proxy: Option<String>,
    connect_timeout: Duration,
) -> Result<reqwest::Client, BuildError> {
    let fault = |error: reqwest::Error| BuildError::Http {
        source: error.into(),
    };
    let mut http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::config(provider, certificates)?)
        // The key goes where the caller says, and nowhere else.
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // What is sent again, and when, is decided here.
        .retry(reqwest::retry::never())
        .no_proxy()
        .connect_timeout(connect_timeout);
    if let Some(url) = proxy {
        let proxy = reqwest::Proxy::all(&url).map_err(|_| BuildError::Proxy)?;
        http = http.proxy(proxy);
    }
    http.build().map_err(fault)
}

/// A server's address, as given or by default.
fn base(given: Option<&str>, default: &str) -> Result<Url, BuildError> {
    let text = given.unwrap_or(default);
    let fault = || BuildError::BaseUrl { url: text.into() };
    let url = Url::parse(text).map_err(|_| fault())?;
    let is_plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || !is_plain {
        return Err(fault());
    }
    Ok(url)
}

/// Whether a live key would go over a network in clear text.
pub(super) fn is_exposed(url: &Url, key: &SecretKey) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_local = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    key.mode() == Some(Mode::Live) && url.scheme() != "https" && !is_local
}

/// A client cannot be made with these settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The secret key is none.
    #[error("the secret key cannot be used")]
    #[non_exhaustive]
    Key {
        /// What is wrong with it.
        source: SecretKeyError,
    },
    /// A server's address is no URL, or has parts that an address has not.
    #[error("{url:?} is no server's address: it is like https://api.stripe.com")]
    #[non_exhaustive]
    BaseUrl {
        /// What was given.
        url: Box<str>,
    },
    /// A live key would be sent without encryption.
    #[error("{url} is not encrypted, and there is a key of live mode: use https")]
    #[non_exhaustive]
    Exposed {
        /// The server's address.
        url: Box<str>,
    },
    /// The application's name, version, URL or partner id has characters that no header can have.
    #[error("what is said of the application cannot stand in a header")]
    AppInfo,
    /// The proxy's address is no URL.
    #[error("the proxy's address is no URL")]
    Proxy,
    /// A certificate authority cannot be read.
    #[error("the root certificates cannot be read")]
    #[non_exhaustive]
    Certificate {
        /// What is wrong with it.
        source: Opaque,
    },
    /// There is no certificate in a PEM text.
    #[error("the PEM text has no certificate in it")]
    NoCertificate,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    #[non_exhaustive]
    Tls {
        /// The library's account of it.
        source: Opaque,
    },
    /// The transport cannot be set up.
    #[error("HTTP cannot be set up")]
    #[non_exhaustive]
    Http {
        /// The library's account of it.
        source: Opaque,
    },
}
