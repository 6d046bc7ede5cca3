//! Settings: where things are kept and how much is done at once, each with where its value came from.
//!
//! A value is a plain field of [`Settings`]. It is read from variables of the environment, from a `.env` file, from
//! `flowcore.toml`, from a profile, or is a default; the first of these that says something counts. Prefect's and
//! Amazon's variables are read wherever flowcore's own are.
//!
//! ```toml
//! # flowcore.toml, in the project's folder
//! task_limit = 32
//!
//! [database]
//! url = "postgresql://ann@db.example.org/flows"
//!
//! [s3]
//! endpoint = "http://localhost:9000"
//! secret_access_key_file = "/run/secrets/s3"
//! ```
//!
//! A key is the variable's name in lower case and without `FLOWCORE_`, in which underscores may be dots between tables.
//! Prefect's keys are understood as well (`server.database.connection_url`). Behind each name there may be `_FILE`:
//! then the value stands in the file that is named. Relative paths in a file begin in its folder.
//!
//! Profiles are sets of settings for a user rather than for a project. They are in `profiles.toml` in the home folder,
//! in Prefect's form:
//!
//! ```toml
//! active = "local"
//!
//! [profiles.local]
//! FLOWCORE_LOGGING_LEVEL = "DEBUG"
//! ```
//!
//! Both files need the feature `settings-files`, which is on by default.

mod api;
mod builder;
mod check;
mod document;
mod dotenv;
mod environment;
mod error;
mod home;
mod known;
mod known_server;
mod known_services;
mod layer;
mod lock_place;
mod names;
mod parse;
mod profiles;
mod project;
mod redact;
mod retention;
mod s3;
mod server;
mod services;
mod source;
mod synchronous;
mod value_file;
mod values;
mod warning;

pub use api::ApiSettings;
pub use builder::{Places, SettingsBuilder};
pub use error::{SettingsError, SettingsProblem};
pub use known::{KnownSetting, known_settings};
pub use lock_place::LockPlace;
pub use names::{SettingName, UnknownSetting, find_setting};
pub use profiles::{PROFILES_FILE, Profiles};
pub use project::PROJECT_FILE;
pub use redact::redact_url;
pub use retention::RetentionSettings;
pub use s3::S3Settings;
pub use server::{AuthString, CorsSettings, LogFormat, ServerSettings};
pub use services::ServicesSettings;
pub use source::{Setting, Source};
pub use synchronous::Synchronous;
pub use values::Settings;
pub use warning::SettingsWarning;
