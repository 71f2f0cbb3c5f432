//! What can be listed, as data: where, whose, and what has to be sent so that nothing is left out.
//!
//! Facts alone: it knows no client and sends nothing.

/// A list of the API whose pages, taken together with those of the others, show every object that can be listed.
///
/// One path can have several: no two have the same path, [`params`](Self::params) and name of the
/// [parameter](ListingParent::param) of their parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Listing {
    /// The path, with the parent's id in braces where that is a part of it: `"/v1/customers/{customer}/tax_ids"`.
    pub path: &'static str,
    /// The types that it lists, by Stripe's names: `["bank_account", "card"]`.
    pub objects: &'static [&'static str],
    /// The type of the objects that have such a list each; `None` if there is one of it only.
    pub parent: Option<ListingParent>,
    /// What has to be sent so that Stripe leaves nothing out, as fields of the query: `("status", "all")`.
    pub params: &'static [(&'static str, &'static str)],
    /// What has to be expanded for lists inside the objects to be there, of which the rest has a listing of its own:
    /// `"data.sources"`.
    pub expand: &'static [&'static str],
    /// Whether it takes `created[gte]`.
    pub has_created: bool,
    /// Whether it takes `limit` and says how to go on: `starting_after` in v1, `page` in v2. If not, the first answer is
    /// all that can be had.
    pub has_pages: bool,
}

/// The objects that have a list each, and how the list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ListingParent {
    /// Their type: `"customer"`. It need not have a listing itself, as a `tax.calculation` has none.
    pub object: &'static str,
    /// The field of the query that takes the parent's id: `"subscription"`. `None` if the path does.
    pub param: Option<&'static str>,
    /// The field of the parent, dotted where it is nested, that holds the beginning of the same list where it holds
    /// anything: `"lines"` of an invoice, `"amount_details.line_items"` of a payment intent.
    pub field: Option<&'static str>,
}

impl Listing {
    /// Generated code makes these.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        path: &'static str,
        objects: &'static [&'static str],
        parent: Option<ListingParent>,
        params: &'static [(&'static str, &'static str)],
        expand: &'static [&'static str],
        has_created: bool,
        has_pages: bool,
    ) -> Self {
        Self {
            path,
            objects,
            parent,
            params,
            expand,
            has_created,
            has_pages,
        }
    }
}

impl ListingParent {
    /// Generated code makes these.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        object: &'static str,
        param: Option<&'static str>,
        field: Option<&'static str>,
    ) -> Self {
        Self {
            object,
            param,
            field,
        }
    }
}
