//! What one source of settings says, before anything is checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::error::SettingsProblem;
use super::names::SettingName;
use super::source::Source;
use super::value_file;
use super::warning::SettingsWarning;

/// A value as it was written.
pub(super) struct Found {
    pub(super) text: String,
    pub(super) source: Source,
    /// Where it stands, for messages.
    pub(super) place: String,
    /// The folder that relative paths begin in: that of the file it stands in, or else the process's own.
    pub(super) folder: PathBuf,
}

/// What one source says, by the names of settings.
#[derive(Default)]
pub(super) struct Layer {
    found: BTreeMap<&'static str, Found>,
}

impl Layer {
    /// Finds what is said about a setting.
    pub(super) fn get(&self, name: &str) -> Option<&Found> {
        self.found.get(name)
    }

    /// Takes what is said about a setting, and reads the value from its file if it stands in one. What is empty counts
    /// as absent. Saying something twice is a problem.
    pub(super) fn add(&mut self, name: SettingName, mut found: Found, report: &mut Report) {
        if found.text.trim().is_empty() {
            return;
        }
        if name.from_file {
            let path = found.folder.join(found.text.trim());
            match value_file::read(&path) {
                Ok(text) => found.text = text,
                Err(reason) => {
                    report.problems.push(SettingsProblem::ValueFile { place: found.place, path, reason });
                    return;
                }
            }
        } else {
            found.text = found.text.trim().to_owned();
        }
        match self.found.get(name.setting.name()) {
            None => {
                self.found.insert(name.setting.name(), found);
            }
            Some(other) => {
                let other = other.place.clone();
                report.problems.push(SettingsProblem::SetTwice { place: found.place, other });
            }
        }
    }
}

/// What was noticed on the way.
#[derive(Default)]
pub(super) struct Report {
    pub(super) problems: Vec<SettingsProblem>,
    pub(super) warnings: Vec<SettingsWarning>,
}
