//! `localstripe`, a fake Stripe that others wrote.

use super::program::Held;
use super::{Missing, Program, Tools, script};

/// A running `localstripe` with nothing in it, on loopback and in memory, which ends when it is dropped, or with the test
/// process, however that ends.
///
/// What it does otherwise than Stripe, as far as a mirror sees it: lists begin with the oldest object, know no `created` and
/// no `ending_before`; a deleted customer is not found; those of payment methods want a customer and a type; errors have
/// neither code nor parameter; and many types are not there.
#[derive(Debug)]
pub struct Localstripe {
    url: String,
    _server: Held,
}

impl Localstripe {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// What to install.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start(tools: &Tools) -> Result<Self, Missing> {
        Ok(Self::serve(Self::program(tools)?))
    }

    /// Starts one that posts its events to a URL, signed with a secret.
    ///
    /// # Errors
    ///
    /// What to install.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn start_posting(tools: &Tools, url: &str, secret: &str) -> Result<Self, Missing> {
        Ok(Self::serve(Self::program(tools)?.args([url, secret])))
    }

    fn program(tools: &Tools) -> Result<Program, Missing> {
        Ok(Program::new(tools.python()?).arg(script("serve_localstripe.py")))
    }

    fn serve(program: Program) -> Self {
        let mut server = program.hold();
        let url = server.first_line();
        Self {
            url,
            _server: server,
        }
    }

    /// Its address: `http://127.0.0.1:1234`.
    pub fn url(&self) -> &str {
        &self.url
    }
}
