//! Queries over own columns and fields together, on both databases.

use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use stripe_store::resources::Customer;
use stripe_store::store::StoreError;
use stripe_store::{Store, StripeModel};
use stripe_store_tests::{TestDb, on_both};

use super::extended::{AppCustomer, customer, linked, write};

/// Customers of four users, every other one of another tier.
async fn forty(db: &TestDb) -> Store {
    let store = linked(db).await;
    let page: Vec<Value> = (0..40)
        .map(|n| {
            let mut one = customer(&format!("cus_{n:02}"), &(n % 4).to_string());
            one["created"] = json!(1_700_000_000 + n);
            one["metadata"]["tier"] = json!(if n % 2 == 0 { "gold" } else { "iron" });
            one
        })
        .collect();
    write(&store, 1, &page).await.unwrap();
    store
}

#[tokio::test]
async fn own_columns_and_fields_are_asked_for_together() {
    on_both(async |db: &TestDb| {
        let store = forty(db).await;
        let tier = |tier: &str| Customer::METADATA.key("tier").eq(tier);
        let ids = async |query: stripe_store::extended::ModelQuery<AppCustomer>| -> Vec<String> {
            let found = query
                .order_by(Customer::ID.asc())
                .fetch_all(&store)
                .await
                .unwrap();
            found.iter().map(|one| one.id().to_owned()).collect()
        };
        let of = AppCustomer::query;
        assert_eq!(ids(of().filter(AppCustomer::USER_ID.eq(1))).await.len(), 10);
        assert_eq!(
            ids(of().filter(AppCustomer::USER_ID.eq(1)).filter(tier("gold")))
                .await
                .len(),
            0
        );
        let either = AppCustomer::USER_ID.eq(1).or(tier("gold"));
        assert_eq!(ids(of().filter(either.clone())).await.len(), 30);
        assert_eq!(ids(of().filter(!either.clone())).await.len(), 10);
        assert_eq!(
            ids(of().filter(either.and(AppCustomer::USER_ID.ne(0))))
                .await
                .len(),
            20
        );
        assert_eq!(
            ids(of().filter(AppCustomer::USER_ID.is_in([2, 3])))
                .await
                .len(),
            20
        );
        assert_eq!(
            ids(of().filter(AppCustomer::USER_ID.is_in(Vec::<i64>::new())))
                .await
                .len(),
            0
        );
        assert_eq!(ids(of().filter(AppCustomer::USER_ID.ge(3))).await.len(), 10);
        assert_eq!(ids(of().filter(AppCustomer::USER_ID.lt(1))).await.len(), 10);
        assert_eq!(
            ids(of().filter(AppCustomer::NOTES.is_null())).await.len(),
            40
        );
        assert_eq!(
            ids(of().filter(AppCustomer::NOTES.is_present()))
                .await
                .len(),
            0
        );
        assert_eq!(
            ids(of().filter(Customer::ID.starts_with("cus_1")))
                .await
                .len(),
            10
        );
    })
    .await;
}

#[tokio::test]
async fn rows_are_counted_and_those_of_deleted_objects_left_out() {
    on_both(async |db: &TestDb| {
        let store = forty(db).await;
        let of = AppCustomer::query;
        let two = of().filter(AppCustomer::USER_ID.eq(2));
        assert_eq!(
            (
                two.count(&store).await.unwrap(),
                two.exists(&store).await.unwrap()
            ),
            (10, true)
        );
        assert!(
            !of()
                .filter(AppCustomer::USER_ID.eq(9))
                .exists(&store)
                .await
                .unwrap()
        );
        assert!(
            two.one(&store)
                .await
                .is_err_and(|error| matches!(error, StoreError::SeveralFound { .. }))
        );
        let none = of().filter(AppCustomer::CODE.eq("none"));
        assert!(
            none.one(&store)
                .await
                .is_err_and(|error| error.is_not_found())
        );
        let only = of()
            .filter(AppCustomer::USER_ID.eq(2))
            .filter(Customer::ID.eq("cus_06"));
        assert_eq!(only.one(&store).await.unwrap().id(), "cus_06");
        // Newest first, as elsewhere.
        assert_eq!(two.first(&store).await.unwrap().unwrap().id(), "cus_38");

        write(
            &store,
            2,
            &[json!({"object": "customer", "id": "cus_38", "deleted": true})],
        )
        .await
        .unwrap();
        assert_eq!(two.count(&store).await.unwrap(), 9);
        assert_eq!(
            two.clone().including_deleted().count(&store).await.unwrap(),
            10
        );
        assert_eq!(two.count(&store.including_deleted()).await.unwrap(), 10);
        let gone = AppCustomer::find(&store.including_deleted(), "cus_38")
            .await
            .unwrap()
            .unwrap();
        assert!(gone.is_deleted() && gone.user_id == Some(2));
        assert!(AppCustomer::find(&store, "cus_38").await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn pages_and_streams_go_on_in_the_order_of_own_columns() {
    on_both(async |db: &TestDb| {
        let store = linked(db).await;
        let page: Vec<Value> = (0..23)
            .map(|n| customer(&format!("cus_{n:02}"), &(n / 5).to_string()))
            .collect();
        write(&store, 1, &page).await.unwrap();
        let mut unset = AppCustomer::find(&store, "cus_11").await.unwrap().unwrap();
        unset.user_id = None;
        unset.save(&store).await.unwrap();

        for (order, first, last) in [
            (AppCustomer::USER_ID.asc(), Some(0), None),
            (AppCustomer::USER_ID.desc(), Some(4), None),
            (AppCustomer::USER_ID.desc().nulls_first(), None, Some(0)),
        ] {
            let query = AppCustomer::query()
                .order_by(order)
                .order_by(Customer::ID.asc());
            let whole = query.fetch_all(&store).await.unwrap();
            assert_eq!((whole[0].user_id, whole[22].user_id), (first, last));
            let mut paged = Vec::new();
            let mut next = None;
            loop {
                let mut asked = query.clone().limit(4);
                if let Some(cursor) = &next {
                    asked = asked.after(cursor);
                }
                let page = asked.page(&store).await.unwrap();
                paged.extend(page.data.iter().map(|one| one.id().to_owned()));
                next = page.next;
                if next.is_none() {
                    break;
                }
            }
            let ids: Vec<_> = whole.iter().map(|one| one.id().to_owned()).collect();
            assert_eq!(paged, ids);
            let streamed: Vec<AppCustomer> = query.stream(&store).try_collect().await.unwrap();
            assert!(
                streamed
                    .iter()
                    .map(|one| one.id())
                    .eq(ids.iter().map(String::as_str))
            );
        }
        let cursor = AppCustomer::query()
            .limit(2)
            .page(&store)
            .await
            .unwrap()
            .next
            .unwrap();
        let other = AppCustomer::query()
            .filter(AppCustomer::USER_ID.eq(1))
            .after(&cursor);
        assert!(matches!(
            other.fetch_all(&store).await,
            Err(StoreError::Cursor { .. })
        ));
        let same_shape = AppCustomer::query()
            .filter(AppCustomer::USER_ID.eq(2))
            .limit(2);
        let cursor = same_shape.page(&store).await.unwrap().next.unwrap();
        assert!(matches!(
            other.after(&cursor).fetch_all(&store).await,
            Err(StoreError::Cursor { .. })
        ));
    })
    .await;
}
