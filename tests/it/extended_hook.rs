//! What hooks read in the transaction, and what becomes of rows that the database refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use stripe_store::resources::Customer;
use stripe_store::store::{ModelError, StoreError};
use stripe_store::{Store, Stored, StripeModel};
use stripe_store_tests::{Kind, RawPool, TestDb, on_both};

use super::extended::write;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "owners")]
struct Owner {
    #[stripe(base)]
    customer: Stored<Customer>,
    #[stripe(unique)]
    login: String,
    /// Of several customers of one login, which this is.
    number: i64,
}

#[derive(StripeModel)]
#[stripe(object = Customer, table = "referrals")]
struct Referral {
    #[stripe(base)]
    customer: Stored<Customer>,
    #[stripe(references = "users(id)", on_delete = "cascade")]
    user_id: i64,
}

fn customer(id: &str, email: &str) -> Value {
    json!({"object": "customer", "id": id, "email": email})
}

/// Links each customer by its email; `number` counts those that the hook could see.
fn by_email(store: &Store) -> Store {
    store.register_with::<Owner>(|mut context, customer| {
        Box::pin(async move {
            let store = context.store().clone();
            let before = Owner::query()
                .fetch_all_in(&store, context.transaction())
                .await?;
            let email = customer.email().unwrap_or_default();
            let same =
                Owner::find_by_in(&store, context.transaction(), Owner::LOGIN.eq(email)).await?;
            let login = match same {
                Some(_) => format!("{email}/{}", customer.id()),
                None => email.to_owned(),
            };
            let number = i64::try_from(before.len())?;
            Ok(Some(OwnerOwn { login, number }))
        })
    })
}

#[tokio::test]
async fn a_hook_sees_the_rows_that_the_same_page_made() {
    on_both(async |db: &TestDb| {
        Owner::migrate(db.store()).await.unwrap();
        let store = by_email(db.store());
        let page = [
            customer("cus_1", "a@x"),
            customer("cus_2", "b@x"),
            customer("cus_3", "a@x"),
        ];
        write(&store, 1, &page).await.unwrap();
        let found = Owner::query()
            .order_by(Owner::NUMBER.asc())
            .fetch_all(&store)
            .await
            .unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|one| (one.customer.id(), one.login.as_str(), one.number))
            .collect();
        assert_eq!(
            told,
            [
                ("cus_1", "a@x", 0),
                ("cus_2", "b@x", 1),
                ("cus_3", "a@x/cus_3", 2)
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn a_value_that_is_taken_leaves_the_object_without_a_row() {
    on_both(async |db: &TestDb| {
        Owner::migrate(db.store()).await.unwrap();
        let store = db.store().register::<Owner>(|customer| {
            let login = customer.email().map(str::to_owned);
            Ok(login.map(|login| OwnerOwn { login, number: 0 }))
        });
        let page = [
            customer("cus_1", "a@x"),
            customer("cus_2", "a@x"),
            customer("cus_3", "b@x"),
        ];
        write(&store, 1, &page).await.unwrap();
        let linked = async || {
            let found = Owner::query()
                .order_by(Customer::ID.asc())
                .fetch_all(&store)
                .await
                .unwrap();
            found
                .iter()
                .map(|one| one.id().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(linked().await, ["cus_1", "cus_3"]);
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM stripe_objects").await,
            Some(3)
        );
        // When the other one goes, the next write, or a look at all of them, links it.
        Owner::find(&store, "cus_1")
            .await
            .unwrap()
            .unwrap()
            .unlink(&store)
            .await
            .unwrap();
        write(&store, 2, &[customer("cus_2", "a@x")]).await.unwrap();
        assert_eq!(store.link::<Owner>().await.unwrap(), 0);
        assert_eq!(linked().await, ["cus_2", "cus_3"]);
    })
    .await;
}

#[tokio::test]
async fn a_reference_to_what_is_not_there_fails_the_write() {
    on_both(async |db: &TestDb| {
        db.execute("CREATE TABLE users (id bigint PRIMARY KEY)")
            .await;
        Referral::migrate(db.store()).await.unwrap();
        let store = db
            .store()
            .register::<Referral>(|_| Ok(Some(ReferralOwn { user_id: 9 })));
        let error = write(&store, 1, &[customer("cus_1", "a@x")])
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not link customer cus_1 in referrals"
        );
        assert!(matches!(
            error,
            StoreError::Model(ModelError::Statement { .. })
        ));
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM stripe_objects").await,
            Some(0)
        );
    })
    .await;
}

#[tokio::test]
async fn a_user_that_goes_while_its_customer_is_linked_is_looked_for_again() {
    on_both(async |db: &TestDb| {
        let RawPool::Postgres(pool) = db.pool() else {
            // One writer at a time: nobody goes meanwhile.
            assert_eq!(db.kind(), Kind::Sqlite);
            return;
        };
        db.execute("CREATE TABLE users (id bigint PRIMARY KEY); INSERT INTO users VALUES (1)")
            .await;
        Referral::migrate(db.store()).await.unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let (counted, others) = (Arc::clone(&calls), pool.clone());
        let store = db.store().register_with::<Referral>(move |mut context, _| {
            counted.fetch_add(1, Ordering::SeqCst);
            let others = others.clone();
            Box::pin(async move {
                let user: Option<i64> = sqlx::query_scalar("SELECT min(id) FROM users")
                    .fetch_one(context.postgres()?)
                    .await?;
                // Another program, just then.
                sqlx::query("DELETE FROM users WHERE id = 1")
                    .execute(&others)
                    .await?;
                Ok(user.map(|user_id| ReferralOwn { user_id }))
            })
        });
        write(&store, 1, &[customer("cus_1", "a@x")]).await.unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert!(Referral::find(&store, "cus_1").await.unwrap().is_none());
        let one = store.get::<Customer>("cus_1").await.unwrap().unwrap();
        let own = ReferralOwn { user_id: 1 };
        assert!(Referral::insert_for(&store, one, own).await.is_err());
        db.execute("INSERT INTO users VALUES (2)").await;
        assert_eq!(store.link::<Referral>().await.unwrap(), 1);
        let linked = Referral::find(&store, "cus_1").await.unwrap().unwrap();
        assert_eq!((linked.user_id, linked.customer.email()), (2, Some("a@x")));
    })
    .await;
}
