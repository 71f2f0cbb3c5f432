//! What the server says while it runs: a line for each problem, on standard error.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::problems::Problems;
use crate::cli::summary::printable;
use crate::clock::{Clock as _, SystemClock};
use crate::error::chain;
use crate::webhook::{Outcome, Verdict};

/// Where the server says what happens. Clones write to the same place.
#[derive(Debug, Clone)]
pub(super) struct Log {
    json: bool,
    verbose: bool,
    refused: Arc<Problems>,
}

impl Log {
    pub(super) fn new(json: bool, verbose: bool) -> Self {
        Self {
            json,
            verbose,
            refused: Arc::default(),
        }
    }

    /// Prints the library's warnings, too, from now on and wherever they come from.
    pub(super) fn take_warnings(&self) {
        // Where somebody takes them already, there is nothing to do.
        let _ = tracing::subscriber::set_global_default(Warnings(self.clone()));
    }

    /// Something that somebody should see to.
    pub(super) fn problem(&self, message: &str) {
        self.write("warning", message, json!({}));
    }

    /// Something that is good to know for who asked for more.
    pub(super) fn detail(&self, message: &str) {
        if self.verbose {
            self.write("info", message, json!({}));
        }
    }

    /// What became of a request.
    pub(super) fn outcome(&self, outcome: &Outcome) {
        let is_well = matches!(
            outcome.verdict(),
            Verdict::Accepted | Verdict::Duplicate | Verdict::Ignored
        );
        if is_well && !self.verbose {
            return;
        }
        if outcome.verdict() == Verdict::Invalid {
            // Anybody can send these, as many as they like.
            match self.refused.take() {
                None => return,
                Some(0) => {}
                Some(more) => self.problem(&format!("{more} more requests were refused")),
            }
        }
        let event = match (outcome.event_id(), outcome.event_type()) {
            (Some(id), Some(kind)) => format!("{id} ({kind})"),
            _ => "a request".to_owned(),
        };
        let (verdict, status) = (outcome.verdict(), outcome.status());
        let error = outcome.error().map(|error| chain(error));
        let reason = error
            .as_ref()
            .map(|it| format!(": {it}"))
            .unwrap_or_default();
        let message = format!("{event}: {verdict}, answered {status}{reason}");
        let fields = json!({
            "verdict": verdict.as_str(),
            "status": status,
            "event": outcome.event_id(),
            "type": outcome.event_type(),
            "delivery": outcome.delivery_id(),
        });
        let level = if is_well { "info" } else { "warning" };
        self.write(level, &message, fields);
    }

    fn write(&self, level: &str, message: &str, fields: Value) {
        let line = if self.json {
            let mut line = json!({
                "time": SystemClock.now().to_string(),
                "level": level,
                "message": message,
            });
            if let (Some(line), Value::Object(fields)) = (line.as_object_mut(), fields) {
                line.extend(fields);
            }
            line.to_string()
        } else if level == "warning" {
            format!("warning: {}", printable(message))
        } else {
            printable(message)
        };
        // That it cannot be printed is no reason to stop.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
}

/// Prints the warnings of this library.
struct Warnings(Log);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && *metadata.level() <= Level::WARN
            && metadata.target().starts_with("stripe_store")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.0.problem(&format!("{}{}", text.message, text.fields));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        // None is asked for.
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A warning's message, and what stands beside it.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing into a text cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, "; {name}: {value:?}"),
        };
    }
}
