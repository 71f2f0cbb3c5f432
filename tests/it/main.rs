//! The integration tests, in one binary: one module per subject.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what tests share may assume what tests may"
)]

mod backfill;
mod backfill_faults;
mod backfill_nested;
mod backfill_refused;
mod catch_up;
mod changes;
mod changes_listen;
mod changes_properties;
mod changes_since;
mod cli;
mod client;
mod derive;
mod derive_types;
mod examples;
mod expand;
mod expand_properties;
mod extended;
mod extended_base_models;
mod extended_hook;
mod extended_link;
mod extended_migrate;
mod extended_plan;
mod extended_query;
mod extended_types;
mod extract;
mod extract_lists;
mod extract_properties;
mod fake;
mod fake_filled;
mod features_fields;
mod fixtures;
mod fuzz_corpus;
mod goldens;
mod harness;
mod inbox_events;
mod judged;
mod listings;
mod load;
mod localstripe;
mod operations;
mod ops_connect;
mod ops_export;
mod ops_import;
mod ops_purge;
mod ops_purge_properties;
mod ops_reader;
mod ops_transfer;
mod projection;
mod query;
mod query_index;
mod query_meaning;
mod query_neighbours;
mod query_plan;
mod receiver;
mod reconcile;
mod spec;
mod store_crash;
mod store_features;
mod store_list;
mod store_migrate;
mod store_model;
mod store_order;
mod store_plan;
mod store_race;
mod store_rows;
mod store_text;
mod store_transaction;
mod store_write;
mod sync;
mod tree;
mod views_facts;
mod views_reads;
mod views_samples;
mod web;
mod webhook;
