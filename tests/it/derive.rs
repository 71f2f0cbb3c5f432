//! What `#[derive(StripeModel)]` makes, on both databases: projections and views of one's own.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use stripe_store::model::Projection;
use stripe_store::resources::{
    Address, Customer, CustomerTaxExempt, Invoice, Price, Subscription, SubscriptionItem,
};
use stripe_store::store::{Cursor, Interval, Snapshot, StoreError};
use stripe_store::view::{Metadata, Timestamp, kind};
use stripe_store::{AnyObject, Resource, Store, StripeModel, View};
use stripe_store_tests::{TestDb, fixture_text, on_both, statements};

#[derive(StripeModel, Debug, Clone, PartialEq)]
#[stripe(object = Customer)]
struct Contact {
    id: String,
    email: Option<String>,
    #[stripe(default)]
    balance: i64,
    created: Option<time::OffsetDateTime>,
    tax_exempt: Option<CustomerTaxExempt>,
    #[stripe(path = "metadata.tier", default = "free")]
    tier: String,
    #[stripe(path = Customer::ADDRESS.then(Address::CITY), or = "name")]
    place: Option<String>,
    #[stripe(path = Customer::PREFERRED_LOCALES.at(1))]
    second_locale: Option<String>,
    #[stripe(default)]
    metadata: BTreeMap<String, String>,
    address: Option<Address>,
}

/// A card that gathers points.
#[derive(StripeModel)]
#[stripe(object = "loyalty.card", view = LoyaltyCard, id_prefix = "loy_", alias = "loyalty_card")]
struct LoyaltyCardFields {
    points: i64,
    customer: kind::Ref<Customer>,
    created: Timestamp,
    #[stripe(rename = "last_shop")]
    shop: Shop,
    colours: Vec<String>,
    metadata: Metadata,
}

#[derive(StripeModel)]
#[stripe(nested)]
struct Shop {
    name: String,
}

#[derive(StripeModel, Debug, PartialEq)]
#[stripe(object = LoyaltyCard)]
struct Score {
    id: String,
    #[stripe(path = LoyaltyCard::POINTS)]
    points: Option<i64>,
    #[stripe(path = LoyaltyCard::SHOP.then(ShopView::NAME))]
    shop: Option<String>,
    customer: Option<String>,
}

async fn write(store: &Store, objects: &[Value]) {
    let texts: Vec<_> = objects.iter().map(Value::to_string).collect();
    let batch: Vec<_> = texts
        .iter()
        .map(|text| {
            Snapshot::read(text)
                .unwrap()
                .taken(Interval::second(1), "evt_1")
        })
        .collect();
    store.write(&batch).await.unwrap();
}

/// Customers whose fields are as expected, `null`, of other types, or not there.
fn customers() -> Vec<Value> {
    vec![
        json!({
            "object": "customer", "id": "cus_ada", "created": 5, "email": "ada@example.com", "balance": -150,
            "tax_exempt": "reverse", "metadata": {"tier": "gold", "a'b\"c": "x"}, "address": {"city": "London"},
            "name": "Ada", "preferred_locales": ["en", "fr"],
        }),
        json!({
            "object": "customer", "id": "cus_odd", "created": 4, "email": 7, "balance": 12.0,
            "tax_exempt": "sometimes", "metadata": {"tier": ["gold"]}, "address": "London", "name": "Odd",
            "preferred_locales": "en",
        }),
        json!({
            "object": "customer", "id": "cus_null", "created": null, "email": null, "balance": null,
            "tax_exempt": null, "metadata": null, "address": {"city": null}, "name": null, "preferred_locales": null,
        }),
        json!({"object": "customer", "id": "cus_bare"}),
        json!({
            "object": "customer", "id": "cus_big", "created": 3, "balance": i64::MIN, "name": "line\n\"quoted\" \u{1F600}",
            "address": {"city": "", "line1": null}, "preferred_locales": [null, "de", {"deep": [1]}],
        }),
    ]
}

#[tokio::test]
async fn a_projection_has_what_the_views_read() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        write(store, &customers()).await;
        let projected = store.project::<Contact>().fetch_all().await.unwrap();
        let whole = store.query::<Customer>().fetch_all().await.unwrap();
        assert_eq!(projected.len(), 5);
        let of_views: Vec<_> = whole.iter().map(|row| Contact::of(row.view())).collect();
        assert_eq!(projected, of_views);

        let ada = &projected[0];
        assert_eq!(
            (ada.id.as_str(), ada.email.as_deref(), ada.balance),
            ("cus_ada", Some("ada@example.com"), -150)
        );
        assert_eq!(
            (ada.tier.as_str(), ada.place.as_deref()),
            ("gold", Some("London"))
        );
        assert_eq!(
            ada.created.map(time::OffsetDateTime::unix_timestamp),
            Some(5)
        );
        assert_eq!(
            (ada.second_locale.as_deref(), ada.metadata.len()),
            (Some("fr"), 2)
        );
        let odd = &projected[1];
        assert_eq!(
            (odd.email.as_deref(), odd.balance, odd.tier.as_str()),
            (None, 12, "free")
        );
        assert_eq!(
            (odd.place.as_deref(), odd.second_locale.as_deref()),
            (Some("Odd"), None)
        );
        assert_eq!(
            odd.tax_exempt.as_ref().map(stripe_store::OpenEnum::as_str),
            Some("sometimes")
        );
    })
    .await;
}

#[tokio::test]
async fn a_projection_is_one_statement_that_leaves_the_object_where_it_is() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        write(store, &customers()).await;
        // Whatever is asked once a connection or process has been.
        store.project::<Contact>().first().await.unwrap();
        let project = store
            .project::<Contact>()
            .filter(Customer::EMAIL.is_present());
        let (rows, sent) = statements(project.fetch_all()).await;
        assert_eq!(rows.unwrap().len(), 1);
        assert_eq!(sent.len(), 1, "{sent:?}");

        let sql = project.to_sql().unwrap();
        let (selected, _) = sql.text().split_once(" FROM \"stripe_objects\"").unwrap();
        assert!(
            !selected.contains("data::text") && !selected.contains("SELECT stripe_id, data,"),
            "{selected}"
        );
        assert!(!sql.to_string().contains("preferred_locales = "));
    })
    .await;
}

#[tokio::test]
async fn projections_are_filtered_ordered_paged_and_streamed_as_queries_are() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let many: Vec<_> = (0..2345)
            .map(|number| {
                json!({"object": "customer", "id": format!("cus_{number:04}"), "created": number % 7, "balance": number})
            })
            .collect();
        write(store, &many).await;
        let ids = |rows: &[Contact]| rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
        let project = || store.project::<Contact>().filter(Customer::BALANCE.ge(100));

        let whole = store.query::<Customer>().filter(Customer::BALANCE.ge(100));
        let expected: Vec<_> = whole.fetch_all().await.unwrap().iter().map(|row| row.id().to_owned()).collect();
        assert_eq!(expected.len(), 2245);
        assert_eq!(ids(&project().fetch_all().await.unwrap()), expected);
        let streamed: Vec<Contact> = project().stream().try_collect().await.unwrap();
        assert_eq!(ids(&streamed), expected);
        let limited: Vec<Contact> = project().limit(1003).stream().try_collect().await.unwrap();
        assert_eq!(ids(&limited), expected[..1003]);

        let mut paged = Vec::new();
        let mut after: Option<Cursor> = None;
        loop {
            let page = match &after {
                Some(cursor) => project().limit(1000).after(cursor).page().await.unwrap(),
                None => project().limit(1000).page().await.unwrap(),
            };
            paged.extend(ids(&page.data));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(paged, expected);
        // The cursors are those of the query for whole objects.
        let page = whole.clone().limit(3).page().await.unwrap();
        let next = project().limit(2).after(&page.next.unwrap()).fetch_all().await.unwrap();
        assert_eq!(ids(&next), expected[3..5]);

        let richest = project().order_by(Customer::BALANCE.desc()).first().await.unwrap().unwrap();
        assert_eq!(richest.balance, 2344);
        let none = project().filter(Customer::EMAIL.is_present());
        assert_eq!(none.first().await.unwrap(), None);
        assert!(matches!(project().limit(0).page().await, Err(StoreError::Limit { limit: 0, .. })));
        assert!(store.test_mode().project::<Contact>().fetch_all().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn deleted_objects_are_projected_when_asked_for() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        write(store, &customers()).await;
        let gone = Snapshot::read(r#"{"object":"customer","id":"cus_ada","deleted":true}"#)
            .unwrap()
            .taken(Interval::second(9), "evt_2");
        store.write(&[gone]).await.unwrap();
        assert_eq!(
            store.project::<Contact>().fetch_all().await.unwrap().len(),
            4
        );
        let all = store.project::<Contact>().including_deleted();
        assert_eq!(all.fetch_all().await.unwrap().len(), 5);
    })
    .await;
}

/// So many that no function of the database takes them at once.
#[tokio::test]
async fn a_projection_of_two_hundred_values_is_read_whole() {
    macro_rules! wide {
        ($($name:ident)*) => {
            #[derive(StripeModel, Debug, PartialEq)]
            #[stripe(object = Invoice)]
            struct Wide {
                $(
                    #[stripe(path = "metadata.first", or = "metadata.second", or = "number", or = "currency")]
                    $name: Option<String>,
                )*
            }
            impl Wide {
                fn all(&self) -> Vec<&str> {
                    vec![$(self.$name.as_deref().unwrap()),*]
                }
            }
        };
    }
    wide! {
        a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 b0 b1 b2 b3 b4 b5 b6 b7 b8 b9 c0 c1 c2 c3 c4 c5 c6 c7 c8 c9
        d0 d1 d2 d3 d4 d5 d6 d7 d8 d9 e0 e1 e2 e3 e4 e5 e6 e7 e8 e9
    }
    on_both(async |db: &TestDb| {
        write(
            db.store(),
            &[json!({"object": "invoice", "id": "in_1", "currency": "eur"})],
        )
        .await;
        let wide = db.store().project::<Wide>().first().await.unwrap().unwrap();
        assert_eq!(wide.all(), vec!["eur"; 50]);
    })
    .await;
}

/// One value alone is another expression on SQLite.
#[tokio::test]
async fn a_projection_of_one_value_reads_it() {
    #[derive(StripeModel)]
    #[stripe(object = Customer)]
    struct Balance {
        #[stripe(default)]
        balance: i64,
    }
    #[derive(StripeModel)]
    #[stripe(object = Customer)]
    struct Quoted {
        #[stripe(path = Customer::METADATA.key("a'b\"c"))]
        quoted: Option<String>,
    }
    on_both(async |db: &TestDb| {
        write(db.store(), &customers()).await;
        let mut balances: Vec<_> = db.store().project::<Balance>().fetch_all().await.unwrap();
        balances.sort_by_key(|row| row.balance);
        let balances: Vec<_> = balances.iter().map(|row| row.balance).collect();
        assert_eq!(balances, [i64::MIN, -150, 0, 0, 12]);
        let quoted = db
            .store()
            .project::<Quoted>()
            .first()
            .await
            .unwrap()
            .unwrap();
        assert_eq!(quoted.quoted.as_deref(), Some("x"));
    })
    .await;
}

#[tokio::test]
async fn c016_a_field_is_read_from_where_it_is() {
    #[derive(StripeModel)]
    #[stripe(object = Subscription)]
    struct Period {
        #[stripe(path = Subscription::ITEMS.at(0).then(SubscriptionItem::CURRENT_PERIOD_END), or = "billing_cycle_anchor")]
        end: Option<Timestamp>,
        #[stripe(path = Subscription::ITEMS.at(0).then(SubscriptionItem::PRICE).then(Price::ID))]
        price: Option<String>,
    }
    on_both(async |db: &TestDb| {
        let text = fixture_text("subscription");
        let mut old: Value = serde_json::from_str(&text).unwrap();
        let end = old["items"]["data"][0]["current_period_end"].as_i64();
        old["id"] = json!("sub_old");
        old["items"]["data"] = json!([]);
        old["billing_cycle_anchor"] = json!(77);
        write(db.store(), &[serde_json::from_str(&text).unwrap(), old]).await;
        let period = |id: &'static str| {
            let project = db.store().project::<Period>();
            project.filter(Subscription::ID.eq(id))
        };
        let new = period("sub_gold").first().await.unwrap().unwrap();
        assert_eq!(new.end.map(Timestamp::unix_seconds), end);
        assert!(end.is_some() && new.price.as_deref() == Some("price_gold_monthly"));
        let old = period("sub_old").first().await.unwrap().unwrap();
        assert_eq!(
            (old.end.map(Timestamp::unix_seconds), old.price),
            (Some(77), None)
        );
    })
    .await;
}

fn cards() -> Vec<Value> {
    vec![
        json!({
            "object": "loyalty.card", "id": "loy_1", "points": 12, "created": 2, "customer": "cus_1",
            "last_shop": {"name": "Harbour"}, "colours": ["red"], "metadata": {"a": "b"},
        }),
        json!({"object": "loyalty.card", "id": "loy_2", "points": "many", "created": 3}),
        json!({
            "object": "loyalty_card", "id": "loy_3", "points": 40, "created": 1,
            "customer": {"id": "cus_2", "object": "customer", "name": "Ada"},
        }),
    ]
}

#[tokio::test]
async fn c021_a_view_of_ones_own_is_stored_read_listed_and_queried_like_any_other() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        write(store, &cards()).await;
        let card = store.get::<LoyaltyCard>("loy_1").await.unwrap().unwrap();
        assert_eq!((card.id(), card.points()), ("loy_1", Some(12)));
        assert_eq!(card.shop().and_then(ShopView::name), Some("Harbour"));
        assert_eq!(card.customer().map(|customer| customer.id()), Some("cus_1"));
        assert_eq!(
            (card.colours().len(), card.metadata().get("a")),
            (1, Some("b"))
        );
        assert_eq!(card.created().map(Timestamp::unix_seconds), Some(2));
        assert!(store.get::<LoyaltyCard>("loy_9").await.unwrap().is_none());

        let listed = store.list::<LoyaltyCard>().page().await.unwrap();
        let ids: Vec<_> = listed
            .data
            .iter()
            .map(|card| card.id().to_owned())
            .collect();
        assert_eq!(ids, ["loy_2", "loy_1", "loy_3"]);
        let any = store
            .get_object("loyalty.card", "loy_1")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(any.downcast::<LoyaltyCard>().unwrap().points(), Some(12));

        let query = store.query::<LoyaltyCard>();
        let rich = query
            .clone()
            .filter(LoyaltyCard::POINTS.gt(10))
            .order_by(LoyaltyCard::POINTS.desc());
        let rich: Vec<_> = rich
            .fetch_all()
            .await
            .unwrap()
            .iter()
            .map(|card| card.points())
            .collect();
        assert_eq!(rich, [Some(40), Some(12)]);
        let harbour = LoyaltyCard::SHOP.then(ShopView::NAME).eq("Harbour");
        assert_eq!(
            query.clone().filter(harbour).one().await.unwrap().id(),
            "loy_1"
        );
        let of_ada = query.clone().filter(LoyaltyCard::CUSTOMER.eq("cus_2"));
        assert_eq!(of_ada.one().await.unwrap().id(), "loy_3");
        assert_eq!(
            query
                .filter(LoyaltyCard::COLOURS.contains("red"))
                .count()
                .await
                .unwrap(),
            1
        );
        store.ensure_index(LoyaltyCard::POINTS).await.unwrap();

        let points = store
            .project::<Score>()
            .order_by(LoyaltyCard::ID.asc())
            .fetch_all()
            .await
            .unwrap();
        let point = |id: &str, points, shop: Option<&str>, customer: Option<&str>| Score {
            id: id.to_owned(),
            points,
            shop: shop.map(str::to_owned),
            customer: customer.map(str::to_owned),
        };
        let expected = [
            point("loy_1", Some(12), Some("Harbour"), Some("cus_1")),
            point("loy_2", None, None, None),
            point("loy_3", Some(40), None, Some("cus_2")),
        ];
        assert_eq!(points, expected);
    })
    .await;
}

#[tokio::test]
async fn a_reference_of_a_view_of_ones_own_is_expanded() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        write(store, &cards()).await;
        write(
            store,
            &[json!({"object": "customer", "id": "cus_1", "name": "Grace"})],
        )
        .await;
        let mut card = store.get::<LoyaltyCard>("loy_1").await.unwrap().unwrap();
        store.expand(&mut card, &["customer"]).await.unwrap();
        let customer = card.customer().and_then(|customer| customer.object());
        assert_eq!(customer.and_then(Customer::name), Some("Grace"));
    })
    .await;
}

#[test]
fn a_view_of_ones_own_says_of_itself_what_was_said_of_it() {
    assert_eq!(
        (LoyaltyCard::OBJECT, LoyaltyCard::PATH),
        ("loyalty.card", None)
    );
    assert_eq!(
        (LoyaltyCard::ID_PREFIX, LoyaltyCard::ALIASES),
        (Some("loy_"), ["loyalty_card"].as_slice())
    );
    assert!(AnyObject::view(&cards()[2]).to::<LoyaltyCard>().is_some());
    assert!(
        AnyObject::view(&json!({"object": "customer"}))
            .to::<LoyaltyCard>()
            .is_none()
    );
}
