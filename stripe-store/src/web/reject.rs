//! From errors to answers, here and nowhere else.

use std::fmt;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::body::Unread;
use crate::webhook::SignatureError;

/// Why a request did not reach its handler.
///
/// As an answer it is the status and a line of text, as a [`Receiver`](crate::webhook) answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// It is not known to come from Stripe: 400.
    Signature(SignatureError),
    /// Its body is longer than allowed: 413.
    TooLarge,
    /// Its body did not come to its end: 400.
    BrokenOff,
    /// Its body did not come within 30 seconds: 408.
    TooSlow,
    /// It is from Stripe, and its body is no JSON: 400.
    NotJson,
}

impl Rejection {
    /// The HTTP status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Signature(_) | Self::BrokenOff | Self::NotJson => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature(error) => return error.fmt(f),
            Self::TooLarge => "the body is longer than allowed",
            Self::BrokenOff => "the body breaks off",
            Self::TooSlow => "the body did not come in time",
            Self::NotJson => "the body is no JSON",
        })
    }
}

impl std::error::Error for Rejection {}

impl From<SignatureError> for Rejection {
    fn from(error: SignatureError) -> Self {
        Self::Signature(error)
    }
}

impl From<Unread> for Rejection {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge(_) => Self::TooLarge,
            Unread::BrokenOff => Self::BrokenOff,
            Unread::TooSlow => Self::TooSlow,
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        answer(self.status(), format!("invalid: {self}\n"))
    }
}

/// A line of text.
pub(super) fn answer(status: StatusCode, line: String) -> Response {
    const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
    (status, [(header::CONTENT_TYPE, TEXT)], line).into_response()
}
