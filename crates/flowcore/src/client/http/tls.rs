//! Encryption: one configuration for requests and websockets.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

/// Trusts whom the machine trusts, which with SSL_CERT_FILE includes authorities of one's own. Without encryption nobody
/// is asked, so that a container without root certificates can use a plain server.
pub(super) fn config(encrypted: bool) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(if encrypted {
        config.with_platform_verifier()?.with_no_client_auth()
    } else {
        config.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    })
}
