//! What is told to `tracing`: enough to find a request, nothing that is secret.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use stripe_store::client::RetryPolicy;
use stripe_store::resources::Customer;
use stripe_store_tests::fake::Fault;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::{KEY, pair};

/// Writes down all that it is told by the client.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<String>>);

struct Writer<'a>(&'a mut String);

impl Visit for Writer<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("stripe_store")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut notes = self.0.lock().unwrap();
        let _ = write!(notes, "{} ", span.metadata().name());
        span.record(&mut Writer(&mut notes));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Writer(&mut self.0.lock().unwrap()));
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Writer(&mut self.0.lock().unwrap()));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_span_names_the_request_and_shows_no_secret() {
    let notes = Notes::default();
    let guard = tracing::subscriber::set_default(notes.clone());
    let (fake, client) = pair().await;
    fake.fail_next(Fault::status(503));
    fake.fail_next(Fault::status(402));
    let call = client
        .create::<Customer>()
        .param("email", "private@example.com")
        .account("acct_1")
        .retry(RetryPolicy::new().with_delays(
            std::time::Duration::from_millis(1),
            std::time::Duration::from_millis(1),
        ));
    call.send().await.unwrap_err();
    client
        .list::<Customer>()
        .param("email", "private@example.com")
        .page()
        .await
        .unwrap();
    drop(guard);

    let notes = notes.0.lock().unwrap().clone();
    for expected in [
        "stripe_request method=\"POST\" path=\"/v1/customers\"",
        "stripe.account=\"acct_1\"",
        "status=402",
        "stripe.request_id=\"req_2\"",
        "attempts=2",
        "duration_ms=",
        "sending the request again",
        "delay_ms=",
        "stripe_request method=\"GET\"",
        "status=200",
    ] {
        assert!(notes.contains(expected), "{expected} is not in {notes}");
    }
    for secret in [KEY, "private", "declined"] {
        assert!(!notes.contains(secret), "{secret} is in {notes}");
    }
}
