//! What the feed of changes costs a single write: nothing while nobody reads it, and how much when somebody does.

use std::time::{Duration, Instant};

use stripe_store::Store;
use stripe_store::store::{Interval, Pool, Snapshot, Source};
use tokio::runtime::Runtime;

/// How often each is measured, in turns.
const ROUNDS: i64 = 400;

/// Prints the median of a single write that changes a row: without the feed, with a reader, and, on PostgreSQL, when the
/// server passes it on, without and with a connection that listens.
pub(crate) fn print(name: &str, runtime: &Runtime, store: &Store, json: impl Fn(i64) -> String) {
    let stores: Vec<_> = std::iter::repeat_with(|| store.clone().with_change_capacity(8192))
        .take(5)
        .collect();
    let [off, again, read, notified, heard] = stores.as_slice() else {
        return;
    };
    let reader = read.all_changes();
    let mut sides = vec![
        ("off", off.clone()),
        ("off, again", again.clone()),
        ("a reader", read.clone()),
    ];
    let listening = matches!(store.pool(), Pool::Postgres(_)).then(|| {
        let notified = notified.clone().with_change_notifications();
        let heard = heard.clone().with_change_notifications();
        let listening = runtime.block_on(heard.all_changes().listen()).unwrap();
        sides.push(("notifications", notified));
        sides.push(("notifications, heard", heard));
        listening
    });
    let mut times = vec![Vec::new(); sides.len()];
    for round in 0..ROUNDS {
        for (side, (_, store)) in (0_i64..).zip(&sides) {
            let turn = 1_000_000 + round * 10 + side;
            let json = json(turn);
            let snapshot = Snapshot::read(&json)
                .unwrap()
                .taken(Interval::second(turn), Source::event("evt_bench"));
            let start = Instant::now();
            runtime.block_on(store.write(&[snapshot])).unwrap();
            let place = usize::try_from(side).unwrap();
            times.get_mut(place).unwrap().push(start.elapsed());
        }
    }
    for ((label, _), mut times) in sides.iter().zip(times) {
        times.sort_unstable();
        let median: Duration = times.get(times.len() / 2).copied().unwrap_or_default();
        println!(
            "feed: {name} write 1 updates, {label}: {} us",
            median.as_micros()
        );
    }
    drop((reader, listening));
}
