//! Projections where values are odd, deep, many or unreadable, on both databases.

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use stripe_store::model::Projection;
use stripe_store::resources::{Customer, Subscription, SubscriptionItem};
use stripe_store::store::{Interval, Snapshot, StoreError};
use stripe_store::{Store, StripeModel};
use stripe_store_tests::{TestDb, on_both};

#[derive(StripeModel, Debug, PartialEq)]
#[stripe(object = Customer)]
struct Odd {
    id: String,
    balance: Option<i64>,
    #[stripe(path = "metadata.size")]
    size: Option<String>,
    #[stripe(path = Customer::METADATA)]
    metadata: Option<Value>,
}

async fn write(store: &Store, texts: &[String]) {
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

/// `null` inside of as many arrays.
fn nested(depth: usize) -> String {
    format!("{}null{}", "[".repeat(depth), "]".repeat(depth))
}

#[tokio::test]
async fn numbers_past_a_float_and_the_deepest_values_are_read_as_the_views_read_them() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let deepest = nested(125);
        let texts = [
            r#"{"object":"customer","id":"cus_1","created":3,"balance":1e400,"metadata":{"size":1e400}}"#.to_owned(),
            r#"{"object":"customer","id":"cus_2","created":2,"balance":5.0,"metadata":{"size":"\"\\\u00e9\n][,"}}"#.to_owned(),
            format!(r#"{{"object":"customer","id":"cus_3","created":1,"metadata":{{"size":{deepest}}}}}"#),
        ];
        write(store, &texts).await;
        let whole = store.query::<Customer>().fetch_all().await.unwrap();
        let of_views: Vec<_> = whole.iter().map(|row| Odd::of(row.view())).collect();
        let projected = store.project::<Odd>().fetch_all().await.unwrap();
        assert_eq!(projected, of_views);
        assert_eq!(projected[1].balance, Some(5));
        assert_eq!(projected[1].size.as_deref(), Some("\"\\é\n][,"));
        let deepest: Value = serde_json::from_str(&deepest).unwrap();
        assert_eq!(projected[2].metadata, Some(json!({"size": deepest})));
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_projections_goes_past_values_that_cannot_be_read() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let texts: Vec<_> = (1..4)
            .map(|n| format!(r#"{{"object":"customer","id":"cus_{n}","created":{n}}}"#))
            .collect();
        write(store, &texts).await;
        // Deeper than the door lets in.
        let set = format!(
            r#"UPDATE stripe_objects SET data = '{{"id":"cus_2","created":2,"metadata":{}}}' WHERE stripe_id = 'cus_2'"#,
            nested(200)
        );
        db.execute(&set).await;
        let project = store.project::<Odd>();
        let found: Vec<_> = project.stream().collect().await;
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].as_ref().unwrap().id, "cus_3");
        assert_eq!(found[2].as_ref().unwrap().id, "cus_1");
        for error in [
            found[1].as_ref().unwrap_err(),
            &project.fetch_all().await.unwrap_err(),
            &project.page().await.unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::Row { column: "data", .. }), "{error:?}");
            assert!(error.to_string().contains("cus_2"), "{error}");
        }
        db.execute("DROP TABLE stripe_objects").await;
        let mut stream = project.stream();
        assert!(stream.next().await.unwrap().unwrap_err().is_not_migrated());
        assert!(stream.next().await.is_none());
    })
    .await;
}

/// More than a function of the database takes at once, each another: none is where another belongs.
#[tokio::test]
async fn each_of_many_values_is_in_its_own_field() {
    macro_rules! many {
        ($($name:ident)*) => {
            #[derive(StripeModel)]
            #[stripe(object = Customer)]
            struct Many {
                $(
                    #[stripe(path = Customer::METADATA.key(concat!(stringify!($name), "_1")), or = Customer::ID)]
                    $name: Option<String>,
                )*
            }
            impl Many {
                const NAMES: &[&str] = &[$(stringify!($name)),*];
                fn all(self) -> Vec<String> {
                    vec![$(self.$name.unwrap()),*]
                }
            }
        };
    }
    many! {
        a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 b0 b1 b2 b3 b4 b5 b6 b7 b8 b9 c0 c1 c2 c3 c4 c5 c6 c7 c8 c9
        d0 d1 d2 d3 d4 d5 d6 d7 d8 d9 e0 e1 e2 e3 e4 e5 e6 e7 e8 e9 f0 f1 f2 f3 f4 f5 f6 f7 f8 f9
        g0 g1 g2 g3 g4 g5 g6 g7 g8 g9 h0 h1 h2 h3 h4 h5 h6 h7 h8 h9 i0 i1 i2 i3 i4 i5 i6 i7 i8 i9
        k0
    }
    on_both(async |db: &TestDb| {
        let present = |n: &usize| n % 3 != 1;
        let names = Many::NAMES.iter().enumerate();
        let metadata: serde_json::Map<String, Value> = names
            .filter(|(n, _)| present(n))
            .map(|(n, name)| (format!("{name}_1"), json!(n.to_string())))
            .collect();
        let object = json!({"object": "customer", "id": "cus_1", "metadata": metadata});
        write(db.store(), &[object.to_string()]).await;
        let many = db.store().project::<Many>().first().await.unwrap().unwrap();
        let expected: Vec<_> = (0..Many::NAMES.len())
            .map(|n| {
                if present(&n) {
                    n.to_string()
                } else {
                    "cus_1".to_owned()
                }
            })
            .collect();
        assert_eq!(many.all(), expected);
    })
    .await;
}

#[tokio::test]
async fn a_field_without_a_value_has_its_default_and_else_the_first_source_that_reads() {
    #[derive(StripeModel, Debug, PartialEq)]
    #[stripe(object = Subscription)]
    struct Sources {
        #[stripe(path = "metadata.a", or = "metadata.b", or = "id", default = "nothing")]
        text: String,
        #[stripe(path = Subscription::ITEMS.at(0).then(SubscriptionItem::QUANTITY), default)]
        quantity: i64,
        #[stripe(path = Subscription::ITEMS.at(1).then(SubscriptionItem::QUANTITY), default = 7)]
        second: i64,
        #[stripe(path = "metadata.b", default = "none")]
        last: String,
    }
    on_both(async |db: &TestDb| {
        let texts = [
            r#"{"object":"subscription","id":"sub_1","created":3,"metadata":{"a":"x","b":"y"},
                "items":{"data":[{"quantity":2},{"quantity":3}]}}"#,
            r#"{"object":"subscription","id":"sub_2","created":2,"metadata":{"a":1,"b":"y"},"items":{"data":[]}}"#,
            r#"{"object":"subscription","id":"sub_3","created":1,"metadata":{"a":null}}"#,
        ];
        write(db.store(), &texts.map(str::to_owned)).await;
        let sources = |text: &str, quantity, second, last: &str| Sources {
            text: text.to_owned(),
            quantity,
            second,
            last: last.to_owned(),
        };
        let expected = [
            sources("x", 2, 3, "y"),
            sources("y", 0, 7, "y"),
            sources("sub_3", 0, 7, "none"),
        ];
        let found = db.store().project::<Sources>().fetch_all().await.unwrap();
        assert_eq!(found, expected);
    })
    .await;
}
