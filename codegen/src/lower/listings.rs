//! What can be listed: which lists there are, whose they are, and what they have to be asked so that they show all.

mod narrowed;
mod parents;

use std::collections::{BTreeMap, BTreeSet};

use openapiv3::{
    Parameter, ParameterData, ParameterSchemaOrContent, ReferenceOr, Schema, SchemaKind, Type,
};

use self::narrowed::{NARROWED, Narrowing};
use crate::ir::{Api, Kind, Listing, ListingParent, Report, View};
use crate::spec::{self, Method, Operation, ResponseShape, Spec};

/// The types whose lists tell what happened, and not what there is.
const EVENTS: &[&str] = &["event", "v2.core.event"];

/// The lists of a description.
#[derive(Debug, Default)]
pub(super) struct Found {
    listings: Vec<Listing>,
    /// The paths of the others, with what they list, and why they are left out.
    left_out: Vec<(String, Vec<String>, String)>,
}

/// Finds all lists, in the order of the description, without what they expand.
///
/// The views have to be those of all resources.
pub(super) fn find(spec: &Spec, api: &Api) -> Found {
    let resources = Resources::new(api);
    let mut found = Found::default();
    for operation in &spec.operations {
        let (Method::Get, Some(ResponseShape::List(names) | ResponseShape::Search(names))) =
            (operation.method, &operation.response)
        else {
            continue;
        };
        let members = names.iter().flat_map(|name| spec.members(name));
        let objects: BTreeSet<String> = members
            .map(|name| resources.objects.get(name).copied().unwrap_or(name))
            .map(str::to_owned)
            .collect();
        let objects: Vec<String> = objects.into_iter().collect();
        match listings(operation, &objects, spec, &resources) {
            Ok(listings) => found.listings.extend(listings),
            Err(reason) => {
                let left_out = (operation.path.clone(), objects, reason);
                found.left_out.push(left_out);
            }
        }
    }
    parents::find_fields(&mut found.listings, api);
    found
}

/// Puts those of the resources that are generated into the API, parents first, and the others into the report.
pub(super) fn select(found: Found, spec: &Spec, api: &mut Api, report: &mut Report) {
    let kept: BTreeSet<&str> = api
        .views
        .iter()
        .filter_map(|view| Some(view.resource.as_ref()?.object.as_str()))
        .collect();
    let is_kept = |objects: &[String]| objects.iter().any(|it| kept.contains(it.as_str()));
    let Found {
        mut listings,
        left_out,
    } = found;
    listings.retain(|listing| is_kept(&listing.objects));
    let left_out = left_out
        .into_iter()
        .filter(|(_, objects, _)| is_kept(objects));
    report.unlisted = left_out.map(|(path, _, reason)| (path, reason)).collect();
    parents::expand(&mut listings, spec, api);
    parents::sort(&mut listings);
    api.listings = listings;
}

/// The resources of an API, by what leads to them.
struct Resources<'a> {
    /// What `object` says, by the schema.
    objects: BTreeMap<&'a str, &'a str>,
    views: BTreeMap<&'a str, &'a View>,
    /// What `object` says, by the path of the collection.
    at: BTreeMap<&'a str, &'a str>,
}

impl<'a> Resources<'a> {
    fn new(api: &'a Api) -> Self {
        let mut resources = Self {
            objects: BTreeMap::new(),
            views: BTreeMap::new(),
            at: BTreeMap::new(),
        };
        for view in &api.views {
            let Some(facts) = &view.resource else {
                continue;
            };
            resources.objects.insert(&view.source, &facts.object);
            resources.views.insert(&facts.object, view);
            if let Some(path) = &facts.path {
                resources.at.entry(path).or_insert(&facts.object);
            }
        }
        resources
    }

    fn has_id(&self, object: &str) -> bool {
        let view = self.views.get(object);
        view.is_some_and(|view| view.fields.iter().any(|field| field.kind == Kind::Id))
    }

    /// The resource that a query parameter of a path takes the id of: one of the path's own namespace, else one without,
    /// else the only one of that name.
    fn named(&self, parameter: &str, path: &str) -> Option<&'a str> {
        let words: Vec<&str> = path
            .split('/')
            .filter(|word| !word.is_empty() && *word != "v1")
            .collect();
        let near = (0..words.len()).rev().find_map(|length| {
            let mut name: Vec<&str> = words.get(..length)?.to_vec();
            name.push(parameter);
            let name = name.join(".");
            self.views.get_key_value(name.as_str()).map(|it| *it.0)
        });
        near.or_else(|| {
            let is_named = |object: &&str| object.rsplit('.').next() == Some(parameter);
            let mut named = self.views.keys().copied().filter(is_named);
            named.next().filter(|_| named.next().is_none())
        })
    }
}

/// What one list has to be asked; `Err` with why it is left out.
fn listings(
    operation: &Operation,
    objects: &[String],
    spec: &Spec,
    resources: &Resources<'_>,
) -> Result<Vec<Listing>, String> {
    let path = operation.path.as_str();
    if matches!(operation.response, Some(ResponseShape::Search(_))) {
        return Err("a search".to_owned());
    }
    if spec::is_computed(path) {
        return Err("computed, and not kept at Stripe".to_owned());
    }
    if objects.iter().any(|it| EVENTS.contains(&it.as_str())) {
        return Err("events, which are walked in their own way".to_owned());
    }
    if let Some(object) = objects.iter().find(|object| !resources.has_id(object)) {
        return Err(format!("`{object}` has no id"));
    }
    let query = query(operation, spec);
    let has = |name: &str| query.iter().any(|parameter| parameter.name == name);
    let has_cursor = has("starting_after") || path.starts_with("/v2/");
    let mut first = Listing {
        path: path.to_owned(),
        objects: objects.to_vec(),
        parent: None,
        params: Vec::new(),
        expand: Vec::new(),
        has_created: query.iter().any(Query::is_range_of_created),
        has_pages: has("limit") && has_cursor,
    };
    if let Some((above, _)) = path.rsplit_once("/{") {
        let Some(object) = resources.at.get(above) else {
            return Err(format!("below `{above}`, where no resource is"));
        };
        first.parent = Some(parent(object, None));
    }
    let mut listings = vec![first];
    let narrowed: Vec<_> = NARROWED.iter().filter(|row| row.path == path).collect();
    for parameter in &query {
        let row = narrowed.iter().find(|row| row.parameter == parameter.name);
        let narrowing = match row {
            Some(row) => Some(row.narrowing),
            None if parameter.is_required => Some(Narrowing::Required),
            None if parameter.values.contains(&"all") => Some(Narrowing::Each(&["all"])),
            None => None,
        };
        if let Some(narrowing) = narrowing {
            widen(&mut listings, parameter, narrowing, resources)?;
        }
    }
    Ok(listings)
}

/// Makes of listings those that show what a parameter would leave out.
fn widen(
    listings: &mut Vec<Listing>,
    parameter: &Query<'_>,
    narrowing: Narrowing,
    resources: &Resources<'_>,
) -> Result<(), String> {
    let each = |listings: &mut Vec<Listing>, values: &[&str]| {
        let with = |listing: &Listing, value: &str| {
            let mut listing = listing.clone();
            let field = (parameter.name.to_owned(), value.to_owned());
            listing.params.push(field);
            listing
        };
        let widened = listings
            .iter()
            .flat_map(|listing| values.iter().map(|value| with(listing, value)));
        *listings = widened.collect();
    };
    let needs = || {
        let name = parameter.name;
        Err(format!(
            "needs `{name}`, which is neither an object's id nor a choice"
        ))
    };
    match narrowing {
        Narrowing::Each(values) => each(listings, values),
        Narrowing::Required if !parameter.values.is_empty() => each(listings, &parameter.values),
        Narrowing::Whole => {
            for listing in listings.iter_mut() {
                let fields = parameter.values.iter().enumerate();
                listing.params.extend(fields.map(|(index, value)| {
                    (format!("{}[{index}]", parameter.name), (*value).to_owned())
                }));
            }
        }
        Narrowing::Required | Narrowing::Also => {
            let Some(path) = listings.first().map(|listing| listing.path.clone()) else {
                return Ok(());
            };
            let object = resources.named(parameter.name, &path);
            let Some(object) = object.filter(|_| parameter.is_text) else {
                return needs();
            };
            let mut below = listings.clone();
            for listing in &mut below {
                if listing.parent.is_some() {
                    return Err(format!("needs `{}` besides an object's id", parameter.name));
                }
                listing.parent = Some(parent(object, Some(parameter.name)));
            }
            if narrowing == Narrowing::Required {
                listings.clear();
            }
            listings.append(&mut below);
        }
    }
    Ok(())
}

fn parent(object: &str, param: Option<&str>) -> ListingParent {
    ListingParent {
        object: object.to_owned(),
        param: param.map(str::to_owned),
        field: None,
    }
}

/// A query parameter.
struct Query<'s> {
    name: &'s str,
    is_required: bool,
    is_text: bool,
    schema: Option<&'s Schema>,
    /// The values that it, or each entry of it, can have, where they are told.
    values: Vec<&'s str>,
}

impl Query<'_> {
    fn is_range_of_created(&self) -> bool {
        let is_range = |schema: &Schema| match &schema.schema_kind {
            SchemaKind::Type(Type::Object(object)) => object.properties.contains_key("gte"),
            _ => false,
        };
        let ranges = self.schema.filter(|_| self.name == "created");
        ranges.is_some_and(|schema| match &schema.schema_kind {
            SchemaKind::AnyOf { any_of: members } => members
                .iter()
                .filter_map(ReferenceOr::as_item)
                .any(is_range),
            _ => is_range(schema),
        })
    }
}

fn query<'s>(operation: &'s Operation, spec: &'s Spec) -> Vec<Query<'s>> {
    let parameters = operation.raw.parameters.iter();
    let data = parameters.filter_map(|parameter| match parameter.as_item()? {
        Parameter::Query { parameter_data, .. } => Some(parameter_data),
        _ => None,
    });
    data.map(|data| parameter(data, spec)).collect()
}

fn parameter<'s>(data: &'s ParameterData, spec: &'s Spec) -> Query<'s> {
    let schema = match &data.format {
        ParameterSchemaOrContent::Schema(schema) => spec.resolve(schema),
        ParameterSchemaOrContent::Content(_) => None,
    };
    let entries = schema.and_then(|schema| match &schema.schema_kind {
        SchemaKind::Type(Type::Array(array)) => array.items.as_ref()?.as_item().map(Box::as_ref),
        _ => Some(schema),
    });
    let text = |schema: Option<&'s Schema>| match &schema?.schema_kind {
        SchemaKind::Type(Type::String(text)) => Some(text),
        _ => None,
    };
    let values = text(entries).map(|text| text.enumeration.iter().flatten());
    Query {
        name: &data.name,
        is_required: data.required,
        is_text: text(schema).is_some(),
        schema,
        values: values.into_iter().flatten().map(String::as_str).collect(),
    }
}
