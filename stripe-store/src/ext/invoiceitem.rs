//! Reads on invoice items.

use crate::resources::Invoiceitem;
use crate::view::Timestamp;

impl Invoiceitem {
    /// When the period that the item bills begins.
    ///
    /// ```
    /// use serde_json::json;
    /// use stripe_store::{View, resources::Invoiceitem};
    ///
    /// let value = json!({"period": {"start": 1_700_000_000, "end": 1_702_592_000}});
    /// let item = Invoiceitem::view(&value);
    /// assert_eq!(item.period_start().map(|it| it.unix_seconds()), Some(1_700_000_000));
    /// assert_eq!(item.period_end().map(|it| it.unix_seconds()), Some(1_702_592_000));
    /// ```
    ///
    /// Source: `period.start` of `invoiceitem`.
    #[inline]
    pub fn period_start(&self) -> Option<Timestamp> {
        self.period()?.start()
    }

    /// When the period that the item bills ends.
    ///
    /// Source: `period.end` of `invoiceitem`.
    #[inline]
    pub fn period_end(&self) -> Option<Timestamp> {
        self.period()?.end()
    }
}
