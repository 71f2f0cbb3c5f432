//! What hooks see and do, and who is linked by whom: users, transactions, expanded objects, several writers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use stripe_store::resources::{Customer, Price, Subscription};
use stripe_store::store::{
    HookContext, HookError, Interval, ModelError, Snapshot, Source, StoreError,
};
use stripe_store::{Store, Stored, StripeModel};
use stripe_store_tests::{Kind, RawPool, TestDb, on_both};

use super::extended::write;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "members")]
struct Member {
    #[stripe(base)]
    customer: Stored<Customer>,
    #[stripe(references = "users(id)", on_delete = "cascade", unique)]
    user_id: i64,
    /// What the hook said last.
    #[stripe(derived)]
    shouted: Option<String>,
    kept: Option<String>,
}

#[derive(StripeModel)]
#[stripe(object = Price, table = "shop_prices")]
struct ShopPrice {
    #[stripe(base)]
    price: Stored<Price>,
    position: i64,
}

/// The user of this email, in the transaction.
async fn user(
    context: &mut HookContext<'_>,
    email: Option<&str>,
) -> Result<Option<i64>, HookError> {
    Ok(match context.transaction().dialect() {
        stripe_store::store::Dialect::Sqlite => {
            sqlx::query_scalar("SELECT id FROM users WHERE email = ?")
                .bind(email)
                .fetch_optional(context.sqlite()?)
                .await?
        }
        _ => {
            sqlx::query_scalar("SELECT id FROM users WHERE email = $1")
                .bind(email)
                .fetch_optional(context.postgres()?)
                .await?
        }
    })
}

fn registered(store: &Store, calls: &Arc<AtomicUsize>) -> Store {
    let calls = Arc::clone(calls);
    store.register_with::<Member>(move |mut context, customer| {
        calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            let user = user(&mut context, customer.email()).await?;
            Ok(user.map(|user_id| MemberOwn {
                user_id,
                shouted: customer.name().map(str::to_uppercase),
                kept: Some("first".to_owned()),
            }))
        })
    })
}

async fn prepared(db: &TestDb) -> (Store, Arc<AtomicUsize>) {
    db.execute("CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL)")
        .await;
    db.execute(
        "INSERT INTO users (id, email) VALUES (1, 'ada@example.com'), (2, 'bob@example.com')",
    )
    .await;
    Member::migrate(db.store()).await.unwrap();
    let calls = Arc::default();
    (registered(db.store(), &calls), calls)
}

fn customer(id: &str, email: &str, name: &str) -> Value {
    json!({"object": "customer", "id": id, "email": email, "name": name})
}

#[tokio::test]
async fn c018_a_customer_is_linked_to_its_user_and_goes_with_it() {
    on_both(async |db: &TestDb| {
        let (store, calls) = prepared(db).await;
        let page = [
            customer("cus_a", "ada@example.com", "Ada"),
            customer("cus_n", "nobody@example.com", "N"),
        ];
        write(&store, 1, &page).await.unwrap();
        let found = Member::query()
            .filter(Member::USER_ID.eq(1))
            .fetch_all(&store)
            .await
            .unwrap();
        assert_eq!(
            (found.len(), found[0].id(), found[0].shouted.as_deref()),
            (1, "cus_a", Some("ADA"))
        );
        assert_eq!(calls.load(Ordering::SeqCst), 2);

        db.execute("DELETE FROM users WHERE id = 1").await;
        assert!(Member::find(&store, "cus_a").await.unwrap().is_none());
        assert!(store.get::<Customer>("cus_a").await.unwrap().is_some());
        // It can be linked again, to whoever is the user then.
        db.execute("INSERT INTO users (id, email) VALUES (3, 'ada@example.com')")
            .await;
        write(&store, 1, &page).await.unwrap();
        assert_eq!(
            Member::find(&store, "cus_a")
                .await
                .unwrap()
                .unwrap()
                .user_id,
            3
        );
    })
    .await;
}

#[tokio::test]
async fn c016_what_is_derived_follows_the_object_and_what_is_not_stays() {
    on_both(async |db: &TestDb| {
        let (store, calls) = prepared(db).await;
        write(&store, 1, &[customer("cus_a", "ada@example.com", "Ada")])
            .await
            .unwrap();
        let mut one = Member::find(&store, "cus_a").await.unwrap().unwrap();
        one.kept = Some("mine".to_owned());
        one.save(&store).await.unwrap();
        write(&store, 2, &[customer("cus_a", "ada@example.com", "Eve")])
            .await
            .unwrap();
        let one = Member::find(&store, "cus_a").await.unwrap().unwrap();
        assert_eq!(
            (one.shouted.as_deref(), one.kept.as_deref()),
            (Some("EVE"), Some("mine"))
        );
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        // Neither a repetition nor what comes late changes anything, and so nobody is asked.
        write(&store, 2, &[customer("cus_a", "ada@example.com", "Eve")])
            .await
            .unwrap();
        write(&store, 1, &[customer("cus_a", "ada@example.com", "Late")])
            .await
            .unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        // The hook does not know the user any more: the row stays.
        write(&store, 3, &[customer("cus_a", "other@example.com", "Eve")])
            .await
            .unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 3);
        let one = Member::find(&store, "cus_a").await.unwrap().unwrap();
        assert_eq!(
            (one.shouted.as_deref(), one.user_id, one.customer.email()),
            (Some("EVE"), 1, Some("other@example.com"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_user_and_a_customer_are_made_in_one_transaction() {
    on_both(async |db: &TestDb| {
        let (store, _) = prepared(db).await;
        let text = customer("cus_c", "cy@example.com", "Cy").to_string();
        let batch = [Snapshot::read(&text)
            .unwrap()
            .taken(Interval::second(1), Source::event("evt_1"))];
        for commit in [false, true] {
            match db.pool() {
                RawPool::Sqlite(pool) => {
                    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
                    sqlx::query("INSERT INTO users VALUES (4, 'cy@example.com')")
                        .execute(&mut *transaction)
                        .await
                        .unwrap();
                    store.write_in(&mut transaction, &batch).await.unwrap();
                    let ended = if commit {
                        transaction.commit().await
                    } else {
                        transaction.rollback().await
                    };
                    ended.unwrap();
                }
                RawPool::Postgres(pool) => {
                    let mut transaction = pool.begin().await.unwrap();
                    sqlx::query("INSERT INTO users VALUES (4, 'cy@example.com')")
                        .execute(&mut *transaction)
                        .await
                        .unwrap();
                    store.write_in(&mut transaction, &batch).await.unwrap();
                    let ended = if commit {
                        transaction.commit().await
                    } else {
                        transaction.rollback().await
                    };
                    ended.unwrap();
                }
            }
            let found = Member::find(&store, "cus_c").await.unwrap();
            assert_eq!(found.map(|one| one.user_id), commit.then_some(4));
            assert_eq!(
                store.get::<Customer>("cus_c").await.unwrap().is_some(),
                commit
            );
        }
    })
    .await;
}

#[tokio::test]
async fn rows_are_made_and_saved_in_the_callers_transaction() {
    on_both(async |db: &TestDb| {
        let (_, _) = prepared(db).await;
        let store = db.store();
        write(
            store,
            1,
            &[customer("cus_a", "x", "A"), customer("cus_b", "x", "B")],
        )
        .await
        .unwrap();
        let stored = async |id: &str| store.get::<Customer>(id).await.unwrap().unwrap();
        let own = |user_id| MemberOwn {
            user_id,
            shouted: None,
            kept: None,
        };
        let mut one = Member::insert_for(store, stored("cus_a").await, own(1))
            .await
            .unwrap();
        one.kept = Some("rolled back".to_owned());
        match db.pool() {
            RawPool::Sqlite(pool) => {
                let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
                one.save_in(store, &mut transaction).await.unwrap();
                Member::insert_for_in(store, &mut transaction, stored("cus_b").await, own(2))
                    .await
                    .unwrap();
                transaction.rollback().await.unwrap();
            }
            RawPool::Postgres(pool) => {
                let mut transaction = pool.begin().await.unwrap();
                one.save_in(store, &mut transaction).await.unwrap();
                Member::insert_for_in(store, &mut transaction, stored("cus_b").await, own(2))
                    .await
                    .unwrap();
                transaction.rollback().await.unwrap();
            }
        }
        assert_eq!(
            Member::find(store, "cus_a").await.unwrap().unwrap().kept,
            None
        );
        assert!(Member::find(store, "cus_b").await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn objects_inside_others_are_linked_and_so_is_what_is_imported() {
    on_both(async |db: &TestDb| {
        ShopPrice::migrate(db.store()).await.unwrap();
        let store = db.store().extract_expanded().register::<ShopPrice>(|price| {
            Ok(price.unit_amount().map(|position| ShopPriceOwn { position }))
        });
        let subscription = json!({"object": "subscription", "id": "sub_1", "items": {"object": "list", "has_more": false, "data": [
            {"object": "subscription_item", "id": "si_1", "subscription": "sub_1",
                "price": {"object": "price", "id": "price_1", "unit_amount": 500}}]}});
        write(&store, 1, &[subscription]).await.unwrap();
        assert_eq!(ShopPrice::find(&store, "price_1").await.unwrap().unwrap().position, 500);
        assert!(store.get::<Subscription>("sub_1").await.unwrap().is_some());

        let line = json!({"row": "object", "account": "acct_9", "livemode": false, "object": "price", "stripe_id": "price_2",
            "as_of": 0, "as_of_until": 1000, "source": "evt_1", "change": "updated",
            "data": {"id": "price_2", "object": "price", "unit_amount": 7}});
        let file = format!("{}\n{line}\n{}\n", json!({"row": "header", "format": "stripe-store", "version": 1}), json!({"row": "end", "lines": 1}));
        let mut reader = stripe_store::ingest::ExportReader::new();
        for document in stripe_store::ingest::Documents::new(file.as_bytes()) {
            let document = document.unwrap();
            store.import(&[reader.read(&document).unwrap()]).await.unwrap();
        }
        let there = store.account("acct_9").test_mode();
        let two = ShopPrice::find(&there, "price_2").await.unwrap().unwrap();
        assert_eq!((two.position, two.price.account(), two.livemode()), (7, Some("acct_9"), false));
        assert!(ShopPrice::find(&store, "price_2").await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn two_models_are_filled_in_the_order_of_their_registration() {
    on_both(async |db: &TestDb| {
        #[derive(StripeModel)]
        #[stripe(object = Customer, table = "second_customers")]
        struct Second {
            #[stripe(base)]
            customer: Stored<Customer>,
            #[stripe(references = "members(id)", on_delete = "cascade")]
            member_id: i64,
        }

        let (store, _) = prepared(db).await;
        Second::migrate(&store).await.unwrap();
        let store = store.register_with::<Second>(|mut context, customer| {
            Box::pin(async move {
                let sql = "SELECT id FROM members WHERE stripe_id = ";
                let id: Option<i64> = match context.transaction().dialect() {
                    stripe_store::store::Dialect::Sqlite => {
                        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("{sql}?")))
                            .bind(customer.id())
                            .fetch_optional(context.sqlite()?)
                            .await?
                    }
                    _ => {
                        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("{sql}$1")))
                            .bind(customer.id())
                            .fetch_optional(context.postgres()?)
                            .await?
                    }
                };
                Ok(id.map(|member_id| SecondOwn { member_id }))
            })
        });
        write(&store, 1, &[customer("cus_a", "ada@example.com", "Ada")])
            .await
            .unwrap();
        let second = Second::query()
            .filter(Second::MEMBER_ID.ge(1))
            .one(&store)
            .await
            .unwrap();
        assert_eq!(
            (second.id(), second.customer.name()),
            ("cus_a", Some("Ada"))
        );
        assert!(second.member_id >= 1);
    })
    .await;
}

#[tokio::test]
async fn writers_at_once_link_each_object_once() {
    on_both(async |db: &TestDb| {
        let (store, _) = prepared(db).await;
        db.execute("DELETE FROM users").await;
        for n in 0..40 {
            db.execute(&format!(
                "INSERT INTO users (id, email) VALUES ({n}, 'user{n}@example.com')"
            ))
            .await;
        }
        let other = registered(&db.connect().await, &Arc::default());
        let page: Vec<Value> = (0..40)
            .map(|n| customer(&format!("cus_{n:02}"), &format!("user{n}@example.com"), "N"))
            .collect();
        let reversed: Vec<Value> = page.iter().rev().cloned().collect();
        for round in 0..5 {
            let (one, two, three) = tokio::join!(
                Box::pin(write(&store, round, &page)),
                Box::pin(write(&other, round, &reversed)),
                Box::pin(write(&store, round + 1, &page[10..30]))
            );
            one.unwrap();
            two.unwrap();
            three.unwrap();
        }
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM members").await,
            Some(40)
        );
        assert_eq!(Member::query().count(&store).await.unwrap(), 40);
    })
    .await;
}

#[tokio::test]
async fn a_hook_that_is_in_conflict_is_called_again_in_a_new_transaction() {
    on_both(async |db: &TestDb| {
        if db.kind() == Kind::Sqlite {
            // One writer at a time: there is no conflict.
            return;
        }
        ShopPrice::migrate(db.store()).await.unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let store = db
            .store()
            .register_with::<ShopPrice>(move |mut context, _| {
                let call = counted.fetch_add(1, Ordering::SeqCst);
                Box::pin(async move {
                    if call < 2 {
                        // What a deadlock with another program looks like.
                        sqlx::query(
                            "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$",
                        )
                        .execute(context.postgres()?)
                        .await?;
                    }
                    Ok(Some(ShopPriceOwn { position: 1 }))
                })
            });
        let mut changes = store.changes::<Price>();
        write(&store, 1, &[json!({"object": "price", "id": "price_1"})])
            .await
            .unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 3);
        assert_eq!(ShopPrice::query().count(&store).await.unwrap(), 1);
        // It was one change, and is told once.
        assert_eq!(
            changes.next().await.unwrap().unwrap().stripe_id(),
            "price_1"
        );
        write(&store, 2, &[json!({"object": "price", "id": "price_2"})])
            .await
            .unwrap();
        assert_eq!(
            changes.next().await.unwrap().unwrap().stripe_id(),
            "price_2"
        );
    })
    .await;
}

#[tokio::test]
async fn a_failed_link_is_no_change() {
    on_both(async |db: &TestDb| {
        ShopPrice::migrate(db.store()).await.unwrap();
        let store = db
            .store()
            .register::<ShopPrice>(|price| match price.unit_amount() {
                Some(position) => Ok(Some(ShopPriceOwn { position })),
                None => Err("no amount".into()),
            });
        let mut changes = store.all_changes();
        let error = write(&store, 1, &[json!({"object": "price", "id": "price_1"})])
            .await
            .unwrap_err();
        assert!(
            matches!(&error, StoreError::Model(ModelError::Hook { source, .. }) if source.to_string() == "no amount")
        );
        write(
            &store,
            2,
            &[json!({"object": "price", "id": "price_2", "unit_amount": 1})],
        )
        .await
        .unwrap();
        write(&store, 3, &[customer("cus_1", "x", "y")])
            .await
            .unwrap();
        assert_eq!(
            changes.next().await.unwrap().unwrap().stripe_id(),
            "price_2"
        );
        assert_eq!(changes.next().await.unwrap().unwrap().stripe_id(), "cus_1");
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM shop_prices").await,
            Some(1)
        );
    })
    .await;
}
