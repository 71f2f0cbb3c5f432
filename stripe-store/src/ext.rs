//! Hand-written reads on the generated views: what people look for on an object although Stripe nests it elsewhere.
//!
//! One file per resource, each an `impl` on the view. The reads follow the views' rule: they cannot fail, and what is
//! missing is `None`. A name never hides a field of Stripe's: the compiler refuses a second method of one name. This
//! module must not know databases or HTTP.
//!
//! Users add reads of their own in the same way, with an extension trait.

mod customer;
mod invoiceitem;
mod source;
mod usage_record_summary;
