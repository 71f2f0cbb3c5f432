//! Stripe's command.

use std::path::Path;

use serde_json::{Value, json};
use stripe_store_tests::fake::Fake;
use stripe_store_tests::outside::{Ended, Program, or_say, script};

use super::{TOOLS, filled, id, newest_first};

/// The command, told that Stripe is this fake, and neither to ask for news of itself nor to send any.
fn on(command: &Path, fake: &Fake, arguments: &[&str]) -> Program {
    Program::new(command)
        .args(arguments)
        .args(["--api-base", fake.url()])
        .env("STRIPE_API_KEY", "sk_test_1234567890abcdef")
        .env("STRIPE_CLI_TELEMETRY_OPTOUT", "1")
        .env("DO_NOT_TRACK", "1")
}

/// What a call prints.
async fn json(command: &Path, fake: &Fake, arguments: &[&str]) -> Value {
    on(command, fake, arguments).json().await
}

#[tokio::test]
async fn the_command_reads_lists_objects_and_errors() {
    let Some(command) = or_say("lists by the Stripe CLI", TOOLS.command()) else {
        return;
    };
    let fake = filled().await;
    let customers = newest_first(&fake, "/v1/customers");
    let page = json(command, &fake, &["customers", "list", "--limit", "3"]).await;
    let ids: Vec<String> = page["data"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(
        (ids.as_slice(), &page["has_more"]),
        (&customers[..3], &json!(true))
    );
    let arguments = [
        "get",
        "/v1/subscriptions",
        "--limit",
        "2",
        "--expand",
        "data.customer",
        "--stripe-account",
        "acct_1",
    ];
    let page = json(command, &fake, &arguments).await;
    assert_eq!(page["data"].as_array().unwrap().len(), 2);
    assert_eq!(page["data"][0]["customer"]["object"], "customer");
    assert_eq!(fake.last().header("stripe-account"), Some("acct_1"));
    // Prices that are not active are on the list for those who ask for them.
    let prices = fake.objects("/v1/prices").into_iter().rev();
    let prices = prices.filter(|price| price["active"] == true);
    let prices: Vec<String> = prices.map(|price| id(&price)).collect();
    let after = [
        "prices",
        "list",
        "--limit",
        "2",
        "--starting-after",
        &prices[2],
    ];
    let page = json(command, &fake, &after).await;
    let ids: Vec<String> = page["data"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(ids, prices[3..5]);

    let path = format!("/v1/customers/{}", customers[0]);
    let one = json(command, &fake, &["get", &path]).await;
    assert_eq!(id(&one), customers[0]);
    let missing = json(command, &fake, &["get", "/v1/customers/cus_none"]).await;
    assert_eq!(missing["error"]["code"], "resource_missing");
    assert_eq!(missing["error"]["param"], "id");
}

#[tokio::test]
async fn the_command_makes_changes_and_deletes_objects() {
    let Some(command) = or_say("objects by the Stripe CLI", TOOLS.command()) else {
        return;
    };
    let fake = Fake::start().await.unwrap();
    let create = [
        "customers",
        "create",
        "--name",
        "Ada",
        "-d",
        "metadata[k]=v",
    ];
    let made = json(command, &fake, &create).await;
    assert_eq!(
        (&made["name"], &made["metadata"]),
        (&json!("Ada"), &json!({"k": "v"}))
    );
    let path = format!("/v1/customers/{}", id(&made));
    let update = [
        "post",
        &path,
        "-d",
        "balance=250",
        "-d",
        "address[city]=Paris",
    ];
    let changed = json(command, &fake, &update).await;
    assert_eq!(
        (&changed["balance"], &changed["address"]["city"]),
        (&json!(250), &json!("Paris"))
    );
    assert_eq!(changed["name"], "Ada");
    let deleted = json(command, &fake, &["delete", &path, "--confirm"]).await;
    assert_eq!(deleted["deleted"], true);
    assert_eq!(fake.count("/v1/customers"), 0);
}

/// That the command did all that it set out to do.
#[track_caller]
fn assert_succeeded(what: &str, ended: &Ended) {
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.status, Some(0), "{what}: {said}");
    assert!(!said.contains("failed"), "{what}: {said}");
}

#[tokio::test]
async fn what_the_command_triggers_finds_what_it_needs() {
    let Some(command) = or_say("triggers of the Stripe CLI", TOOLS.command()) else {
        return;
    };
    let fake = Fake::start().await.unwrap();
    for event in [
        "customer.subscription.created",
        "customer.subscription.deleted",
        "customer.updated",
        "invoice.paid",
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "charge.refunded",
        "price.updated",
        "product.deleted",
    ] {
        let ended = on(command, &fake, &["trigger", event]).run().await;
        assert_succeeded(event, &ended);
    }
    assert!(fake.count("/v1/customers") > 0);
    let subscriptions = fake.objects("/v1/subscriptions");
    let customer = subscriptions[0]["customer"].as_str().unwrap();
    let customers = fake.objects("/v1/customers");
    assert!(customers.iter().any(|it| it["id"] == customer));
    let price = &subscriptions[0]["items"]["data"][0]["price"];
    assert_eq!(
        (&price["object"], &price["unit_amount"]),
        (&json!("price"), &json!(1500))
    );
    assert_eq!(subscriptions[1]["status"], "canceled");
    let paid = fake.objects("/v1/invoices");
    assert!(paid.iter().any(|it| it["status"] == "paid"));
}

#[tokio::test]
async fn fixtures_of_the_command_refer_to_what_they_made() {
    let Some(command) = or_say("fixtures of the Stripe CLI", TOOLS.command()) else {
        return;
    };
    let fake = Fake::start().await.unwrap();
    let file = script("fixtures.json");
    let file = file.to_str().unwrap();
    let ended = on(command, &fake, &["fixtures", file]).run().await;
    assert_succeeded("fixtures", &ended);
    let subscription = &fake.objects("/v1/subscriptions")[0];
    let customer = &fake.objects("/v1/customers")[0];
    assert_eq!(subscription["customer"], customer["id"]);
    assert_eq!(customer["metadata"], json!({"from": "fixtures"}));
    let card = &fake.objects("/v1/payment_methods")[0];
    assert_eq!(card["customer"], customer["id"]);
    assert_eq!(
        customer["invoice_settings"]["default_payment_method"],
        card["id"]
    );
    let item = &subscription["items"]["data"][0];
    assert_eq!(
        (&item["quantity"], &item["price"]["unit_amount"]),
        (&json!(2), &json!(700))
    );
}
