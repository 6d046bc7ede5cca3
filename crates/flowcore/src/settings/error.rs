//! What can be wrong with settings, each with what to do about it.

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A variable holds what its setting cannot be.
    #[error("{variable} is `{value}`, which is not allowed: set it to {allowed}")]
    Invalid {
        /// The variable.
        variable: &'static str,
        /// What it holds, without secrets.
        value: String,
        /// What it may hold.
        allowed: &'static str,
    },
    /// A variable holds bytes that are no text.
    #[error("{variable} holds bytes that are not UTF-8: set it to plain text")]
    NotText {
        /// The variable.
        variable: &'static str,
    },
    /// The user has no home directory, so that there is no default place for the data.
    #[error(
        "there is no home directory to keep data in: set FLOWCORE_HOME to a folder, or HOME to your home directory"
    )]
    NoHome,
    /// The data directory cannot be part of an address.
    #[error("the folder {0} cannot be used, its path is not UTF-8: set FLOWCORE_HOME to another one")]
    HomeNotText(String),
}
