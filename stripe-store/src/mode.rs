//! Live and test mode, which a store's handle and a secret key are of.

use std::fmt;

/// Live or test mode, Stripe's two worlds with the same ids and separate objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Mode {
    /// Test mode and sandboxes: `livemode` is false.
    Test,
    /// Live mode, with real money: `livemode` is true. The default.
    #[default]
    Live,
}

impl Mode {
    /// The mode of an object that says `livemode`.
    pub const fn from_livemode(livemode: bool) -> Self {
        if livemode { Self::Live } else { Self::Test }
    }

    /// What `livemode` says in this mode.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live)
    }

    /// `"live"` or `"test"`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
