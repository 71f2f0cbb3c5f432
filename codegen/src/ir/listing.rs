//! What can be listed.

/// A list whose pages show objects that have rows of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listing {
    /// Its path: `/v1/customers/{customer}/tax_ids`.
    pub path: String,
    /// What `object` can say in the objects, sorted.
    pub objects: Vec<String>,
    /// Whose it is, where each object of a type has one.
    pub parent: Option<ListingParent>,
    /// What has to be sent so that nothing is left out: names and values.
    pub params: Vec<(String, String)>,
    /// The lists inside the objects that come only when asked for: `data.sources`.
    pub expand: Vec<String>,
    /// Whether it takes a range of `created`.
    pub has_created: bool,
    /// Whether it takes a limit and a cursor.
    pub has_pages: bool,
}

/// Whose a list is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListingParent {
    /// What `object` says in the parent.
    pub object: String,
    /// The query parameter that takes its id; none if the path does.
    pub param: Option<String>,
    /// The dotted path to the same list in the parent, where it has one.
    pub field: Option<String>,
}
