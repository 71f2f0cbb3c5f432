//! HTTP as it goes over the wire, written and read by hand: what a client's library would put right is what is tested.

use std::net::SocketAddr;

use stripe_store::clock::{Clock as _, SystemClock};
use stripe_store::webhook::{EndpointSecret, sign};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The lines of the head, in small letters.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The status, and the body without the line feed at its end.
    pub(crate) fn said(&self) -> (u16, &str) {
        (self.status, self.body.trim_end())
    }
}

/// What Stripe would send as the signature of a body, now.
pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    let secret = EndpointSecret::new(secret).unwrap();
    sign(body, &secret, SystemClock.now().timestamp())
}

/// A request with these lines in its head, and this body.
pub(crate) fn request(method: &str, path: &str, head: &[&str], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
    for line in head {
        text.push_str(line);
        text.push_str("\r\n");
    }
    let is_told = head.iter().any(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("transfer-encoding") || line.starts_with("content-length")
    });
    if !is_told {
        let told = format!("Content-Length: {}\r\n", body.len());
        text.push_str(&told);
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

/// A request as Stripe posts it.
pub(crate) fn signed(path: &str, secret: &str, body: &[u8]) -> Vec<u8> {
    let signature = format!("Stripe-Signature: {}", signature(secret, body));
    let kind = "Content-Type: application/json; charset=utf-8";
    request("POST", path, &[kind, &signature], body)
}

/// Sends a request, and reads what comes until the connection is closed.
pub(crate) async fn send(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    read(stream).await
}

/// Gets a page.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    send(address, &request("GET", path, &[], b"")).await
}

/// Reads an answer to the end of its connection.
pub(crate) async fn read(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{text:?}"));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("{head}")),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// A body in chunks of so many bytes.
pub(crate) fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut chunks = Vec::new();
    for chunk in body.chunks(size) {
        chunks.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        chunks.extend_from_slice(chunk);
        chunks.extend(b"\r\n");
    }
    chunks.extend(b"0\r\n\r\n");
    chunks
}
