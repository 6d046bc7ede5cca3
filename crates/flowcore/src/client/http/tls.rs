//! Encryption: one configuration for requests and websockets.

use std::sync::Arc;

use rustls::{ClientConfig, Error, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

/// Trusts whom the machine trusts, which with SSL_CERT_FILE includes authorities of one's own. Without encryption nobody
/// is asked, so that a container without root certificates can use a plain server.
pub(super) fn config(encrypted: bool) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(if encrypted {
        config.with_platform_verifier()?.with_no_client_auth()
    } else {
        config.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    })
}

/// Tells what went wrong with the encryption, and what to do about it.
pub(super) fn told(error: &Error) -> String {
    match error {
        Error::InvalidMessage(_) => {
            format!("it does not speak TLS ({error}): its address may begin with http: instead of https:")
        }
        Error::InvalidCertificate(_) => format!(
            "its certificate is not trusted ({error}): if an authority of your own has signed it, set SSL_CERT_FILE to a file \
             with that one's certificate"
        ),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;

    use super::*;

    #[test]
    fn a_certificate_that_is_not_trusted_names_the_setting() {
        let error = told(&Error::InvalidCertificate(CertificateError::UnknownIssuer));
        assert!(error.contains("UnknownIssuer") && error.contains("SSL_CERT_FILE"), "{error}");
    }
}
