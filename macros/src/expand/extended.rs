//! What an extended model is to the library: its columns, the type of their values, and how they get in and out.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, Generics, Ident, LitStr, Path, Type, Visibility};

use super::{local, local_at, projection};
use crate::model::{Codec, Extended, Lookup, OnDelete, OwnColumn, OwnField, References};

pub(super) fn expand(extended: &Extended) -> TokenStream {
    let own = own(extended);
    let model = model(extended);
    let deref = deref(extended);
    let constants = constants(extended);
    quote! {
        #own
        #model
        #deref
        #constants
    }
}

/// The type of the columns alone, for who fills them.
fn own(extended: &Extended) -> TokenStream {
    let Extended {
        common,
        own,
        derives,
        columns,
        ..
    } = extended;
    let vis = &common.vis;
    let docs = format!("The columns of [`{}`] in its own table.", common.name);
    let derives = (!derives.is_empty()).then(|| quote!(#[derive(#(#derives),*)]));
    let fields = columns.iter().map(|column| {
        let OwnField {
            ident, vis, docs, ..
        } = &column.field;
        let docs = docs_or(docs, &column.name);
        let ty = &column.ty;
        quote!(#docs #vis #ident: #ty)
    });
    quote! {
        #[doc = #docs]
        #derives
        #vis struct #own {
            #(#fields),*
        }
    }
}

fn model(extended: &Extended) -> TokenStream {
    let Extended {
        common,
        object,
        table,
        own,
        base,
        base_type,
        columns,
        ..
    } = extended;
    let krate = &common.krate;
    let name = &common.name;
    let definitions = columns.iter().map(|column| definition(krate, column));
    let idents = columns.iter().map(|column| &column.field.ident);
    let [to, from, of] = ["to", "from", "own"].map(|name| unless_empty(columns, name));
    let puts_of_own = columns
        .iter()
        .map(|column| put(krate, |at| local_at("own", at), column));
    let puts_of_self = columns.iter().map(|column| put(krate, self_at, column));
    let takes = columns.iter().map(|column| take(krate, column));
    let this = self_at(base_type.span());
    let base = quote_spanned!(base_type.span()=> &#this.#base);
    let assemble = assemble(extended);
    quote! {
        #[automatically_derived]
        impl #krate::StripeModel for #name {
            type Object = #object;
            type Own = #own;

            const TABLE: &'static str = #table;
            const COLUMNS: &'static [#krate::__private::ColumnDef] = &[#(#definitions),*];

            fn base(&self) -> &#krate::Stored<#object> {
                #base
            }

            fn encode_own(
                #of: &Self::Own,
                #to: &mut #krate::__private::Encoder<'_>,
            ) -> ::core::result::Result<(), #krate::__private::EncodeError> {
                #(#puts_of_own)*
                ::core::result::Result::Ok(())
            }

            fn encode(
                &self,
                #to: &mut #krate::__private::Encoder<'_>,
            ) -> ::core::result::Result<(), #krate::__private::EncodeError> {
                #(#puts_of_self)*
                ::core::result::Result::Ok(())
            }

            fn decode(
                #from: &mut #krate::__private::Decoder<'_>,
            ) -> ::core::result::Result<Self::Own, #krate::__private::DecodeError> {
                ::core::result::Result::Ok(#own { #(#idents: #takes),* })
            }

            #assemble
        }
    }
}

/// A parameter; without columns there is nothing to do with it.
fn unless_empty(columns: &[OwnColumn], name: &str) -> TokenStream {
    if columns.is_empty() {
        quote!(_)
    } else {
        local(name).into_token_stream()
    }
}

/// The column to the database.
fn definition(krate: &Path, column: &OwnColumn) -> TokenStream {
    let OwnColumn {
        value,
        name,
        nullable,
        codec,
        references,
        lookup,
        default,
        derived,
        ..
    } = column;
    let new = match codec {
        Codec::Sqlx { postgres, sqlite } => {
            quote!(#krate::__private::ColumnDef::typed(#name, #postgres, #sqlite))
        }
        Codec::Native | Codec::Json => {
            let codec = path_of(krate, codec, value.span());
            quote_spanned!(value.span()=> #krate::__private::ColumnDef::new::<#codec, #value>(#name))
        }
    };
    let nullable = nullable.then(|| quote!(.nullable()));
    let references = references.as_ref().map(|references| {
        let References {
            table,
            column,
            on_delete,
        } = references;
        let on_delete = match on_delete {
            OnDelete::NoAction => quote!(NoAction),
            OnDelete::Restrict => quote!(Restrict),
            OnDelete::Cascade => quote!(Cascade),
            OnDelete::SetNull => quote!(SetNull),
            OnDelete::SetDefault => quote!(SetDefault),
        };
        quote!(.references(#table, #column, #krate::__private::OnDelete::#on_delete))
    });
    let lookup = lookup.as_ref().map(|lookup| match lookup {
        Lookup::Unique => quote!(.unique()),
        Lookup::Index => quote!(.index()),
    });
    let default = default.as_ref().map(|sql: &LitStr| quote!(.default(#sql)));
    let derived = derived.then(|| quote!(.derived()));
    quote!(#new #nullable #references #lookup #default #derived)
}

/// The codec's type, at the place of the type that it may not be for.
fn path_of(krate: &Path, codec: &Codec, at: Span) -> TokenStream {
    let krate = krate.to_token_stream().into_iter().map(|mut token| {
        token.set_span(at);
        token
    });
    let krate: TokenStream = krate.collect();
    match codec {
        Codec::Native => quote_spanned!(at=> #krate::extended::Native),
        Codec::Json => quote_spanned!(at=> #krate::extended::AsJson),
        Codec::Sqlx { .. } => quote_spanned!(at=> #krate::extended::Sqlx),
    }
}

/// The parameter, used where the compiler's complaints are to point at.
fn self_at(at: Span) -> Ident {
    Ident::new("self", Span::call_site().located_at(at))
}

/// A value into a statement.
fn put(krate: &Path, of: fn(Span) -> Ident, column: &OwnColumn) -> TokenStream {
    let OwnColumn {
        field,
        value,
        nullable,
        codec,
        ..
    } = column;
    let ident = &field.ident;
    let at = value.span();
    let codec = path_of(krate, codec, at);
    let (of, to) = (of(at), local_at("to", at));
    let reference = if *nullable {
        quote_spanned!(at=> #of.#ident.as_ref())
    } else {
        quote_spanned!(at=> ::core::option::Option::Some(&#of.#ident))
    };
    // What the column cannot hold is told of at the field's type.
    quote_spanned!(at=> #to.put::<#codec, #value>(#reference)?;)
}

/// A value out of a row.
fn take(krate: &Path, column: &OwnColumn) -> TokenStream {
    let value = &column.value;
    let at = value.span();
    let codec = path_of(krate, &column.codec, at);
    let function = if column.nullable {
        "optional"
    } else {
        "required"
    };
    let (from, function) = (local_at("from", at), Ident::new(function, at));
    quote_spanned!(at=> #from.#function::<#codec, #value>()?)
}

/// The struct of its parts. The values of the object are read as a projection reads them, by one of its own.
fn assemble(extended: &Extended) -> TokenStream {
    let Extended {
        common,
        object,
        base,
        base_type,
        id,
        columns,
        projected,
        ..
    } = extended;
    let krate = &common.krate;
    let owned = columns.iter().map(|column| &column.field.ident);
    let own = unless_empty(columns, "own");
    let [object_local, values_local] = ["base", "projected"].map(local);
    let (number, id) = id.as_ref().map_or_else(
        || (quote!(_), None),
        |id| {
            let ident = &id.ident;
            let number = local("id");
            (quote!(#number), Some(quote!(#ident: #number,)))
        },
    );
    let idents: Vec<_> = projected.iter().map(|field| &field.ident).collect();
    let reads = (!projected.is_empty()).then(|| {
        let name = format_ident!("__Projected");
        let types = projected.iter().map(|field| &field.ty);
        let implementation =
            projection::implement(krate, &name, &Generics::default(), object, projected);
        quote! {
            struct #name { #(#idents: #types),* }
            #implementation
            let #values_local = <#name as #krate::model::Projection>::of(#krate::Stored::view(&#object_local));
        }
    });
    // A base of another type is told of at the field's.
    let object_there = local_at("base", base_type.span());
    let same = quote_spanned!(base_type.span()=> let #object_there: #base_type = #object_there;);
    quote! {
        fn assemble(#object_local: #krate::Stored<#object>, #own: Self::Own, #number: i64) -> Self {
            #reads
            #same
            Self {
                #id
                #(#owned: #own.#owned,)*
                #(#idents: #values_local.#idents,)*
                #base: #object_local,
            }
        }
    }
}

fn deref(extended: &Extended) -> TokenStream {
    let Extended { common, object, .. } = extended;
    let krate = &common.krate;
    let name = &common.name;
    quote! {
        #[automatically_derived]
        impl ::core::ops::Deref for #name {
            type Target = #krate::Stored<#object>;

            #[inline]
            fn deref(&self) -> &Self::Target {
                #krate::StripeModel::base(self)
            }
        }
    }
}

/// The paths of what is in the table.
fn constants(extended: &Extended) -> TokenStream {
    let Extended {
        common,
        id,
        columns,
        ..
    } = extended;
    let krate = &common.krate;
    let name = &common.name;
    let i64 = syn::parse_quote!(i64);
    let id = id
        .as_ref()
        .map(|id| constant(krate, id, &i64, &Codec::Native, "id"));
    let columns = columns.iter().map(|column| {
        constant(
            krate,
            &column.field,
            &column.value,
            &column.codec,
            &column.name,
        )
    });
    quote! {
        #[allow(dead_code)]
        impl #name {
            #id
            #(#columns)*
        }
    }
}

fn constant(
    krate: &Path,
    field: &OwnField,
    value: &Type,
    codec: &Codec,
    name: &str,
) -> TokenStream {
    let OwnField {
        constant,
        vis,
        docs,
        ..
    } = field;
    let vis: &Visibility = vis;
    let docs = docs_or(docs, name);
    let codec = path_of(krate, codec, value.span());
    quote! {
        #docs
        #vis const #constant: #krate::extended::OwnColumn<Self, #value, #codec> =
            #krate::extended::OwnColumn::new(#name);
    }
}

/// What the user wrote of the field, or what is known of it.
fn docs_or(docs: &[Attribute], column: &str) -> TokenStream {
    if docs.is_empty() {
        let text = format!("The column `{column}`.");
        quote!(#[doc = #text])
    } else {
        quote!(#(#docs)*)
    }
}
