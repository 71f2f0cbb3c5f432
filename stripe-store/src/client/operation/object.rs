//! What is nested in parameters: builders of its own, or JSON.

use serde_json::Value;

/// What a parameter takes that is an object: its builder `B`, or JSON, which can say what the description does not have
/// yet. An empty text empties the field, where the parameter's documentation says so.
///
/// ```
/// use serde_json::json;
/// use stripe_store::client::Operation;
/// use stripe_store::resources::operations::{CreateSubscription, CreateSubscriptionAutomaticTax};
///
/// let typed = CreateSubscription::new().automatic_tax(CreateSubscriptionAutomaticTax::new(true));
/// let json = CreateSubscription::new().automatic_tax(json!({"enabled": true}));
/// assert_eq!(typed.parameters(), json.parameters());
/// ```
///
/// The builder of another parameter is none:
///
/// ```compile_fail,E0277
/// # use stripe_store::resources::operations::{CreateSubscription, CreateSubscriptionItems};
/// CreateSubscription::new().automatic_tax(CreateSubscriptionItems::new());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what this parameter takes",
    label = "neither its builder nor JSON",
    note = "the parameter's documentation links to its builder; `serde_json::json!` makes JSON"
)]
pub trait IntoObject<B> {
    /// The JSON of it.
    #[doc(hidden)]
    fn into_value(self) -> Value;
}

impl<B> IntoObject<B> for Value {
    fn into_value(self) -> Value {
        self
    }
}

impl<B> IntoObject<B> for &str {
    fn into_value(self) -> Value {
        self.into()
    }
}

/// What a parameter takes that is an array of objects: builders `B`, in an array or a `Vec`, or JSON.
///
/// ```
/// use serde_json::json;
/// use stripe_store::client::Operation;
/// use stripe_store::resources::operations::{CreateSubscription, CreateSubscriptionItems};
///
/// let item = CreateSubscriptionItems::new().price("price_gold").quantity(2);
/// let typed = CreateSubscription::new().items([item]);
/// let json = CreateSubscription::new().items(json!([{"price": "price_gold", "quantity": 2}]));
/// assert_eq!(typed.parameters(), json.parameters());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what this parameter takes",
    label = "neither an array or a `Vec` of its builders, nor JSON",
    note = "the parameter's documentation links to its builder; `serde_json::json!` makes JSON"
)]
pub trait IntoObjects<B> {
    /// The JSON of them.
    #[doc(hidden)]
    fn into_values(self) -> Value;
}

impl<B> IntoObjects<B> for Value {
    fn into_values(self) -> Value {
        self
    }
}

impl<B> IntoObjects<B> for &str {
    fn into_values(self) -> Value {
        self.into()
    }
}

impl<B, T: IntoObject<B>, const N: usize> IntoObjects<B> for [T; N] {
    fn into_values(self) -> Value {
        self.into_iter().map(T::into_value).collect()
    }
}

impl<B, T: IntoObject<B>> IntoObjects<B> for Vec<T> {
    fn into_values(self) -> Value {
        self.into_iter().map(T::into_value).collect()
    }
}
