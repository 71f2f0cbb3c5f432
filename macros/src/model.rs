//! What is emitted, decided: plain data between checking and expanding, with the user's tokens for their spans.

use proc_macro2::Span;
use syn::{Attribute, Expr, Generics, Ident, LitStr, Path, Type, Visibility};

/// One checked input.
pub(crate) enum Model {
    Projection(Box<Projection>),
    View(Box<OwnView>),
}

/// What every form has.
pub(crate) struct Common {
    /// Where `stripe_store` is, as the user's crate names it.
    pub(crate) krate: Path,
    pub(crate) name: Ident,
    pub(crate) vis: Visibility,
    pub(crate) generics: Generics,
    /// The user's documentation of the struct.
    pub(crate) docs: Vec<Attribute>,
}

/// A struct of values that are read one by one.
pub(crate) struct Projection {
    pub(crate) common: Common,
    pub(crate) object: Path,
    pub(crate) fields: Vec<ProjectedField>,
}

pub(crate) struct ProjectedField {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    /// Where the value is, and where else, in the order of preference; there is at least one.
    pub(crate) sources: Vec<FieldPath>,
    pub(crate) absent: Absent,
}

/// Where a value is.
pub(crate) enum FieldPath {
    /// The constant of a field at the top.
    Constant(Ident),
    /// A key of the metadata.
    Metadata(LitStr, String),
    /// A typed path.
    Typed(Box<Expr>),
}

/// What a field gets when there is no value.
pub(crate) enum Absent {
    /// `None` of the field's type.
    None,
    /// The type's default.
    Default,
    /// This value.
    Value(Box<Expr>),
}

/// A view that the spec does not have.
pub(crate) struct OwnView {
    pub(crate) common: Common,
    /// The name of the type that is emitted.
    pub(crate) view: Ident,
    /// `None` for what is a part of other objects.
    pub(crate) resource: Option<OwnResource>,
    pub(crate) fields: Vec<Getter>,
}

pub(crate) struct OwnResource {
    pub(crate) object: LitStr,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) path: Option<LitStr>,
    pub(crate) id_prefix: Option<LitStr>,
    pub(crate) operations: Operations,
}

/// What the API lets a caller do.
#[derive(Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the arguments of one call, in its order"
)]
pub(crate) struct Operations {
    pub(crate) retrieve: bool,
    pub(crate) list: bool,
    pub(crate) search: bool,
    pub(crate) delete: bool,
}

pub(crate) struct Getter {
    pub(crate) ident: Ident,
    /// The getter's name in capitals.
    pub(crate) constant: Ident,
    pub(crate) key: String,
    pub(crate) ty: Type,
    pub(crate) docs: Vec<Attribute>,
    /// What the reference leads to, where the field is one.
    pub(crate) referent: Option<Type>,
    pub(crate) vis: Visibility,
}

/// A name made by the macro, at the place of another.
pub(crate) fn ident(name: &str, span: Span) -> Ident {
    syn::parse_str::<Ident>(name).map_or_else(
        |_| Ident::new_raw(name, span),
        |mut ident| {
            ident.set_span(span);
            ident
        },
    )
}
