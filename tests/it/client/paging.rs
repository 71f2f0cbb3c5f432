//! Lists from page to page: forward, backward, by ids, tokens and URLs.

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;
use stripe_store::client::{Call, ClientError, Many, PageCursor};
use stripe_store::resources::{Customer, Subscription, V2CoreEventDestination};
use stripe_store::view::View;
use stripe_store_tests::fake::{Fake, Fault};

use super::pair;

/// Puts `cus_1` to `cus_<count>` there, the last the newest.
fn fill(fake: &Fake, count: usize) {
    for number in 1..=count {
        fake.add(
            "/v1/customers",
            json!({"id": format!("cus_{number}"), "object": "customer", "email": "ada@example.com", "created": number}),
        );
    }
}

async fn ids<T: View>(call: &Call<Many<T>>) -> Vec<String> {
    let ids = call.stream().map_ok(|item| item.id().unwrap());
    ids.try_collect().await.unwrap()
}

fn numbers(range: impl Iterator<Item = usize>) -> Vec<String> {
    range.map(|number| format!("cus_{number}")).collect()
}

#[tokio::test]
async fn c027_a_list_of_three_pages_yields_all_of_it_and_each_page_is_filtered_alike() {
    let (fake, client) = pair().await;
    fill(&fake, 23);
    let call = client
        .list::<Customer>()
        .limit(10)
        .param("email", "ada@example.com")
        .param("created", json!({"gte": 1}))
        .expand("data.default_source")
        .account("acct_1");
    assert_eq!(ids(&call).await, numbers((1..=23).rev()));
    let requests = fake.received();
    assert_eq!(requests.len(), 3);
    let starts: Vec<_> = requests
        .iter()
        .map(|request| request.param("starting_after"))
        .collect();
    assert_eq!(
        starts,
        [None, Some("cus_14".to_owned()), Some("cus_4".to_owned())]
    );
    for request in &requests {
        assert_eq!(request.param("limit").as_deref(), Some("10"));
        assert_eq!(request.param("email").as_deref(), Some("ada@example.com"));
        assert_eq!(request.param("created[gte]").as_deref(), Some("1"));
        assert_eq!(
            request.param("expand[0]").as_deref(),
            Some("data.default_source")
        );
        assert_eq!(request.header("stripe-account"), Some("acct_1"));
    }
}

#[tokio::test]
async fn a_stream_asks_for_a_hundred_at_a_time_and_only_as_they_are_taken() {
    let (fake, client) = pair().await;
    fill(&fake, 250);
    let list = client.list::<Customer>();
    let mut stream = list.stream();
    for number in (151..=250).rev() {
        assert_eq!(
            stream.try_next().await.unwrap().unwrap().id(),
            Some(format!("cus_{number}"))
        );
    }
    assert_eq!(fake.received().len(), 1);
    assert_eq!(fake.last().param("limit").as_deref(), Some("100"));
    assert_eq!(stream.count().await, 150);
    assert_eq!(fake.received().len(), 3);
}

#[tokio::test]
async fn a_list_is_read_backwards_from_an_object_on() {
    let (fake, client) = pair().await;
    fill(&fake, 23);
    let call = client.list::<Customer>().limit(5).ending_before("cus_3");
    assert_eq!(ids(&call).await, numbers(4..=23));
    assert_eq!(fake.received().len(), 4);
    let page = call.page().await.unwrap();
    let on_page: Vec<_> = page
        .items()
        .iter()
        .filter_map(stripe_store::client::Item::id)
        .collect();
    assert_eq!(
        on_page,
        numbers((4..=8).rev()),
        "a page is in Stripe's order"
    );
    assert_eq!(
        page.next().unwrap(),
        Some(&PageCursor::Before("cus_8".to_owned()))
    );
}

#[tokio::test]
async fn a_list_goes_on_from_a_cursor_that_was_kept_as_text() {
    let (fake, client) = pair().await;
    fill(&fake, 12);
    let list = client.list::<Customer>().limit(5);
    let first = list.page().await.unwrap();
    assert!(first.has_more());
    let kept = first.next().unwrap().unwrap().to_string();
    let rest = list.clone().at(kept.parse().unwrap());
    assert_eq!(ids(&rest).await, numbers((1..=7).rev()));
    let pages: Vec<_> = list.pages().try_collect().await.unwrap();
    let end = pages.last().unwrap();
    assert_eq!(
        (pages.len(), end.has_more(), end.next().unwrap()),
        (3, false, None)
    );
}

#[tokio::test]
async fn an_error_between_two_pages_comes_after_what_was_read_and_the_rest_can_be_had() {
    let (fake, client) = pair().await;
    fill(&fake, 12);
    let list = client.list::<Customer>().limit(5);
    let mut stream = list.stream();
    let mut seen = None;
    for _ in 0..5 {
        seen = stream.try_next().await.unwrap().unwrap().id();
    }
    fake.fail_always(Some(Fault::status(500)));
    assert_eq!(stream.try_next().await.unwrap_err().status(), Some(500));
    assert!(
        stream.try_next().await.unwrap().is_none(),
        "an error ends the stream"
    );
    fake.fail_always(None);
    let rest = client.list::<Customer>().starting_after(seen.unwrap());
    assert_eq!(ids(&rest).await, numbers((1..=7).rev()));
}

#[tokio::test]
async fn a_search_goes_from_token_to_token() {
    let (fake, client) = pair().await;
    fill(&fake, 23);
    let call = client
        .search::<Customer>("email:'ada@example.com'")
        .limit(10);
    assert_eq!(ids(&call).await, numbers((1..=23).rev()));
    let requests = fake.received();
    let tokens: Vec<_> = requests
        .iter()
        .map(|request| request.param("page"))
        .collect();
    assert_eq!(
        tokens,
        [
            None,
            Some("token_10".to_owned()),
            Some("token_20".to_owned())
        ]
    );
    for request in &requests {
        assert_eq!(request.path, "/v1/customers/search");
        assert_eq!(
            request.param("query").as_deref(),
            Some("email:'ada@example.com'")
        );
        assert_eq!(request.param("starting_after"), None);
    }
}

#[tokio::test]
async fn a_list_of_v2_goes_from_url_to_url() {
    let (fake, client) = pair().await;
    for number in 1..=23 {
        let object = json!({"id": format!("ed_{number}"), "object": "v2.core.event_destination"});
        fake.add("/v2/core/event_destinations", object);
    }
    let call = client
        .list::<V2CoreEventDestination>()
        .limit(10)
        .param("include", json!(["x"]));
    let found = ids(&call).await;
    assert_eq!(
        (found.len(), found[0].as_str(), found[22].as_str()),
        (23, "ed_23", "ed_1")
    );
    let queries: Vec<_> = fake
        .received()
        .into_iter()
        .map(|request| request.query)
        .collect();
    assert_eq!(
        queries[1..],
        [
            "include%5B0%5D=x&limit=10&page=token_10",
            "include%5B0%5D=x&limit=10&page=token_20"
        ]
    );
    assert_eq!(fake.received()[0].param("include[0]").as_deref(), Some("x"));

    let second = call.at(PageCursor::Url(
        "/v2/core/event_destinations?limit=10&page=token_10".to_owned(),
    ));
    let page = second.page().await.unwrap();
    assert_eq!(
        page.previous(),
        Some(&PageCursor::Url(
            "/v2/core/event_destinations?limit=10&page=token_0".to_owned()
        ))
    );
}

#[tokio::test]
async fn a_list_inside_an_object_goes_on_at_its_url_with_the_query_that_it_has() {
    let (fake, client) = pair().await;
    let path = "/v1/customers/cus_1/sources";
    for number in 1..=5 {
        fake.add(
            path,
            json!({"id": format!("src_{number}"), "object": "source"}),
        );
    }
    let list = client
        .list_at("/v1/customers/cus_1/sources?object=source")
        .limit(2);
    assert_eq!(ids(&list).await.len(), 5);
    for request in fake.received() {
        assert_eq!(request.path, path);
        assert_eq!(request.param("object").as_deref(), Some("source"));
        assert!(!request.query.contains('?'), "{}", request.query);
    }
}

#[tokio::test]
async fn a_list_below_an_object_needs_the_object() {
    let (fake, client) = pair().await;
    fake.add(
        "/v1/accounts/acct_1/persons",
        json!({"id": "person_1", "object": "person"}),
    );
    let list = client.list::<stripe_store::resources::Person>();
    assert!(matches!(
        list.page().await,
        Err(ClientError::NoParent {
            parent: "account",
            ..
        })
    ));
    let mut stream = list.stream();
    assert!(matches!(
        stream.try_next().await,
        Err(ClientError::NoParent { .. })
    ));
    assert!(stream.try_next().await.unwrap().is_none());
    assert_eq!(fake.received().len(), 0);
    assert_eq!(ids(&list.parent("acct_1")).await, ["person_1"]);
}

#[tokio::test]
async fn an_empty_list_is_no_error() {
    let (_fake, client) = pair().await;
    assert_eq!(
        ids(&client.list::<Subscription>()).await,
        Vec::<String>::new()
    );
}
