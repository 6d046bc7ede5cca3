//! What the server was told, in the form in which it is needed.

use chrono::TimeDelta;
use flowcore::settings::{CorsSettings, ServerSettings, ServicesSettings, Settings};
use serde_json::{Map, Value};

use crate::access::{Credentials, Csrf, RunTokens};

/// The settings that requests meet.
pub(crate) struct Config {
    /// Where the API begins: `/api`.
    pub(crate) base_path: String,
    /// Where browsers find it, if that is elsewhere.
    pub(crate) ui_api_url: Option<String>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) run_tokens: RunTokens,
    pub(crate) cors: CorsSettings,
    pub(crate) csrf: Option<Csrf>,
    pub(crate) allow_database_clear: bool,
    pub(crate) services: ServicesSettings,
    /// All settings as tables, without secrets.
    pub(crate) shown: Value,
}

impl Config {
    pub(crate) fn new(settings: &ServerSettings) -> Self {
        let valid_for = i64::try_from(settings.csrf_token_expiration).unwrap_or(i64::MAX);
        let valid_for = TimeDelta::try_seconds(valid_for).unwrap_or(TimeDelta::MAX);
        let csrf = settings.csrf_protection.then(|| Csrf::new(valid_for));
        Config {
            base_path: settings.base_path.clone(),
            ui_api_url: settings.ui_api_url.clone(),
            credentials: settings.auth_string.as_ref().map(Credentials::new),
            run_tokens: RunTokens::new(),
            cors: settings.cors.clone(),
            csrf,
            allow_database_clear: settings.allow_database_clear,
            services: settings.services.clone(),
            shown: Value::Object(Map::new()),
        }
    }

    /// Signs what it signs with this key.
    pub(crate) fn signing_with(self, key: [u8; 32]) -> Self {
        Config { csrf: self.csrf.map(|csrf| csrf.with_key(key)), run_tokens: RunTokens::with_key(key), ..self }
    }

    /// Shows these settings to who asks for them.
    pub(crate) fn showing(self, settings: &Settings) -> Self {
        let mut shown = Value::Object(Map::new());
        for entry in settings.entries() {
            let mut table = &mut shown;
            for part in entry.key.split('.') {
                table = &mut table[part];
            }
            *table = entry.value.into();
        }
        Config { shown, ..self }
    }
}
