//! Event types: markers that say which object an event carries.

use super::View;

/// An event type: a marker with Stripe's name for it and the view of the object that it carries.
///
/// One marker per type, never one enum of all of them, so that a program compiles what it names.
///
/// ```
/// use stripe_store::{resources::events::CustomerDeleted, view::EventType};
///
/// assert_eq!(CustomerDeleted::NAME, "customer.deleted");
/// assert!(CustomerDeleted::IS_DELETION);
/// ```
pub trait EventType {
    /// The view of `data.object`.
    type Object: View;

    /// Stripe's name: `"invoice.paid"`.
    const NAME: &'static str;

    /// Whether the event says that Stripe deleted the object. A cancellation
    /// (`customer.subscription.deleted`) is none: the object stays and can be read.
    const IS_DELETION: bool;
}

/// What is known of an event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct EventFacts {
    /// Stripe's name: `"invoice.paid"`.
    pub name: &'static str,
    /// The type of the object in `data.object`, or of the related object of a thin event; `None` where the
    /// event has none.
    pub object: Option<&'static str>,
    /// Whether the event says that Stripe deleted the object.
    pub is_deletion: bool,
    /// Whether it is a thin event of v2 of the API, which carries a reference instead of the object.
    pub is_thin: bool,
}

impl EventFacts {
    /// Generated code makes these.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        name: &'static str,
        object: Option<&'static str>,
        is_deletion: bool,
        is_thin: bool,
    ) -> Self {
        Self {
            name,
            object,
            is_deletion,
            is_thin,
        }
    }
}
