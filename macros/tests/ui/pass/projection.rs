use std::collections::BTreeMap;

use stripe_store::StripeModel;
use stripe_store::model::{FromField, Projection};
use stripe_store::resources::{Address, Customer, CustomerTaxExempt, Invoice, Subscription, SubscriptionStatus};
use stripe_store::view::kind::Text;
use stripe_store::view::{Path, Timestamp, View};

/// Of every kind of field.
#[derive(StripeModel, Debug, Clone, PartialEq)]
#[stripe(object = Customer)]
pub struct Contact<T: Default + Send>
where
    T: FromField<Text>,
{
    /// Documented.
    pub id: String,
    email: Option<T>,
    created: Option<Timestamp>,
    #[stripe(default)]
    balance: i64,
    #[stripe(default = 7)]
    next_invoice_sequence: i64,
    tax_exempt: Option<CustomerTaxExempt>,
    #[stripe(path = "tax_exempt")]
    exempt_text: Option<String>,
    address: Option<Address>,
    #[stripe(path = Customer::ADDRESS)]
    address_json: Option<serde_json::Value>,
    #[stripe(path = Customer::ADDRESS.then(Address::CITY), or = "metadata.city", or = Customer::NAME)]
    city: Option<std::string::String>,
    #[stripe(path = "metadata.a.b", default = "free")]
    tier: String,
    #[stripe(default)]
    metadata: BTreeMap<String, String>,
    #[stripe(default)]
    preferred_locales: Vec<String>,
    #[stripe(path = Customer::DELINQUENT, default)]
    r#type: bool,
}

mod renamed {
    pub use stripe_store as store;
}

const NUMBER: Path<Invoice, Text> = Invoice::NUMBER;

#[derive(StripeModel)]
#[stripe(object = stripe_store::resources::Invoice, crate = "crate::renamed::store")]
struct Number {
    #[stripe(path = NUMBER)]
    number: core::option::Option<String>,
    customer: Option<String>,
}

#[derive(StripeModel)]
#[stripe(object = Subscription)]
struct State {
    status: Option<SubscriptionStatus>,
}

/// Called like what emitted code has names for.
#[derive(StripeModel)]
#[stripe(object = Subscription)]
struct Odd {
    #[stripe(path = "status")]
    values: Option<String>,
    #[stripe(path = "status", or = "currency")]
    source_0: Option<String>,
    #[stripe(path = "currency", or = "status")]
    r#use: Option<String>,
}

macro_rules! projected {
    ($type:ty) => {
        #[derive(StripeModel)]
        #[stripe(object = Subscription)]
        struct Currency {
            currency: $type,
        }
    };
}

projected!(Option<String>);

fn main() {
    let json = serde_json::json!({
        "id": "cus_1", "email": "ada@example.com", "created": 12, "address": {"city": null}, "name": "Ada",
        "metadata": {"a.b": "gold"}, "preferred_locales": ["en", 7, "fr"], "tax_exempt": "sometimes",
    });
    let contact = Contact::<String>::of(Customer::view(&json));
    assert_eq!(contact.city.as_deref(), Some("Ada"));
    assert_eq!(contact.tier, "gold");
    assert_eq!(contact.preferred_locales, ["en", "fr"]);
    assert_eq!((contact.balance, contact.next_invoice_sequence, contact.r#type), (0, 7, false));
    assert_eq!(contact.exempt_text.as_deref(), Some("sometimes"));
    assert!(contact.tax_exempt.is_some() && contact.address.is_some() && contact.address_json.is_some());
    assert_eq!(contact.email.as_deref(), Some("ada@example.com"));

    let json = serde_json::json!({"id": "in_1", "number": 3, "customer": {"id": "cus_1"}});
    let number = Number::of(Invoice::view(&json));
    assert_eq!((number.number, number.customer.as_deref()), (None, Some("cus_1")));

    let json = serde_json::json!({"status": "active"});
    assert_eq!(State::of(Subscription::view(&json)).status, Some(SubscriptionStatus::Active));
    let odd = Odd::of(Subscription::view(&json));
    assert_eq!((odd.values.as_deref(), odd.source_0, odd.r#use.as_deref()), (Some("active"), Some("active".into()), Some("active")));
    assert!(Currency::of(Subscription::view(&json)).currency.is_none());
}
