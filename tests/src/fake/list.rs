//! Lists, in Stripe's three ways: of v1 by ids, of searches by tokens, of v2 by URLs.

use serde_json::{Value, json};

use super::Reply;
use super::expand;
use super::objects::{Filter, From, Objects, listings};
use super::server::Received;
use super::world::World;

/// How many objects a page has, unless the request says.
const LIMIT: usize = 10;

/// A page of a list.
pub(super) fn page(world: &World, request: &Received) -> Reply {
    let filter = Filter::new(request);
    if let Some(refusal) = refusal(request, &filter) {
        return refusal;
    }
    let limit = match limit(request) {
        Ok(limit) => limit,
        Err(refusal) => return refusal,
    };
    let empty = Objects::default();
    let all = world.list(&request.path).unwrap_or(&empty);
    if request.path.starts_with("/v2/") {
        return by_url(world, all, &filter, request, limit);
    }
    let (id, from): (_, fn(usize) -> From) = match (
        request.param("starting_after"),
        request.param("ending_before"),
    ) {
        (Some(id), _) => (Some(id), From::OlderThan),
        (None, Some(id)) => (Some(id), From::NewerThan),
        (None, None) => (None, |_| From::Newest),
    };
    let start = match &id {
        None => From::Newest,
        Some(id) => match all.place(id) {
            Some(place) => from(place),
            None => {
                return missing(
                    id,
                    if request.param("starting_after").is_some() {
                        "starting_after"
                    } else {
                        "ending_before"
                    },
                );
            }
        },
    };
    let mut places: Vec<usize> = all.select(&filter, start).take(limit + 1).collect();
    let has_more = places.len() > limit;
    places.truncate(limit);
    if matches!(start, From::NewerThan(_)) {
        places.reverse();
    }
    let data = data(world, all, &places, request);
    match data {
        Ok(data) => Reply::text(
            200,
            &format!(
                r#"{{"object":"list","url":{},"has_more":{has_more},"data":{data}}}"#,
                json!(request.path)
            ),
        ),
        Err(refusal) => refusal,
    }
}

/// What is wrong with a request for a list.
fn refusal(request: &Received, filter: &Filter) -> Option<Reply> {
    let path = &request.path;
    let parents = || listings(path).map(|listing| listing.parent.and_then(|it| it.param));
    // What every listing of a path needs cannot be left out.
    if let Some(Some(param)) = parents().next()
        && parents().all(|other| other.is_some())
        && !filter.has(param)
    {
        let message = format!("Missing required param: {param}.");
        return Some(invalid("parameter_missing", &message, param));
    }
    let mut ranges = listings(path).map(|listing| listing.has_created).peekable();
    if filter.has_created() && ranges.peek().is_some() && ranges.all(|has| !has) {
        let message = "Received unknown parameter: created";
        return Some(invalid("parameter_unknown", message, "created"));
    }
    None
}

/// An error of Stripe's about one parameter.
pub(super) fn invalid(code: &str, message: &str, param: &str) -> Reply {
    Reply::refusal(400, "invalid_request_error", Some(code), message).with_param(param)
}

/// What Stripe says of an object that a page was to begin at, and that it does not know.
fn missing(id: &str, param: &str) -> Reply {
    let message = format!("No such object: '{id}'");
    invalid("resource_missing", &message, param)
}

/// How many objects a page is to have.
fn limit(request: &Received) -> Result<usize, Reply> {
    let Some(text) = request.param("limit") else {
        return Ok(LIMIT);
    };
    let wrong = |message: &str| invalid("parameter_invalid_integer", message, "limit");
    match text.parse::<i64>() {
        Ok(limit @ ..=0) => Err(wrong(&format!(
            "This value must be greater than or equal to 1 (it currently is '{limit}')."
        ))),
        Ok(limit @ 101..) => Err(wrong(&format!(
            "This value must be less than or equal to 100 (it currently is '{limit}')."
        ))),
        Ok(limit) => Ok(usize::try_from(limit).unwrap_or(LIMIT)),
        Err(_) => Err(wrong(&format!("Invalid integer: {text}"))),
    }
}

/// The objects at these places as a JSON array, with what the request expands.
fn data(
    world: &World,
    all: &Objects,
    places: &[usize],
    request: &Received,
) -> Result<String, Reply> {
    let paths = expand::paths(request);
    let mut text = String::from("[");
    for object in places.iter().filter_map(|place| all.get(*place)) {
        if text.len() > 1 {
            text.push(',');
        }
        if paths.is_empty() {
            text.push_str(&object.text);
            continue;
        }
        let mut value: Value = serde_json::from_str(&object.text).unwrap_or_default();
        for path in &paths {
            let Some(inside) = path.strip_prefix("data.") else {
                return Err(expand::refusal(path));
            };
            if !expand::expand(world, &mut value, inside) {
                return Err(expand::refusal(path));
            }
        }
        text.push_str(&value.to_string());
    }
    text.push(']');
    Ok(text)
}

/// Where a token says that a page begins.
fn offset(request: &Received) -> usize {
    let token = request.param("page").unwrap_or_default();
    token
        .strip_prefix("token_")
        .and_then(|offset| offset.parse().ok())
        .unwrap_or_default()
}

/// The places of a page that begins after so many, and whether there are more.
fn after(all: &Objects, filter: &Filter, start: usize, limit: usize) -> (Vec<usize>, bool) {
    let places = all.select(filter, From::Newest).skip(start);
    let mut places: Vec<usize> = places.take(limit + 1).collect();
    let has_more = places.len() > limit;
    places.truncate(limit);
    (places, has_more)
}

/// A page of what a search found: everything.
pub(super) fn search(world: &World, list: &str, request: &Received) -> Reply {
    let limit = match limit(request) {
        Ok(limit) => limit,
        Err(refusal) => return refusal,
    };
    let start = offset(request);
    let empty = Objects::default();
    let all = world.list(list).unwrap_or(&empty);
    let (places, has_more) = after(all, &Filter::default(), start, limit);
    let next = json!(has_more.then(|| format!("token_{}", start + places.len())));
    match data(world, all, &places, request) {
        Ok(data) => Reply::text(
            200,
            &format!(
                r#"{{"object":"search_result","url":{},"has_more":{has_more},"next_page":{next},"data":{data}}}"#,
                json!(request.path)
            ),
        ),
        Err(refusal) => refusal,
    }
}

fn by_url(
    world: &World,
    all: &Objects,
    filter: &Filter,
    request: &Received,
    limit: usize,
) -> Reply {
    let start = offset(request);
    let (places, has_more) = after(all, filter, start, limit);
    let fields = request.query.split('&').filter(|field| !field.is_empty());
    let fields = fields.filter(|it| !it.starts_with("limit=") && !it.starts_with("page="));
    let fields: String = fields.flat_map(|field| [field, "&"]).collect();
    let url = |offset: usize| format!("{}?{fields}limit={limit}&page=token_{offset}", request.path);
    let next = json!(has_more.then(|| url(start + limit)));
    let previous = json!((start > 0).then(|| url(start.saturating_sub(limit))));
    match data(world, all, &places, request) {
        Ok(data) => Reply::text(
            200,
            &format!(r#"{{"data":{data},"next_page_url":{next},"previous_page_url":{previous}}}"#),
        ),
        Err(refusal) => refusal,
    }
}
