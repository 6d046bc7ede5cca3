//! Profiles: settings under a name, of which one's count.

use std::path::{Path, PathBuf};

use super::document::{Content, Document, Entry, read};
use super::error::{SettingsError, SettingsProblem};
use super::layer::{Layer, Report};
use super::names::nearest;
use super::project;
use super::source::{Setting, Source};
use super::values::Settings;
use super::warning::SettingsWarning;

/// The name of the file of profiles, in the home folder.
pub const PROFILES_FILE: &str = "profiles.toml";

/// The profiles of a home folder.
#[derive(Debug)]
pub struct Profiles {
    file: PathBuf,
    active: Option<(String, usize)>,
    names: Vec<String>,
    entries: Vec<Entry>,
}

impl Profiles {
    /// Reads the profiles of a home folder. Where there is no file, there are none.
    ///
    /// # Errors
    /// When the file cannot be read, or is no TOML.
    pub fn read(home: &Path) -> Result<Self, SettingsError> {
        let mut report = Report::default();
        let profiles = Profiles::load(home, &mut report);
        SettingsError::check(report)?;
        Ok(profiles.unwrap_or_else(|| Profiles::of(home.join(PROFILES_FILE), Vec::new())))
    }

    /// Reads the profiles, or reports why there is no knowing them.
    pub(super) fn load(home: &Path, report: &mut Report) -> Option<Self> {
        let file = home.join(PROFILES_FILE);
        let entries = match read(&file, report) {
            Document::Absent => Vec::new(),
            Document::Unusable => return None,
            Document::Read(entries) => entries,
        };
        Some(Profiles::of(file, entries))
    }

    fn of(file: PathBuf, entries: Vec<Entry>) -> Self {
        let active = entries.iter().find_map(|entry| match (&entry.path[..], &entry.content) {
            ([key], Content::Text(name)) if key == ACTIVE && !name.is_empty() => Some((name.clone(), entry.line)),
            _ => None,
        });
        let mut names: Vec<String> = entries
            .iter()
            .filter_map(|entry| match (&entry.path[..], &entry.content) {
                ([table, name], Content::Table) if table == PROFILES => Some(name.clone()),
                _ => None,
            })
            .collect();
        // A profile that is only written with dotted keys may be mentioned in several places.
        names.sort();
        names.dedup();
        Profiles { file, active, names, entries }
    }

    /// Returns the file, which need not exist.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the profile that the file says is active, which need not exist.
    pub fn active(&self) -> Option<&str> {
        self.active.as_ref().map(|(name, _)| &**name)
    }

    /// Says where the active profile is named.
    pub(super) fn active_source(&self) -> Option<(String, Source)> {
        let (name, line) = self.active.clone()?;
        Some((name, Source::File { file: self.file.clone(), line }))
    }

    /// Lists the names of the profiles, sorted.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Lists what a profile sets, without secrets.
    ///
    /// # Errors
    /// When there is no such profile, or what it sets is wrong.
    pub fn inspect(&self, name: &str) -> Result<Vec<Setting>, SettingsError> {
        let mut report = Report::default();
        let layer = self.layer(name, "the command", &mut report);
        let home = self.file.parent().unwrap_or(Path::new("/"));
        let settings = Settings::resolve(&[layer], Some(home.to_owned()), report)?.entries();
        Ok(settings.into_iter().filter(|setting| matches!(setting.source, Source::Profile { .. })).collect())
    }

    /// Reads the settings of a profile, which `chosen` asks for.
    pub(super) fn layer(&self, name: &str, chosen: &str, report: &mut Report) -> Layer {
        if !self.names.iter().any(|known| known == name) {
            report.problems.push(SettingsProblem::NoProfile {
                name: name.to_owned(),
                file: self.file.clone(),
                chosen: chosen.to_owned(),
                nearest: nearest(name, self.names.iter().map(String::as_str)).map(str::to_owned),
            });
            return Layer::default();
        }
        let is_own =
            |entry: &&Entry| matches!(&entry.path[..], [table, own, _, ..] if table == PROFILES && own == name);
        let own: Vec<Entry> = self.entries.iter().filter(is_own).cloned().collect();
        project::settings(&self.file, &own, 2, Some(name), report)
    }

    /// Warns of keys that belong to no profile.
    pub(super) fn warn_of_strangers(&self, report: &mut Report) {
        for entry in &self.entries {
            let is_stranger = match (&entry.path[..], &entry.content) {
                ([key], Content::Text(_)) => key != ACTIVE && key != PROFILES,
                ([key], _) => key != PROFILES,
                ([table, _], Content::Table) => table != PROFILES,
                ([_, _], _) => true,
                _ => false,
            };
            if is_stranger {
                let key = entry.path.join(".");
                let nearest = nearest(&key, [ACTIVE, PROFILES].into_iter());
                report.warnings.push(SettingsWarning::UnknownKey {
                    file: self.file.clone(),
                    line: entry.line,
                    key,
                    nearest,
                });
            }
        }
    }
}

const ACTIVE: &str = "active";
const PROFILES: &str = "profiles";
