//! What is odd on a page: it neither fails the page nor is it missing.

use futures_util::TryStreamExt as _;
use stripe_store::client::{ClientError, ItemError, Unusable};
use stripe_store::resources::Customer;
use stripe_store_tests::fake::{Fake, Fault, Reply};

use super::pair;

fn answer(fake: &Fake, body: &str) {
    fake.fail_next(Fault::Instead(Reply::text(200, body)));
}

#[tokio::test]
async fn odd_items_are_on_the_page_as_they_came() {
    let (fake, client) = pair().await;
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let items = [
        r#"{"id":"cus_1","object":"customer","balance":12.0}"#.to_owned(),
        r#"{"id":"tele_1","object":"teleporter"}"#.to_owned(),
        r#"{"object":"customer", "email" : "no-id@example.com"}"#.to_owned(),
        r#"{"id":7,"object":"customer"}"#.to_owned(),
        r#"{"id":"cus_1e999","object":"customer","n":1e999}"#.to_owned(),
        format!(r#"{{"id":"cus_deep","object":"customer","deep":{deep}}}"#),
        r#""a text""#.to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        r#"{"id":"cus_2","object":"customer"}"#.to_owned(),
        r#"{"object":"customer"}"#.to_owned(),
    ];
    answer(
        &fake,
        &format!(
            r#"{{"object":"list","data":[{}],"has_more":true}}"#,
            items.join(" ,\n")
        ),
    );
    let page = client.list::<Customer>().page().await.unwrap();
    let texts: Vec<_> = page
        .items()
        .iter()
        .map(|item| item.text().to_owned())
        .collect();
    assert_eq!(texts, items);
    // On from the last that has an id, so that nothing is left out.
    assert_eq!(page.next().unwrap().unwrap().to_string(), "after:cus_2");

    let views: Vec<_> = page
        .items()
        .iter()
        .map(stripe_store::client::Item::view)
        .collect();
    let readable: Vec<_> = views.iter().map(Result::is_ok).collect();
    assert_eq!(
        readable,
        [
            true, false, true, true, false, false, false, false, false, true, true
        ]
    );
    assert_eq!(views[0].as_ref().unwrap().balance(), Some(12));
    assert!(
        matches!(&views[1], Err(ItemError::OtherType { source, .. }) if source.found() == Some("teleporter"))
    );
    assert!(matches!(&views[4], Err(ItemError::Unreadable { .. })));
    assert!(matches!(&views[5], Err(ItemError::Unreadable { .. })));
    assert_eq!(page.items()[1].object().as_deref(), Some("teleporter"));
    assert_eq!(page.items()[4].id().as_deref(), Some("cus_1e999"));
    assert_eq!(page.items()[3].id(), None, "an id is a text");
    assert_eq!(page.items()[6].id(), None);
}

#[tokio::test]
async fn a_stream_has_the_odd_items_and_goes_on() {
    let (fake, client) = pair().await;
    answer(
        &fake,
        r#"{"data":[{"id":"cus_3","object":"customer"},7,{"object":"customer"}],"has_more":true}"#,
    );
    answer(
        &fake,
        r#"{"data":[null,{"id":"cus_1","object":"customer"}],"has_more":false}"#,
    );
    let items: Vec<_> = client
        .list::<Customer>()
        .stream()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(items.len(), 5);
    assert_eq!(
        fake.last().param("starting_after").as_deref(),
        Some("cus_3")
    );
}

#[tokio::test]
async fn a_list_that_leads_nowhere_says_so_after_what_it_has() {
    for (name, second) in [
        (
            "no ids",
            r#"{"data":[{"object":"customer"}],"has_more":true}"#,
        ),
        ("nothing on it", r#"{"data":[],"has_more":true}"#),
        (
            "the same again",
            r#"{"data":[{"id":"cus_1","object":"customer"}],"has_more":true}"#,
        ),
    ] {
        let (fake, client) = pair().await;
        answer(
            &fake,
            r#"{"data":[{"id":"cus_1","object":"customer"}],"has_more":true}"#,
        );
        answer(&fake, second);
        let mut stream = client.list::<Customer>().stream();
        let mut count = 0;
        let error = loop {
            match stream.try_next().await {
                Ok(Some(_)) => count += 1,
                Ok(None) => panic!("{name}: the list seems to be whole"),
                Err(error) => break error,
            }
        };
        assert!(
            matches!(error, ClientError::NoWayOn { .. }),
            "{name}: {error}"
        );
        assert!(count >= 1, "{name}");
        assert!(stream.try_next().await.unwrap().is_none(), "{name}");
        assert_eq!(fake.received().len(), 2, "{name}");
    }
}

#[tokio::test]
async fn what_is_no_list_is_an_error() {
    let (fake, client) = pair().await;
    for body in ["[]", "{}", r#"{"data": {}}"#, "7", r#"{"data": null}"#] {
        answer(&fake, body);
        let error = client.list::<Customer>().page().await.unwrap_err();
        let ClientError::Unusable(response) = &error else {
            panic!("{body}: {error}");
        };
        assert!(
            matches!(response.reason(), Unusable::OtherForm),
            "{body}: {error}"
        );
    }
}

#[tokio::test]
async fn fields_of_a_list_that_are_odd_are_taken_as_missing() {
    let (fake, client) = pair().await;
    answer(
        &fake,
        r#"{"data":[{"id":"cus_1","object":"customer"}],"has_more":"yes","total_count":-1,"next_page":7}"#,
    );
    let page = client.list::<Customer>().page().await.unwrap();
    assert_eq!(
        (page.has_more(), page.total_count(), page.next().unwrap()),
        (false, None, None)
    );
    answer(
        &fake,
        r#"{"data":[],"has_more":false,"total_count":12345678901}"#,
    );
    let page = client.list::<Customer>().page().await.unwrap();
    assert_eq!(page.total_count(), Some(12_345_678_901));
}
