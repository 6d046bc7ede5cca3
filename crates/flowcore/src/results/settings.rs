//! Settings of result storages that do not belong into an address: where the S3 server is, and who asks.

use std::fmt;

/// How to reach S3, or a server that speaks its protocol, such as RustFS or MinIO.
///
/// Storages in memory and in folders need none of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StorageSettings {
    /// The server, such as `http://localhost:9000`. `None` is Amazon's.
    pub endpoint: Option<String>,
    /// The region. Optional when an endpoint is given.
    pub region: Option<String>,
    /// Who asks: the public half of the credentials.
    pub access_key_id: Option<String>,
    /// The secret half of the credentials. Never printed.
    pub secret_access_key: Option<String>,
    /// The token of temporary credentials. Never printed.
    pub session_token: Option<String>,
    /// Whether requests may go unencrypted. `None` allows it exactly when the endpoint begins with `http://`.
    pub allow_http: Option<bool>,
    /// Whether the bucket is named in the path of a request rather than in its host. `None` means: when an endpoint is
    /// given.
    pub path_style: Option<bool>,
}

impl StorageSettings {
    /// Reads the settings from the environment: `FLOWCORE_S3_ENDPOINT`, `FLOWCORE_S3_REGION`,
    /// `FLOWCORE_S3_ACCESS_KEY_ID`, `FLOWCORE_S3_SECRET_ACCESS_KEY`, `FLOWCORE_S3_SESSION_TOKEN`,
    /// `FLOWCORE_S3_ALLOW_HTTP` and `FLOWCORE_S3_PATH_STYLE`. Where one is absent or empty, the variable that Amazon's
    /// own tools read counts: `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`, `AWS_REGION` or `AWS_DEFAULT_REGION`,
    /// `AWS_ACCESS_KEY_ID` and so on.
    pub fn from_env() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads the settings as [`from_env`](Self::from_env) does, from what `lookup` says about each variable.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&str]| {
            names.iter().filter_map(|name| lookup(name)).map(|value| value.trim().to_owned()).find(|v| !v.is_empty())
        };
        let flag = |names: &[&str]| first(names).map(|value| is_true(&value));
        Self {
            endpoint: first(&["FLOWCORE_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]),
            region: first(&["FLOWCORE_S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"]),
            access_key_id: first(&["FLOWCORE_S3_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"]),
            secret_access_key: first(&["FLOWCORE_S3_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"]),
            session_token: first(&["FLOWCORE_S3_SESSION_TOKEN", "AWS_SESSION_TOKEN"]),
            allow_http: flag(&["FLOWCORE_S3_ALLOW_HTTP", "AWS_ALLOW_HTTP"]),
            path_style: flag(&["FLOWCORE_S3_PATH_STYLE"]),
        }
    }
}

fn is_true(value: &str) -> bool {
    ["1", "true", "yes", "on"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

impl fmt::Debug for StorageSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = |value: &Option<String>| value.as_ref().map(|_| "********");
        f.debug_struct("StorageSettings")
            .field("endpoint", &self.endpoint)
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

    fn settings(variables: &[(&str, &str)]) -> StorageSettings {
        StorageSettings::from_lookup(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn own_variables_come_before_amazons() {
        let both = settings(&[
            ("AWS_ACCESS_KEY_ID", "theirs"),
            ("FLOWCORE_S3_ACCESS_KEY_ID", "ours"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
            ("AWS_DEFAULT_REGION", "eu-central-1"),
            ("FLOWCORE_S3_ENDPOINT", "  "),
            ("AWS_ENDPOINT_URL", "http://localhost:9000"),
            ("FLOWCORE_S3_PATH_STYLE", "False"),
            ("FLOWCORE_S3_ALLOW_HTTP", "1"),
        ]);
        let expected = StorageSettings {
            endpoint: Some("http://localhost:9000".to_owned()),
            region: Some("eu-central-1".to_owned()),
            access_key_id: Some("ours".to_owned()),
            secret_access_key: Some("secret".to_owned()),
            session_token: Some("token".to_owned()),
            allow_http: Some(true),
            path_style: Some(false),
        };
        assert_eq!(both, expected);
        assert_eq!(settings(&[]), StorageSettings::default());
    }

    #[test]
    fn printing_shows_no_secret() {
        let text = format!("{:?}", settings(&[("AWS_SECRET_ACCESS_KEY", "hush"), ("AWS_SESSION_TOKEN", "psst")]));
        assert!(!text.contains("hush") && !text.contains("psst"), "{text}");
        assert!(text.contains("secret_access_key: Some") && text.contains("region: None"), "{text}");
    }
}
