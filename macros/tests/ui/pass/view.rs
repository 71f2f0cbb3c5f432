#![forbid(unsafe_code)]
#![deny(warnings, missing_docs)]
//! Views of one's own compile without warnings where nothing is allowed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stripe_store::resources::{Address, Customer, SubscriptionStatus};
use stripe_store::view::{Metadata, Operations, Timestamp, kind};
use stripe_store::{Resource, StripeModel, View};

/// A card that gathers points.
#[derive(StripeModel)]
#[stripe(
    object = "loyalty.card",
    view = LoyaltyCard,
    path = "/v2/loyalty/cards",
    id_prefix = "loy_",
    alias = "loyalty_card",
    alias = "card_of_loyalty",
    operations(retrieve, search)
)]
pub struct LoyaltyCardFields {
    id: String,
    /// How many points are on it.
    points: i64,
    rate: f64,
    #[stripe(rename = "is_open")]
    open: bool,
    created: Option<Timestamp>,
    customer: kind::Ref<Customer>,
    guests: Vec<kind::Ref<Customer>>,
    status: SubscriptionStatus,
    address: Option<Address>,
    shop: Shop,
    shops: Vec<ShopView>,
    items: kind::List<Shop>,
    metadata: Metadata,
    prices: BTreeMap<String, i64>,
    anything: Value,
    amount: kind::IntText,
    type_: String,
    r#match: String,
}

/// A part.
#[derive(StripeModel)]
#[stripe(nested)]
struct Shop {
    name: String,
}

#[derive(StripeModel)]
#[stripe(object = "customer")]
struct Mail {
    email: String,
}

fn main() {
    let value = json!({
        "id": "loy_1", "object": "loyalty.card", "points": 12.0, "rate": 0.5, "is_open": true, "created": 7,
        "customer": {"id": "cus_1", "object": "customer"}, "guests": ["cus_2", 3], "status": "active",
        "address": {"city": "London"}, "shop": {"name": "Harbour"}, "shops": [{"name": "Hill"}],
        "items": {"data": [{"name": "Dale"}], "has_more": true}, "metadata": {"a": "b"}, "prices": {"tea": 3},
        "anything": [1], "amount": "12", "type": "gold", "match": "no",
    });
    let card = LoyaltyCard::view(&value);
    assert_eq!((card.id(), card.points(), card.rate(), card.open()), ("loy_1", Some(12), Some(0.5), Some(true)));
    assert_eq!(card.created().map(Timestamp::unix_seconds), Some(7));
    assert_eq!(card.customer().map(|it| it.id()), Some("cus_1"));
    assert_eq!(card.guests().iter().map(|it| it.id()).collect::<Vec<_>>(), ["cus_2"]);
    assert_eq!(card.status(), Some(SubscriptionStatus::Active));
    assert_eq!(card.address().and_then(|it| it.city()), Some("London"));
    assert_eq!(card.shop().and_then(|it| it.name()), Some("Harbour"));
    assert_eq!(card.shops().first().and_then(|it| it.name()), Some("Hill"));
    assert_eq!(card.items().data().first().and_then(|it| it.name()), Some("Dale"));
    assert_eq!((card.metadata().get("a"), card.prices().get("tea")), (Some("b"), Some(3)));
    assert_eq!((card.anything(), card.amount()), (Some(&json!([1])), Some(12)));
    assert_eq!((card.type_(), card.r#match()), (Some("gold"), Some("no")));
    assert_eq!(LoyaltyCard::TYPE.to_string(), "type");
    assert_eq!(LoyaltyCard::OPEN.to_string(), "is_open");
    assert_eq!(LoyaltyCard::ITEMS.at(0).then(ShopView::NAME).to_string(), "items.data.0.name");

    // Nothing that is odd fails a getter.
    let odd = json!({"points": "many", "guests": 3, "items": [], "metadata": null});
    let card = LoyaltyCard::view(&odd);
    assert_eq!((card.id(), card.points(), card.customer()), ("", None, None));
    assert!(card.guests().is_empty() && card.items().data().is_empty() && card.metadata().is_empty());

    assert_eq!((LoyaltyCard::OBJECT, LoyaltyCard::PATH), ("loyalty.card", Some("/v2/loyalty/cards")));
    assert_eq!(LoyaltyCard::ALIASES, ["loyalty_card", "card_of_loyalty"]);
    assert_eq!(LoyaltyCard::ID_PREFIX, Some("loy_"));
    assert_eq!(LoyaltyCard::OPERATIONS, Operations::new(true, false, true, false));
    assert_eq!((LoyaltyCard::EXPANDABLE, LoyaltyCard::EXPANDS_TO), (["customer"].as_slice(), [["customer"].as_slice()].as_slice()));
    assert!(LoyaltyCard::from_object(&value).is_ok() && LoyaltyCard::from_object(&odd).is_err());
    assert_eq!(format!("{card:?}"), "LoyaltyCard { .. }");

    assert_eq!((MailView::OBJECT, MailView::PATH, MailView::OPERATIONS), ("customer", None, Operations::NONE));
    let mail = MailView::from(json!({"id": "cus_1", "email": "ada@example.com"}));
    assert_eq!((mail.id(), mail.email()), ("cus_1", Some("ada@example.com")));
    assert_eq!(Value::from(mail.clone()), *mail.data());
}
