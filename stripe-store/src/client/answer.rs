//! What an answer means: an object, a refusal, or nothing that Stripe would send.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::value::RawValue;

use super::error::{ApiError, ClientError, Unusable, UnusableResponse};
use super::prepare::Prepared;
use super::response::{Age, Meta, Response};
use super::retry::Advice;

/// A try that failed, and whether another is worth it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: ClientError,
    pub(super) advice: Advice,
}

impl Failure {
    /// Another try would be no better.
    pub(super) fn last(error: ClientError) -> Self {
        Self {
            error,
            advice: Advice::GiveUp,
        }
    }

    /// Another try may be better.
    pub(super) fn again(error: ClientError) -> Self {
        Self {
            error,
            advice: Advice::Retry(None),
        }
    }
}

/// An answer, whole, before anybody looked at its body.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// From when the try began to when its headers were there.
    pub(super) took: Duration,
}

impl Answer {
    /// What the headers say. `since` is how long ago the call began.
    pub(super) fn meta(&self, prepared: &Prepared, attempts: u32, since: Duration) -> Meta {
        let mut meta = Meta {
            request: prepared.line.clone(),
            status: self.status.as_u16(),
            request_id: None,
            api_version: None,
            account: prepared.account.clone(),
            mode: prepared.mode,
            idempotency_key: prepared.idempotency_key.clone(),
            is_replayed: false,
            attempts,
            date: None,
            interval: None,
            order: prepared.begin.end(),
        };
        meta.read(&self.headers, |is_replayed| {
            match (is_replayed, prepared.is_key_fresh) {
                (false, _) => Age::AtMost(self.took),
                (true, true) => Age::AtMost(since),
                (true, false) => Age::Unknown,
            }
        });
        meta
    }

    /// What the status and the headers say of another try.
    pub(super) fn advice(&self, meta: &Meta) -> Advice {
        // By the server's clock, where it tells the time: its dates are by that too.
        let now = meta.date.map_or(SystemTime::UNIX_EPOCH, SystemTime::from);
        Advice::of(self.status, &self.headers, now)
    }

    /// What the body says.
    pub(super) fn read(
        self,
        prepared: &Prepared,
        meta: Meta,
        advice: Advice,
    ) -> Result<Response, Failure> {
        let content_type = self.headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let unusable = |meta: Meta, reason: Unusable, body: String| {
            ClientError::Unusable(Box::new(UnusableResponse {
                request: meta.request,
                status: meta.status,
                content_type: content_type.map(Into::into),
                request_id: meta.request_id,
                attempts: meta.attempts,
                reason,
                body: UnusableResponse::kept(prepared.key.redact(body)),
            }))
        };
        let text = match String::from_utf8(self.body) {
            Ok(text) => text,
            Err(bytes) => {
                let text = String::from_utf8_lossy(bytes.as_bytes()).into_owned();
                let error = unusable(meta, Unusable::NotText, text);
                return Err(Failure { error, advice });
            }
        };
        if self.status.is_redirection() {
            return Err(Failure::last(unusable(meta, Unusable::Redirect, text)));
        }
        if content_type.is_some_and(|found| !is_json(found)) {
            let error = unusable(meta, Unusable::NotJson, text);
            // Somebody else's page that says that all is well: the next answer may be Stripe's.
            let advice = if self.status.is_success() {
                Advice::Retry(None)
            } else {
                advice
            };
            return Err(Failure { error, advice });
        }
        if let Err(error) = serde_json::from_str::<&RawValue>(&text) {
            let reason = match content_type {
                Some(_) => Unusable::BadJson(error),
                None => Unusable::NotJson,
            };
            // Half of an answer is a connection that was lost, and nobody noticed.
            let advice = if reason.is_cut_off() && self.status.is_success() {
                Advice::Retry(None)
            } else {
                advice
            };
            let error = unusable(meta, reason, text);
            return Err(Failure { error, advice });
        }
        if !self.status.is_success() {
            let error = match ApiError::read(&text) {
                Some(details) => ClientError::Api(Box::new(ApiError {
                    request: meta.request,
                    status: meta.status,
                    request_id: meta.request_id,
                    attempts: meta.attempts,
                    interval: meta.interval,
                    details: redacted(prepared, details),
                    body: prepared.key.redact(text).into(),
                })),
                None => unusable(meta, Unusable::OtherForm, text),
            };
            return Err(Failure { error, advice });
        }
        match RawValue::from_string(text) {
            Ok(body) => Ok(Response {
                meta: Arc::new(meta),
                body,
            }),
            Err(error) => {
                let error = unusable(meta, Unusable::BadJson(error), String::new());
                Err(Failure::last(error))
            }
        }
    }
}

/// What Stripe says of an error, without the key that it was asked with.
fn redacted(prepared: &Prepared, details: serde_json::Value) -> serde_json::Value {
    let text = details.to_string();
    let without = prepared.key.redact(text.clone());
    if without == text {
        return details;
    }
    serde_json::from_str(&without).unwrap_or_default()
}

/// `application/json`, with or without a charset, and what ends in `+json`.
fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
}
