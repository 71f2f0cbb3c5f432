//! Whose objects a store handle reads and writes: the account, and live or test mode.

use std::fmt;
use std::sync::Arc;

pub use crate::mode::Mode;

/// The longest account id that the table's key takes, in bytes of UTF-8.
pub(crate) const MAX_ACCOUNT_BYTES: usize = 255;

/// The id of a connected account, `acct_…`.
///
/// The empty id stands for the platform: the account that the API key belongs to. A NUL character, which no id has
/// and PostgreSQL cannot store, becomes `U+FFFD`. At most 255 bytes can be written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(Arc<str>);

impl AccountId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for AccountId {
    fn from(id: &str) -> Self {
        if id.contains('\0') {
            return Self(id.replace('\0', "\u{fffd}").into());
        }
        Self(id.into())
    }
}

impl From<String> for AccountId {
    fn from(id: String) -> Self {
        Self::from(id.as_str())
    }
}

impl From<&String> for AccountId {
    fn from(id: &String) -> Self {
        Self::from(id.as_str())
    }
}

impl From<&AccountId> for AccountId {
    fn from(id: &AccountId) -> Self {
        id.clone()
    }
}

impl AsRef<str> for AccountId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a store handle reads and writes: one account, in one mode.
///
/// Part of the handle ([`Store::scope`](super::Store::scope)), so that no read can forget it. The default is the
/// platform's own account in live mode.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Scope {
    account: Option<AccountId>,
    mode: Mode,
}

impl Scope {
    /// The connected account, or `None` for the account that the API key belongs to.
    pub fn account(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }

    /// Live or test mode.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// This scope, in another account; the empty id is the platform's.
    #[must_use]
    pub fn with_account(self, account: impl Into<AccountId>) -> Self {
        let account = account.into();
        Self {
            account: (!account.as_str().is_empty()).then_some(account),
            ..self
        }
    }

    /// This scope, in the account that the API key belongs to.
    #[must_use]
    pub fn with_platform(self) -> Self {
        Self {
            account: None,
            ..self
        }
    }

    /// This scope, in another mode.
    #[must_use]
    pub fn with_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// The value of the column `account`.
    pub(crate) fn account_column(&self) -> &str {
        self.account.as_ref().map_or("", AccountId::as_str)
    }
}

/// `platform, live` or `acct_1, test`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.account.as_ref().map_or("platform", AccountId::as_str);
        write!(f, "{account}, {}", self.mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_scope_is_the_platform_in_live_mode() {
        let scope = Scope::default();
        assert_eq!(scope.account(), None);
        assert_eq!(scope.mode(), Mode::Live);
        assert_eq!(scope.to_string(), "platform, live");
    }

    #[test]
    fn the_empty_account_is_the_platform() {
        let scope = Scope::default().with_account("acct_1");
        assert_eq!(scope.account_column(), "acct_1");
        assert_eq!(scope.clone().with_account("").account(), None);
        assert_eq!(scope.with_platform(), Scope::default());
    }

    #[test]
    fn an_account_never_holds_a_nul() {
        assert_eq!(AccountId::from("a\0b").as_str(), "a\u{fffd}b");
    }

    #[test]
    fn modes_say_what_livemode_says() {
        assert!(Mode::from_livemode(true).is_live());
        assert_eq!(Mode::from_livemode(false).to_string(), "test");
    }
}
