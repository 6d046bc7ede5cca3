//! What a command works with: settings, the client over the database, the output.

use std::sync::Arc;

use flowcore::client::Client;
use flowcore::connect;
use flowcore::settings::Settings;

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
    pub(crate) async fn open(out: &'a mut Output) -> Result<Self, Failure> {
        let settings = load_settings()?;
        let client = connect::client(&settings).await?;
        Ok(Session { settings, client, out })
    }
}

/// Reads the settings and warns of what is rarely meant.
pub(crate) fn load_settings() -> Result<Settings, Failure> {
    let settings = Settings::load()?;
    for warning in settings.warnings() {
        note(&format!("warning: {warning}"));
    }
    Ok(settings)
}
