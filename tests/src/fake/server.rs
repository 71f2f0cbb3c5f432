//! HTTP: requests in, answers out.

use std::io;
use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{Fault, State, body, form};

/// A request as it was received.
#[derive(Debug, Clone)]
pub struct Received {
    /// `GET`, `POST`, `DELETE`.
    pub method: String,
    /// The path, escapes and all.
    pub path: String,
    /// The query, as it was.
    pub query: String,
    /// Names in small letters, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether it came by HTTP/2.
    pub is_http2: bool,
}

impl Received {
    /// A header, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The fields of the query and of a form, decoded, in order.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = form::pairs(&self.query);
        let kind = self.header("content-type").unwrap_or_default();
        if kind.starts_with("application/x-www-form-urlencoded") {
            pairs.extend(form::pairs(&self.text()));
        }
        pairs
    }

    /// A field of the query or the form, by its name with brackets.
    pub fn param(&self, name: &str) -> Option<String> {
        let pairs = self.pairs();
        pairs
            .into_iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value)
    }
}

/// A certificate for `localhost`, by nobody but itself.
pub(super) fn tls() -> Result<(TlsAcceptor, String), Box<dyn std::error::Error + Send + Sync>> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), made.cert.pem()))
}

/// Serves connections until the task is aborted; theirs end with it.
pub(super) async fn run(listener: TcpListener, state: Arc<State>, tls: Option<TlsAcceptor>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let (state, tls) = (Arc::clone(&state), tls.clone());
        connections.spawn(async move {
            match tls {
                None => connection(stream, state).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        connection(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    state: Arc<State>,
) {
    let service = service_fn(move |request| answer(request, Arc::clone(&state)));
    let server = Builder::new(TokioExecutor::new());
    // A connection that the fake was told to cut ends with an error: that is what was asked for.
    drop(server.serve_connection(TokioIo::new(stream), service).await);
}

/// Answers a request, or, with an error, closes the connection.
async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
) -> io::Result<Response<body::Reply>> {
    let received = receive(request).await?;
    let fault = state.world().fault(&received);
    {
        let mut all = state
            .received
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        all.push(received.clone());
    }
    let mut reply = match &fault {
        Some(Fault::LostBefore) => return Err(io::Error::other("lost, as asked for")),
        Some(Fault::Instead(reply)) => reply.clone(),
        _ => state.world().answer(&received),
    };
    let mut breaks_off = false;
    match fault {
        Some(Fault::LostAfter) => return Err(io::Error::other("lost, as asked for")),
        Some(Fault::CutBody) => breaks_off = true,
        Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
        Some(Fault::Truncated) => reply.body.truncate(reply.body.len() / 2),
        Some(Fault::WrongType(kind)) => reply.content_type = Some(kind.to_owned()),
        Some(Fault::With(headers)) => {
            let headers = headers
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value));
            reply.headers.extend(headers);
        }
        Some(Fault::LostBefore | Fault::Instead(_)) | None => {}
    }
    let mut response = Response::builder().status(reply.status);
    let own = state.world().headers(&received).into_iter();
    for (name, value) in own.filter(|_| reply.is_stripes) {
        response = response.header(name, value);
    }
    if let Some(kind) = &reply.content_type {
        response = response.header("content-type", kind);
    }
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    let body = body::Reply::new(reply.body, breaks_off);
    response.body(body).map_err(io::Error::other)
}

async fn receive(request: Request<Incoming>) -> io::Result<Received> {
    let (head, body) = request.into_parts();
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let headers = headers.collect();
    let body = body.collect().await.map_err(io::Error::other)?;
    Ok(Received {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: body.to_bytes().into(),
        is_http2: head.version == Version::HTTP_2,
    })
}
