//! A Stripe that sends webhooks: events of a realistic mix, posted and posted again as Stripe does, and what is to be in
//! the table afterwards.
//!
//! [`EventMix`] makes the events and knows the [`Reference`], [`Deliveries`] doubles, shuffles and spoils them, [`Sender`]
//! posts them and measures, [`Process`] runs who receives them, [`baseline`] is what the databases do without us, and
//! [`soak`] puts all of it together, and kills. Knows the library by its signatures and its tables only: all else goes over HTTP.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a tool that cannot do its part ends"
)]

pub mod baseline;
mod connection;
mod deliveries;
mod mix;
mod null;
mod process;
mod reference;
mod report;
mod sender;
pub mod soak;
mod story;

pub use deliveries::{Deliveries, Delivery, DeliveryKind};
pub use mix::{Event, EventMix};
pub use null::serve_null;
pub use process::{Process, own_cpu};
pub use reference::{Difference, Reference};
pub use report::{Report, milliseconds};
pub use sender::{Resend, Sender};
