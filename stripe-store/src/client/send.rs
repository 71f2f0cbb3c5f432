//! Sending: turns under the rate limit, tries, what an answer means.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use backon::Retryable;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::Instrument;
use tracing::field::Empty;

use super::Client;
use super::error::{ApiError, ClientError, Opaque, Unusable, UnusableResponse};
use super::path::ApiPath;
use super::prepare::Prepared;
use super::request::{Method, Options};
use super::response::{Age, Meta, RequestId, Response};
use super::retry::Advice;

/// A try that failed, and whether another is worth it.
#[derive(Debug)]
struct Failure {
    error: ClientError,
    advice: Advice,
}

impl Failure {
    fn last(error: ClientError) -> Self {
        Self {
            error,
            advice: Advice::GiveUp,
        }
    }

    fn again(error: ClientError) -> Self {
        Self {
            error,
            advice: Advice::Retry(None),
        }
    }
}

/// An answer, before anybody looked at its body.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    /// From when the try began to when its headers were there.
    took: Duration,
}

/// Milliseconds, for a span or an error.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Client {
    /// Sends a request, as often as is needed and allowed.
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the connection, or leaves the request's place in the queue. What a POST should do may
    /// have been done by then.
    pub(super) async fn execute(
        &self,
        method: Method,
        path: &ApiPath,
        options: &Options,
    ) -> Result<Response, ClientError> {
        let span = tracing::info_span!(
            "stripe_request",
            method = method.as_str(),
            path = path.path(),
            stripe.account = Empty,
            stripe.request_id = Empty,
            status = Empty,
            attempts = Empty,
            duration_ms = Empty,
        );
        let attempts = AtomicU32::new(0);
        let start = Instant::now();
        let result = async {
            let prepared = self.prepare(method, path, options).await?;
            if let Some(account) = &prepared.account {
                span.record("stripe.account", account.as_ref());
            }
            self.tries(&prepared, start, &attempts).await
        };
        let result = result.instrument(span.clone()).await;
        if !span.is_disabled() {
            let (status, id) = match &result {
                Ok(response) => (Some(response.status()), response.request_id()),
                Err(error) => (error.status(), error.request_id()),
            };
            span.record("status", status);
            span.record("stripe.request_id", id.map(RequestId::as_str));
            span.record("attempts", attempts.load(Ordering::Relaxed));
            span.record("duration_ms", millis(start.elapsed()));
        }
        result
    }

    async fn tries(
        &self,
        prepared: &Prepared,
        start: Instant,
        attempts: &AtomicU32,
    ) -> Result<Response, ClientError> {
        let one = || self.attempt(prepared, start, attempts);
        let worth =
            |failure: &Failure| prepared.is_repeatable() && failure.advice != Advice::GiveUp;
        let delay = |failure: &Failure, planned: Option<Duration>| {
            let delay = prepared.retry.delay(planned?, failure.advice)?;
            let back = Instant::now().checked_add(delay)?;
            prepared
                .deadline
                .is_none_or(|deadline| back < deadline)
                .then_some(delay)
        };
        let note = |failure: &Failure, delay: Duration| {
            tracing::debug!(
                delay_ms = millis(delay),
                status = failure.error.status(),
                stripe.request_id = failure.error.request_id().map(RequestId::as_str),
                "sending the request again"
            );
        };
        one.retry(prepared.retry.backoff())
            .sleep(tokio::time::sleep)
            .when(worth)
            .adjust(delay)
            .notify(note)
            .await
            .map_err(|failure| failure.error)
    }

    /// Waits for a turn, sends once, and reads the answer.
    async fn attempt(
        &self,
        prepared: &Prepared,
        start: Instant,
        attempts: &AtomicU32,
    ) -> Result<Response, Failure> {
        let too_late = |attempts, waited| ClientError::Timeout {
            request: prepared.line.clone(),
            attempts,
            timeout_ms: millis(waited),
        };
        let turn = self.shared.limiter.turn();
        match prepared.deadline {
            None => turn.await,
            Some(deadline) => timeout_at(deadline, turn).await.map_err(|_| {
                Failure::last(too_late(attempts.load(Ordering::Relaxed), start.elapsed()))
            })?,
        }
        let number = attempts.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let left = prepared
            .deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let patience = left.map_or(prepared.timeout, |left| left.min(prepared.timeout));

        let answer = timeout(patience, self.exchange(prepared)).await;
        let answer = answer.map_err(|_| Failure::again(too_late(number, patience)))?;
        let answer = answer.map_err(|error| transport(prepared, number, error))?;
        self.read(prepared, start, number, answer)
    }

    /// One request and its answer, whole.
    async fn exchange(&self, prepared: &Prepared) -> Result<Answer, reqwest::Error> {
        let begin = Instant::now();
        let request = prepared.request(&self.shared.http)?;
        let mut response = self.shared.http.execute(request).await?;
        let took = begin.elapsed();
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let body = response.bytes().await?.into();
        Ok(Answer {
            status,
            headers,
            body,
            took,
        })
    }

    /// What an answer means.
    fn read(
        &self,
        prepared: &Prepared,
        start: Instant,
        attempts: u32,
        answer: Answer,
    ) -> Result<Response, Failure> {
        let Answer {
            status,
            headers,
            body,
            took,
        } = answer;
        let mut meta = Meta {
            request: prepared.line.clone(),
            status: status.as_u16(),
            request_id: None,
            api_version: None,
            account: prepared.account.clone(),
            mode: prepared.mode,
            idempotency_key: prepared.idempotency_key.clone(),
            is_replayed: false,
            attempts,
            date: None,
            interval: None,
        };
        meta.read(&headers, |is_replayed| {
            match (is_replayed, prepared.is_key_fresh) {
                (false, _) => Age::AtMost(took),
                (true, true) => Age::AtMost(start.elapsed()),
                (true, false) => Age::Unknown,
            }
        });

        // The server's clock where it tells the time: its dates are by that.
        let now = meta.date.map_or(SystemTime::UNIX_EPOCH, SystemTime::from);
        let advice = Advice::of(status, &headers, now);
        if status == StatusCode::TOO_MANY_REQUESTS {
            let pause = match advice {
                Advice::Retry(after) => after,
                Advice::GiveUp => None,
            };
            self.shared.limiter.refused(pause);
        } else {
            self.shared.limiter.allowed();
        }

        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let unusable = |meta: Meta, reason: Unusable, body: String| {
            ClientError::Unusable(Box::new(UnusableResponse {
                request: meta.request,
                status: meta.status,
                content_type: content_type.map(Into::into),
                request_id: meta.request_id,
                attempts,
                reason,
                body: UnusableResponse::kept(prepared.key.redact(body)),
            }))
        };
        let text = String::from_utf8(body).map_err(|error| Failure {
            error: unusable(
                meta.clone(),
                Unusable::NotText,
                String::from_utf8_lossy(error.as_bytes()).into_owned(),
            ),
            advice,
        })?;
        if status.is_redirection() {
            return Err(Failure::last(unusable(meta, Unusable::Redirect, text)));
        }
        if content_type.is_some_and(|found| !is_json(found)) {
            let error = unusable(meta, Unusable::NotJson, text);
            return Err(Failure { error, advice });
        }
        if let Err(error) = serde_json::from_str::<&RawValue>(&text) {
            let reason = match content_type {
                Some(_) => Unusable::BadJson(error),
                None => Unusable::NotJson,
            };
            // Half of an answer is a lost connection that nobody reported.
            let advice = match (&reason, advice) {
                (reason, Advice::GiveUp) if reason.is_cut_off() && status.is_success() => {
                    Advice::Retry(None)
                }
                (_, advice) => advice,
            };
            let error = unusable(meta, reason, text);
            return Err(Failure { error, advice });
        }
        if !status.is_success() {
            let error = match ApiError::read(&text) {
                Some(details) => ClientError::Api(Box::new(ApiError {
                    request: meta.request,
                    status: meta.status,
                    request_id: meta.request_id,
                    attempts,
                    details: redacted(prepared, details),
                    body: prepared.key.redact(text).into(),
                })),
                None => unusable(meta, Unusable::OtherForm, text),
            };
            return Err(Failure { error, advice });
        }
        let body = RawValue::from_string(text).map_err(|error| {
            Failure::last(unusable(
                meta.clone(),
                Unusable::BadJson(error),
                String::new(),
            ))
        })?;
        Ok(Response {
            meta: Arc::new(meta),
            body,
        })
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

/// No answer, or not all of it.
fn transport(prepared: &Prepared, attempts: u32, error: reqwest::Error) -> Failure {
    let request = prepared.line.clone();
    // The query may name people; the path is in the line.
    let error = error.without_url();
    if error.is_builder() {
        let source = Opaque::from(error);
        return Failure::last(ClientError::Encode { request, source });
    }
    if is_certificate(&error) {
        let source = Opaque::from(error);
        return Failure::last(ClientError::Certificate { request, source });
    }
    let source = Opaque::from(error);
    Failure::again(ClientError::Connection {
        request,
        attempts,
        source,
    })
}

/// Whether the server's certificate is what is wrong; asking again does not change it.
fn is_certificate(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
            return true;
        }
        // What is inside an I/O error is not its source, and may be one in turn.
        let inside = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        next = match inside {
            Some(inside) => Some(inside),
            None => error.source(),
        };
    }
    false
}
