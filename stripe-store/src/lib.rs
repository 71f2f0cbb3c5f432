//! A local mirror of Stripe: every object is kept as the JSON that Stripe sent, in one table, and read through
//! typed views that are generated from Stripe's API description.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use stripe_store::resources::Customer;
//! use stripe_store::store::{Interval, Source};
//! use stripe_store::{Snapshot, Store};
//!
//! let store = Store::connect("sqlite::memory:").await?;
//! store.migrate().await?;
//!
//! let json = r#"{"id": "cus_1", "object": "customer", "email": "ada@example.com", "livemode": true}"#;
//! let snapshot = Snapshot::read(json)?.taken(Interval::second(1_700_000_000), Source::import());
//! store.write(&[snapshot]).await?;
//!
//! let customer = store.get::<Customer>("cus_1").await?.ok_or("no such customer")?;
//! assert_eq!(customer.email(), Some("ada@example.com"));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sqlite"))]
//! # fn main() {}
//! ```
//!
//! # Modules
//!
//! | module | what it has |
//! | --- | --- |
//! | [`view`] | what the views stand on: typed reads, paths, references, amounts, open enums |
//! | [`resources`] | the views of every Stripe object, their enums, and the event types; generated |
//! | [`model`] | structs of some fields of an object, and views of types of your own, by the derive macro |
#![cfg_attr(
    feature = "_store",
    doc = "| [`store`] | the table: connect, migrate, write, extract, get, list, expand, indexes, changes, export, import, purge |"
)]
#![cfg_attr(
    feature = "_store",
    doc = "| [`query`] | typed filters, orders, pages, streams |"
)]
#![cfg_attr(
    feature = "_store",
    doc = "| [`extended`] | models with columns of your own beside an object, by the derive macro |"
)]
#![cfg_attr(
    feature = "_store",
    doc = "| [`ingest`] | objects and events out of files, and lines of an export |"
)]
#![cfg_attr(
    feature = "client",
    doc = "| [`client`] | Stripe's API: requests, pages, retries, files |\n| [`resources::operations`] | every operation of the API, a builder each; generated |"
)]
#![cfg_attr(
    all(feature = "_store", feature = "client"),
    doc = "| [`sync`] | objects from Stripe into the store: one, or everything that is listed |"
)]
#![cfg_attr(
    all(feature = "_store", any(feature = "client", feature = "webhook")),
    doc = "| [`inbox`] | events on their way into the table: handlers, workers, what became of each, replays |"
)]
#![cfg_attr(
    feature = "webhook",
    doc = "| [`webhook`] | whether what is posted to an endpoint comes from Stripe |"
)]
#![cfg_attr(
    feature = "axum",
    doc = "| [`web`] | webhook endpoints on axum: routes, an extractor, a layer |"
)]
#![cfg_attr(
    any(feature = "_store", feature = "client", feature = "webhook"),
    doc = "| [`clock`] | where the time comes from, and intervals of Stripe's clock |"
)]
//!
//! # Features
//!
//! | feature | what it adds | default |
//! | --- | --- | --- |
//! | `derive` | `#[derive(StripeModel)]`: structs of some fields of an object, models with columns of your own, views of types of your own | yes |
//! | `sqlite` | the store on SQLite, bundled | yes |
//! | `postgres` | the store on PostgreSQL | |
//! | `client` | the client of Stripe's API, without a store | |
//! | `webhook` | verification of what is posted to webhook endpoints, without a store; with one, the receiver, the inbox and handlers | |
//! | `axum` | with a database: the routes of webhook endpoints for axum; without one: an extractor and a tower layer that verify | |
//! | `cli` | the command `stripe-store`, with both databases, the client and a server | |
//! | `time`, `chrono`, `jiff` | conversions of timestamps to and from the types of that crate, and own columns of them | |
//! | `rust_decimal` | exact values of decimal strings, and own columns of them | |
//! | `uuid` | own columns of `uuid::Uuid` | |
//!
//! Without default features only the views are there, on `serde_json` and `ref-cast` alone: enough for a program
//! that reads webhook bodies.
//!
//! # Guarantees
//!
//! * What Stripe sent is stored whole; a field, a type or an enum value that nobody described is kept.
//! * Reading through a view never fails and never panics: what is missing or odd is `None`.
//! * Any order and repetition of the same snapshots ends in the same rows: the newest state, and a deletion is final.
//! * `unsafe` is forbidden in every crate of the workspace.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// Generated code names this crate `stripe_store`, here and in users' crates alike.
extern crate self as stripe_store;

pub mod view;

#[rustfmt::skip]
pub mod resources;

mod ext;
pub mod model;

#[cfg(feature = "client")]
#[cfg_attr(docsrs, doc(cfg(feature = "client")))]
pub mod client;
#[cfg(any(feature = "_store", feature = "client", feature = "webhook"))]
pub mod clock;
#[cfg(feature = "_store")]
mod error;
#[cfg(feature = "_store")]
pub mod extended;
#[cfg(all(feature = "_store", any(feature = "client", feature = "webhook")))]
pub mod inbox;
#[cfg(feature = "_store")]
pub mod ingest;
#[cfg(any(feature = "_store", feature = "client"))]
mod mode;
#[cfg(feature = "_store")]
pub mod query;
#[cfg(feature = "_store")]
pub mod store;
#[cfg(all(feature = "_store", feature = "client"))]
pub mod sync;
#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub mod web;
#[cfg(feature = "webhook")]
#[cfg_attr(docsrs, doc(cfg(feature = "webhook")))]
pub mod webhook;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;

#[cfg(feature = "_store")]
pub use error::Error;
#[cfg(feature = "_store")]
pub use extended::StripeModel;
#[cfg(feature = "_store")]
pub use store::{Outcome, Snapshot, Store, Stored};
#[cfg(feature = "derive")]
pub use stripe_store_macros::StripeModel;
pub use view::{AnyObject, OpenEnum, Resource, View};

/// What derived code calls. No part of the public interface: it may change in any release.
#[doc(hidden)]
pub mod __private {
    pub use ref_cast::RefCast;
    pub use serde_json::Value;

    #[cfg(feature = "_store")]
    pub use crate::extended::{ColumnDef, DecodeError, Decoder, EncodeError, Encoder, OnDelete};
    pub use crate::model::{Column, Values, column, path_of, value, value_or_none};
    pub use crate::view::debug;
    pub use crate::view::read::id;
    pub use crate::view_field;
}

/// The README's examples are tests too.
#[cfg(all(
    doctest,
    feature = "axum",
    feature = "client",
    feature = "derive",
    feature = "sqlite",
    feature = "webhook"
))]
#[doc = include_str!("../../README.md")]
struct Readme;
