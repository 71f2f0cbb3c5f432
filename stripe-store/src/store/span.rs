//! Spans around calls to the database.

use std::time::Instant;

use tracing::{Instrument, Span};

/// Runs `future` inside `span`, and records in its field `duration_ms` how many milliseconds it took.
pub(crate) async fn timed<F: Future>(span: Span, future: F) -> F::Output {
    if span.is_disabled() {
        return future.await;
    }
    let start = Instant::now();
    let output = future.instrument(span.clone()).await;
    let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    span.record("duration_ms", millis);
    output
}
