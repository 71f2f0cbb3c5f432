//! What becomes of every fault, and what a person is told of it.

/// What becomes of a fault.
pub(super) struct Row {
    /// Its name: that of [`Fault::each`](stripe_store_tests::fake::Fault::each).
    pub(super) fault: &'static str,
    /// Whether the client mends it by asking again, if it comes once.
    pub(super) is_mended: bool,
    /// What is told of a list that it hits at its second page, for good, with `[req]` for the request's id; `None` if it
    /// does no harm.
    pub(super) told: Option<&'static str>,
    /// What is told of a POST that it hits for good.
    pub(super) of_post: Option<&'static str>,
}

const fn row(
    fault: &'static str,
    is_mended: bool,
    told: &'static str,
    of_post: &'static str,
) -> Row {
    Row {
        fault,
        is_mended,
        told: Some(told),
        of_post: Some(of_post),
    }
}

/// Every fault, in the order of [`Fault::each`](stripe_store_tests::fake::Fault::each).
pub(super) const ROWS: [Row; 21] = [
    row(
        "400",
        false,
        "/v1/customers: Stripe refused GET /v1/customers with 400 invalid_request_error/parameter_invalid: \
             Invalid [req]; run it again: it goes on where it stopped; if this stays, Stripe's support finds \
             the request by its id",
        "Stripe refused POST /v1/customers with 400 invalid_request_error/parameter_invalid: Invalid [req]",
    ),
    row(
        "401",
        false,
        "Stripe refused GET /v1/customers with 401 invalid_request_error: Invalid API Key provided: \
             sk_test_****1 [req]",
        "Stripe refused POST /v1/customers with 401 invalid_request_error: Invalid API Key provided: \
             sk_test_****1 [req]",
    ),
    row(
        "402",
        false,
        "/v1/customers: Stripe refused GET /v1/customers with 402 card_error/card_declined/generic_decline: Your card was \
             declined [req]; run it again: it goes on where it stopped; if this stays, Stripe's support finds \
             the request by its id",
        "Stripe refused POST /v1/customers with 402 card_error/card_declined/generic_decline: Your card was declined [req]",
    ),
    row(
        "403",
        false,
        "/v1/customers: Stripe refused GET /v1/customers with 403 \
             invalid_request_error/more_permissions_required: The provided key 'rk_test_****1' does not have \
             the required permissions for this endpoint [req]; give the key that permission, or use another, \
             and run it again",
        "Stripe refused POST /v1/customers with 403 invalid_request_error/more_permissions_required: The \
             provided key 'rk_test_****1' does not have the required permissions for this endpoint [req]",
    ),
    row(
        "404",
        false,
        "/v1/customers: Stripe refused GET /v1/customers with 404 invalid_request_error/resource_missing: \
             No such object [req]; run it again: it goes on where it stopped; if this stays, Stripe's support \
             finds the request by its id",
        "Stripe refused POST /v1/customers with 404 invalid_request_error/resource_missing: No such object \
             [req]",
    ),
    row(
        "409",
        true,
        "/v1/customers: Stripe refused GET /v1/customers with 409 invalid_request_error/lock_timeout: This \
             object cannot be accessed right now [req]; run it again later: it goes on where it stopped",
        "Stripe refused POST /v1/customers with 409 invalid_request_error/lock_timeout: This object cannot \
             be accessed right now [req], and it may have been carried out",
    ),
    row(
        "429",
        true,
        "/v1/customers: Stripe refused GET /v1/customers with 429 invalid_request_error/rate_limit: Too \
             many requests [req]; set a lower rate, and run it again: it goes on where it stopped",
        "Stripe refused POST /v1/customers with 429 invalid_request_error/rate_limit: Too many requests \
             [req], and it may have been carried out",
    ),
    row(
        "429 with Retry-After",
        true,
        "/v1/customers: Stripe refused GET /v1/customers with 429 invalid_request_error/rate_limit: Too \
             many requests [req]; set a lower rate, and run it again: it goes on where it stopped",
        "Stripe refused POST /v1/customers with 429 invalid_request_error/rate_limit: Too many requests \
             [req], and it may have been carried out",
    ),
    row(
        "429 for longer than anybody waits",
        false,
        "/v1/customers: Stripe refused GET /v1/customers with 429 invalid_request_error/rate_limit: Too \
             many requests [req]; set a lower rate, and run it again: it goes on where it stopped",
        "Stripe refused POST /v1/customers with 429 invalid_request_error/rate_limit: Too many requests \
             [req]",
    ),
    row(
        "500",
        true,
        "/v1/customers: Stripe refused GET /v1/customers with 500 api_error: Something went wrong on our \
             end [req]; run it again later: it goes on where it stopped",
        "Stripe refused POST /v1/customers with 500 api_error: Something went wrong on our end [req], and \
             it may have been carried out",
    ),
    row(
        "503",
        true,
        "/v1/customers: Stripe refused GET /v1/customers with 503 api_error: Something went wrong on our \
             end [req]; run it again later: it goes on where it stopped",
        "Stripe refused POST /v1/customers with 503 api_error: Something went wrong on our end [req], and \
             it may have been carried out",
    ),
    row(
        "not set up",
        false,
        "/v1/customers: Stripe refused GET /v1/customers with 400 invalid_request_error: Your account is \
             not set up to use Issuing. Please visit https://dashboard.stripe.com/Issuing/overview to get \
             started [req]; run it again: it goes on where it stopped; if this stays, Stripe's support finds \
             the request by its id",
        "Stripe refused POST /v1/customers with 400 invalid_request_error: Your account is not set up to \
             use Issuing. Please visit https://dashboard.stripe.com/Issuing/overview to get started [req]",
    ),
    row(
        "a proxy's page",
        true,
        "/v1/customers: the answer to GET /v1/customers, with status 502, is text/html; charset=utf-8 \
             instead of JSON (without a request id: was it a proxy that answered?); see what answers in \
             Stripe's place, and run it again: it goes on where it stopped",
        "the answer to POST /v1/customers, with status 502, is text/html; charset=utf-8 instead of JSON \
             (without a request id: was it a proxy that answered?), and it may have been carried out",
    ),
    row(
        "a page that says it is well",
        true,
        "/v1/customers: the answer to GET /v1/customers, with status 200, is text/html; charset=utf-8 \
             instead of JSON (without a request id: was it a proxy that answered?); see what answers in \
             Stripe's place, and run it again: it goes on where it stopped",
        "the answer to POST /v1/customers, with status 200, is text/html; charset=utf-8 instead of JSON \
             (without a request id: was it a proxy that answered?), and it may have been carried out",
    ),
    row(
        "lost before",
        true,
        "/v1/customers: no answer to GET /v1/customers after 4 tries: error sending request: client error \
             (SendRequest): connection closed before message completed; see whether Stripe can be reached, and \
             run it again: it goes on where it stopped",
        "no answer to POST /v1/customers after 4 tries, and it may have been carried out: error sending \
             request: client error (SendRequest): connection closed before message completed",
    ),
    row(
        "lost after",
        true,
        "/v1/customers: no answer to GET /v1/customers after 4 tries: error sending request: client error \
             (SendRequest): connection closed before message completed; see whether Stripe can be reached, and \
             run it again: it goes on where it stopped",
        "no answer to POST /v1/customers after 4 tries, and it may have been carried out: error sending \
             request: client error (SendRequest): connection closed before message completed",
    ),
    row(
        "cut in the middle",
        true,
        "/v1/customers: no answer to GET /v1/customers after 4 tries: error sending request: client error \
             (SendRequest): connection closed before message completed; see whether Stripe can be reached, and \
             run it again: it goes on where it stopped",
        "no answer to POST /v1/customers after 4 tries, and it may have been carried out: error sending \
             request: client error (SendRequest): connection closed before message completed",
    ),
    row(
        "too slow",
        true,
        "/v1/customers: GET /v1/customers took longer than 500 ms, after 4 tries; run it again: it goes on \
             where it stopped",
        "POST /v1/customers took longer than 500 ms, after 4 tries, and it may have been carried out",
    ),
    row(
        "half of the JSON",
        true,
        "/v1/customers: the answer to GET /v1/customers, with status 200, ends before its JSON does [req]: \
             EOF while parsing a string at line 1 column [n]; run it again: it goes on where it stopped",
        "the answer to POST /v1/customers, with status 200, ends before its JSON does [req], and it may \
             have been carried out: EOF while parsing a string at line 1 column [n]",
    ),
    row(
        "wrong type",
        true,
        "/v1/customers: the answer to GET /v1/customers, with status 200, is text/plain instead of JSON \
             [req]; see what answers in Stripe's place, and run it again: it goes on where it stopped",
        "the answer to POST /v1/customers, with status 200, is text/plain instead of JSON [req], and it may \
             have been carried out",
    ),
    Row {
        fault: "an odd header",
        is_mended: true,
        told: None,
        of_post: None,
    },
];
