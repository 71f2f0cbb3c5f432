//! Sending: turns under the rate limit, tries, and the pauses between them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use backon::Retryable;
use reqwest::StatusCode;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::Instrument;
use tracing::field::Empty;

use super::Client;
use super::answer::{Answer, Failure};
use super::error::{ClientError, Opaque};
use super::path::ApiPath;
use super::prepare::Prepared;
use super::request::{Method, Options};
use super::response::{RequestId, Response};
use super::retry::Advice;

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
            let prepared = self.prepare(method, path, options, start).await?;
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

        let meta = answer.meta(prepared, number, start.elapsed());
        let advice = answer.advice(&meta);
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            self.shared.limiter.refused(prepared.retry.pause(advice));
        } else {
            self.shared.limiter.allowed();
        }
        answer.read(prepared, meta, advice)
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
