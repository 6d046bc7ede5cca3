//! The settings of the server.

use super::known::KnownSetting;

pub(super) const SERVER_HOST: KnownSetting = KnownSetting::new(
    "server.host",
    &["FLOWCORE_SERVER_HOST", "PREFECT_SERVER_API_HOST"],
    "The address on which the server listens.",
    "a host's name or its address",
    "127.0.0.1",
);

pub(super) const SERVER_PORT: KnownSetting = KnownSetting::new(
    "server.port",
    &["FLOWCORE_SERVER_PORT", "PREFECT_SERVER_API_PORT"],
    "The port on which the server listens.",
    "a number from 0 to 65535, where 0 is any port that is free",
    "4200",
);

pub(super) const SERVER_AUTH_STRING: KnownSetting = KnownSetting::new(
    "server.api.auth_string",
    &["FLOWCORE_SERVER_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"],
    "The name and password that the server wants from its clients.",
    "a name and a password with a colon between, such as admin:PASSWORD",
    "none, everybody who reaches it is a client",
)
.secret();

pub(super) const SERVER_BASE_PATH: KnownSetting = KnownSetting::new(
    "server.api.base_path",
    &["FLOWCORE_SERVER_API_BASE_PATH", "PREFECT_SERVER_API_BASE_PATH"],
    "Where the server's API begins.",
    "a path that begins with a slash, such as /flows/api",
    "/api",
);

pub(super) const SERVER_CORS_ORIGINS: KnownSetting = KnownSetting::new(
    "server.cors.allowed_origins",
    &[
        "FLOWCORE_SERVER_CORS_ALLOWED_ORIGINS",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS",
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS",
    ],
    "The sites whose pages may ask the server.",
    "origins with commas between, such as https://ui.example.org, or * for all",
    "*",
);

pub(super) const SERVER_CORS_METHODS: KnownSetting = KnownSetting::new(
    "server.cors.allowed_methods",
    &[
        "FLOWCORE_SERVER_CORS_ALLOWED_METHODS",
        "PREFECT_SERVER_CORS_ALLOWED_METHODS",
        "PREFECT_SERVER_API_CORS_ALLOWED_METHODS",
    ],
    "The methods by which pages of other sites may ask the server.",
    "methods with commas between, such as GET,POST, or * for all",
    "*",
);

pub(super) const SERVER_CORS_HEADERS: KnownSetting = KnownSetting::new(
    "server.cors.allowed_headers",
    &[
        "FLOWCORE_SERVER_CORS_ALLOWED_HEADERS",
        "PREFECT_SERVER_CORS_ALLOWED_HEADERS",
        "PREFECT_SERVER_API_CORS_ALLOWED_HEADERS",
    ],
    "The headers with which pages of other sites may ask the server.",
    "names of headers with commas between, such as authorization,content-type, or * for all",
    "*",
);

pub(super) const SERVER_CSRF_PROTECTION: KnownSetting = KnownSetting::new(
    "server.csrf_protection_enabled",
    &[
        "FLOWCORE_SERVER_CSRF_PROTECTION_ENABLED",
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED",
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED",
    ],
    "Whether requests that change something must carry a token that the server has given out.",
    "true or false",
    "false",
);

pub(super) const SERVER_CSRF_EXPIRATION: KnownSetting = KnownSetting::new(
    "server.csrf_token_expiration",
    &[
        "FLOWCORE_SERVER_CSRF_TOKEN_EXPIRATION",
        "PREFECT_SERVER_CSRF_TOKEN_EXPIRATION",
        "PREFECT_SERVER_API_CSRF_TOKEN_EXPIRATION",
    ],
    "How long such a token is valid.",
    "a number of seconds, at least 1",
    "3600",
);

pub(super) const SERVER_ALLOW_DATABASE_CLEAR: KnownSetting = KnownSetting::new(
    "server.allow_database_clear",
    &["FLOWCORE_SERVER_ALLOW_DATABASE_CLEAR"],
    "Whether clients may empty the database, for tests and demonstrations.",
    "true or false",
    "false",
);

pub(super) const UI_API_URL: KnownSetting = KnownSetting::new(
    "ui.api_url",
    &["FLOWCORE_UI_API_URL", "PREFECT_UI_API_URL"],
    "Where browsers find the API, if a proxy is before the server.",
    "an address, such as https://flows.example.org/api",
    "where the server has it",
);

pub(super) const LOGGING_FORMAT: KnownSetting = KnownSetting::new(
    "logging.format",
    &["FLOWCORE_LOGGING_FORMAT"],
    "How the server writes what it logs.",
    "TEXT (lines for people) or JSON (an object a line)",
    "TEXT",
);

pub(super) const SERVER_REGISTER_BLOCKS: KnownSetting = KnownSetting::new(
    "server.blocks.register_on_start",
    &[
        "FLOWCORE_SERVER_BLOCKS_REGISTER_ON_START",
        "PREFECT_SERVER_BLOCKS_REGISTER_ON_START",
        "PREFECT_API_BLOCKS_REGISTER_ON_START",
    ],
    "Whether the server makes the block types of Prefect's clients when it starts.",
    "true or false",
    "true",
);
