//! Every operation of the API as a builder, held against the pinned description, which is read without the generator.

mod calls;
mod forms;

use std::collections::{BTreeMap, BTreeSet};
use std::{fs, path::Path};

use serde_json::{Map, Value, json};
use stripe_store::client::{Exercised, Host};
use stripe_store::resources::operations::exercise::EXERCISES;
use stripe_store::resources::{self, RESOURCES};

use crate::spec;

/// What the client does otherwise, or not at all: the upload of a file, and a PDF.
const LEFT_OUT: &[(&str, &str)] = &[("GET", "/v1/quotes/{quote}/pdf"), ("POST", "/v1/files")];

/// What the calls of lists have by themselves.
const PAGING: &[&str] = &["ending_before", "limit", "page", "starting_after"];

/// An operation as the description has it.
struct Described {
    operation: &'static Value,
    path: &'static str,
}

impl Described {
    fn answer(&self) -> &'static Value {
        &self.operation["responses"]["200"]["content"]["application/json"]["schema"]
    }

    /// The schema of the objects on a page, if it answers with pages.
    fn listed(&self) -> Option<&'static Value> {
        let fields = &spec::resolve(self.answer())["properties"];
        let kind = fields["object"]["enum"][0].as_str();
        let is_page =
            matches!(kind, Some("list" | "search_result")) || fields.get("next_page_url").is_some();
        is_page.then(|| &fields["data"]["items"])
    }

    /// The parameters in the query and the body, each with its schema and whether it is required.
    fn parameters(&self) -> BTreeMap<&'static str, (&'static Value, bool)> {
        let query = self.operation["parameters"]
            .as_array()
            .into_iter()
            .flatten();
        let query = query
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| {
                let is_required = parameter["required"] == true;
                let name = parameter["name"].as_str().unwrap();
                (name, (&parameter["schema"], is_required))
            });
        let contents = self.operation["requestBody"]["content"].as_object();
        let body = contents.into_iter().flatten().flat_map(|(_, content)| {
            let schema = spec::resolve(&content["schema"]);
            let is_required = |name: &str| {
                let required = schema["required"].as_array();
                required.is_some_and(|required| required.iter().any(|it| it == name))
            };
            let fields = schema["properties"].as_object().into_iter().flatten();
            fields.map(move |(name, schema)| (name.as_str(), (schema, is_required(name))))
        });
        let is_page = self.listed().is_some();
        query
            .chain(body)
            .filter(|(name, _)| *name != "expand" && !(is_page && PAGING.contains(name)))
            .collect()
    }
}

/// Every operation of the description, by method and path.
fn described() -> BTreeMap<(String, &'static str), Described> {
    let mut all = BTreeMap::new();
    for (path, methods) in spec::paths() {
        for (method, operation) in methods.as_object().unwrap() {
            let key = (method.to_uppercase(), path.as_str());
            all.insert(key, Described { operation, path });
        }
    }
    all
}

/// Every builder with every parameter set, by method and path.
fn built() -> BTreeMap<(String, &'static str), (&'static str, Exercised)> {
    let all = EXERCISES.iter().map(|(name, build)| {
        let built = build();
        let key = (built.method.as_str().to_owned(), built.template);
        (key, (*name, built))
    });
    all.collect()
}

/// Both, for those that are built.
fn pairs() -> Vec<(&'static str, Described, Exercised)> {
    let mut described = described();
    let built = built().into_iter();
    built
        .map(|(key, (name, built))| (name, described.remove(&key).unwrap(), built))
        .collect()
}

#[test]
fn every_operation_of_the_description_has_a_builder_of_its_method_and_path() {
    let (described, built) = (described(), built());
    assert!(described.len() > 600, "{}", described.len());
    // Two that said they go to one place would be one here.
    assert_eq!(built.len(), EXERCISES.len());
    let missing: Vec<(&str, &str)> = described
        .keys()
        .filter(|key| !built.contains_key(*key))
        .map(|(method, path)| (method.as_str(), *path))
        .collect();
    assert_eq!(missing, LEFT_OUT);
    let invented: Vec<_> = built
        .keys()
        .filter(|key| !described.contains_key(*key))
        .collect();
    assert!(invented.is_empty(), "{invented:?}");
}

#[test]
fn the_ids_stand_in_the_path_where_the_description_has_their_names() {
    for (name, described, built) in pairs() {
        // Each id is its own name.
        let expected = described.path.replace(['{', '}'], "");
        assert_eq!(built.path.unwrap().to_string(), expected, "{name}");
        let server = described.operation["servers"][0]["url"].as_str();
        let host = match server {
            None => Host::Api,
            Some(url) if url.starts_with("https://meter-events.") => Host::MeterEvents,
            Some(url) => panic!("{name} is on {url}"),
        };
        assert_eq!(built.host, host, "{name}");
    }
}

#[test]
fn every_parameter_has_a_setter_that_sets_what_the_description_allows() {
    let mut count = 0;
    for (name, described, built) in pairs() {
        let parameters = described.parameters();
        let expected: Vec<&str> = parameters.keys().copied().collect();
        let mut set: Vec<&str> = built.params.keys().map(String::as_str).collect();
        set.sort_unstable();
        assert_eq!(set, expected, "{name}");
        for (key, (schema, _)) in parameters {
            count += check(schema, &built.params[key], &format!("{name}.{key}"));
        }
    }
    assert!(count > 10_000, "{count}");
}

/// That a value is what the description allows, with every field that it has, and JSON of the caller's only where no
/// type says it. How many values were looked at.
fn check(schema: &'static Value, value: &Value, at: &str) -> usize {
    let only = only_branch(schema);
    let fields = only.and_then(|schema| schema["properties"].as_object());
    let fields = fields.filter(|fields| !fields.contains_key("gte"));
    let items = only.map(|schema| &schema["items"]);
    let has_fields = |items: &&'static Value| spec::resolve(items).get("properties").is_some();
    match (fields, items.filter(has_fields)) {
        (Some(fields), _) => {
            let set = value.as_object().unwrap().keys();
            assert_eq!(
                set.collect::<BTreeSet<_>>(),
                fields.keys().collect::<BTreeSet<_>>(),
                "{at}"
            );
            let inner = fields.iter();
            let inner =
                inner.map(|(key, schema)| check(schema, &value[key], &format!("{at}.{key}")));
            1 + inner.sum::<usize>()
        }
        (None, Some(items)) => check(items, &value[0], at),
        (None, None) if *value == json!({}) => {
            assert!(is_json(only), "{at} could have a type of its own");
            1
        }
        (None, None) => {
            let misfits = spec::misfits(schema, value, at);
            assert!(misfits.is_empty(), "{misfits:?}");
            1
        }
    }
}

/// The schema, or the one that it chooses from beside the empty text; `None` where there are several.
fn only_branch(schema: &'static Value) -> Option<&'static Value> {
    let schema = spec::resolve(schema);
    let Some(branches) = spec::branches(schema) else {
        return Some(schema);
    };
    let mut branches = branches.iter().filter(|it| it["enum"] != json!([""]));
    let only = branches.next();
    only.filter(|_| branches.next().is_none())
        .map(spec::resolve)
}

/// Whether no type of ours says what a schema does: several things, or maps and arrays of what is not text.
fn is_json(only: Option<&Value>) -> bool {
    let Some(schema) = only else {
        return true;
    };
    match schema["type"].as_str() {
        Some("object") => schema["additionalProperties"]["type"] != "string",
        Some("array") => schema["items"]["type"] != "string",
        None => true,
        Some(_) => false,
    }
}

#[test]
fn what_comes_back_is_one_object_or_pages_of_the_views_of_the_description() {
    let resources: BTreeMap<&str, String> = spec::schemas()
        .filter(|(name, schema)| {
            let object = schema["properties"]["object"]["enum"][0].as_str();
            let is_resource = RESOURCES.iter().any(|facts| Some(facts.object) == object);
            is_resource && !name.starts_with("deleted_") && schema.get("x-resourceId").is_some()
        })
        .map(|(name, _)| (name, camel(name)))
        .collect();
    let mut known = 0;
    for (name, described, built) in pairs() {
        let (kind, schema) = match described.listed() {
            Some(items) => ("::Many<", items),
            None => ("::One<", described.answer()),
        };
        if schema["properties"] == Value::Object(Map::new()) {
            assert!(built.answer.ends_with("::Raw"), "{name}: {}", built.answer);
            continue;
        }
        assert!(built.answer.contains(kind), "{name}: {}", built.answer);
        let branches = spec::branches(schema);
        let living = match branches {
            Some([living, deleted]) if is_deleted(deleted) => living,
            _ => schema,
        };
        let referred = living["$ref"].as_str().and_then(|it| it.rsplit('/').next());
        if let Some(view) = referred.and_then(|referred| resources.get(referred)) {
            let end = format!("::{view}>>");
            assert!(built.answer.ends_with(&end), "{name}: {}", built.answer);
            known += 1;
        }
    }
    assert!(known > 500, "{known}");
}

fn is_deleted(schema: &Value) -> bool {
    let name = schema["$ref"].as_str().and_then(|it| it.rsplit('/').next());
    name.is_some_and(|name| name.starts_with("deleted_"))
}

fn camel(name: &str) -> String {
    let words = name.split(['.', '_']);
    words
        .flat_map(|word| {
            let (first, rest) = word.split_at(1);
            [first.to_uppercase(), rest.to_owned()]
        })
        .collect()
}

/// The arguments of every constructor, by the builder's name, as they stand in the generated text.
fn constructors() -> BTreeMap<String, Vec<String>> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../stripe-store/src/resources/operations");
    let mut constructors = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for part in text.split("\nimpl ").skip(1) {
            let Some((name, rest)) = part.split_once(" {") else {
                continue;
            };
            let Some((_, rest)) = rest.split_once("pub fn new(") else {
                continue;
            };
            let (arguments, _) = rest.split_once(") -> Self {").unwrap();
            let names = arguments.split(": ").map(|before| {
                let word = before.rsplit([' ', ',', '(']).next().unwrap();
                word.trim().to_owned()
            });
            let mut names: Vec<String> = names.collect();
            // What is behind the last colon is a type.
            names.pop();
            constructors.insert(name.to_owned(), names);
        }
    }
    constructors
}

#[test]
fn constructors_ask_for_the_ids_of_the_path_and_what_the_description_requires() {
    let constructors = constructors();
    for (name, described, _) in pairs() {
        let words = described.path.split('/');
        let ids = words.filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'));
        let parameters = described.parameters();
        let required = parameters
            .iter()
            .filter(|(_, (_, is_required))| *is_required)
            .map(|(name, _)| *name);
        let expected: Vec<&str> = ids.chain(required).collect();
        let arguments = constructors[name].iter().map(|it| it.trim_end_matches('_'));
        assert_eq!(arguments.collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn an_enum_of_a_parameter_that_a_field_has_too_is_the_same_type() {
    use resources::operations::{CreateSubscriptionCollectionMethod, ListSubscriptionsStatus};
    use stripe_store::view::OpenEnum;

    let of_view: resources::SubscriptionCollectionMethod =
        CreateSubscriptionCollectionMethod::SendInvoice;
    assert_eq!(of_view.as_str(), "send_invoice");
    // A filter knows what no subscription is.
    assert!(ListSubscriptionsStatus::VALUES.contains(&"all"));
    assert!(!resources::SubscriptionStatus::VALUES.contains(&"all"));
}
