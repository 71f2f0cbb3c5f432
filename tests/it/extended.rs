//! Extended models on both databases: linking, own columns, queries over both tables.

use serde_json::{Value, json};
use stripe_store::resources::Customer;
use stripe_store::store::{Interval, ModelError, Snapshot, Source, StoreError};
use stripe_store::view::Timestamp;
use stripe_store::{Store, Stored, StripeModel};
use stripe_store_tests::{TestDb, on_both};

#[derive(StripeModel, Debug, serde::Serialize)]
#[stripe(object = Customer, table = "app_customers", derive_own(Debug, Clone, Default))]
pub(super) struct AppCustomer {
    #[stripe(base)]
    pub(super) customer: Stored<Customer>,
    #[stripe(id)]
    pub(super) local_id: i64,
    #[stripe(index)]
    pub(super) user_id: Option<i64>,
    #[stripe(unique)]
    pub(super) code: Option<String>,
    pub(super) notes: Option<String>,
    #[stripe(path = "metadata.tier")]
    pub(super) tier: Option<String>,
    #[stripe(path)]
    pub(super) email: Option<String>,
    #[stripe(path)]
    pub(super) created: Option<Timestamp>,
}

pub(super) async fn write(store: &Store, second: i64, objects: &[Value]) -> Result<(), StoreError> {
    let texts: Vec<String> = objects.iter().map(Value::to_string).collect();
    let batch: Vec<_> = texts
        .iter()
        .map(|text| {
            let source = Source::event(&format!("evt_{second}"));
            Snapshot::read(text)
                .unwrap()
                .taken(Interval::second(second), source)
        })
        .collect();
    store.write(&batch).await.map(|_| ())
}

pub(super) fn customer(id: &str, user: &str) -> Value {
    json!({"object": "customer", "id": id, "created": 1_700_000_000, "email": format!("{id}@example.com"),
        "metadata": {"user": user, "tier": "gold"}})
}

/// Links customers that say whose they are.
pub(super) fn linking(store: &Store) -> Store {
    store.register::<AppCustomer>(|customer| {
        let user = customer
            .metadata()
            .get("user")
            .filter(|user| !user.is_empty());
        let Some(user) = user else {
            return Ok(None);
        };
        Ok(Some(AppCustomerOwn {
            user_id: Some(user.parse()?),
            ..AppCustomerOwn::default()
        }))
    })
}

pub(super) async fn linked(db: &TestDb) -> Store {
    AppCustomer::migrate(db.store()).await.unwrap();
    linking(db.store())
}

async fn users(store: &Store) -> Vec<(String, Option<i64>)> {
    let all = AppCustomer::query()
        .order_by(Customer::ID.asc())
        .fetch_all(store)
        .await
        .unwrap();
    all.iter()
        .map(|one| (one.id().to_owned(), one.user_id))
        .collect()
}

#[tokio::test]
async fn c019_a_page_of_objects_is_linked_as_it_is_written() {
    on_both(async |db: &TestDb| {
        let store = linked(db).await;
        let page: Vec<Value> = (0..250)
            .map(|n| customer(&format!("cus_{n:03}"), &n.to_string()))
            .collect();
        write(&store, 1, &page).await.unwrap();
        let users = users(&store).await;
        assert_eq!(users.len(), 250);
        assert!(
            users
                .iter()
                .zip(0..)
                .all(|((id, user), n)| *id == format!("cus_{n:03}") && *user == Some(n))
        );
        let one = AppCustomer::find(&store, "cus_007").await.unwrap().unwrap();
        assert_eq!(
            (one.tier.as_deref(), one.email.as_deref()),
            (Some("gold"), Some("cus_007@example.com"))
        );
        assert_eq!(
            (one.customer.id(), one.base().id(), one.id()),
            ("cus_007", "cus_007", "cus_007")
        );
    })
    .await;
}

#[tokio::test]
async fn c018_c044_own_columns_survive_every_event_and_sync() {
    on_both(async |db: &TestDb| {
        let store = linked(db).await;
        write(&store, 1, &[customer("cus_1", "7")]).await.unwrap();
        let mut one = AppCustomer::find(&store, "cus_1").await.unwrap().unwrap();
        (one.notes, one.user_id) = (Some("called".to_owned()), Some(8));
        one.save(&store).await.unwrap();
        let (id, created) = (one.local_id, one.created_at());

        // An event, a sync of the whole page, a repetition, and something that comes late.
        let mut later = customer("cus_1", "9");
        later["email"] = json!("new@example.com");
        for second in [3, 5, 5, 2] {
            write(&store, second, &[later.clone()]).await.unwrap();
        }
        let one = AppCustomer::find(&store, "cus_1").await.unwrap().unwrap();
        assert_eq!(one.email.as_deref(), Some("new@example.com"));
        assert_eq!(
            (one.notes.as_deref(), one.user_id),
            (Some("called"), Some(8))
        );
        assert_eq!((one.local_id, one.created_at()), (id, created));
        assert!(one.updated_at() >= created);
        assert_eq!(users(&store).await.len(), 1);
        let json = serde_json::to_value(&one).unwrap();
        assert_eq!(json["customer"], later);
        assert_eq!(json["created"], 1_700_000_000);
        assert_eq!(
            (&json["notes"], &json["tier"]),
            (&json!("called"), &json!("gold"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_failing_hook_leaves_nothing_of_the_batch() {
    on_both(async |db: &TestDb| {
        let store = linked(db).await;
        let page = [
            customer("cus_1", "1"),
            customer("cus_2", "x"),
            customer("cus_3", "3"),
        ];
        let error = write(&store, 1, &page).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the hook that fills app_customers failed on customer cus_2"
        );
        let StoreError::Model(ModelError::Hook { source, .. }) = &error else {
            panic!("{error:?}")
        };
        assert!(source.is::<std::num::ParseIntError>() && !error.is_transient());
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM stripe_objects").await,
            Some(0)
        );
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM app_customers").await,
            Some(0)
        );
        // The handle without the hook writes them, and they can be linked later.
        write(db.store(), 1, &page).await.unwrap();
        assert!(users(&store).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_the_hook_declines_is_linked_when_it_says_more() {
    on_both(async |db: &TestDb| {
        let store = linked(db).await;
        write(&store, 1, &[customer("cus_1", "")]).await.unwrap();
        assert!(AppCustomer::find(&store, "cus_1").await.unwrap().is_none());
        assert!(store.get::<Customer>("cus_1").await.unwrap().is_some());
        write(&store, 2, &[customer("cus_1", "5")]).await.unwrap();
        assert_eq!(users(&store).await, [("cus_1".to_owned(), Some(5))]);
    })
    .await;
}

#[tokio::test]
async fn objects_that_were_there_before_are_linked_on_request() {
    on_both(async |db: &TestDb| {
        let before: Vec<Value> = (0..1203)
            .map(|n| customer(&format!("cus_{n:04}"), if n % 3 == 0 { "" } else { "1" }))
            .collect();
        write(db.store(), 1, &before).await.unwrap();
        write(
            &db.store().test_mode(),
            1,
            &[json!({"object": "customer", "id": "cus_t", "metadata": {"user": "1"}})],
        )
        .await
        .unwrap();
        write(
            db.store(),
            2,
            &[json!({"object": "customer", "id": "cus_0001", "deleted": true})],
        )
        .await
        .unwrap();
        let store = linked(db).await;
        assert_eq!(store.link::<AppCustomer>().await.unwrap(), 801);
        assert_eq!(store.link::<AppCustomer>().await.unwrap(), 0);
        assert_eq!(users(&store).await.len(), 801);
        assert!(users(&store.test_mode()).await.is_empty());
        let error = db.store().link::<AppCustomer>().await.unwrap_err();
        assert!(matches!(
            error,
            StoreError::Model(ModelError::NotRegistered { .. })
        ));
    })
    .await;
}

#[tokio::test]
async fn a_row_is_made_saved_and_removed_by_hand() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        AppCustomer::migrate(store).await.unwrap();
        write(store, 1, &[customer("cus_1", "1"), customer("cus_2", "2")])
            .await
            .unwrap();
        let stored = async |id: &str| store.get::<Customer>(id).await.unwrap().unwrap();
        let own = AppCustomerOwn {
            code: Some("A".to_owned()),
            ..AppCustomerOwn::default()
        };
        let one = AppCustomer::insert_for(store, stored("cus_1").await, own.clone())
            .await
            .unwrap();
        assert_eq!(one.tier.as_deref(), Some("gold"));
        let found = AppCustomer::find_by(store, AppCustomer::LOCAL_ID.eq(one.local_id))
            .await
            .unwrap()
            .unwrap();
        assert_eq!((found.id(), found.code.as_deref()), ("cus_1", Some("A")));

        let again = AppCustomer::insert_for(store, stored("cus_1").await, own.clone())
            .await
            .unwrap_err();
        assert!(matches!(
            again,
            StoreError::Model(ModelError::AlreadyLinked { .. })
        ));
        assert!(
            again
                .to_string()
                .starts_with("customer cus_1 has a row in app_customers already")
        );
        let taken = AppCustomer::insert_for(store, stored("cus_2").await, own)
            .await
            .unwrap_err();
        assert_eq!(
            taken.to_string(),
            "could not link customer cus_2 in app_customers"
        );

        one.unlink(store).await.unwrap();
        assert!(AppCustomer::find(store, "cus_1").await.unwrap().is_none());
        assert!(matches!(
            found.save(store).await,
            Err(StoreError::Model(ModelError::NotLinked { .. }))
        ));
        assert!(matches!(
            found.unlink(store).await,
            Err(StoreError::Model(ModelError::NotLinked { .. }))
        ));
        assert!(store.get::<Customer>("cus_1").await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn c044_an_event_is_applied_to_its_row() {
    on_both(async |db: &TestDb| {
        let store = linked(db).await;
        let event = |second: i64, kind: &str, object: Value| {
            json!({"object": "event", "id": format!("evt_{second}"), "type": kind, "created": second, "livemode": true,
                "data": {"object": object}})
        };
        let created = event(1, "customer.created", customer("cus_1", "7")).to_string();
        let one = AppCustomer::apply_event(&store, &created).await.unwrap().unwrap();
        assert_eq!((one.id(), one.user_id), ("cus_1", Some(7)));
        let mut connect = event(2, "customer.created", customer("cus_c", "8"));
        connect["account"] = json!("acct_1");
        let one = AppCustomer::apply_event(&store, &connect.to_string()).await.unwrap().unwrap();
        assert_eq!((one.account(), one.user_id), (Some("acct_1"), Some(8)));
        assert!(AppCustomer::find(&store, "cus_c").await.unwrap().is_none());
        let late = event(0, "customer.updated", customer("cus_1", "9")).to_string();
        let one = AppCustomer::apply_event(&store, &late).await.unwrap().unwrap();
        assert_eq!(one.as_of(), Interval::second(1));
        let gone = event(3, "customer.deleted", customer("cus_1", "7")).to_string();
        assert!(AppCustomer::apply_event(&store, &gone).await.unwrap().is_none());
        let unlinked = event(4, "customer.created", customer("cus_2", "")).to_string();
        assert!(AppCustomer::apply_event(&store, &unlinked).await.unwrap().is_none());

        let other = event(5, "charge.succeeded", json!({"object": "charge", "id": "ch_1"})).to_string();
        let error = AppCustomer::apply_event(&store, &other).await.unwrap_err();
        assert_eq!(error.to_string(), "the event brings charge, and no customer");
        let preview = event(6, "invoice.upcoming", json!({"object": "invoice"})).to_string();
        assert!(AppCustomer::apply_event(&store, &preview).await.unwrap_err().to_string().contains("has no id"));
        for bad in ["", "{}", "[]", &customer("cus_1", "1").to_string()] {
            let error = AppCustomer::apply_event(&store, bad).await.unwrap_err();
            assert!(matches!(error, stripe_store::Error::Ingest(_)), "{bad}: {error:?}");
        }
        assert_eq!(db.scalar_i64("SELECT count(*) FROM stripe_objects").await, Some(3));
    })
    .await;
}

#[tokio::test]
async fn a_table_that_is_not_there_or_is_old_says_what_to_call() {
    on_both(async |db: &TestDb| {
        let store = linking(db.store());
        let told = |error: &StoreError| {
            assert!(
                matches!(error, StoreError::Model(ModelError::NotMigrated { .. })),
                "{error:?}"
            );
            assert!(
                error.to_string().contains("app_customers")
                    && error.to_string().contains("`migrate`")
            );
        };
        told(&AppCustomer::query().fetch_all(&store).await.unwrap_err());
        told(
            &write(&store, 1, &[customer("cus_1", "1")])
                .await
                .unwrap_err(),
        );
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM stripe_objects").await,
            Some(0)
        );
        AppCustomer::migrate(&store).await.unwrap();
        db.execute("ALTER TABLE app_customers DROP COLUMN notes")
            .await;
        told(&AppCustomer::query().fetch_all(&store).await.unwrap_err());
        told(
            &write(&store, 1, &[customer("cus_1", "1")])
                .await
                .unwrap_err(),
        );
    })
    .await;
}
