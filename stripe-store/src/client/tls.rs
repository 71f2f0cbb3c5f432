//! TLS: which cryptography, which certificate authorities.
//!
//! The provider of the cryptography is named here, and never asked of the process: a program in which two crates bring
//! two providers has no default one, and asking for it panics.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::BuildError;

/// The provider of all cryptography of this client.
pub(super) fn provider() -> CryptoProvider {
    ring::default_provider()
}

/// The authorities that Mozilla trusts, and those in the PEM texts of the caller.
pub(super) fn config(
    provider: &Arc<CryptoProvider>,
    pems: &[Vec<u8>],
) -> Result<ClientConfig, BuildError> {
    let mut roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    for pem in pems {
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| BuildError::Certificate {
                source: error.into(),
            })?;
            let added = roots.add(certificate);
            added.map_err(|error| BuildError::Certificate {
                source: error.into(),
            })?;
            count += 1;
        }
        if count == 0 {
            return Err(BuildError::NoCertificate);
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| BuildError::Tls {
            source: error.into(),
        })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
