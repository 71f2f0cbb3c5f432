//! What the integration tests of `stripe-store` stand on.
//!
//! [`on_both`] runs one test on a fresh SQLite file and on a fresh PostgreSQL database, [`fixture`] reads JSON as Stripe
//! sends it, [`statements`] tells what was sent to the database,
//! [`fake`] is a Stripe to send requests to, [`load`] one that sends events, [`outside`] what others wrote to judge by. A missing database is never a skipped
//! test: PostgreSQL is found, or installed, or the test fails with what to install.
//!
//! ```no_run
//! # use stripe_store_tests::{on_both, TestDb};
//! # async fn example() {
//! on_both(async |db: &TestDb| {
//!     let counts = db.scalar_i64("SELECT COUNT(*) FROM stripe_objects").await;
//!     assert_eq!(counts, Some(0));
//! })
//! .await;
//! # }
//! ```
#![expect(
    clippy::panic,
    reason = "a harness that cannot do its part fails the test"
)]

mod databases;
pub mod fake;
mod fixtures;
pub mod load;
mod numbers;
pub mod outside;
pub mod postgres;
mod statements;

pub use databases::{Kind, RawPool, TestDb, databases, on_both, on_postgres, on_sqlite};
pub use fixtures::{fixture, fixture_names, fixture_path, fixture_text};
pub use statements::{Statement, statements};
