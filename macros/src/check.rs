//! Arguments to a model: which form it is, and every rule across arguments. Must not emit anything.

mod column;
mod extended;
mod projection;
mod view;

use syn::ext::IdentExt as _;
use syn::{DeriveInput, Expr, Field, Ident, LitStr, Path};

use crate::errors::Errors;
use crate::model::{Common, Model, ident};
use crate::parse::{Args, CONTAINER, FIELD, Value, docs, fields, listed, literal};

/// A field with what is said of it.
struct Said<'a> {
    field: &'a Field,
    ident: &'a Ident,
    args: Args,
}

/// The three things that a struct can be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Extended,
    Projection,
    View,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Extended => "an extended model (it has a `table` or a `base`)",
            Self::Projection => "a projection (its `object` is a type, and it has no `table`)",
            Self::View => "a view (its `object` is a text, or it is `nested`)",
        }
    }

    fn container(self) -> &'static [&'static str] {
        match self {
            Self::Extended => &["object", "table", "own", "derive_own", "crate"],
            Self::Projection => &["object", "crate"],
            Self::View => &[
                "object",
                "view",
                "path",
                "id_prefix",
                "alias",
                "operations",
                "nested",
                "crate",
            ],
        }
    }

    fn field(self) -> &'static [&'static str] {
        match self {
            Self::Extended => &[
                "base",
                "id",
                "path",
                "or",
                "default",
                "column",
                "sql_type",
                "unique",
                "index",
                "references",
                "on_delete",
                "json",
                "derived",
            ],
            Self::Projection => &["path", "or", "default"],
            Self::View => &["rename"],
        }
    }
}

/// What a struct is of.
enum Object<'a> {
    /// A type that is a resource.
    Type(&'a Path),
    /// The name of a type, as Stripe says it.
    Name(&'a LitStr),
}

pub(crate) fn check(input: &DeriveInput) -> syn::Result<Model> {
    let mut errors = Errors::default();
    let args = Args::read(&input.attrs, CONTAINER, &mut errors);
    let mut said = Vec::new();
    for field in fields(input, &mut errors) {
        let args = Args::read(&field.attrs, FIELD, &mut errors);
        if let Some(ident) = &field.ident {
            said.push(Said { field, ident, args });
        }
    }
    let krate = krate(&args, &mut errors);
    let object = object(&args, &mut errors);
    let form = form(input, &args, &said, object.as_ref(), &mut errors);
    let common = Common {
        krate,
        name: input.ident.clone(),
        vis: input.vis.clone(),
        generics: input.generics.clone(),
        docs: docs(&input.attrs),
    };
    let model = form.and_then(|form| {
        belongs(form, &args, &said, &mut errors);
        match (form, &object) {
            (Form::Projection, Some(Object::Type(object))) => {
                let projection = projection::check(common, object, &said, &mut errors);
                Some(Model::Projection(Box::new(projection)))
            }
            (Form::View, object) => {
                let name = match object {
                    Some(Object::Name(name)) => Some(*name),
                    _ => None,
                };
                view::check(common, name, &args, &said, &mut errors)
                    .map(|view| Model::View(Box::new(view)))
            }
            (Form::Extended, object) => {
                extended::check(common, object.as_ref(), &args, &said, &mut errors)
                    .map(|extended| Model::Extended(Box::new(extended)))
            }
            (Form::Projection, _) => None,
        }
    });
    errors.finish()?;
    // Without a model there was an error; this one is for the case that a rule forgot to say which.
    model.ok_or_else(|| syn::Error::new_spanned(&input.ident, MISSING_OBJECT))
}

const MISSING_OBJECT: &str = "say of which object: `#[stripe(object = Customer)]` for some of its fields, with a \
    `table = \"app_customers\"` for columns of your own beside it, \
    `#[stripe(object = \"forwarding.request\")]` for a view of a type of your own, `#[stripe(nested)]` for a part of one";

/// Where the library is: `crate = "…"`.
fn krate(args: &Args, errors: &mut Errors) -> Path {
    let default = || syn::parse_quote!(::stripe_store);
    let Some(arg) = args.get("crate") else {
        return default();
    };
    let Some(text) = arg.text("my_crate::stripe_store", errors) else {
        return default();
    };
    text.parse_with(Path::parse_mod_style).unwrap_or_else(|_| {
        errors.push(
            text,
            "`crate` takes the path of the library: `crate = \"my_crate::stripe_store\"`",
        );
        default()
    })
}

/// What `object` says. A resource is named by its type, so that the compiler knows its fields; what has none, by the
/// text that Stripe sends.
fn object<'a>(args: &'a Args, errors: &mut Errors) -> Option<Object<'a>> {
    let arg = args.get("object")?;
    if let Value::Expr(expr) = &arg.value {
        if let Expr::Path(path) = &**expr
            && path.qself.is_none()
        {
            return Some(Object::Type(&path.path));
        }
        if literal(expr).is_none() {
            errors.push(
                expr,
                "`object` takes a resource, `object = Customer`, or the name of a type that there is no view of, \
                 `object = \"forwarding.request\"`",
            );
            return None;
        }
    }
    arg.text("forwarding.request", errors).map(Object::Name)
}

fn form(
    input: &DeriveInput,
    args: &Args,
    said: &[Said<'_>],
    object: Option<&Object<'_>>,
    errors: &mut Errors,
) -> Option<Form> {
    let base = said.iter().any(|said| said.args.get("base").is_some());
    if base || args.get("table").is_some() {
        return Some(Form::Extended);
    }
    if let Some(nested) = args.get("nested") {
        if let Some(object) = args.get("object") {
            errors.push(
                &object.key,
                "`nested` is a part of other objects and has no rows: leave out either `object` or `nested`",
            );
            return None;
        }
        args.flag("nested", errors);
        let _: &Ident = &nested.key;
        return Some(Form::View);
    }
    match object {
        Some(Object::Type(_)) => Some(Form::Projection),
        Some(Object::Name(_)) => Some(Form::View),
        None => {
            // A slip of the pen has been told of already.
            if errors.is_empty() {
                errors.push(&input.ident, MISSING_OBJECT);
            }
            None
        }
    }
}

/// The name of the type to make beside the struct, which keeps its own.
fn type_name(
    common: &Common,
    args: &Args,
    key: &str,
    suffix: &str,
    errors: &mut Errors,
) -> Option<Ident> {
    let default = format!("{}{suffix}", common.name.unraw());
    let Some(arg) = args.get(key) else {
        return Some(ident(&default, common.name.span()));
    };
    let Value::Expr(expr) = &arg.value else {
        errors.push(
            &arg.key,
            format!("`{key}` needs a name: `{key} = {default}`"),
        );
        return None;
    };
    let name = match &**expr {
        Expr::Path(path) => path.path.get_ident(),
        _ => None,
    };
    let Some(name) = name else {
        errors.push(
            expr,
            format!("`{key}` takes the name of the type to make: `{key} = {default}`"),
        );
        return None;
    };
    if *name == common.name {
        errors.push(
            name,
            format!("the struct itself is called `{name}`: `{key}` takes another name, such as `{default}`"),
        );
        return None;
    }
    Some(name.clone())
}

/// A field's name without what keeps it from being a keyword: `r#`, or an underscore at its end as in the generated
/// views.
fn plain(ident: &Ident) -> String {
    let name = ident.unraw().to_string();
    match name.strip_suffix('_') {
        Some(plain) if !plain.is_empty() => plain.to_owned(),
        _ => name,
    }
}

/// The name of a field's constant.
fn constant(field: &Ident) -> Ident {
    ident(&plain(field).to_uppercase(), field.span())
}

/// An argument of another form would be silently without effect.
fn belongs(form: Form, args: &Args, said: &[Said<'_>], errors: &mut Errors) {
    let mut check = |args: &Args, allowed: &[&str]| {
        for arg in args.iter() {
            let name = arg.key.to_string();
            if !allowed.contains(&name.as_str()) {
                errors.push(
                    &arg.key,
                    format!(
                        "`{name}` does nothing in {}; here go {}",
                        form.name(),
                        listed(allowed)
                    ),
                );
            }
        }
    };
    check(args, form.container());
    for said in said {
        check(&said.args, form.field());
    }
}
