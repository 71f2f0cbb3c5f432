use std::fmt::Write as _;

use expect_test::expect;
use serde_json::{Value, json};

use super::*;
use crate::spec::tests::pinned;

/// The endpoints of some resources, as text.
fn listed(spec: &Spec, resources: &[&str]) -> String {
    let endpoints = resource_endpoints(spec);
    let mut text = String::new();
    for resource in resources {
        let Endpoints {
            path,
            retrieve,
            list,
            search,
            delete,
            lists,
        } = &endpoints[resource];
        writeln!(text, "{resource}: {}", path.as_deref().unwrap_or("-")).unwrap();
        let mut action = |name, endpoint: &Option<Endpoint>| {
            if let Some(Endpoint { path, required }) = endpoint {
                writeln!(text, "  {name} {path} {}", required.join(" ")).unwrap();
            }
        };
        action("retrieve", retrieve);
        action("list", list);
        action("search", search);
        action("delete", delete);
        for more in lists.iter().skip(1) {
            writeln!(text, "  also {}", more.path).unwrap();
        }
    }
    text.lines()
        .fold(String::new(), |text, line| text + line.trim_end() + "\n")
}

#[test]
fn the_endpoints_of_known_resources_are_found() {
    let resources = [
        "customer",
        "subscription",
        "invoice",
        "event",
        "file",
        "checkout.session",
        "scheduled_query_run",
        "financial_connections.account",
        "account",
        "tax_id",
        "terminal.reader",
    ];
    expect![[r#"
        customer: /v1/customers
          retrieve /v1/customers/{customer}
          list /v1/customers
          search /v1/customers/search query
          delete /v1/customers/{customer}
        subscription: /v1/subscriptions
          retrieve /v1/subscriptions/{subscription_exposed_id}
          list /v1/subscriptions
          search /v1/subscriptions/search query
        invoice: /v1/invoices
          retrieve /v1/invoices/{invoice}
          list /v1/invoices
          search /v1/invoices/search query
          delete /v1/invoices/{invoice}
        event: /v1/events
          retrieve /v1/events/{id}
          list /v1/events
        file: /v1/files
          retrieve /v1/files/{file}
          list /v1/files
        checkout.session: /v1/checkout/sessions
          retrieve /v1/checkout/sessions/{session}
          list /v1/checkout/sessions
        scheduled_query_run: /v1/sigma/scheduled_query_runs
          retrieve /v1/sigma/scheduled_query_runs/{scheduled_query_run}
          list /v1/sigma/scheduled_query_runs
        financial_connections.account: /v1/financial_connections/accounts
          retrieve /v1/financial_connections/accounts/{account}
          list /v1/financial_connections/accounts
        account: /v1/accounts
          retrieve /v1/accounts/{account}
          list /v1/accounts
          delete /v1/accounts/{account}
        tax_id: /v1/tax_ids
          retrieve /v1/tax_ids/{id}
          list /v1/tax_ids
          delete /v1/tax_ids/{id}
          also /v1/customers/{customer}/tax_ids
        terminal.reader: /v1/terminal/readers
          retrieve /v1/terminal/readers/{reader}
          list /v1/terminal/readers
          delete /v1/terminal/readers/{reader}
    "#]]
    .assert_eq(&listed(&pinned(), &resources));
}

#[test]
fn singletons_and_nested_resources_are_found() {
    let resources = [
        "balance",
        "tax.settings",
        "cash_balance",
        "bank_account",
        "card",
        "source",
        "payment_source",
        "external_account",
        "discount",
        "fee_refund",
        "person",
        "line_item",
    ];
    expect![[r#"
        balance: /v1/balance
          retrieve /v1/balance
        tax.settings: /v1/tax/settings
          retrieve /v1/tax/settings
        cash_balance: /v1/customers/{customer}/cash_balance
          retrieve /v1/customers/{customer}/cash_balance
        bank_account: /v1/customers/{customer}/sources
          retrieve /v1/customers/{customer}/sources/{id}
          list /v1/customers/{customer}/sources
          delete /v1/customers/{customer}/sources/{id}
          also /v1/accounts/{account}/external_accounts
        card: /v1/customers/{customer}/sources
          retrieve /v1/customers/{customer}/sources/{id}
          list /v1/customers/{customer}/sources
          delete /v1/customers/{customer}/sources/{id}
          also /v1/accounts/{account}/external_accounts
        source: /v1/sources
          retrieve /v1/sources/{source}
          list /v1/customers/{customer}/sources
        payment_source: /v1/customers/{customer}/sources
          retrieve /v1/customers/{customer}/sources/{id}
          delete /v1/customers/{customer}/sources/{id}
        external_account: /v1/accounts/{account}/external_accounts
          retrieve /v1/accounts/{account}/external_accounts/{id}
          delete /v1/accounts/{account}/external_accounts/{id}
        discount: -
          delete /v1/customers/{customer}/discount
        fee_refund: /v1/application_fees/{id}/refunds
          retrieve /v1/application_fees/{fee}/refunds/{id}
          list /v1/application_fees/{id}/refunds
        person: /v1/accounts/{account}/persons
          retrieve /v1/accounts/{account}/persons/{person}
          list /v1/accounts/{account}/persons
          delete /v1/accounts/{account}/persons/{person}
        line_item: /v1/invoices/{invoice}/lines
          list /v1/invoices/{invoice}/lines
    "#]]
    .assert_eq(&listed(&pinned(), &resources));
}

#[test]
fn what_needs_telling_or_is_only_created_is_found() {
    let resources = [
        "subscription_item",
        "apps.secret",
        "tax.association",
        "credit_note",
        "credit_note_line_item",
        "account_link",
        "ephemeral_key",
        "billing.alert_triggered",
        "v2.core.account",
        "v2.core.account_person",
        "v2.core.event_destination",
        "v2.money_management.payout_methods_bank_account_spec",
    ];
    expect![[r#"
        subscription_item: /v1/subscription_items
          retrieve /v1/subscription_items/{item}
          list /v1/subscription_items subscription
          delete /v1/subscription_items/{item}
        apps.secret: /v1/apps/secrets
          list /v1/apps/secrets scope
        tax.association: -
        credit_note: /v1/credit_notes
          retrieve /v1/credit_notes/{id}
          list /v1/credit_notes
        credit_note_line_item: /v1/credit_notes/{credit_note}/lines
          list /v1/credit_notes/{credit_note}/lines
        account_link: /v1/account_links
        ephemeral_key: /v1/ephemeral_keys
        billing.alert_triggered: -
        v2.core.account: /v2/core/accounts
          retrieve /v2/core/accounts/{id}
          list /v2/core/accounts
        v2.core.account_person: /v2/core/accounts/{account_id}/persons
          retrieve /v2/core/accounts/{account_id}/persons/{id}
          list /v2/core/accounts/{account_id}/persons
          delete /v2/core/accounts/{account_id}/persons/{id}
        v2.core.event_destination: /v2/core/event_destinations
          retrieve /v2/core/event_destinations/{id}
          list /v2/core/event_destinations
          delete /v2/core/event_destinations/{id}
        v2.money_management.payout_methods_bank_account_spec: /v2/money_management/payout_methods_bank_account_spec
          retrieve /v2/money_management/payout_methods_bank_account_spec
    "#]].assert_eq(&listed(&pinned(), &resources));
}

#[test]
fn the_operations_of_older_versions_do_not_mislead() {
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let answer = |schema: &Value| json!({"responses": {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}});
    let page = |items: Value| {
        json!({"type": "object", "properties": {
            "object": {"type": "string", "enum": ["list"]},
            "data": {"type": "array", "items": items},
        }})
    };
    let get = |schema: Value| json!({"get": answer(&schema)});
    let source_or_deleted =
        json!({"anyOf": [reference("payment_source"), reference("deleted_payment_source")]});
    let resource = |name: &str| json!({"type": "object", "x-resourceId": name});
    let document = json!({
        "openapi": "3.0.0",
        "info": {"version": "1"},
        "paths": {
            "/v1/invoices/upcoming": get(reference("invoice")),
            "/v1/invoices/upcoming/lines": get(page(reference("line_item"))),
            "/v1/invoices/{invoice}": get(reference("invoice")),
            "/v1/invoices/{invoice}/lines": get(page(reference("line_item"))),
            "/v1/linked_accounts": get(page(reference("financial_connections.account"))),
            "/v1/financial_connections/accounts": get(page(reference("financial_connections.account"))),
            "/v1/linked_accounts/{account}": get(reference("financial_connections.account")),
            "/v1/financial_connections/accounts/{account}": get(reference("financial_connections.account")),
            "/v1/customers/{customer}/cards": get(page(reference("card"))),
            "/v1/customers/{customer}/cards/{id}": {
                "get": answer(&reference("card")),
                "delete": answer(&source_or_deleted),
            },
            "/v1/customers/{customer}/sources/{id}": {
                "get": answer(&reference("payment_source")),
                "delete": answer(&source_or_deleted),
            },
        },
        "components": {"schemas": {
            "invoice": resource("invoice"),
            "line_item": resource("line_item"),
            "financial_connections.account": resource("financial_connections.account"),
            "card": resource("card"),
            "source": resource("source"),
            "payment_source": {"anyOf": [reference("card"), reference("source")], "x-resourceId": "payment_source"},
            "deleted_payment_source": {"anyOf": [reference("deleted_card")]},
            "deleted_card": {"type": "object"},
        }},
    });
    let spec = Spec::read(&document.to_string(), "api.json").unwrap();
    let resources = [
        "invoice",
        "line_item",
        "financial_connections.account",
        "card",
        "source",
        "payment_source",
    ];
    expect![[r#"
        invoice: /v1/invoices
          retrieve /v1/invoices/{invoice}
        line_item: /v1/invoices/{invoice}/lines
          list /v1/invoices/{invoice}/lines
        financial_connections.account: /v1/financial_connections/accounts
          retrieve /v1/financial_connections/accounts/{account}
          list /v1/financial_connections/accounts
          also /v1/linked_accounts
        card: /v1/customers/{customer}/cards
          retrieve /v1/customers/{customer}/cards/{id}
          list /v1/customers/{customer}/cards
          delete /v1/customers/{customer}/cards/{id}
        source: /v1/customers/{customer}/sources
          retrieve /v1/customers/{customer}/sources/{id}
        payment_source: /v1/customers/{customer}/sources
          retrieve /v1/customers/{customer}/sources/{id}
          delete /v1/customers/{customer}/sources/{id}
    "#]]
    .assert_eq(&listed(&spec, &resources));
}

#[test]
fn every_path_that_is_said_is_of_an_operation() {
    let spec = pinned();
    let exists = |method, path: &str| {
        spec.operations
            .iter()
            .any(|operation| operation.method == method && operation.path == path)
    };
    for (
        resource,
        Endpoints {
            path: _,
            retrieve,
            list,
            search,
            delete,
            lists,
        },
    ) in resource_endpoints(&spec)
    {
        for Endpoint { path, .. } in [retrieve, list, search].iter().flatten().chain(&lists) {
            assert!(exists(Method::Get, path), "{resource}: {path}");
        }
        if let Some(Endpoint { path, .. }) = &delete {
            assert!(exists(Method::Delete, path), "{resource}: {path}");
        }
    }
}
