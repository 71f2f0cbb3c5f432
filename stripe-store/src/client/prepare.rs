//! A request as it is sent: address, headers, body. Made once, and sent as often as it takes.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::multipart::{Form, Part};
use tokio::time::Instant;

use super::Client;
use super::error::{ClientError, RequestLine};
use super::form;
use super::idempotency::{IdempotencyKey, Purpose};
use super::key::SecretKey;
use super::path::ApiPath;
use super::request::{Account, Idempotency, Method, Options};
use super::retry::RetryPolicy;
use super::upload::FileUpload;
use crate::clock::{RequestBegin, RequestOrder};
use crate::mode::Mode;

/// What goes with the headers.
#[derive(Debug)]
enum Body {
    None,
    Bytes(Vec<u8>),
    /// The fields, and the file.
    Multipart(Vec<(String, String)>, Arc<FileUpload>),
}

/// A request, ready to be sent any number of times.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) line: RequestLine,
    pub(super) key: SecretKey,
    pub(super) account: Option<Box<str>>,
    pub(super) mode: Option<Mode>,
    pub(super) idempotency_key: Option<IdempotencyKey>,
    /// Whether the idempotency key was made for this call, so that no other request had it.
    pub(super) is_key_fresh: bool,
    pub(super) timeout: Duration,
    pub(super) deadline: Option<Instant>,
    pub(super) retry: RetryPolicy,
    pub(super) begin: RequestBegin,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Body,
}

impl Prepared {
    /// Whether sending it twice does no more than sending it once.
    pub(super) fn is_repeatable(&self) -> bool {
        self.method != Method::Post || self.idempotency_key.is_some()
    }

    /// One copy of it to send.
    pub(super) fn request(
        &self,
        http: &reqwest::Client,
    ) -> Result<reqwest::Request, reqwest::Error> {
        let request = http
            .request(self.method.into(), self.url.clone())
            .headers(self.headers.clone());
        match &self.body {
            Body::None => request,
            Body::Bytes(bytes) => request.body(bytes.clone()),
            Body::Multipart(fields, file) => {
                let mut part = Part::bytes(file.content.clone()).file_name(file.name.clone());
                if let Some(content_type) = &file.content_type {
                    part = part.mime_str(content_type)?;
                }
                let fields = fields.iter().cloned();
                let form = fields.fold(Form::new(), |form, (name, value)| form.text(name, value));
                request.multipart(form.part("file", part))
            }
        }
        .build()
    }
}

impl Client {
    /// Makes the request of a call that began at `start`. Nothing is sent, but the key's place may be asked.
    pub(super) async fn prepare(
        &self,
        method: Method,
        path: &ApiPath,
        options: &Options,
        start: Instant,
    ) -> Result<Prepared, ClientError> {
        let line = RequestLine {
            method,
            path: path.path().into(),
        };
        let account = match &options.account {
            Account::Inherited => self.account.clone(),
            Account::Platform => None,
            Account::Connected(account) => Some(Arc::clone(account)),
        };
        let mode = options.mode.or(self.mode);
        let (key, is_own) = match &options.key {
            Some(key) => (key, false),
            None => match (self.shared.keys.choose(account.as_deref(), mode), mode) {
                (Some(choice), _) => (choice.key, choice.is_own),
                (None, mode) => {
                    return Err(ClientError::NoKey {
                        mode: mode.unwrap_or_default(),
                    });
                }
            },
        };
        let mode = key.mode().or(mode);

        let base = self.shared.hosts.of(options.host);
        let mut url = path.below(base).ok_or_else(|| ClientError::OtherServer {
            path: path.path().into(),
        })?;
        if super::builder::is_exposed(&url, key) {
            return Err(ClientError::Exposed { request: line });
        }
        let body = body(&mut url, method, path, options, &line)?;

        let purpose = |object: &str, action: &str| {
            Purpose::new(object, action)
                .with_mode(mode)
                .with_account(account.as_deref().map(str::to_owned))
        };
        let (idempotency_key, is_key_fresh) = self
            .idempotency_key(method, path, &options.idempotency, purpose, &line)
            .await?;

        let mut headers = Headers::new(&line);
        let header = |name: &'static str| HeaderName::from_static(name);
        headers
            .map
            .insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers
            .map
            .insert(USER_AGENT, self.shared.agent.short.clone());
        headers.map.insert(
            header("x-stripe-client-user-agent"),
            self.shared.agent.long.clone(),
        );
        let authorization = key.authorization();
        let authorization = authorization.ok_or_else(|| headers.fault("Authorization"))?;
        headers
            .map
            .insert(reqwest::header::AUTHORIZATION, authorization);
        let version = options.version.as_deref().unwrap_or(&self.version);
        headers.text("Stripe-Version", header("stripe-version"), Some(version))?;
        let named = account.as_deref().filter(|_| !is_own);
        headers.text("Stripe-Account", header("stripe-account"), named)?;
        headers.text(
            "Stripe-Context",
            header("stripe-context"),
            options.context.as_deref(),
        )?;
        let key_text = idempotency_key.as_ref().map(IdempotencyKey::as_str);
        headers.text("Idempotency-Key", header("idempotency-key"), key_text)?;
        if matches!(body, Body::Bytes(_)) {
            let kind = if path.is_v2() {
                "application/json"
            } else {
                "application/x-www-form-urlencoded"
            };
            headers
                .map
                .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }

        let deadline = options.deadline.or(self.shared.deadline);
        Ok(Prepared {
            key: key.clone(),
            account: account.as_deref().map(Into::into),
            mode,
            idempotency_key,
            is_key_fresh,
            timeout: options.timeout.unwrap_or(self.shared.timeout),
            deadline: deadline.and_then(|deadline| start.checked_add(deadline)),
            retry: options.retry.unwrap_or(self.shared.retry),
            begin: RequestOrder::begin(),
            method,
            url,
            headers: headers.map,
            body,
            line,
        })
    }

    /// The key of a request, and whether it was made now.
    async fn idempotency_key(
        &self,
        method: Method,
        path: &ApiPath,
        wanted: &Idempotency,
        purpose: impl Fn(&str, &str) -> Purpose,
        line: &RequestLine,
    ) -> Result<(Option<IdempotencyKey>, bool), ClientError> {
        match wanted {
            Idempotency::Given(key) => {
                let key = IdempotencyKey::new(key).ok_or_else(|| ClientError::Header {
                    request: line.clone(),
                    header: "Idempotency-Key",
                })?;
                Ok((Some(key), false))
            }
            Idempotency::Kept { object, action } => {
                let purpose = purpose(object, action);
                let fresh = self.shared.fresh_key()?;
                let kept = self.shared.kept_keys.keep(&purpose, fresh).await;
                let key = kept.map_err(|source| ClientError::KeyNotKept {
                    purpose: Box::new(purpose),
                    source,
                })?;
                Ok((Some(key), false))
            }
            // What v1 does at a DELETE does not depend on how often it is told to.
            Idempotency::Fresh
                if method == Method::Post || (path.is_v2() && method == Method::Delete) =>
            {
                Ok((Some(self.shared.fresh_key()?), true))
            }
            Idempotency::Fresh | Idempotency::Without => Ok((None, false)),
        }
    }
}

/// Puts the parameters where they belong: into the query, or a body.
fn body(
    url: &mut Url,
    method: Method,
    path: &ApiPath,
    options: &Options,
    line: &RequestLine,
) -> Result<Body, ClientError> {
    let fault = |source: super::error::Opaque| ClientError::Encode {
        request: line.clone(),
        source,
    };
    if method == Method::Post && path.is_v2() {
        let json = serde_json::to_vec(&options.params).map_err(|error| fault(error.into()))?;
        return Ok(Body::Bytes(json));
    }
    let form = form::encode(&options.params).map_err(|error| fault(error.into()))?;
    if let Some(file) = &options.file {
        // Written and read again, so that names are the same as in any other request.
        let mut fields = url.clone();
        fields.set_query(Some(&form));
        let mut fields: Vec<_> = fields.query_pairs().into_owned().collect();
        fields.insert(0, ("purpose".to_owned(), file.purpose.clone()));
        return Ok(Body::Multipart(fields, Arc::clone(file)));
    }
    if method == Method::Post {
        return Ok(Body::Bytes(form.into_bytes()));
    }
    if !form.is_empty() {
        let query = match url.query() {
            Some(query) if !query.is_empty() => format!("{query}&{form}"),
            _ => form,
        };
        url.set_query(Some(&query));
    }
    Ok(Body::None)
}

/// Headers in the making.
struct Headers<'a> {
    map: HeaderMap,
    line: &'a RequestLine,
}

impl<'a> Headers<'a> {
    fn new(line: &'a RequestLine) -> Self {
        Self {
            map: HeaderMap::new(),
            line,
        }
    }

    fn fault(&self, header: &'static str) -> ClientError {
        ClientError::Header {
            request: self.line.clone(),
            header,
        }
    }

    /// A header with what a caller gave; an empty text is none.
    fn text(
        &mut self,
        label: &'static str,
        name: HeaderName,
        value: Option<&str>,
    ) -> Result<(), ClientError> {
        let Some(text) = value.filter(|text| !text.is_empty()) else {
            return Ok(());
        };
        let value = HeaderValue::from_str(text).map_err(|_| self.fault(label))?;
        self.map.insert(name, value);
        Ok(())
    }
}
