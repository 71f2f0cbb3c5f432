//! Lists, in Stripe's three ways: of v1 by ids, of searches by tokens, of v2 by URLs.

use serde_json::{Value, json};

use super::Reply;
use super::server::Received;

/// How many objects a page has, unless the request says.
const LIMIT: usize = 10;

/// A page of `all`, which has its newest object first.
pub(super) fn page(all: &[Value], request: &Received) -> Reply {
    let limit = request.param("limit").and_then(|limit| limit.parse().ok());
    let limit: usize = limit.unwrap_or(LIMIT).clamp(1, 100);
    if request.path.starts_with("/v2/") {
        return by_url(all, request, limit);
    }
    let place = |id: &str| {
        all.iter()
            .position(|object| object.get("id").and_then(Value::as_str) == Some(id))
    };
    let missing = |id: &str| {
        let message = format!("No such object: '{id}'");
        Reply::refusal(
            400,
            "invalid_request_error",
            Some("resource_missing"),
            &message,
        )
    };
    let (data, has_more) = match (
        request.param("starting_after"),
        request.param("ending_before"),
    ) {
        (Some(id), _) => match place(&id) {
            Some(place) => forward(all, place + 1, limit),
            None => return missing(&id),
        },
        (None, Some(id)) => match place(&id) {
            Some(end) => {
                let start = end.saturating_sub(limit);
                (all.get(start..end).unwrap_or_default().to_vec(), start > 0)
            }
            None => return missing(&id),
        },
        (None, None) => forward(all, 0, limit),
    };
    Reply::json(
        200,
        &json!({"object": "list", "url": request.path, "has_more": has_more, "data": data}),
    )
}

fn forward(all: &[Value], start: usize, limit: usize) -> (Vec<Value>, bool) {
    let data: Vec<Value> = all.iter().skip(start).take(limit).cloned().collect();
    let has_more = start + data.len() < all.len();
    (data, has_more)
}

/// Where a token says that a page begins.
fn offset(request: &Received) -> usize {
    let token = request.param("page").unwrap_or_default();
    token
        .strip_prefix("token_")
        .and_then(|offset| offset.parse().ok())
        .unwrap_or_default()
}

/// A page of what a search found: everything.
pub(super) fn search(all: &[Value], request: &Received) -> Reply {
    let limit = request
        .param("limit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(LIMIT);
    let start = offset(request);
    let (data, has_more) = forward(all, start, limit);
    let next = has_more.then(|| format!("token_{}", start + data.len()));
    Reply::json(
        200,
        &json!({"object": "search_result", "url": request.path, "has_more": has_more, "next_page": next, "data": data}),
    )
}

fn by_url(all: &[Value], request: &Received, limit: usize) -> Reply {
    let start = offset(request);
    let (data, has_more) = forward(all, start, limit);
    let url = |offset: usize| format!("{}?limit={limit}&page=token_{offset}", request.path);
    let next = has_more.then(|| url(start + limit));
    let previous = (start > 0).then(|| url(start.saturating_sub(limit)));
    Reply::json(
        200,
        &json!({"data": data, "next_page_url": next, "previous_page_url": previous}),
    )
}
