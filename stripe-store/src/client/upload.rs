//! Files on their way to Stripe.

use std::fmt;

/// A file to send to Stripe: evidence of a dispute, a logo, a document of a person.
///
/// It is held in memory, so that it can be sent again when the connection is lost. Stripe takes 16 MB at most for most
/// purposes. `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct FileUpload {
    pub(super) purpose: String,
    pub(super) name: String,
    pub(super) content_type: Option<String>,
    pub(super) content: Vec<u8>,
}

impl FileUpload {
    /// A file for `purpose` (`"dispute_evidence"`), with the name that it is to have.
    pub fn new(
        purpose: impl Into<String>,
        name: impl Into<String>,
        content: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            purpose: purpose.into(),
            name: name.into(),
            content_type: None,
            content: content.into(),
        }
    }

    /// What the file is: `"image/png"`. Stripe looks at the content when this is not given.
    #[must_use]
    pub fn with_content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }
}

impl fmt::Debug for FileUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileUpload")
            .field("purpose", &self.purpose)
            .field("name", &self.name)
            .field("size_bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}
