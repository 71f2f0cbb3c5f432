//! How a line of an export is written. The words in it are read back by [`ingest`](crate::ingest).

use std::fmt::{Display, Write as _};

use serde_json::Value;

use super::{EXPORT_VERSION, ExportMark, ExportRow, ExportSnapshot, RowKey};

/// Text, line by line. What a line does not have is left out of it.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: String,
}

impl Lines {
    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn header(&mut self) {
        self.begin("header");
        self.string("format", "stripe-store");
        self.plain("version", EXPORT_VERSION);
        self.finish();
    }

    /// The last line: how many lines there are between the first and this one.
    pub(super) fn end(&mut self, lines: u64) {
        self.begin("end");
        self.plain("lines", lines);
        self.finish();
    }

    pub(super) fn object(&mut self, row: &ExportRow, deleted_at: Option<i64>) {
        self.begin("object");
        self.key(&row.key);
        if let Some(moment) = deleted_at {
            self.plain("deleted_at", moment);
        }
        self.snapshot(&row.snapshot);
        self.finish();
    }

    pub(super) fn rival(&mut self, key: &RowKey, rival: &ExportSnapshot) {
        self.begin("rival");
        self.key(key);
        self.snapshot(rival);
        self.finish();
    }

    pub(super) fn dirty(&mut self, key: &RowKey, mark: &ExportMark) {
        self.begin("dirty");
        self.key(key);
        self.string("reason", mark.reason.as_str());
        self.plain("not_before", mark.not_before);
        self.finish();
    }

    fn key(&mut self, key: &RowKey) {
        self.string("account", &key.account);
        self.plain("livemode", key.livemode);
        self.string("object", &key.object);
        self.string("stripe_id", &key.stripe_id);
    }

    fn snapshot(&mut self, snapshot: &ExportSnapshot) {
        if let Some(version) = &snapshot.api_version {
            self.string("api_version", version);
        }
        self.plain("as_of", snapshot.as_of);
        self.plain("as_of_until", snapshot.as_of_until);
        self.string("source", &snapshot.source);
        self.string("change", snapshot.change.as_str());
        if let Some(previous) = &snapshot.previous {
            self.json("previous_attributes", "previous_attributes_text", previous);
        }
        self.json("data", "data_text", &snapshot.data);
    }

    fn begin(&mut self, row: &str) {
        self.push(format_args!("{{\"row\":\"{row}\""));
    }

    fn finish(&mut self) {
        self.text.push_str("}\n");
    }

    fn string(&mut self, key: &str, value: &str) {
        self.push(format_args!(",\"{key}\":{}", Value::from(value)));
    }

    /// A number or a truth value.
    fn plain(&mut self, key: &str, value: impl Display) {
        self.push(format_args!(",\"{key}\":{value}"));
    }

    /// JSON as the database spells it. Where that takes several lines, it becomes a string, so that no byte of it
    /// changes.
    fn json(&mut self, key: &str, text_key: &str, json: &str) {
        if json.contains(['\n', '\r']) {
            self.string(text_key, json);
        } else {
            self.plain(key, json);
        }
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into a string cannot fail.
        let _infallible = self.text.write_fmt(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::rivals::Change;

    #[test]
    fn a_line_is_one_line_and_keeps_every_byte_of_the_data() {
        let mut row = ExportRow {
            key: RowKey {
                account: String::new(),
                livemode: true,
                object: "customer".to_owned(),
                stripe_id: "cus_\"1\"".to_owned(),
            },
            snapshot: ExportSnapshot {
                data: r#"{"amount": 1.50}"#.to_owned(),
                api_version: None,
                as_of: 1000,
                as_of_until: 2000,
                source: "evt_1".to_owned(),
                previous: None,
                change: Change::Updated,
            },
            deleted_at: None,
            has_rivals: false,
        };
        let mut lines = Lines::default();
        lines.object(&row, None);
        assert_eq!(
            lines.into_text(),
            "{\"row\":\"object\",\"account\":\"\",\"livemode\":true,\"object\":\"customer\",\
             \"stripe_id\":\"cus_\\\"1\\\"\",\"as_of\":1000,\"as_of_until\":2000,\"source\":\"evt_1\",\
             \"change\":\"updated\",\"data\":{\"amount\": 1.50}}\n"
        );
        row.snapshot.data = "{\n\"amount\": 1.50}".to_owned();
        let mut lines = Lines::default();
        lines.object(&row, Some(7));
        let text = lines.into_text();
        assert!(text.contains(r#""deleted_at":7,"#), "{text}");
        assert!(
            text.ends_with("\"data_text\":\"{\\n\\\"amount\\\": 1.50}\"}\n"),
            "{text}"
        );
    }
}
