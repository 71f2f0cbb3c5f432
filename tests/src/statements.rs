//! The statements that reach a database, as the drivers report them: what "one query" means is measured, not assumed.

use std::{
    cell::RefCell,
    collections::HashMap,
    fmt,
    sync::{
        Mutex, Once, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing::{
    Event, Instrument as _, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_core::span::Current;

/// The span whose statements are kept.
const SPAN: &str = "statements";

/// How much of a span's id is its own; the rest is the number of the recording that it belongs to.
const OWN_BITS: u32 = 40;

/// A statement that was sent.
#[derive(Debug, Clone, Default)]
pub struct Statement {
    /// Its text, as it was prepared.
    pub sql: String,
    /// How many rows came back.
    pub rows: u64,
}

/// Runs `work`, and gives the statements that it sent to the objects' table with it, in order.
///
/// Those of other tests, which run at the same time, are told apart, and so are those of tasks that `work` spawns: they
/// are not among them.
///
/// # Panics
///
/// When the process already has another subscriber for traces.
pub async fn statements<T>(work: impl Future<Output = T>) -> (T, Vec<Statement>) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let installed = tracing::subscriber::set_global_default(Statements);
        assert!(
            installed.is_ok(),
            "the statements of the drivers go to another subscriber"
        );
    });
    let span = tracing::info_span!(target: "stripe_store_tests", SPAN);
    let recording = span.id().map(|id| recording_of(id.into_u64()));
    let output = work.instrument(span).await;
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let mut sent = recording
        .and_then(|recording| kept.as_mut()?.remove(&recording))
        .unwrap_or_default();
    sent.retain(|statement| statement.sql.contains("stripe_objects"));
    (output, sent)
}

/// The statements of the recordings under way, by their numbers, which begin with 1.
static KEPT: Mutex<Option<HashMap<u64, Vec<Statement>>>> = Mutex::new(None);

/// The facts of some span. Every current span is said to have them: nobody looks.
static FACTS: OnceLock<&'static Metadata<'static>> = OnceLock::new();

thread_local! {
    /// The spans that this thread is in, the innermost last.
    static INSIDE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// The recording that a span belongs to, by its id; 0 when to none.
const fn recording_of(span: u64) -> u64 {
    span >> OWN_BITS
}

fn innermost() -> Option<u64> {
    INSIDE.with_borrow(|spans| spans.last().copied())
}

/// Keeps what the drivers say inside a recording. Nothing else is looked at.
#[derive(Debug)]
struct Statements;

impl Subscriber for Statements {
    fn enabled(&self, facts: &Metadata<'_>) -> bool {
        if facts.is_span() {
            facts.target().starts_with("stripe_store")
        } else {
            facts.target() == "sqlx::query"
        }
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        static SPANS: AtomicU64 = AtomicU64::new(1);
        static RECORDINGS: AtomicU64 = AtomicU64::new(1);
        FACTS.get_or_init(|| span.metadata());
        let recording = if span.metadata().name() == SPAN {
            let recording = RECORDINGS.fetch_add(1, Ordering::Relaxed);
            let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get_or_insert_default().insert(recording, Vec::new());
            recording
        } else {
            let parent = span.parent().map(Id::into_u64);
            recording_of(parent.or_else(innermost).unwrap_or_default())
        };
        let own = SPANS.fetch_add(1, Ordering::Relaxed) & ((1 << OWN_BITS) - 1);
        Id::from_u64(recording << OWN_BITS | own.max(1))
    }

    fn event(&self, event: &Event<'_>) {
        let recording = recording_of(innermost().unwrap_or_default());
        if recording == 0 {
            return;
        }
        let mut statement = Statement::default();
        event.record(&mut statement);
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sent) = kept.as_mut().and_then(|kept| kept.get_mut(&recording)) {
            sent.push(statement);
        }
    }

    fn enter(&self, span: &Id) {
        INSIDE.with_borrow_mut(|spans| spans.push(span.into_u64()));
    }

    fn exit(&self, span: &Id) {
        INSIDE.with_borrow_mut(|spans| {
            if let Some(place) = spans.iter().rposition(|it| *it == span.into_u64()) {
                spans.remove(place);
            }
        });
    }

    fn current_span(&self) -> Current {
        match (innermost(), FACTS.get()) {
            (Some(span), Some(facts)) => Current::new(Id::from_u64(span), facts),
            _ => Current::none(),
        }
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}
}

/// Reads what a driver says: the whole text, or a summary where that is all of it.
impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        let is_sql = matches!(field.name(), "summary" | "db.statement");
        if is_sql && !value.is_empty() {
            value.trim().clone_into(&mut self.sql);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "rows_returned" {
            self.rows = value;
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
