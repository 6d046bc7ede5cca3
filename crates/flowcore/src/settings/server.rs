//! What the server is told.

use std::fmt;
use std::str::FromStr;

use super::known_server as known;
use super::parse;
use super::services::ServicesSettings;
use super::values::{Reader, Values};

/// Where the server listens, whom it answers, and how it logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// A host's name or its address. Set by `FLOWCORE_SERVER_HOST` or `PREFECT_SERVER_API_HOST`; `127.0.0.1` by default.
    pub host: String,
    /// The port; 0 is any that is free. Set by `FLOWCORE_SERVER_PORT` or `PREFECT_SERVER_API_PORT`; 4200 by default.
    pub port: u16,
    /// Whether it makes the block types of Prefect's clients when it starts. Set by
    /// `FLOWCORE_SERVER_BLOCKS_REGISTER_ON_START`, `PREFECT_SERVER_BLOCKS_REGISTER_ON_START` or
    /// `PREFECT_API_BLOCKS_REGISTER_ON_START`; true by default.
    pub register_blocks: bool,
    /// The name and password that clients have to send. Set by `FLOWCORE_SERVER_API_AUTH_STRING` or
    /// `PREFECT_SERVER_API_AUTH_STRING`; without it everybody is answered.
    pub auth_string: Option<AuthString>,
    /// Where the API begins, with a slash before and none behind. Set by `FLOWCORE_SERVER_API_BASE_PATH` or
    /// `PREFECT_SERVER_API_BASE_PATH`; `/api` by default.
    pub base_path: String,
    /// Which pages of other sites may ask.
    pub cors: CorsSettings,
    /// Whether requests that change something need a token. Set by `FLOWCORE_SERVER_CSRF_PROTECTION_ENABLED` or
    /// `PREFECT_SERVER_CSRF_PROTECTION_ENABLED`; off by default.
    pub csrf_protection: bool,
    /// How long a token is valid, in seconds. Set by `FLOWCORE_SERVER_CSRF_TOKEN_EXPIRATION` or
    /// `PREFECT_SERVER_CSRF_TOKEN_EXPIRATION`; an hour by default.
    pub csrf_token_expiration: usize,
    /// Whether clients may empty the database. Set by `FLOWCORE_SERVER_ALLOW_DATABASE_CLEAR`; off by default.
    pub allow_database_clear: bool,
    /// The address at which browsers find the API. Set by `FLOWCORE_UI_API_URL` or `PREFECT_UI_API_URL`.
    pub ui_api_url: Option<String>,
    /// How log lines are written. Set by `FLOWCORE_LOGGING_FORMAT`; lines of text by default.
    pub log_format: LogFormat,
    /// What it does unasked.
    pub services: ServicesSettings,
}

/// Which pages of other sites may ask the server, and how. `*` stands for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsSettings {
    /// Set by `FLOWCORE_SERVER_CORS_ALLOWED_ORIGINS` or `PREFECT_SERVER_CORS_ALLOWED_ORIGINS`; `*` by default.
    pub origins: Vec<String>,
    /// Set by `FLOWCORE_SERVER_CORS_ALLOWED_METHODS` or `PREFECT_SERVER_CORS_ALLOWED_METHODS`; `*` by default.
    pub methods: Vec<String>,
    /// Set by `FLOWCORE_SERVER_CORS_ALLOWED_HEADERS` or `PREFECT_SERVER_CORS_ALLOWED_HEADERS`; `*` by default.
    pub headers: Vec<String>,
}

/// A name and a password with a colon between. It is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthString(String);

impl AuthString {
    /// Takes a name and a password with a colon between.
    pub fn new(text: impl Into<String>) -> Self {
        AuthString(text.into())
    }

    /// Gives the text, which is a secret.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AuthString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthString(..)")
    }
}

/// How the server writes what it logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// An object in a line.
    Json,
}

impl LogFormat {
    /// Gives the name by which it is set.
    pub fn as_str(self) -> &'static str {
        match self {
            LogFormat::Text => "TEXT",
            LogFormat::Json => "JSON",
        }
    }
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [LogFormat::Text, LogFormat::Json]
            .into_iter()
            .find(|format| format.as_str().eq_ignore_ascii_case(text))
            .ok_or(())
    }
}

impl Default for CorsSettings {
    fn default() -> Self {
        let all = || vec!["*".to_owned()];
        CorsSettings { origins: all(), methods: all(), headers: all() }
    }
}

impl Default for ServerSettings {
    fn default() -> Self {
        ServerSettings {
            host: "127.0.0.1".to_owned(),
            port: 4200,
            register_blocks: true,
            auth_string: None,
            base_path: "/api".to_owned(),
            cors: CorsSettings::default(),
            csrf_protection: false,
            csrf_token_expiration: 3600,
            allow_database_clear: false,
            ui_api_url: None,
            log_format: LogFormat::default(),
            services: ServicesSettings::default(),
        }
    }
}

impl ServerSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let default = ServerSettings::default();
        ServerSettings {
            host: reader.read(&known::SERVER_HOST, parse::text).unwrap_or(default.host),
            port: reader.read(&known::SERVER_PORT, parse::port).unwrap_or(default.port),
            register_blocks: reader
                .read(&known::SERVER_REGISTER_BLOCKS, parse::flag)
                .unwrap_or(default.register_blocks),
            auth_string: reader.read(&known::SERVER_AUTH_STRING, parse::auth_string),
            base_path: reader.read(&known::SERVER_BASE_PATH, parse::base_path).unwrap_or(default.base_path),
            cors: CorsSettings {
                origins: reader.read(&known::SERVER_CORS_ORIGINS, parse::names).unwrap_or(default.cors.origins),
                methods: reader.read(&known::SERVER_CORS_METHODS, parse::names).unwrap_or(default.cors.methods),
                headers: reader.read(&known::SERVER_CORS_HEADERS, parse::names).unwrap_or(default.cors.headers),
            },
            csrf_protection: reader.read(&known::SERVER_CSRF_PROTECTION, parse::flag).unwrap_or(false),
            csrf_token_expiration: reader
                .read(&known::SERVER_CSRF_EXPIRATION, parse::count)
                .unwrap_or(default.csrf_token_expiration),
            allow_database_clear: reader.read(&known::SERVER_ALLOW_DATABASE_CLEAR, parse::flag).unwrap_or(false),
            ui_api_url: reader.read(&known::UI_API_URL, parse::text),
            log_format: reader.read(&known::LOGGING_FORMAT, |found| found.text.parse().ok()).unwrap_or_default(),
            services: ServicesSettings::read(reader),
        }
    }

    /// Lists the values as they are, with secrets.
    pub(super) fn values(&self) -> Values {
        let mut values = vec![
            (&known::SERVER_HOST, Some(self.host.clone())),
            (&known::SERVER_PORT, Some(self.port.to_string())),
            (&known::SERVER_REGISTER_BLOCKS, Some(self.register_blocks.to_string())),
            (&known::SERVER_AUTH_STRING, self.auth_string.as_ref().map(|text| text.reveal().to_owned())),
            (&known::SERVER_BASE_PATH, Some(self.base_path.clone())),
            (&known::SERVER_CORS_ORIGINS, Some(self.cors.origins.join(","))),
            (&known::SERVER_CORS_METHODS, Some(self.cors.methods.join(","))),
            (&known::SERVER_CORS_HEADERS, Some(self.cors.headers.join(","))),
            (&known::SERVER_CSRF_PROTECTION, Some(self.csrf_protection.to_string())),
            (&known::SERVER_CSRF_EXPIRATION, Some(self.csrf_token_expiration.to_string())),
            (&known::SERVER_ALLOW_DATABASE_CLEAR, Some(self.allow_database_clear.to_string())),
            (&known::UI_API_URL, self.ui_api_url.clone()),
            (&known::LOGGING_FORMAT, Some(self.log_format.as_str().to_owned())),
        ];
        values.extend(self.services.values());
        values
    }
}
