//! Reads on sources.

use serde_json::Value;

use crate::resources::Source;
use crate::view::View;

impl Source {
    /// What is particular to the source's type: the object under the key that [`type_`](Self::type_) names.
    ///
    /// It is there as JSON for the types that the API description does not know as well;
    /// [`variant`](Self::variant) has the views of those that it does. `None` where there is no such object.
    ///
    /// ```
    /// use serde_json::json;
    /// use stripe_store::{View, resources::Source};
    ///
    /// let value = json!({"type": "bitcoin", "bitcoin": {"address": "1Lbc"}});
    /// assert_eq!(Source::view(&value).source_data(), Some(&json!({"address": "1Lbc"})));
    /// ```
    ///
    /// Source: the field of `source` that its `type` names.
    #[inline]
    pub fn source_data(&self) -> Option<&Value> {
        let kind = self.data().get("type")?.as_str()?;
        self.data().get(kind).filter(|data| data.is_object())
    }
}
