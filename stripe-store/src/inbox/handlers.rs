//! Handlers of events: which there are, for which types, and in which order they run.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use super::context::{EventContext, QueuedContext};
use crate::view::{EventType, View};

/// What a handler returns: `Box::pin(async move { … })`.
pub type HandlerFuture<'a> = Pin<Box<dyn Future<Output = Result<(), HandlerError>> + Send + 'a>>;

/// Why a handler failed: anything, and whether it is worth another try.
///
/// Made of any error by `?`, which means: try again.
pub struct HandlerError {
    source: Box<dyn Error + Send + Sync>,
    is_final: bool,
}

impl HandlerError {
    /// It may go well the next time: the event is sent again by Stripe, or tried again from the queue.
    pub fn retry(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: source.into(),
            is_final: false,
        }
    }

    /// It will never go well: the event is kept with this reason, and not tried again unless somebody
    /// [replays](crate::Store::replay) it.
    pub fn give_up(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: source.into(),
            is_final: true,
        }
    }

    /// Whether it is of no use to try again.
    pub fn is_final(&self) -> bool {
        self.is_final
    }

    /// What went wrong, on its own.
    pub fn into_inner(self) -> Box<dyn Error + Send + Sync> {
        self.source
    }

    /// What went wrong.
    pub fn get_ref(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.source
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(source: E) -> Self {
        Self::retry(source)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.source, f)
    }
}

/// For which types a handler is. Handlers for more types run before those for fewer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Types {
    All,
    /// With a dot at its end.
    Prefix(String),
    One(String),
}

impl Types {
    fn prefix(prefix: &str) -> Self {
        let prefix = prefix.strip_suffix('*').unwrap_or(prefix);
        match prefix.strip_suffix('.').unwrap_or(prefix) {
            "" => Self::All,
            prefix => Self::Prefix(format!("{prefix}.")),
        }
    }

    fn has(&self, event_type: &str) -> bool {
        match self {
            Self::All => true,
            Self::Prefix(prefix) => event_type.starts_with(prefix),
            Self::One(name) => event_type == name,
        }
    }

    fn rank(&self) -> usize {
        match self {
            Self::All => 0,
            Self::Prefix(prefix) => prefix.matches('.').count(),
            Self::One(_) => usize::MAX,
        }
    }
}

type Direct =
    Arc<dyn for<'a> Fn(EventContext<'a>, Option<&'a Value>) -> HandlerFuture<'a> + Send + Sync>;
type Later =
    Arc<dyn for<'a> Fn(QueuedContext<'a>, Option<&'a Value>) -> HandlerFuture<'a> + Send + Sync>;

/// A handler that runs in the transaction.
#[derive(Clone)]
pub(super) struct InTransaction {
    types: Types,
    pub(super) run: Direct,
}

/// A handler that runs after the commit.
#[derive(Clone)]
pub(super) struct Queued {
    types: Types,
    pub(super) name: Arc<str>,
    pub(super) run: Later,
}

/// What wants to hear of events, by their types.
///
/// * Those that run **in the transaction** (`on…`) have it at hand: what they write is there exactly when the event's object
///   is, and exactly once, however often they are called: after a conflict with another transaction, they are called again.
///   Where one fails, nothing is there, and Stripe sends the event again. They hold up the answer to Stripe
///   and a connection of the pool: database work belongs there, and no requests.
/// * Those that are **queued** (`queued…`) run after the commit, by a [`Worker`](super::Worker), as often as it takes; each
///   under a name of its own, by which is noted that it has done its work. Mail, requests and whatever takes long belongs
///   there. It can happen twice that one runs to its end, if the machine stops just then, unless it writes in
///   [its own transaction](QueuedContext::transaction).
///
/// Those for all types run first, then those for a prefix, the shorter first, then those for one type; among equals, in the
/// order in which they were added.
///
/// ```
/// use stripe_store::OpenEnum as _;
/// use stripe_store::inbox::Handlers;
/// use stripe_store::resources::events::{CustomerSubscriptionUpdated, InvoicePaid};
///
/// let handlers = Handlers::new()
///     .on::<CustomerSubscriptionUpdated>(|mut cx, subscription| Box::pin(async move {
///         # #[cfg(feature = "sqlite")]
///         sqlx::query("UPDATE users SET status = ?1 WHERE subscription = ?2")
///             .bind(subscription.status().map(|status| status.as_str().to_owned()))
///             .bind(subscription.id())
///             .execute(cx.sqlite()?)
///             .await?;
///         Ok(())
///     }))
///     .queued::<InvoicePaid>("send-receipt", |cx, invoice| Box::pin(async move {
///         println!("mail a receipt for {} ({})", invoice.id(), cx.event().id());
///         Ok(())
///     }));
/// ```
#[derive(Clone, Default)]
pub struct Handlers {
    in_transaction: Vec<InTransaction>,
    queued: Vec<Queued>,
}

impl Handlers {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs for events of this type, in the transaction, with the object that the event carries.
    #[must_use]
    pub fn on<E: EventType>(
        self,
        handler: impl for<'a> Fn(EventContext<'a>, &'a E::Object) -> HandlerFuture<'a>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let run: Direct = Arc::new(move |cx, object| match object {
            Some(object) => handler(cx, E::Object::view(object)),
            None => without_object(),
        });
        self.add_direct(Types::One(E::NAME.to_owned()), run)
    }

    /// Runs for events of the type with this name, in the transaction: for types that the API description lacks.
    #[must_use]
    pub fn on_type(
        self,
        event_type: impl Into<String>,
        handler: impl for<'a> Fn(EventContext<'a>) -> HandlerFuture<'a> + Send + Sync + 'static,
    ) -> Self {
        self.add_direct(
            Types::One(event_type.into()),
            Arc::new(move |cx, _| handler(cx)),
        )
    }

    /// Runs for events of all types below this one, in the transaction: `"customer.subscription"`, also written
    /// `"customer.subscription.*"`, has `customer.subscription.created` and `customer.subscription.trial_will_end`.
    #[must_use]
    pub fn on_prefix(
        self,
        prefix: impl AsRef<str>,
        handler: impl for<'a> Fn(EventContext<'a>) -> HandlerFuture<'a> + Send + Sync + 'static,
    ) -> Self {
        self.add_direct(
            Types::prefix(prefix.as_ref()),
            Arc::new(move |cx, _| handler(cx)),
        )
    }

    /// Runs for every event, in the transaction.
    #[must_use]
    pub fn on_any(
        self,
        handler: impl for<'a> Fn(EventContext<'a>) -> HandlerFuture<'a> + Send + Sync + 'static,
    ) -> Self {
        self.add_direct(Types::All, Arc::new(move |cx, _| handler(cx)))
    }

    /// Runs for events of this type after the commit, with the object that the event carries.
    ///
    /// The name stands for the handler in the inbox: two handlers have two, and one keeps its own through later versions of
    /// the program.
    #[must_use]
    pub fn queued<E: EventType>(
        self,
        name: impl Into<String>,
        handler: impl for<'a> Fn(QueuedContext<'a>, &'a E::Object) -> HandlerFuture<'a>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let run: Later = Arc::new(move |cx, object| match object {
            Some(object) => handler(cx, E::Object::view(object)),
            None => without_object(),
        });
        self.add_queued(Types::One(E::NAME.to_owned()), name.into(), run)
    }

    /// Runs for events of the type with this name after the commit: for types that the API description lacks.
    #[must_use]
    pub fn queued_type(
        self,
        name: impl Into<String>,
        event_type: impl Into<String>,
        handler: impl for<'a> Fn(QueuedContext<'a>) -> HandlerFuture<'a> + Send + Sync + 'static,
    ) -> Self {
        let run: Later = Arc::new(move |cx, _| handler(cx));
        self.add_queued(Types::One(event_type.into()), name.into(), run)
    }

    /// Runs for events of all types below this one after the commit, as [`on_prefix`](Self::on_prefix).
    #[must_use]
    pub fn queued_prefix(
        self,
        name: impl Into<String>,
        prefix: impl AsRef<str>,
        handler: impl for<'a> Fn(QueuedContext<'a>) -> HandlerFuture<'a> + Send + Sync + 'static,
    ) -> Self {
        let run: Later = Arc::new(move |cx, _| handler(cx));
        self.add_queued(Types::prefix(prefix.as_ref()), name.into(), run)
    }

    /// Runs for every event after the commit.
    #[must_use]
    pub fn queued_any(
        self,
        name: impl Into<String>,
        handler: impl for<'a> Fn(QueuedContext<'a>) -> HandlerFuture<'a> + Send + Sync + 'static,
    ) -> Self {
        let run: Later = Arc::new(move |cx, _| handler(cx));
        self.add_queued(Types::All, name.into(), run)
    }

    fn add_direct(mut self, types: Types, run: Direct) -> Self {
        let rank = types.rank();
        let at = self
            .in_transaction
            .partition_point(|other| other.types.rank() <= rank);
        self.in_transaction.insert(at, InTransaction { types, run });
        self
    }

    fn add_queued(mut self, types: Types, name: String, run: Later) -> Self {
        let rank = types.rank();
        let at = self
            .queued
            .partition_point(|other| other.types.rank() <= rank);
        let name = name.into();
        self.queued.insert(at, Queued { types, name, run });
        self
    }

    /// Those for a type that run in the transaction, in their order.
    pub(super) fn in_transaction(&self, event_type: &str) -> impl Iterator<Item = &InTransaction> {
        let handlers = self.in_transaction.iter();
        handlers.filter(move |handler| handler.types.has(event_type))
    }

    /// Whether any runs after the commit.
    pub(super) fn has_queued(&self) -> bool {
        !self.queued.is_empty()
    }

    /// Those for a type that run after the commit, in their order.
    pub(super) fn queued_for(&self, event_type: &str) -> impl Iterator<Item = &Queued> {
        let handlers = self.queued.iter();
        handlers.filter(move |handler| handler.types.has(event_type))
    }
}

/// The types and names, and no code.
impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types = |handler: &InTransaction| handler.types.clone();
        let named = |handler: &Queued| (handler.name.clone(), handler.types.clone());
        f.debug_struct("Handlers")
            .field(
                "in_transaction",
                &self.in_transaction.iter().map(types).collect::<Vec<_>>(),
            )
            .field("queued", &self.queued.iter().map(named).collect::<Vec<_>>())
            .finish()
    }
}

fn without_object<'a>() -> HandlerFuture<'a> {
    let error =
        "the event carries no object: a thin event's is read by the client, which was not given";
    Box::pin(std::future::ready(Err(HandlerError::give_up(error))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c065_handlers_for_more_types_run_first() {
        let any = Types::All;
        let order: Vec<_> = ["customer.*", "customer", "customer.subscription.", "*"]
            .map(Types::prefix)
            .iter()
            .map(|types| (types.rank(), types.has("customer.subscription.created")))
            .collect();
        assert_eq!(order, [(1, true), (1, true), (2, true), (0, true)]);
        assert_eq!(any.rank(), 0);
        assert!(Types::One("a".to_owned()).rank() > 9);
        assert!(!Types::prefix("customer").has("customer_x.created"));
        assert!(!Types::prefix("customer.subscription").has("customer.created"));
        assert!(!Types::prefix("invoice.paid").has("invoice.paid"));
    }

    #[test]
    fn what_a_handler_fails_with_is_tried_again_unless_it_says_otherwise() {
        let error = HandlerError::from(fmt::Error);
        assert!(!error.is_final());
        let error = HandlerError::give_up("no such user");
        assert!(error.is_final());
        assert_eq!(error.to_string(), "no such user");
    }
}
