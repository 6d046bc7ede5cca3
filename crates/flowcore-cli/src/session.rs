//! What a command works with: settings, the client over the database, the output.

use std::sync::Arc;

use flowcore::client::Client;
use flowcore::connect;
use flowcore::settings::{Settings, SettingsBuilder, SettingsError};

use crate::failure::Failure;
use crate::output::{Output, note};

/// An open database and a place for output.
pub(crate) struct Session<'a> {
    pub(crate) settings: Settings,
    pub(crate) client: Arc<dyn Client>,
    pub(crate) out: &'a mut Output,
}

impl<'a> Session<'a> {
    /// Opens the database that the settings name.
    pub(crate) async fn open(profile: Option<&str>, out: &'a mut Output) -> Result<Self, Failure> {
        let settings = load_settings(profile)?;
        let client = connect::client(&settings).await?;
        Ok(Session { settings, client, out })
    }
}

/// Prepares to read the settings, with those of the profile that the command line names.
pub(crate) fn settings(profile: Option<&str>) -> SettingsBuilder {
    match profile {
        Some(profile) => Settings::builder().profile(profile),
        None => Settings::builder(),
    }
}

/// Reads the settings and warns of what sets nothing.
pub(crate) fn load_settings(profile: Option<&str>) -> Result<Settings, Failure> {
    let result = settings(profile).load();
    // A name that is not quite that of a setting may be the reason for what is wrong.
    for warning in result.as_ref().map_or_else(SettingsError::warnings, Settings::warnings) {
        note(&format!("warning: {warning}"));
    }
    Ok(result?)
}
