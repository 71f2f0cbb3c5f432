//! Answers that are none of Stripe's.

use std::fmt;

use super::RequestLine;
use crate::client::response::RequestId;

/// How much of an answer is kept, in bytes.
const KEPT_BYTES: usize = 16 << 10;

/// Why an answer cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum Unusable {
    /// Its type is not JSON: the page of a proxy, most likely.
    NotJson,
    /// It says that it is JSON, and is none, or ends before it should.
    BadJson(serde_json::Error),
    /// It is not UTF-8.
    NotText,
    /// It is JSON, and not of the form that this request is answered with: an error without `error`, a list without
    /// `data`.
    OtherForm,
    /// It sends the client elsewhere, where the key must not go.
    Redirect,
}

impl Unusable {
    /// Whether the end is missing, so that another try may bring the whole.
    pub fn is_cut_off(&self) -> bool {
        matches!(self, Self::BadJson(error) if error.is_eof())
    }
}

/// Something answered that was not Stripe, or not all of what Stripe said arrived.
///
/// Neither `Display` nor `Debug` shows the body.
pub struct UnusableResponse {
    pub(in crate::client) request: RequestLine,
    pub(in crate::client) status: u16,
    pub(in crate::client) content_type: Option<Box<str>>,
    pub(in crate::client) request_id: Option<RequestId>,
    pub(in crate::client) attempts: u32,
    pub(in crate::client) reason: Unusable,
    pub(in crate::client) body: Box<str>,
}

impl UnusableResponse {
    /// As much of a body as is kept.
    pub(in crate::client) fn kept(mut body: String) -> Box<str> {
        body.truncate(body.floor_char_boundary(KEPT_BYTES));
        body.into()
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// What the answer says that it is: `"text/html"`.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Stripe's id of the request, when Stripe did answer.
    pub fn request_id(&self) -> Option<&RequestId> {
        self.request_id.as_ref()
    }

    /// Which request.
    pub fn request(&self) -> &RequestLine {
        &self.request
    }

    /// How often it was sent.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Why it cannot be used.
    pub fn reason(&self) -> &Unusable {
        &self.reason
    }

    /// The first 16 KiB of the answer, without the client's secret keys.
    pub fn body(&self) -> &str {
        &self.body
    }
}

impl UnusableResponse {
    /// Whether somebody else answered, and called it a success.
    pub(in crate::client) fn is_by_another(&self) -> bool {
        (200..300).contains(&self.status) && matches!(self.reason, Unusable::NotJson)
    }

    /// Whether what was asked for may have been done all the same.
    pub(super) fn is_uncertain(&self) -> bool {
        let came_through = matches!(self.status, 200..=299 | 500..);
        self.request.changes() && (came_through || self.attempts > 1)
    }
}

impl fmt::Display for UnusableResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            request, status, ..
        } = self;
        write!(f, "the answer to {request}, with status {status}, ")?;
        let what = match &self.reason {
            Unusable::NotJson => "is no JSON and does not say what it is",
            Unusable::BadJson(error) if error.is_eof() => "ends before its JSON does",
            Unusable::BadJson(_) => "is no valid JSON",
            Unusable::NotText => "is not UTF-8",
            Unusable::OtherForm => "is JSON of a form that Stripe does not send there",
            Unusable::Redirect => "leads to another server, where the secret key does not go",
        };
        match (&self.reason, self.content_type()) {
            (Unusable::NotJson, Some(found)) => write!(f, "is {found} instead of JSON")?,
            _ => f.write_str(what)?,
        }
        match &self.request_id {
            Some(id) => write!(f, " [{id}]")?,
            None => f.write_str(" (without a request id: was it a proxy that answered?)")?,
        }
        f.write_str(super::doubt(self.is_uncertain()))
    }
}

impl fmt::Debug for UnusableResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnusableResponse")
            .field("request", &self.request.to_string())
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("request_id", &self.request_id)
            .field("attempts", &self.attempts)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for UnusableResponse {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Unusable::BadJson(error) => Some(error),
            _ => None,
        }
    }
}
