//! A connection that is kept, and one request on it.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use stripe_store::webhook::SIGNATURE_HEADER;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take: what Stripe waits is not published, and less than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where requests go.
#[derive(Debug, Clone)]
pub(super) struct Target {
    authority: String,
    path: Uri,
}

impl Target {
    /// # Panics
    ///
    /// When it is no URL with a host.
    pub(super) fn new(url: &str) -> Self {
        let uri: Uri = url.parse().expect("a URL");
        let authority = uri.authority().expect("a URL has a host").to_string();
        let path = uri.path().parse().expect("a URL has a path");
        Self { authority, path }
    }
}

/// What became of a request that was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// Nobody listens.
    Refused,
    /// The connection broke, or time was up: whether it was received is not known.
    Lost,
}

/// One at a time, made when it is needed.
#[derive(Debug, Default)]
pub(super) struct Connection(Option<SendRequest<Full<Bytes>>>);

impl Connection {
    /// Posts a body, and returns the status of the answer.
    pub(super) async fn post(
        &mut self,
        target: &Target,
        body: Bytes,
        signature: &str,
    ) -> Result<u16, Unanswered> {
        let answer = timeout(PATIENCE, self.try_post(target, body, signature)).await;
        let answer = answer.unwrap_or(Err(Unanswered::Lost));
        if answer.is_err() {
            self.0 = None;
        }
        answer
    }

    async fn try_post(
        &mut self,
        target: &Target,
        body: Bytes,
        signature: &str,
    ) -> Result<u16, Unanswered> {
        let mut sender = match self.0.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => connect(target).await?,
        };
        let lost = |_| Unanswered::Lost;
        sender.ready().await.map_err(lost)?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(target.path.clone())
            .header(HOST, target.authority.as_str())
            .header(
                CONTENT_TYPE,
                HeaderValue::from_static("application/json; charset=utf-8"),
            )
            .header(
                "user-agent",
                "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            )
            .header("accept", "*/*; q=0.5, application/xml")
            .header(SIGNATURE_HEADER, signature)
            .body(Full::new(body))
            .expect("a request");
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|_| Unanswered::Lost)?;
        let status = answer.status().as_u16();
        // What is left unread would be in the way of the next.
        answer
            .into_body()
            .collect()
            .await
            .map_err(|_| Unanswered::Lost)?;
        self.0 = Some(sender);
        Ok(status)
    }
}

async fn connect(target: &Target) -> Result<SendRequest<Full<Bytes>>, Unanswered> {
    let stream = TcpStream::connect(target.authority.as_str()).await;
    let stream = stream.map_err(|_| Unanswered::Refused)?;
    // A body and its head are two writes: they are not to wait for each other.
    stream.set_nodelay(true).map_err(|_| Unanswered::Lost)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|_| Unanswered::Lost)?;
    tokio::spawn(connection);
    Ok(sender)
}
