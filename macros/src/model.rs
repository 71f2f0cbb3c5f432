//! What is emitted, decided: plain data between checking and expanding, with the user's tokens for their spans.

use proc_macro2::Span;
use syn::{Attribute, Expr, Generics, Ident, LitStr, Path, Type, Visibility};

/// One checked input.
pub(crate) enum Model {
    Projection(Box<Projection>),
    View(Box<OwnView>),
    Extended(Box<Extended>),
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

/// A struct of an object and of columns in a table of its own.
pub(crate) struct Extended {
    pub(crate) common: Common,
    pub(crate) object: Path,
    pub(crate) table: LitStr,
    /// The name of the type that is emitted, of the columns alone.
    pub(crate) own: Ident,
    /// What that type derives.
    pub(crate) derives: Vec<Path>,
    /// The field of the object.
    pub(crate) base: Ident,
    pub(crate) base_type: Type,
    /// The field of the row's own id.
    pub(crate) id: Option<OwnField>,
    pub(crate) columns: Vec<OwnColumn>,
    pub(crate) projected: Vec<ProjectedField>,
}

/// A field that is in the table.
pub(crate) struct OwnField {
    pub(crate) ident: Ident,
    /// The field's name in capitals.
    pub(crate) constant: Ident,
    pub(crate) vis: Visibility,
    pub(crate) docs: Vec<Attribute>,
}

pub(crate) struct OwnColumn {
    pub(crate) field: OwnField,
    /// The field's type, which is `Option` of the value's where the column is nullable.
    pub(crate) ty: Type,
    pub(crate) value: Type,
    pub(crate) nullable: bool,
    /// The column's name.
    pub(crate) name: String,
    pub(crate) codec: Codec,
    pub(crate) references: Option<References>,
    pub(crate) lookup: Option<Lookup>,
    /// An SQL expression.
    pub(crate) default: Option<LitStr>,
    pub(crate) derived: bool,
}

/// How a value gets into its column.
pub(crate) enum Codec {
    /// As the library knows the type.
    Native,
    Json,
    /// By the type's own code for each database, in a column of this type.
    Sqlx {
        postgres: LitStr,
        sqlite: LitStr,
    },
}

/// How a column is found by.
pub(crate) enum Lookup {
    Unique,
    Index,
}

/// Another table's row that a column names.
pub(crate) struct References {
    pub(crate) table: String,
    pub(crate) column: String,
    pub(crate) on_delete: OnDelete,
}

/// What becomes of a row whose referenced one is deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDelete {
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
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
