//! A little business at `localstripe`, made through the generated operations.

use serde_json::json;
use stripe_store::View as _;
use stripe_store::client::Client;
use stripe_store::resources::operations::{
    AttachPaymentMethod, CreateCustomer, CreatePaymentMethod, CreatePaymentMethodType, CreatePlan,
    CreatePlanInterval, CreateProduct, CreateRefund, CreateSubscription, DeleteCustomer,
    DeletePlan, UpdateCustomer,
};

/// How many customers are left.
pub(super) const CUSTOMERS: usize = 120;
/// How many of them have a card and a subscription.
pub(super) const SUBSCRIBED: usize = 3;

/// The ids of what was made, where a test asks for them.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) customers: Vec<String>,
    pub(super) deleted: String,
    pub(super) product: String,
    pub(super) cards: Vec<String>,
    pub(super) refund: String,
}

pub(super) fn card() -> CreatePaymentMethod {
    let card =
        json!({"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"});
    CreatePaymentMethod::new()
        .type_(CreatePaymentMethodType::Card)
        .card(card)
}

pub(super) fn plan(id: &str, amount: i64, product: &str) -> CreatePlan {
    CreatePlan::new("usd", CreatePlanInterval::Month)
        .id(id)
        .amount(amount)
        .product(json!(product))
}

impl Made {
    pub(super) async fn through(client: &Client, customers: usize) -> Self {
        let mut made = Self::default();
        let product = CreateProduct::new("Gold").metadata([("tier", "1")]);
        let product = client.call(product).send().await.unwrap();
        product.id().clone_into(&mut made.product);
        for (id, amount) in [("gold", 1000), ("silver", 500), ("lead", 1)] {
            let call = client.call(plan(id, amount, &made.product));
            call.send().await.unwrap();
        }
        client.call(DeletePlan::new("lead")).send().await.unwrap();
        for n in 0..=customers {
            let customer = CreateCustomer::new()
                .email(format!("{n}@example.com"))
                .name("Ren\u{e9} & S\u{f8}n")
                .metadata([("n", n.to_string())]);
            let customer = client.call(customer).send().await.unwrap();
            made.customers.push(customer.id().to_owned());
        }
        made.deleted = made.customers.remove(customers / 2);
        let gone = client.call(DeleteCustomer::new(&made.deleted));
        assert_eq!(gone.send().await.unwrap().deleted(), Some(true));
        let subscribed: Vec<String> = made.customers.iter().take(SUBSCRIBED).cloned().collect();
        for customer in &subscribed {
            let id = made.subscribe(client, customer).await;
            made.cards.push(id);
        }
        let update = UpdateCustomer::new(&made.customers[0])
            .description("The first")
            .metadata([("first", "yes")]);
        client.call(update).send().await.unwrap();
        made
    }

    /// Gives a customer a card and a subscription, which makes an invoice, a payment and a charge; the id of the card.
    async fn subscribe(&mut self, client: &Client, customer: &str) -> String {
        let card = client.call(card()).send().await.unwrap();
        let attach = AttachPaymentMethod::new(card.id()).customer(customer);
        client.call(attach).send().await.unwrap();
        let default = json!({"default_payment_method": card.id()});
        let update = UpdateCustomer::new(customer).invoice_settings(default);
        client.call(update).send().await.unwrap();
        let subscribe = CreateSubscription::new()
            .customer(customer)
            .items(json!([{"plan": "gold", "quantity": 2}]))
            .expand("latest_invoice.payment_intent");
        let subscription = client.call(subscribe).send().await.unwrap();
        if self.refund.is_empty() {
            let invoice = subscription.latest_invoice().unwrap();
            let invoice = invoice.object().unwrap();
            let charge = invoice.data()["charge"].clone();
            let charge = charge["id"].as_str().or(charge.as_str()).unwrap();
            let refund = CreateRefund::new().charge(charge).amount(300);
            let refund = client.call(refund).send().await.unwrap();
            refund.id().clone_into(&mut self.refund);
        }
        card.id().to_owned()
    }
}
