//! A receiver that keeps nothing: what it costs to send, to receive and to verify.

use std::convert::Infallible;
use std::io;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use stripe_store::webhook::{SIGNATURE_HEADER, Verifier};
use tokio::net::TcpListener;

/// Answers 200 to what is signed, and 400 to what is not, for ever.
///
/// # Errors
///
/// When no connection can be accepted.
pub async fn serve_null(listener: TcpListener, verifier: Verifier) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let verifier = verifier.clone();
        let answer = move |request: Request<Incoming>| {
            let verifier = verifier.clone();
            async move { Ok::<_, Infallible>(answer(request, &verifier).await) }
        };
        let connection =
            http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
        // Who goes away is gone.
        tokio::spawn(async move { drop(connection.await) });
    }
}

async fn answer(request: Request<Incoming>, verifier: &Verifier) -> Response<Empty<Bytes>> {
    let signature = request.headers().get(SIGNATURE_HEADER).cloned();
    let is_signed = match request.into_body().collect().await {
        Ok(body) => {
            let header = signature.as_ref().map(HeaderValue::as_bytes);
            verifier.verify(&body.to_bytes(), header).is_ok()
        }
        Err(_) => false,
    };
    let mut response = Response::new(Empty::new());
    if !is_signed {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    response
}
