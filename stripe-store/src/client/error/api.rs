//! Errors as Stripe tells them.

use std::fmt;

use serde_json::Value;

use super::RequestLine;
use crate::client::response::RequestId;
use crate::clock::Interval;

/// What kind of error Stripe answered with: its `type`, or what the status says where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A card or another means of payment cannot be charged: `card_error`.
    Card,
    /// The parameters are wrong, or the object is not there: `invalid_request_error`.
    InvalidRequest,
    /// The key is none, or is revoked: status 401.
    Authentication,
    /// The key may not do that: status 403.
    Permission,
    /// Too many requests: status 429.
    RateLimit,
    /// An idempotency key came again with other parameters: `idempotency_error`.
    Idempotency,
    /// Stripe's own fault: `api_error`.
    Api,
    /// Connecting or disconnecting an account failed, as OAuth tells it.
    OAuth,
    /// A type that this version of the crate does not know; see [`ApiError::type_`].
    Other,
}

/// Stripe answered with an error.
///
/// `Display` has what Stripe says to developers. What came with it, a declined payment intent for one, is in
/// [`details`](Self::details); `Debug` shows neither that nor the body.
pub struct ApiError {
    pub(in crate::client) request: RequestLine,
    pub(in crate::client) status: u16,
    pub(in crate::client) request_id: Option<RequestId>,
    pub(in crate::client) attempts: u32,
    pub(in crate::client) interval: Option<Interval>,
    pub(in crate::client) details: Value,
    pub(in crate::client) body: Box<str>,
}

impl ApiError {
    /// The error in `body`; `None` when there is none of Stripe's forms in it.
    ///
    /// `{"error": {…}}` everywhere, and `{"error": "invalid_grant", "error_description": "…"}` where accounts connect.
    pub(in crate::client) fn read(body: &str) -> Option<Value> {
        let mut body: Value = serde_json::from_str(body).ok()?;
        let error = body.get_mut("error")?.take();
        match error {
            Value::Object(_) => Some(error),
            Value::String(code) => Some(serde_json::json!({
                "type": "oauth_error",
                "code": code,
                "message": body.get("error_description").cloned().unwrap_or_default(),
            })),
            _ => None,
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.details.get(key)?.as_str()
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match (self.status, self.type_(), self.code()) {
            (429, ..) | (_, Some("rate_limit"), _) | (400, _, Some("rate_limit")) => {
                ErrorKind::RateLimit
            }
            (_, Some("card_error"), _) | (402, None, _) => ErrorKind::Card,
            (_, Some("idempotency_error"), _) => ErrorKind::Idempotency,
            (_, Some("oauth_error"), _) => ErrorKind::OAuth,
            (401, ..) => ErrorKind::Authentication,
            (403, ..) => ErrorKind::Permission,
            (_, Some("invalid_request_error"), _) | (400 | 404, None, _) => {
                ErrorKind::InvalidRequest
            }
            (_, Some("api_error") | None, _) => ErrorKind::Api,
            (_, Some(_), _) => ErrorKind::Other,
        }
    }

    /// Stripe's name for the kind: `"card_error"`.
    pub fn type_(&self) -> Option<&str> {
        self.text("type")
    }

    /// What is wrong, for programs: `"resource_missing"`.
    pub fn code(&self) -> Option<&str> {
        self.text("code")
    }

    /// Why the card was declined: `"insufficient_funds"`.
    pub fn decline_code(&self) -> Option<&str> {
        self.text("decline_code")
    }

    /// What is wrong, for people. That of card errors may be shown to customers.
    pub fn message(&self) -> Option<&str> {
        self.text("message")
    }

    /// The parameter at fault, where one is: `"items[0][price]"`.
    pub fn param(&self) -> Option<&str> {
        self.text("param")
    }

    /// Where the code is explained.
    pub fn doc_url(&self) -> Option<&str> {
        self.text("doc_url")
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Stripe's id of the request, for its support and its dashboard.
    pub fn request_id(&self) -> Option<&RequestId> {
        self.request_id.as_ref()
    }

    /// Which request.
    pub fn request(&self) -> &RequestLine {
        &self.request
    }

    /// The part of Stripe's clock in which the answer was made: from its `Date` less the time that the request took, to the
    /// end of that second. `None` where it has no `Date`.
    pub fn interval(&self) -> Option<Interval> {
        self.interval
    }

    /// How often it was sent.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// All that Stripe says of the error, `payment_intent` and other objects included.
    pub fn details(&self) -> &Value {
        &self.details
    }

    /// The body as it came, but for secret keys of the client's, which are replaced.
    pub fn body(&self) -> &str {
        &self.body
    }
}

impl ApiError {
    /// Whether what was asked for may have been done all the same.
    pub(super) fn is_uncertain(&self) -> bool {
        let before = self.attempts > 1;
        self.request.changes()
            && match (self.status, self.code()) {
                (500.., _) | (409, Some("idempotency_key_in_use")) => true,
                // Refused before anything was looked at, an earlier try's key too.
                (401 | 403 | 409 | 429, _) => before,
                // To a try that repeats one that was carried out, Stripe gives the answer to that one.
                _ => false,
            }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stripe refused {} with {}", self.request, self.status)?;
        let names = [self.type_(), self.code(), self.decline_code()];
        for (index, name) in names.into_iter().flatten().enumerate() {
            write!(f, "{}{name}", if index == 0 { " " } else { "/" })?;
        }
        if let Some(message) = self.message() {
            write!(f, ": {}", message.trim_end_matches('.'))?;
        }
        if let Some(param) = self.param() {
            write!(f, " (parameter {param})")?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " [{id}]")?;
        }
        f.write_str(super::doubt(self.is_uncertain()))
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError")
            .field("request", &self.request.to_string())
            .field("status", &self.status)
            .field("type", &self.type_())
            .field("code", &self.code())
            .field("decline_code", &self.decline_code())
            .field("param", &self.param())
            .field("request_id", &self.request_id)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for ApiError {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::Method;

    fn error(status: u16, body: &Value) -> Option<ApiError> {
        Some(ApiError {
            request: RequestLine {
                method: Method::Post,
                path: "/v1/charges".into(),
            },
            status,
            request_id: Some(RequestId::from("req_1")),
            attempts: 1,
            interval: None,
            details: ApiError::read(&body.to_string())?,
            body: body.to_string().into(),
        })
    }

    #[track_caller]
    fn check(status: u16, error_body: &Value, expected: ErrorKind) {
        let error = error(status, &json!({ "error": error_body })).unwrap();
        assert_eq!(error.kind(), expected, "{error}");
    }

    #[test]
    fn the_kind_is_stripes_type_and_the_status_where_there_is_none() {
        check(402, &json!({"type": "card_error"}), ErrorKind::Card);
        check(
            402,
            &json!({"type": "invalid_request_error"}),
            ErrorKind::InvalidRequest,
        );
        check(
            404,
            &json!({"type": "invalid_request_error"}),
            ErrorKind::InvalidRequest,
        );
        check(
            401,
            &json!({"type": "invalid_request_error"}),
            ErrorKind::Authentication,
        );
        check(
            403,
            &json!({"type": "invalid_request_error"}),
            ErrorKind::Permission,
        );
        check(
            429,
            &json!({"type": "invalid_request_error"}),
            ErrorKind::RateLimit,
        );
        check(400, &json!({"code": "rate_limit"}), ErrorKind::RateLimit);
        check(
            400,
            &json!({"type": "idempotency_error"}),
            ErrorKind::Idempotency,
        );
        check(500, &json!({"type": "api_error"}), ErrorKind::Api);
        check(
            400,
            &json!({"type": "insufficient_funds"}),
            ErrorKind::Other,
        );
        check(402, &json!({}), ErrorKind::Card);
        check(400, &json!({}), ErrorKind::InvalidRequest);
        check(500, &json!({}), ErrorKind::Api);
        check(400, &json!("invalid_grant"), ErrorKind::OAuth);
    }

    #[test]
    fn what_stripe_says_is_in_the_message_and_the_rest_is_not_in_debug() {
        let body = json!({"error": {
            "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
            "message": "Your card has insufficient funds.", "param": "source",
            "payment_intent": {"client_secret": "pi_secret"},
        }});
        let error = error(402, &body).unwrap();
        assert_eq!(
            error.to_string(),
            "Stripe refused POST /v1/charges with 402 card_error/card_declined/insufficient_funds: \
             Your card has insufficient funds (parameter source) [req_1]"
        );
        assert!(!format!("{error:?}").contains("pi_secret"));
        assert_eq!(
            error.details()["payment_intent"]["client_secret"],
            "pi_secret"
        );
    }

    #[test]
    fn other_documents_are_no_errors_of_stripes() {
        for body in [
            json!({}),
            json!([]),
            json!({"error": 1}),
            json!({"errors": {}}),
        ] {
            assert!(error(500, &body).is_none(), "{body}");
        }
    }
}
