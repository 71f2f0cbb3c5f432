//! The rows before and after one, along an order.

use stripe_store::query::{Query, RowTime};
use stripe_store::resources::{
    BalanceTransaction, Customer, Invoice, InvoiceLineItemPeriod, Invoiceitem, Payout,
    ScheduledQueryRun, Subscription, SubscriptionItem,
};
use stripe_store::store::{Interval, Snapshot, Stored};
use stripe_store::view::{Path, View, kind};
use stripe_store::{Resource, Store};
use stripe_store_tests::{TestDb, on_both};

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

fn ids<T>(rows: &[Stored<T>]) -> Vec<&str> {
    rows.iter().map(|row| row.row().stripe_id()).collect()
}

fn customer(id: &str, created: i64, email: &str) -> String {
    format!(r#"{{"object":"customer","id":"{id}","created":{created},"email":"{email}"}}"#)
}

/// Walks from the first row to the last and back.
async fn walk<T: View>(query: &Query<T>, expected: &[&str]) {
    let rows = query.fetch_all().await.unwrap();
    assert_eq!(ids(&rows), expected, "{query:?}");
    let mut at = rows.first().unwrap().clone();
    assert!(query.previous_before(&at).await.unwrap().is_none());
    for id in &expected[1..] {
        at = query.next_after(&at).await.unwrap().unwrap();
        assert_eq!(at.row().stripe_id(), *id);
    }
    assert!(query.next_after(&at).await.unwrap().is_none());
    for id in expected[..expected.len() - 1].iter().rev() {
        at = query.previous_before(&at).await.unwrap().unwrap();
        assert_eq!(at.row().stripe_id(), *id);
    }
    assert!(query.previous_before(&at).await.unwrap().is_none());
}

/// Three objects of a type with a time in one field, and the walk along that field.
async fn walk_by<T: Resource>(
    store: &Store,
    path: Path<T, kind::Time>,
    json: impl Fn(i64) -> String,
) {
    let texts: Vec<_> = [30, 10, 20]
        .iter()
        .map(|time| {
            let fields = json(*time);
            format!(r#"{{"object":"{}","id":"id_{time}",{fields}}}"#, T::OBJECT)
        })
        .collect();
    let store = store.account(format!("acct_{}_{path}", T::OBJECT));
    write(&store, &texts).await;
    let query = store.query::<T>();
    walk(
        &query.clone().order_by(path.clone().asc()),
        &["id_10", "id_20", "id_30"],
    )
    .await;
    walk(
        &query.clone().order_by(path.clone().desc()),
        &["id_30", "id_20", "id_10"],
    )
    .await;
    // Along what the filter leaves.
    let filtered = query.filter(
        path.clone()
            .ne(stripe_store::view::Timestamp::from_unix_seconds(20)),
    );
    let filtered = filtered.order_by(path.asc());
    walk(&filtered, &["id_10", "id_30"]).await;
    let left_out = store.query::<T>().fetch_all().await.unwrap();
    let left_out = left_out
        .iter()
        .find(|row| row.row().stripe_id() == "id_20")
        .unwrap();
    let next = filtered.next_after(left_out).await.unwrap().unwrap();
    assert_eq!(next.row().stripe_id(), "id_30");
}

#[tokio::test]
async fn c009_neighbours_walk_both_ways_along_every_date() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let field = |name: &'static str| move |time: i64| format!(r#""{name}":{time}"#);
        walk_by(store, Customer::CREATED, field("created")).await;
        walk_by(
            store,
            BalanceTransaction::AVAILABLE_ON,
            field("available_on"),
        )
        .await;
        walk_by(store, Payout::ARRIVAL_DATE, field("arrival_date")).await;
        walk_by(store, Invoice::PERIOD_START, field("period_start")).await;
        walk_by(store, Invoice::PERIOD_END, field("period_end")).await;
        walk_by(store, Invoiceitem::DATE, field("date")).await;
        let period =
            |name: &'static str| move |time: i64| format!(r#""period":{{"{name}":{time}}}"#);
        walk_by(
            store,
            Invoiceitem::PERIOD.then(InvoiceLineItemPeriod::START),
            period("start"),
        )
        .await;
        walk_by(
            store,
            Invoiceitem::PERIOD.then(InvoiceLineItemPeriod::END),
            period("end"),
        )
        .await;
        let run = ScheduledQueryRun::DATA_LOAD_TIME;
        walk_by(store, run, field("data_load_time")).await;
        let until = ScheduledQueryRun::RESULT_AVAILABLE_UNTIL;
        walk_by(store, until, field("result_available_until")).await;
        // Today's place of a subscription's period, and the one before.
        let item = |name: &'static str| {
            move |time: i64| format!(r#""items":{{"data":[{{"{name}":{time}}}]}}"#)
        };
        let start = Subscription::ITEMS
            .at(0)
            .then(SubscriptionItem::CURRENT_PERIOD_START);
        walk_by(store, start, item("current_period_start")).await;
        let end = Subscription::ITEMS
            .at(0)
            .then(SubscriptionItem::CURRENT_PERIOD_END);
        walk_by(store, end, item("current_period_end")).await;
        let old = Path::<Subscription, kind::Time>::new("current_period_end");
        walk_by(store, old, field("current_period_end")).await;
    })
    .await;
}

#[tokio::test]
async fn c009_neighbours_walk_along_the_times_of_rows() {
    on_both(async |db: &TestDb| {
        #[derive(Debug)]
        struct At(i64);
        impl stripe_store::clock::Clock for At {
            fn now(&self) -> stripe_store::clock::UnixMillis {
                stripe_store::clock::UnixMillis::new(self.0)
            }
        }
        for (id, millis) in [
            ("cus_b", 1_700_000_000_123),
            ("cus_a", 1_700_000_000_122),
            ("cus_c", 1_700_000_059_999),
            ("cus_d", 1_700_000_000_123),
        ] {
            let store = db.store().clone().with_clock(At(millis));
            write(&store, &[customer(id, 1, "a")]).await;
        }
        let expected = ["cus_a", "cus_b", "cus_d", "cus_c"];
        for time in [RowTime::CreatedAt, RowTime::UpdatedAt] {
            let query = || db.store().query::<Customer>();
            walk(&query().order_by(time.asc()), &expected).await;
            let mut back = expected;
            back.reverse();
            walk(&query().order_by(time.desc()), &back).await;
            let mut found = Vec::new();
            let mut page = query().order_by(time.asc()).limit(1).page().await.unwrap();
            loop {
                found.extend(ids(&page.data).into_iter().map(str::to_owned));
                let Some(next) = page.next else { break };
                page = query()
                    .order_by(time.asc())
                    .limit(1)
                    .after(&next)
                    .page()
                    .await
                    .unwrap();
            }
            assert_eq!(found, expected);
        }
    })
    .await;
}
