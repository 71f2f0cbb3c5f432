//! The file `events`: a marker per event type, and the table of all.

use proc_macro2::TokenStream;
use quote::quote;

use super::{docs, ident, option};
use crate::ir::{Api, Event};

/// The code of all event types.
pub(crate) fn events(api: &Api) -> TokenStream {
    let markers = api.events.iter().map(marker);
    let facts = api.events.iter().map(|event| {
        let Event {
            event,
            object,
            is_deletion,
            is_thin,
            ..
        } = event;
        let object = option(object.as_ref());
        quote!(EventFacts::new(#event, #object, #is_deletion, #is_thin))
    });
    let event_type = (!api.events.is_empty()).then(|| {
        quote!(
            use stripe_store::view::EventType;
        )
    });
    quote! {
        #![doc = " The event types of the API: a marker for each, and a table of all."]
        use stripe_store::view::EventFacts;
        #event_type

        #[doc = " What is known of every event type: snapshot events first, then thin ones, each by name."]
        pub const EVENTS: &[EventFacts] = &[#(#facts),*];

        #[doc = " What is known of the event type of that name; `None` if it is newer than this list."]
        #[must_use]
        pub fn facts(name: &str) -> Option<&'static EventFacts> {
            EVENTS.iter().find(|event| event.name == name)
        }

        #(#markers)*
    }
}

fn marker(event: &Event) -> TokenStream {
    let name = ident(&event.name);
    let kind = if event.is_thin { "thin event" } else { "event" };
    let about = event.object.as_ref().map_or(String::new(), |object| {
        if event.is_thin {
            format!("\n\nIt refers to a `{object}`.")
        } else {
            format!("\n\nIt carries a `{object}`.")
        }
    });
    let deletion = if event.is_deletion {
        " Stripe has deleted it."
    } else {
        ""
    };
    let doc = docs::lines(&format!("The {kind} `{}`.{about}{deletion}", event.event));
    let (text, is_deletion) = (&event.event, event.is_deletion);
    let object = event.view.as_ref().map_or_else(
        || quote!(stripe_store::view::AnyObject),
        |view| {
            let view = ident(view);
            quote!(super::#view)
        },
    );
    quote! {
        #doc
        pub struct #name;
        impl EventType for #name {
            type Object = #object;
            const NAME: &'static str = #text;
            const IS_DELETION: bool = #is_deletion;
        }
    }
}
