//! Reads on customers.

use crate::resources::{Customer, PaymentMethod};
use crate::view::{Expandable, Timestamp};

impl Customer {
    /// The payment method that invoices and subscriptions charge when they name none, before
    /// [`default_source`](Self::default_source).
    ///
    /// `None` when the customer has none.
    ///
    /// ```
    /// use serde_json::json;
    /// use stripe_store::{View, resources::Customer};
    ///
    /// let value = json!({"invoice_settings": {"default_payment_method": "pm_1"}});
    /// let default = Customer::view(&value).default_payment_method();
    /// assert_eq!(default.map(|it| it.id()), Some("pm_1"));
    /// ```
    ///
    /// Source: `invoice_settings.default_payment_method` of `customer`.
    #[inline]
    pub fn default_payment_method(&self) -> Option<Expandable<'_, PaymentMethod>> {
        self.invoice_settings()?.default_payment_method()
    }

    /// The id of the [`default_payment_method`](Self::default_payment_method), expanded or not.
    ///
    /// Source: `invoice_settings.default_payment_method` of `customer`.
    #[inline]
    pub fn default_payment_method_id(&self) -> Option<&str> {
        Some(self.default_payment_method()?.id())
    }

    /// When the customer's discount began; `None` without a discount.
    ///
    /// Source: `discount.start` of `customer`.
    #[inline]
    pub fn coupon_start(&self) -> Option<Timestamp> {
        self.discount()?.start()
    }

    /// When the customer's discount ends; `None` without a discount, and for one that does not end.
    ///
    /// Source: `discount.end` of `customer`.
    #[inline]
    pub fn coupon_end(&self) -> Option<Timestamp> {
        self.discount()?.end()
    }
}
