//! Reads on usage record summaries, which Stripe's API had until version 2025-03-31 and has no view any more.

use crate::view::{AnyObject, Timestamp, View, read};

impl AnyObject {
    /// When the period that the object is about begins, whether Stripe nests it in `period` (usage record summaries
    /// of API versions before 2025-03-31, invoice items, lines) or not (invoices).
    ///
    /// ```
    /// use serde_json::json;
    /// use stripe_store::{AnyObject, View};
    ///
    /// let value = json!({"object": "usage_record_summary", "period": {"start": 1_700_000_000, "end": null}});
    /// let summary = AnyObject::view(&value);
    /// assert_eq!(summary.period_start().map(|it| it.unix_seconds()), Some(1_700_000_000));
    /// assert_eq!(summary.period_end(), None);
    /// ```
    ///
    /// Source: `period.start` or `period_start` of the object.
    pub fn period_start(&self) -> Option<Timestamp> {
        period(self, "start", "period_start")
    }

    /// When the period that the object is about ends; see [`period_start`](Self::period_start).
    ///
    /// Source: `period.end` or `period_end` of the object.
    pub fn period_end(&self) -> Option<Timestamp> {
        period(self, "end", "period_end")
    }
}

fn period(object: &AnyObject, nested: &str, own: &str) -> Option<Timestamp> {
    match object.get("period") {
        Some(period) => read::timestamp(period, nested),
        None => read::timestamp(object.data(), own),
    }
}
