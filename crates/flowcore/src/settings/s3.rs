//! Settings of the S3 result storage.

use std::fmt;

use super::redact::redact_url;

/// How to reach S3, or a server that speaks its protocol, such as RustFS or MinIO.
///
/// Storages in memory and in folders need none of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct S3Settings {
    /// The server, such as `http://localhost:9000`. `None`, the default, is Amazon's. Set by `FLOWCORE_S3_ENDPOINT`,
    /// `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`.
    pub endpoint: Option<String>,
    /// The region. Optional when an endpoint is given. Set by `FLOWCORE_S3_REGION`, `AWS_REGION` or
    /// `AWS_DEFAULT_REGION`.
    pub region: Option<String>,
    /// Who asks: the public half of the credentials. Set by `FLOWCORE_S3_ACCESS_KEY_ID` or `AWS_ACCESS_KEY_ID`.
    pub access_key_id: Option<String>,
    /// The secret half of the credentials. Never printed. Set by `FLOWCORE_S3_SECRET_ACCESS_KEY` or
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Option<String>,
    /// The token of temporary credentials. Never printed. Set by `FLOWCORE_S3_SESSION_TOKEN` or `AWS_SESSION_TOKEN`.
    pub session_token: Option<String>,
    /// Whether requests may go unencrypted. `None`, the default, allows it exactly when the endpoint begins with
    /// `http://`. Set by `FLOWCORE_S3_ALLOW_HTTP` or `AWS_ALLOW_HTTP`.
    pub allow_http: Option<bool>,
    /// Whether the bucket is named in the path of a request rather than in its host. `None`, the default, means: when an
    /// endpoint is given. Set by `FLOWCORE_S3_PATH_STYLE`.
    pub path_style: Option<bool>,
}

/// Without secrets.
impl fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = |value: &Option<String>| value.as_ref().map(|_| "***");
        f.debug_struct("S3Settings")
            .field("endpoint", &self.endpoint.as_deref().map(redact_url))
            .field("region", &self.region)
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &secret(&self.secret_access_key))
            .field("session_token", &secret(&self.session_token))
            .field("allow_http", &self.allow_http)
            .field("path_style", &self.path_style)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_shows_no_secret() {
        let secret = |text: &str| Some(text.to_owned());
        let settings = S3Settings {
            endpoint: secret("http://a:hush@h"),
            secret_access_key: secret("hush"),
            session_token: secret("psst"),
            ..S3Settings::default()
        };
        let text = format!("{settings:?}");
        assert!(!text.contains("hush") && !text.contains("psst"), "{text}");
        assert!(text.contains("secret_access_key: Some") && text.contains("region: None"), "{text}");
    }
}
