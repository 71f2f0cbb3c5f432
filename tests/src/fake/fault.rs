//! What goes wrong.

use std::time::Duration;

use serde_json::{Value, json};

/// What goes wrong with a request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// This is answered, and nothing done.
    Instead(Reply),
    /// The connection is closed, and nothing done.
    LostBefore,
    /// It is done, and the connection closed without an answer.
    LostAfter,
    /// It is done, and the connection closed in the middle of the answer.
    CutBody,
    /// It is done, and answered after this time.
    Slow(Duration),
    /// It is done, and half of the JSON is all there is.
    Truncated,
    /// It is done, and the JSON called something else.
    WrongType(&'static str),
    /// It is done, and the answer has these headers too.
    With(Vec<(&'static str, String)>),
}

impl Fault {
    /// One of each, by names, for tests that have to hold whatever goes wrong: refusals of each kind first, then what
    /// networks and proxies do.
    pub fn each() -> impl Iterator<Item = (&'static str, Self)> {
        let refusals = [
            ("400", Self::status(400)),
            ("401", Self::status(401)),
            ("402", Self::status(402)),
            ("403", Self::forbidden()),
            ("404", Self::status(404)),
            ("409", Self::status(409)),
            ("429", Self::status(429)),
            ("429 with Retry-After", Self::too_many("0")),
            ("429 for longer than anybody waits", Self::too_many("3600")),
            ("500", Self::status(500)),
            ("503", Self::status(503)),
            ("not set up", Self::not_set_up("Issuing")),
            ("a proxy's page", Self::html(502)),
        ];
        let first = Some(("a page that says it is well", Self::html(200)));
        let others = std::iter::successors(first, |(_, fault)| fault.next());
        refusals.into_iter().chain(others)
    }

    /// What comes after a fault of its kind, so that no kind is left out: the next one's name and an example.
    fn next(&self) -> Option<(&'static str, Self)> {
        let slow = Self::Slow(Duration::from_mins(1));
        let later = ("retry-after", "3600".to_owned());
        match self {
            Self::Instead(_) => Some(("lost before", Self::LostBefore)),
            Self::LostBefore => Some(("lost after", Self::LostAfter)),
            Self::LostAfter => Some(("cut in the middle", Self::CutBody)),
            Self::CutBody => Some(("too slow", slow)),
            Self::Slow(_) => Some(("half of the JSON", Self::Truncated)),
            Self::Truncated => Some(("wrong type", Self::WrongType("text/plain"))),
            Self::WrongType(_) => Some(("an odd header", Self::With(vec![later]))),
            Self::With(_) => None,
        }
    }

    /// An error of Stripe's with this status, and nothing done.
    pub fn status(status: u16) -> Self {
        Self::Instead(Reply::error(status))
    }

    /// The key may not read what is asked for, and nothing done.
    pub fn forbidden() -> Self {
        let message = "The provided key 'rk_test_****1' does not have the required permissions for this endpoint.";
        Self::Instead(Reply::refusal(
            403,
            "invalid_request_error",
            Some("more_permissions_required"),
            message,
        ))
    }

    /// The account has not been set up for a product of Stripe's, and nothing done.
    pub fn not_set_up(product: &str) -> Self {
        let message = format!(
            "Your account is not set up to use {product}. Please visit https://dashboard.stripe.com/{product}/overview to get started."
        );
        Self::Instead(Reply::refusal(400, "invalid_request_error", None, &message))
    }

    /// Too many requests: try again after so many seconds.
    pub fn too_many(retry_after: &str) -> Self {
        Self::Instead(Reply::error(429).with_header("retry-after", retry_after))
    }

    /// The page that a proxy answers with.
    pub fn html(status: u16) -> Self {
        Self::Instead(Reply {
            status,
            content_type: Some("text/html; charset=utf-8".to_owned()),
            headers: Vec::new(),
            is_stripes: false,
            body: "<!DOCTYPE html><title>Sorry</title><h1>Something is wrong</h1>".into(),
        })
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// What the body says that it is.
    pub content_type: Option<String>,
    /// More headers.
    pub headers: Vec<(String, String)>,
    /// Whether it has what Stripe's answers have: the request's id, and when it was made.
    pub is_stripes: bool,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string())
    }

    /// What is to be taken for JSON, byte for byte.
    pub fn text(status: u16, body: &str) -> Self {
        Self {
            status,
            content_type: Some("application/json".to_owned()),
            headers: Vec::new(),
            is_stripes: true,
            body: body.into(),
        }
    }

    /// An error as Stripe tells it.
    pub fn error(status: u16) -> Self {
        let (kind, code, message) = match status {
            401 => (
                "invalid_request_error",
                None,
                "Invalid API Key provided: sk_test_****1",
            ),
            402 => (
                "card_error",
                Some("card_declined"),
                "Your card was declined.",
            ),
            404 => (
                "invalid_request_error",
                Some("resource_missing"),
                "No such object.",
            ),
            409 => (
                "invalid_request_error",
                Some("lock_timeout"),
                "This object cannot be accessed right now.",
            ),
            429 => (
                "invalid_request_error",
                Some("rate_limit"),
                "Too many requests.",
            ),
            500.. => ("api_error", None, "Something went wrong on our end."),
            _ => (
                "invalid_request_error",
                Some("parameter_invalid"),
                "Invalid.",
            ),
        };
        let error = Self::refusal(status, kind, code, message);
        match status {
            402 => error.with_field("decline_code", "generic_decline"),
            _ => error,
        }
    }

    /// An error as Stripe tells it, in all its parts.
    pub fn refusal(status: u16, kind: &str, code: Option<&str>, message: &str) -> Self {
        let mut error = json!({"type": kind, "message": message});
        if let (Some(code), Some(fields)) = (code, error.as_object_mut()) {
            fields.insert("code".to_owned(), code.into());
            let page = code.replace('_', "-");
            let page = format!("https://stripe.com/docs/error-codes/{page}");
            fields.insert("doc_url".to_owned(), page.into());
        }
        Self::json(status, &json!({ "error": error }))
    }

    /// An error that names what is wrong with the request.
    #[must_use]
    pub fn with_param(self, param: &str) -> Self {
        self.with_field("param", param)
    }

    fn with_field(mut self, name: &str, text: &str) -> Self {
        let body: Result<Value, _> = serde_json::from_slice(&self.body);
        if let Ok(mut body) = body
            && let Some(error) = body.get_mut("error").and_then(Value::as_object_mut)
        {
            error.insert(name.to_owned(), text.into());
            self.body = body.to_string().into();
        }
        self
    }

    /// With one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}
