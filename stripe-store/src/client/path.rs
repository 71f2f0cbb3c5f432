//! Where a request goes, below the server's address. Ids are quoted by the URL type, and cannot lead elsewhere.

use std::convert::Infallible;
use std::fmt;
use std::sync::LazyLock;

use reqwest::Url;

/// Stands for the server until the request is sent; the name cannot exist.
static NOWHERE: LazyLock<Option<Url>> =
    LazyLock::new(|| Url::parse("https://stripe.invalid/").ok());

/// A path of the API, with what Stripe put into its query: `/v1/customers/cus_1/sources?object=card`.
///
/// ```
/// use stripe_store::client::ApiPath;
///
/// let path = ApiPath::new("/v1/customers")?.then("cus_1/../x")?.then("sources")?;
/// assert_eq!(path.to_string(), "/v1/customers/cus_1%2F..%2Fx/sources");
/// # Ok::<(), stripe_store::client::PathError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiPath {
    url: Url,
    /// Whether the server's address was given too, and has to be the client's.
    is_absolute: bool,
}

impl ApiPath {
    /// A path as the API reference writes it, or the `url` of a list as Stripe sends it, with or without a query and a
    /// server's address. An address other than the client's own is refused when the request is sent.
    ///
    /// # Errors
    ///
    /// [`PathError::Malformed`] when it does not begin with `/` or `https://`, or is no URL.
    pub fn new(path: &str) -> Result<Self, PathError> {
        let malformed = || PathError::Malformed { path: path.into() };
        let nowhere = NOWHERE.as_ref().ok_or_else(malformed)?;
        let is_absolute = path.starts_with("https://") || path.starts_with("http://");
        if !is_absolute && !path.starts_with('/') {
            return Err(malformed());
        }
        let mut url = nowhere.join(path).map_err(|_| malformed())?;
        if !is_absolute && url.origin() != nowhere.origin() {
            return Err(malformed());
        }
        url.set_fragment(None);
        Ok(Self { url, is_absolute })
    }

    /// One step further down: an id, or the name of what is below.
    ///
    /// # Errors
    ///
    /// [`PathError::Segment`] when it is empty, `.` or `..`, which would be another path.
    pub fn then(mut self, segment: &str) -> Result<Self, PathError> {
        let fault = || PathError::Segment {
            segment: segment.into(),
        };
        if matches!(segment, "" | "." | "..") {
            return Err(fault());
        }
        self.url
            .path_segments_mut()
            .map_err(|()| fault())?
            .pop_if_empty()
            .push(segment);
        Ok(self)
    }

    /// A path of the description, `/v1/customers/{customer}/sources`, with ids in the place of the names.
    ///
    /// The error of a name without an id is the name.
    pub(super) fn fill(
        template: &'static str,
        ids: &[String],
    ) -> Result<Result<Self, &'static str>, PathError> {
        let mut ids = ids.iter();
        let mut path = Self::new("/")?;
        for segment in template.split('/').filter(|segment| !segment.is_empty()) {
            let name = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            path = match (name, ids.next_if_some(name)) {
                (None, _) => path.then(segment)?,
                (Some(_), Some(id)) => path.then(id)?,
                (Some(name), None) => return Ok(Err(name)),
            };
        }
        Ok(Ok(path))
    }

    /// The part after the server's address, without the query.
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// Whether requests there have JSON bodies.
    pub(super) fn is_v2(&self) -> bool {
        self.path().starts_with("/v2/")
    }

    /// The whole URL below `base`; `None` when another server's address was given.
    pub(super) fn below(&self, base: &Url) -> Option<Url> {
        if self.is_absolute {
            return (self.url.origin() == base.origin()).then(|| self.url.clone());
        }
        let mut url = base.clone();
        url.set_path(&format!(
            "{}{}",
            base.path().trim_end_matches('/'),
            self.path()
        ));
        url.set_query(self.url.query());
        Some(url)
    }
}

/// Takes the next item only where there is a place for it.
trait NextIfSome: Iterator {
    fn next_if_some<T>(&mut self, place: Option<T>) -> Option<Self::Item>;
}

impl<I: Iterator> NextIfSome for I {
    fn next_if_some<T>(&mut self, place: Option<T>) -> Option<Self::Item> {
        place.and_then(|_| self.next())
    }
}

/// Without the query, in which people may be named.
impl fmt::Display for ApiPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.path())
    }
}

impl TryFrom<String> for ApiPath {
    type Error = PathError;

    fn try_from(path: String) -> Result<Self, PathError> {
        Self::new(&path)
    }
}

/// What is a path already is one.
impl From<Infallible> for PathError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl TryFrom<&str> for ApiPath {
    type Error = PathError;

    fn try_from(path: &str) -> Result<Self, PathError> {
        Self::new(path)
    }
}

/// A text is no path of the API, or no part of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The whole is no path.
    #[error("{path:?} is no path of Stripe's API: it begins like /v1/customers")]
    #[non_exhaustive]
    Malformed {
        /// What was given.
        path: Box<str>,
    },
    /// An id, or another part of the path, is empty, `.` or `..`.
    #[error("{segment:?} cannot be an id in a path")]
    #[non_exhaustive]
    Segment {
        /// What was given.
        segment: Box<str>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(path: &str, base: &str) -> Option<String> {
        let base = Url::parse(base).unwrap();
        Some(ApiPath::new(path).unwrap().below(&base)?.into())
    }

    #[test]
    fn a_path_goes_below_the_servers_address_with_its_query() {
        let below = |path| url(path, "http://127.0.0.1:1/stripe/").unwrap();
        assert_eq!(
            below("/v1/customers"),
            "http://127.0.0.1:1/stripe/v1/customers"
        );
        assert_eq!(
            below("/v1/x?object=card"),
            "http://127.0.0.1:1/stripe/v1/x?object=card"
        );
        assert_eq!(
            url("/v1/x", "https://api.stripe.com").unwrap(),
            "https://api.stripe.com/v1/x"
        );
    }

    #[test]
    fn another_servers_address_is_refused() {
        let api = "https://api.stripe.com";
        assert!(url("https://api.stripe.com/v1/x", api).is_some());
        for other in [
            "https://evil.example/v1/x",
            "http://api.stripe.com/v1/x",
            "https://api.stripe.com:444/v1/x",
        ] {
            assert_eq!(url(other, api), None, "{other}");
        }
        for malformed in [
            "//evil.example/v1/x",
            "v1/x",
            "",
            "/\\evil.example/v1",
            "ftp://x/v1",
        ] {
            assert!(ApiPath::new(malformed).is_err(), "{malformed}");
        }
    }

    #[test]
    fn an_id_is_one_segment_whatever_it_holds() {
        let coupons = || ApiPath::new("/v1/coupons").unwrap();
        for (id, quoted) in [
            ("50% off", "50%25%20off"),
            ("a/b", "a%2Fb"),
            ("a?b#c", "a%3Fb%23c"),
            ("%2e%2e", "%252e%252e"),
        ] {
            assert_eq!(
                coupons().then(id).unwrap().path(),
                format!("/v1/coupons/{quoted}")
            );
        }
        for id in ["", ".", ".."] {
            assert!(coupons().then(id).is_err(), "{id:?}");
        }
    }

    #[test]
    fn a_nested_path_needs_the_ids_of_what_it_is_in() {
        let template = "/v1/customers/{customer}/sources";
        let filled = ApiPath::fill(template, &["cus_1".to_owned()])
            .unwrap()
            .unwrap();
        assert_eq!(filled.path(), "/v1/customers/cus_1/sources");
        assert_eq!(ApiPath::fill(template, &[]).unwrap(), Err("customer"));
    }
}
