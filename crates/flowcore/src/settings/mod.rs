//! Settings: where things are kept and how much is done at once, each with where its value came from.
//!
//! Settings are read from the environment. A value is a plain field of [`Settings`]; the variables that set it, and
//! those that Prefect's users already have, are in one table, from which unknown variables are told apart and
//! listings are made.

mod error;
mod home;
mod known;
mod redact;
mod unknown;
mod value;
mod values;
mod warnings;

pub use error::SettingsError;
pub use redact::redact_url;
pub use unknown::UnknownVariable;
pub use value::{Setting, Source, Synchronous};
pub use values::Settings;
