//! Who is asking: the user agent, in the two forms that Stripe reads.

use reqwest::header::HeaderValue;
use serde_json::{Map, Value, json};

use super::BuildError;

/// What Stripe sees of the application or plugin that this client works for.
///
/// Sent with every request, in `User-Agent` and `X-Stripe-Client-User-Agent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppInfo {
    name: String,
    version: Option<String>,
    url: Option<String>,
    partner_id: Option<String>,
}

impl AppInfo {
    /// By name: `"TeaClub"`.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: None,
            url: None,
            partner_id: None,
        }
    }

    /// The application's version.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Where to read about the application.
    #[must_use]
    pub fn with_url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// The id that Stripe gave a partner.
    #[must_use]
    pub fn with_partner_id(mut self, id: impl Into<String>) -> Self {
        self.partner_id = Some(id.into());
        self
    }

    /// `TeaClub/1.0 (https://tea.example)`, as Stripe's own clients write it.
    fn short(&self) -> String {
        let version = self.version.as_ref().map(|version| format!("/{version}"));
        let url = self.url.as_ref().map(|url| format!(" ({url})"));
        format!(
            "{}{}{}",
            self.name,
            version.unwrap_or_default(),
            url.unwrap_or_default()
        )
    }

    fn long(&self) -> Value {
        let fields = [
            ("name", Some(&self.name)),
            ("version", self.version.as_ref()),
            ("url", self.url.as_ref()),
            ("partner_id", self.partner_id.as_ref()),
        ];
        let present = fields
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), Value::from(value?.as_str()))));
        Value::Object(present.collect::<Map<_, _>>())
    }
}

/// `User-Agent` and `X-Stripe-Client-User-Agent`.
#[derive(Debug, Clone)]
pub(super) struct UserAgent {
    pub(super) short: HeaderValue,
    pub(super) long: HeaderValue,
}

impl UserAgent {
    pub(super) fn new(app: Option<&AppInfo>) -> Result<Self, BuildError> {
        let version = env!("CARGO_PKG_VERSION");
        let mut short = format!("Stripe/v1 stripe-store/{version}");
        let mut long = json!({
            "bindings_version": version,
            "lang": "rust",
            "publisher": "stripe-store",
            "httplib": "reqwest",
            "os": std::env::consts::OS,
        });
        if let Some(app) = app {
            short = format!("{short} {}", app.short());
            if let Some(fields) = long.as_object_mut() {
                fields.insert("application".to_owned(), app.long());
            }
        }
        // JSON escapes what is outside ASCII only when told to, and a header takes UTF-8 as bytes.
        let value =
            |text: &str| HeaderValue::from_bytes(text.as_bytes()).map_err(|_| BuildError::AppInfo);
        Ok(Self {
            short: value(&short)?,
            long: value(&long.to_string())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_is_named_after_the_library() {
        let app = AppInfo::new("TeaClub")
            .with_version("1.2")
            .with_url("https://tea.example")
            .with_partner_id("pp_1");
        let agent = UserAgent::new(Some(&app)).unwrap();
        let short = agent.short.to_str().unwrap();
        assert!(short.starts_with("Stripe/v1 stripe-store/"), "{short}");
        assert!(
            short.ends_with(" TeaClub/1.2 (https://tea.example)"),
            "{short}"
        );
        let long: Value = serde_json::from_slice(agent.long.as_bytes()).unwrap();
        assert_eq!(
            long["application"],
            json!({"name": "TeaClub", "version": "1.2", "url": "https://tea.example", "partner_id": "pp_1"})
        );
    }

    #[test]
    fn a_line_break_in_a_name_is_an_error_and_not_a_header() {
        let app = AppInfo::new("Tea\r\nX-Evil: 1");
        assert!(matches!(
            UserAgent::new(Some(&app)),
            Err(BuildError::AppInfo)
        ));
    }
}
