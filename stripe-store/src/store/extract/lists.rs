//! The lists inside an object: which are whole, and which of them own what they list.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::walk::is_of_another_moment;

/// A list of which an entry that is missing is gone at Stripe.
#[derive(Debug)]
pub(crate) struct Owned {
    /// The type that has the list.
    pub(crate) parent: &'static str,
    /// Under which key.
    pub(crate) field: &'static str,
    /// The types that it lists.
    pub(crate) children: &'static [&'static str],
    /// The field of these that refers to the parent. There is an index on it.
    pub(crate) by: &'static str,
}

/// The lists that own what they list.
///
/// Every list of the API's description was looked at. Not among these are
/// * `customer.subscriptions`, which leaves out canceled ones;
/// * those whose entries are never deleted, so that nothing can be missing: refunds of a charge and of an application fee,
///   reversals of a transfer, links of a file, payments of an invoice, line items of what is not edited (a credit note, a
///   tax calculation or transaction), entries of a treasury transaction;
/// * those whose entries do not name what lists them: line items of a quote, a payment link and a checkout session, active
///   entitlements, accounts and owners of financial connections;
/// * `customer.sources` as far as `source` objects go, which are detached and live on;
/// * `radar.value_list.list_items`, whose entries can be deleted, each with an event of its own, and on whose reference
///   there is no index.
pub(crate) const OWNED: [Owned; 5] = [
    Owned {
        parent: "subscription",
        field: "items",
        children: &["subscription_item"],
        by: "subscription",
    },
    Owned {
        parent: "invoice",
        field: "lines",
        children: &["line_item"],
        by: "invoice",
    },
    Owned {
        parent: "customer",
        field: "sources",
        children: &["bank_account", "card"],
        by: "customer",
    },
    Owned {
        parent: "customer",
        field: "tax_ids",
        children: &["tax_id"],
        by: "customer",
    },
    Owned {
        parent: "account",
        field: "external_accounts",
        children: &["bank_account", "card"],
        by: "account",
    },
];

/// A list inside an object that goes on at Stripe.
#[cfg(feature = "client")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CutShort {
    /// Where it is, dotted where it is nested: `"lines"`, `"amount_details.line_items"`.
    pub(crate) path: String,
    /// Where it says that it is at Stripe.
    pub(crate) url: Option<String>,
}

/// The lists that an object has: as its own fields, and nested in what is no object of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lists {
    /// Whether one of them goes on at Stripe.
    pub(crate) is_truncated: bool,
    pub(crate) owned: Vec<OwnedList>,
}

/// A list that owns what it lists, as one snapshot shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnedList {
    /// Its place in [`OWNED`].
    pub(crate) kind: usize,
    /// Whether it is whole. If not, what is missing may be on a later page.
    pub(crate) is_complete: bool,
    pub(crate) ids: BTreeSet<String>,
}

impl OwnedList {
    /// Whether objects of this type are what it lists.
    pub(crate) fn is_of(&self, object: &str) -> bool {
        OWNED
            .get(self.kind)
            .is_some_and(|owned| owned.children.contains(&object))
    }
}

type Members<'t> = BTreeMap<String, &'t RawValue>;

/// The members of a JSON object; `None` of anything else.
fn members(json: &RawValue) -> Option<Members<'_>> {
    if !json.get().starts_with('{') {
        return None;
    }
    serde_json::from_str(json.get()).ok()
}

/// The text of a member, `""` if there is none.
fn text<'t>(members: &Members<'t>, key: &str) -> &'t str {
    members.get(key).map_or("", |value| value.get())
}

fn is_list(members: &Members<'_>) -> bool {
    text(members, "object") == "\"list\""
}

fn is_cut_short(list: &Members<'_>) -> bool {
    text(list, "has_more") == "true"
}

/// Calls back for each list below a field, with its dotted path. What is a row of its own has lists of its own; what is in
/// an array has no path, and Stripe has no list there.
fn each_list<'t>(path: &str, value: &'t RawValue, found: &mut impl FnMut(&str, Members<'t>)) {
    if !value.get().contains("\"has_more\"") {
        return;
    }
    let Some(members) = members(value) else {
        return;
    };
    if is_list(&members) {
        found(path, members);
        return;
    }
    if members.contains_key("id") && members.contains_key("object") {
        return;
    }
    for (key, value) in members {
        if !is_of_another_moment(&key) {
            each_list(&format!("{path}.{key}"), value, found);
        }
    }
}

/// Calls back for each list of an object.
fn lists_of<'t>(json: &'t str, found: &mut impl FnMut(&str, Members<'t>)) {
    // Most objects are done with here.
    if !json.contains("\"has_more\"") {
        return;
    }
    let members: Members<'t> = serde_json::from_str(json).unwrap_or_default();
    for (field, value) in members {
        if !is_of_another_moment(&field) {
            each_list(&field, value, found);
        }
    }
}

/// The lists of an object that go on at Stripe.
#[cfg(feature = "client")]
pub(crate) fn cut_short(json: &str) -> Vec<CutShort> {
    let mut found = Vec::new();
    lists_of(json, &mut |path, list| {
        if is_cut_short(&list) {
            found.push(CutShort {
                path: path.to_owned(),
                url: serde_json::from_str(text(&list, "url")).ok(),
            });
        }
    });
    found
}

/// The lists of an object of type `object`; `None` if it has none.
pub(crate) fn lists(object: &str, json: &str) -> Option<Lists> {
    let mut found: Option<Lists> = None;
    lists_of(json, &mut |path, list| {
        let lists = found.get_or_insert_default();
        lists.is_truncated |= is_cut_short(&list);
        let kind = OWNED
            .iter()
            .position(|owned| owned.parent == object && owned.field == path);
        let Some(kind) = kind else { return };
        let data = text(&list, "data");
        let entries: Vec<&RawValue> = serde_json::from_str(data).unwrap_or_default();
        let ids: Option<BTreeSet<String>> = entries.into_iter().map(entry_id).collect();
        lists.owned.push(OwnedList {
            kind,
            // What cannot be read tells nothing of what is missing.
            is_complete: text(&list, "has_more") == "false"
                && data.starts_with('[')
                && ids.is_some(),
            ids: ids.unwrap_or_default(),
        });
    });
    found
}

/// The ids of the objects that own the object of type `object`: the place in [`OWNED`], and the parent's id.
pub(crate) fn parents(object: &str, json: &str) -> Vec<(usize, String)> {
    let owned = OWNED.iter().enumerate();
    let mut owned = owned
        .filter(|(_, owned)| owned.children.contains(&object))
        .peekable();
    if owned.peek().is_none() {
        return Vec::new();
    }
    let Ok(members) = serde_json::from_str::<Members<'_>>(json) else {
        return Vec::new();
    };
    owned
        .filter_map(|(kind, owned)| Some((kind, entry_id(members.get(owned.by)?)?)))
        .collect()
}

/// The id of an object that is there as its id or whole.
fn entry_id(value: &RawValue) -> Option<String> {
    let json = value.get();
    if json.starts_with('"') {
        return serde_json::from_str(json).ok();
    }
    let members: Members<'_> = serde_json::from_str(json).ok()?;
    serde_json::from_str(members.get("id")?.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(items: &str) -> String {
        format!(r#"{{"object":"subscription","id":"sub_1","items":{items}}}"#)
    }

    #[track_caller]
    fn check(items: &str, expected: Option<(bool, bool, &[&str])>) {
        let lists = lists("subscription", &subscription(items));
        let found = lists.map(|lists| {
            let items = lists.owned.first().unwrap().clone();
            (lists.is_truncated, items.is_complete, items.ids)
        });
        let expected = expected.map(|(truncated, complete, ids)| {
            let ids: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
            (truncated, complete, ids)
        });
        assert_eq!(found, expected, "{items}");
    }

    #[test]
    fn a_list_is_complete_when_it_says_so() {
        check(
            r#"{"object":"list","data":[{"id":"si_1"},"si_2"],"has_more":false}"#,
            Some((false, true, &["si_1", "si_2"])),
        );
        check(
            r#"{"object": "list", "data": [{"id": "si_1"}], "has_more": true}"#,
            Some((true, false, &["si_1"])),
        );
        check(
            r#"{"object":"list","data":[],"has_more":false}"#,
            Some((false, true, &[])),
        );
    }

    #[test]
    fn what_cannot_be_read_is_not_complete() {
        let no = Some((false, false, &[][..]));
        check(r#"{"object":"list","data":[7],"has_more":false}"#, no);
        check(r#"{"object":"list","data":null,"has_more":false}"#, no);
        check(r#"{"object":"list","has_more":null,"data":[]}"#, no);
        check(r#"{"data":[],"has_more":false}"#, None);
        check("[]", None);
    }

    #[test]
    fn a_list_that_owns_nothing_counts_only_when_it_is_cut_short() {
        let charge = r#"{"refunds":{"object":"list","data":[{"id":"re_1"}],"has_more":true}}"#;
        let found = lists("charge", charge).unwrap();
        assert!(found.is_truncated);
        assert_eq!(found.owned, []);
    }

    #[cfg(feature = "client")]
    #[test]
    fn a_list_is_found_where_it_is_nested_and_not_in_what_is_a_row_of_its_own() {
        let list = r#"{"object":"list","data":[],"has_more":true,"url":"/v1/x"}"#;
        let paths = |json: &str| -> Vec<String> {
            cut_short(json).into_iter().map(|list| list.path).collect()
        };
        let nested = format!(r#"{{"a":{{"b":{{"c":{list}}},"d":{list}}},"e":{list}}}"#);
        assert_eq!(paths(&nested), ["a.b.c", "a.d", "e"]);
        assert!(lists("quote", &nested).unwrap().is_truncated);
        assert_eq!(cut_short(&nested)[0].url.as_deref(), Some("/v1/x"));
        let whole = nested.replace("true", "false");
        assert_eq!(paths(&whole), [""; 0]);
        assert!(!lists("quote", &whole).unwrap().is_truncated);
        for inside in [
            format!(r#"{{"charge":{{"id":"ch_1","object":"charge","refunds":{list}}}}}"#),
            format!(r#"{{"metadata":{{"a":{list}}}}}"#),
            format!(r#"{{"pending_update":{{"a":{list}}}}}"#),
            format!(r#"{{"a":[{{"b":{list}}}]}}"#),
        ] {
            assert_eq!(paths(&inside), [""; 0], "{inside}");
            assert_eq!(lists("charge", &inside), None, "{inside}");
        }
    }

    #[test]
    fn a_child_knows_its_parents() {
        let of = |object, json| parents(object, json);
        assert_eq!(
            of("subscription_item", r#"{"subscription":"sub_1"}"#),
            [(0, "sub_1".to_owned())]
        );
        assert_eq!(
            of("card", r#"{"customer":{"id":"cus_1"},"account":"acct_1"}"#),
            [(2, "cus_1".to_owned()), (4, "acct_1".to_owned())]
        );
        assert_eq!(of("card", r#"{"customer":null}"#), []);
        assert_eq!(of("charge", r#"{"customer":"cus_1"}"#), []);
    }
}
