//! The endpoints, and their secrets out of the environment.

use crate::cli::failure::Failure;
use crate::webhook::{Endpoint, EndpointSecret};

/// The variable that the secrets of the endpoint without a name are in, and with which those of the others begin.
const SECRET: &str = "STRIPE_WEBHOOK_SECRET";

/// Reads an endpoint's name: what a path and a variable can have in them.
pub(super) fn name(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if text.is_empty() || text.len() > 64 || !text.bytes().all(fits) {
        return Err("expected up to 64 letters, digits, - and _".to_owned());
    }
    Ok(text.to_owned())
}

/// The endpoints by their names, the one without a name first.
pub(super) fn endpoints(
    names: &[String],
    unverified: bool,
) -> Result<Vec<(String, Endpoint)>, Failure> {
    let mut endpoints = Vec::new();
    match secrets(SECRET)? {
        Some(secrets) => endpoints.push((String::new(), Endpoint::new(secrets))),
        None if unverified => endpoints.push((String::new(), Endpoint::unverified())),
        None if names.is_empty() => {
            return Err(Failure::Message(format!(
                "{SECRET} is not set: it is to hold the signing secret of the endpoint (whsec_…), which Stripe's dashboard \
                 shows beside it; several are separated by commas"
            )));
        }
        None => {}
    }
    for name in names {
        let variable = variable(name);
        let endpoint = match secrets(&variable)? {
            Some(secrets) => Endpoint::new(secrets),
            None if unverified => Endpoint::unverified(),
            None => {
                return Err(Failure::Message(format!(
                    "{variable} is not set: it is to hold the signing secret (whsec_…) of the endpoint {name}"
                )));
            }
        };
        endpoints.push((name.clone(), endpoint));
    }
    Ok(endpoints)
}

/// The variable of an endpoint with a name.
fn variable(name: &str) -> String {
    format!("{SECRET}_{}", name.to_ascii_uppercase().replace('-', "_"))
}

fn secrets(variable: &str) -> Result<Option<Vec<EndpointSecret>>, Failure> {
    #[expect(
        clippy::disallowed_methods,
        reason = "no option of the command: others on the machine can read those"
    )]
    let text = std::env::var(variable).unwrap_or_default();
    if text.trim().is_empty() {
        return Ok(None);
    }
    let secrets = EndpointSecret::list(text);
    let unusable = |error| Failure::Message(format!("{variable} cannot be used: {error}"));
    secrets.map(Some).map_err(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_a_variable_of_its_name() {
        assert_eq!(variable("connect"), "STRIPE_WEBHOOK_SECRET_CONNECT");
        assert_eq!(variable("eu-west_1"), "STRIPE_WEBHOOK_SECRET_EU_WEST_1");
        assert!(name("eu-west_1").is_ok());
        for odd in ["", "a/b", "ä", "a b", &"a".repeat(65)] {
            assert!(name(odd).is_err(), "{odd}");
        }
    }
}
