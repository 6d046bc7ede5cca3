//! Values that somebody is about to write.

use std::path::{Path, PathBuf};

use super::error::{SettingsError, SettingsProblem};
use super::layer::{Found, Layer, Report};
use super::names::SettingName;
use super::source::{Setting, Source};
use super::values::Settings;

impl SettingName {
    /// Checks a value that is to be written into a file in `folder`, and tells what it will be.
    ///
    /// # Errors
    /// When it is not allowed, or the file that it names cannot be used.
    pub fn check(self, value: &str, folder: &Path) -> Result<Setting, SettingsError> {
        let mut report = Report::default();
        let mut layer = Layer::default();
        let key = self.setting.key();
        let place = if self.from_file { format!("{key}_file") } else { key.to_owned() };
        let found =
            Found { text: value.to_owned(), source: Source::Code, place: place.clone(), folder: folder.to_owned() };
        layer.add(self, found, &mut report);
        if report.problems.is_empty() && layer.get(self.setting.name()).is_none() {
            let (value, allowed) = (value.to_owned(), self.setting.allowed());
            return Err(SettingsProblem::Invalid { place, value, allowed }.into());
        }
        let settings = Settings::resolve(&[layer], Some(PathBuf::from("/")), report)?;
        let entry = settings.entries().into_iter().find(|entry| entry.name == self.setting.name());
        entry.ok_or_else(|| SettingsProblem::NoHome.into())
    }
}
