//! A request to an endpoint, as it came.

use std::fmt;
use std::net::IpAddr;

use super::header::SIGNATURE_HEADER;

/// A request to a webhook endpoint: what a [`Receiver`](super::Receiver) is handed, by whatever serves HTTP.
///
/// ```
/// use stripe_store::webhook::Request;
///
/// let request = Request::new(*b"{}").header("Stripe-Signature", "t=1,v1=00").peer([127, 0, 0, 1]);
/// # let _ = request;
/// ```
#[derive(Clone)]
#[must_use = "hand it to `Receiver::receive`"]
pub struct Request {
    pub(super) endpoint: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) peer: Option<IpAddr>,
    /// How long the body says it is, where it was not read because of that.
    pub(super) too_large: Option<u64>,
}

impl Request {
    /// With this body: the bytes that were received, unchanged.
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self {
            endpoint: String::new(),
            headers: Vec::new(),
            body: body.into(),
            peer: None,
            too_large: None,
        }
    }

    /// To the endpoint of this name. Default: the one without a name.
    pub fn endpoint(self, name: impl Into<String>) -> Self {
        Self {
            endpoint: name.into(),
            ..self
        }
    }

    /// With one more header. Names mean the same in any case.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With these headers, too.
    pub fn headers<N: Into<String>, V: Into<Vec<u8>>>(
        mut self,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let headers = headers.into_iter();
        self.headers
            .extend(headers.map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// From this address: the other end of the connection, which may be a proxy.
    pub fn peer(self, address: impl Into<IpAddr>) -> Self {
        Self {
            peer: Some(address.into()),
            ..self
        }
    }

    /// Whose body was not read to its end, because it is longer than [allowed](super::ReceiverBuilder::body_limit); `bytes`
    /// says how long, as far as known.
    pub fn too_large(self, bytes: u64) -> Self {
        Self {
            too_large: Some(bytes),
            ..self
        }
    }

    pub(super) fn signature(&self) -> Option<&[u8]> {
        self.value(SIGNATURE_HEADER)
    }

    fn value(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }

    /// Who sent it: the peer, or, behind so many proxies, the address that the outermost of them was called from, as
    /// `X-Forwarded-For` has it. What stands further left there can be written by anybody.
    pub(super) fn remote(&self, proxies: usize) -> Option<String> {
        let peer = self.peer.map(|peer| peer.to_string());
        if proxies == 0 {
            return peer;
        }
        let forwarded: Vec<&str> = self
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("x-forwarded-for"))
            .filter_map(|(_, value)| str::from_utf8(value).ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|address| !address.is_empty())
            .collect();
        let at = forwarded.len().saturating_sub(proxies);
        let address = forwarded.get(at).map(|address| {
            // With a port, or without one.
            let parsed = address.parse::<std::net::SocketAddr>().map(|it| it.ip());
            parsed.or_else(|_| address.parse()).ok()
        });
        match address {
            Some(Some(address)) => Some(address.to_string()),
            Some(None) | None => peer,
        }
    }
}

/// Without the body and the headers, which may hold secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("endpoint", &self.endpoint)
            .field("body_bytes", &self.body.len())
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c053_the_address_is_the_one_that_the_trusted_proxies_were_called_from() {
        let request = Request::new(Vec::new())
            .peer([10, 0, 0, 1])
            .header("X-Forwarded-For", "1.1.1.1, 2.2.2.2")
            .header("x-forwarded-for", "3.3.3.3");
        let remote = |proxies| request.remote(proxies);
        assert_eq!(remote(0).as_deref(), Some("10.0.0.1"));
        assert_eq!(remote(1).as_deref(), Some("3.3.3.3"));
        assert_eq!(remote(2).as_deref(), Some("2.2.2.2"));
        assert_eq!(remote(9).as_deref(), Some("1.1.1.1"));
        let odd = Request::new(Vec::new()).header("X-Forwarded-For", "unknown");
        assert_eq!(odd.remote(1), None);
        let port = Request::new(Vec::new()).header("X-Forwarded-For", "[::1]:80");
        assert_eq!(port.remote(1).as_deref(), Some("::1"));
    }
}
