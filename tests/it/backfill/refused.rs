//! Lists that do not take what they are asked with.

use serde_json::json;
use stripe_store::sync::{ListEnd, SkipReason};
use stripe_store_tests::fake::{Fault, Reply};
use stripe_store_tests::{TestDb, on_both};

use super::{CUSTOMERS, calls, card, client, count, customer, fake, list, test};

#[tokio::test]
async fn a_list_that_takes_no_range_is_read_whole_and_one_that_is_not_there_is_not() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        let client = client(&fake);
        fake.add(CUSTOMERS, customer(1));
        let of_type = || store.backfill(&client).types(["customer"]);
        of_type().run().await.unwrap();

        // As a server says it that does not know what it is asked with.
        let refusal = Reply::refusal(400, "invalid_request_error", None, "Unexpected created");
        fake.add(CUSTOMERS, customer(2));
        fake.fail_next(Fault::Instead(refusal.clone()));
        let report = of_type().run().await.unwrap();
        assert!(list(&report, CUSTOMERS).end.is_read(), "{report:#?}");
        assert_eq!(list(&report, CUSTOMERS).objects, 2);
        assert_eq!(count(db, "customer").await, 2);
        let ranges = calls(&fake, CUSTOMERS).into_iter();
        let ranges: Vec<bool> = ranges
            .map(|call| call.param("created[gte]").is_some())
            .collect();
        assert_eq!(ranges, [false, true, false]);

        // It is the list: what was read before does not make it one that the account does not have and that is done.
        fake.fail_path(CUSTOMERS, Some(Fault::Instead(refusal)));
        let report = store.backfill(&client).types(["customer", "price"]).run();
        let report = report.await.unwrap();
        assert!(matches!(list(&report, CUSTOMERS).end, ListEnd::Failed(_)));
        let report = store.backfill(&client).run().await.unwrap();
        let end = &list(&report, CUSTOMERS).end;
        assert!(
            matches!(end, ListEnd::Skipped(SkipReason::NotAvailable(_))),
            "{end:?}"
        );

        // The next run reads what is new again.
        fake.fail_path(CUSTOMERS, None);
        assert!(of_type().run().await.unwrap().is_complete());
        let last = calls(&fake, CUSTOMERS).pop().unwrap();
        assert!(last.param("created[gte]").is_some());
    })
    .await;
}

#[tokio::test]
async fn what_is_below_a_type_of_which_one_list_was_read_is_read() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        let client = client(&fake);
        fake.add(CUSTOMERS, customer(1));
        let cards = "/v1/customers/cus_0001/payment_methods";
        fake.add(cards, card("cus_0001", 1));
        // Where customers of test clocks are, which are on no other list.
        let clocks = "/v1/test_helpers/test_clocks";
        fake.fail_path(clocks, Some(Fault::status(402)));
        let report = store.backfill(&client).run().await.unwrap();
        assert!(!report.is_complete());
        assert!(matches!(list(&report, clocks).end, ListEnd::Failed(_)));
        let of_clocks = "/v1/customers?test_clock={test_helpers.test_clock}";
        let end = &list(&report, of_clocks).end;
        assert!(
            matches!(end, ListEnd::Skipped(SkipReason::ParentNotRead)),
            "{end:?}"
        );
        let below = "/v1/customers/{customer}/payment_methods";
        assert!(list(&report, below).end.is_read());
        assert_eq!(count(db, "payment_method").await, 1);

        // Customers that come later are asked for theirs.
        fake.fail_path(clocks, None);
        fake.add(
            clocks,
            json!({"id": "clock_1", "object": "test_helpers.test_clock"}),
        );
        let mut other = customer(2);
        other["test_clock"] = "clock_1".into();
        fake.add(CUSTOMERS, other);
        let cards = "/v1/customers/cus_0002/payment_methods";
        fake.add(cards, card("cus_0002", 1));
        let report = store.backfill(&client).run().await.unwrap();
        assert!(report.is_complete(), "{report:#?}");
        assert_eq!(count(db, "customer").await, 2);
        assert_eq!(count(db, "payment_method").await, 2);
    })
    .await;
}
