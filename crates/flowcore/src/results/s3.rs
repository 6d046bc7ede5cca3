//! Results in a bucket of S3, or of a server that speaks its protocol.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use super::ResultError;
use super::objects::{Kind, Objects};
use crate::settings::S3Settings;

/// A result that cannot be had within these times is computed anew, so that waiting for minutes, as is usual for a copy
/// of large files, makes no sense here.
const CONNECT: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(30);
const RETRYING: Duration = Duration::from_secs(20);
const RETRIES: usize = 4;

/// Opens the storage behind `s3://`, and tells its address. Asks no server.
pub(super) fn open(
    url: &str,
    bucket_and_prefix: &str,
    settings: &S3Settings,
) -> Result<(String, Objects), ResultError> {
    let address = |reason: String| ResultError::Address { url: url.to_owned(), reason };
    let (bucket, prefix) = bucket_and_prefix.split_once('/').unwrap_or((bucket_and_prefix, ""));
    let root = Path::parse(prefix).map_err(|error| address(error.to_string()))?;
    let store = Arc::new(build(url, bucket, settings)?);
    let url = if root.is_root() { format!("s3://{bucket}") } else { format!("s3://{bucket}/{root}") };
    Ok((url, Objects { durable: store.clone(), store, root, kind: Kind::Bucket }))
}

/// Opens a bucket by the same settings as a result storage, for other things than results. Asks no server.
///
/// # Errors
///
/// The bucket's name is none, or a setting is missing or wrong.
pub fn bucket(bucket: &str, settings: &S3Settings) -> Result<Arc<dyn ObjectStore>, ResultError> {
    Ok(Arc::new(build(&format!("s3://{bucket}"), bucket, settings)?))
}

fn build(url: &str, bucket: &str, settings: &S3Settings) -> Result<AmazonS3, ResultError> {
    // Anything else in a bucket's name could lead elsewhere than to a bucket of the server.
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if bucket.is_empty() || !bucket.bytes().all(valid) {
        let reason = format!("`{bucket}` is no name of a bucket");
        return Err(ResultError::Address { url: url.to_owned(), reason });
    }
    let setting =
        |setting, advice: &str| ResultError::Setting { url: url.to_owned(), setting, advice: advice.to_owned() };
    let access_key_id = settings
        .access_key_id
        .as_ref()
        .ok_or_else(|| setting("FLOWCORE_S3_ACCESS_KEY_ID", "set it (or AWS_ACCESS_KEY_ID) to the access key's id"))?;
    let secret_access_key = settings.secret_access_key.as_ref().ok_or_else(|| {
        setting("FLOWCORE_S3_SECRET_ACCESS_KEY", "set it (or AWS_SECRET_ACCESS_KEY) to the access key's secret")
    })?;
    let region = match (&settings.region, &settings.endpoint) {
        (Some(region), _) => region.as_str(),
        // Servers of one's own have no regions, but the signature needs one, and this is what they expect.
        (None, Some(_)) => "us-east-1",
        (None, None) => {
            return Err(setting(
                "FLOWCORE_S3_REGION",
                "set it (or AWS_REGION) to the bucket's region, or FLOWCORE_S3_ENDPOINT to a server of your own",
            ));
        }
    };
    let endpoint = settings.endpoint.as_deref().map(|endpoint| endpoint.trim_end_matches('/'));
    let encrypted = match endpoint.map(|endpoint| endpoint.split_once("://")) {
        None | Some(Some(("https", _))) => true,
        Some(Some(("http", _))) => false,
        Some(_) => return Err(setting("FLOWCORE_S3_ENDPOINT", "begin it with http:// or https://")),
    };
    if !encrypted && settings.allow_http == Some(false) {
        return Err(setting(
            "FLOWCORE_S3_ALLOW_HTTP",
            "the endpoint is not encrypted: use https://, or set this one to true",
        ));
    }
    let path_style = settings.path_style.unwrap_or(endpoint.is_some());
    let failed = |reason: String| ResultError::Open { url: url.to_owned(), reason };
    let connector = Connector { client: client(encrypted).map_err(failed)? };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(region)
        .with_access_key_id(access_key_id)
        .with_secret_access_key(secret_access_key)
        .with_virtual_hosted_style_request(!path_style)
        .with_allow_http(!encrypted)
        .with_retry(RetryConfig { max_retries: RETRIES, retry_timeout: RETRYING, ..RetryConfig::default() })
        .with_http_connector(connector);
    if let Some(token) = &settings.session_token {
        builder = builder.with_token(token);
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(with_bucket(endpoint, bucket, path_style));
    }
    builder.build().map_err(|error| failed(error.to_string()))
}

/// The builder takes an endpoint as it is, also where the bucket belongs into its host.
fn with_bucket(endpoint: &str, bucket: &str, path_style: bool) -> String {
    match endpoint.split_once("://") {
        Some((scheme, host)) if !path_style => format!("{scheme}://{bucket}.{host}"),
        _ => endpoint.to_owned(),
    }
}

/// Hands `object_store` a client of our own.
///
/// The client that it would make has no encryption in this build, or the one of the process: whichever cryptography
/// library has been installed for all, and a panic if none has. A library must not install one for the program that
/// uses it, hence this client has its own.
#[derive(Debug)]
struct Connector {
    client: reqwest::Client,
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.client.clone()))
    }
}

fn client(encrypted: bool) -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .user_agent(concat!("flowcore/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .https_only(encrypted)
        .tls_backend_preconfigured(tls(encrypted).map_err(|error| {
            format!("{error}; check that the machine has root certificates, or set SSL_CERT_FILE to a file of them")
        })?)
        .build()
        .map_err(|error| error.to_string())
}

/// Trusts whom the machine trusts, which with SSL_CERT_FILE includes authorities of one's own. Without encryption nobody
/// is asked, so that a container without root certificates can use a plain server.
fn tls(encrypted: bool) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(if encrypted {
        config.with_platform_verifier()?.with_no_client_auth()
    } else {
        config.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    })
}

#[cfg(test)]
mod tests;
