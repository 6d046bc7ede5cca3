//! The file of a project, and how keys of files become settings.

use std::path::{Path, PathBuf};

use super::document::{Content, Document, Entry, read};
use super::error::SettingsProblem;
use super::layer::{Found, Layer, Report};
use super::names::{find_setting, nearest_setting};
use super::source::Source;
use super::warning::SettingsWarning;

/// The name of a project's file.
pub const PROJECT_FILE: &str = "flowcore.toml";

/// Finds the project's file in a folder, or in the nearest one above that has one.
pub(super) fn find(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join(PROJECT_FILE)).find(|file| file.is_file())
}

/// Reads a project's file.
pub(super) fn layer(file: &Path, report: &mut Report) -> Layer {
    match read(file, report) {
        Document::Read(entries) => settings(file, &entries, 0, None, report),
        Document::Absent | Document::Unusable => Layer::default(),
    }
}

/// Reads the settings among the entries of a file, below the first `depth` keys of their paths.
pub(super) fn settings(
    file: &Path,
    entries: &[Entry],
    depth: usize,
    profile: Option<&str>,
    report: &mut Report,
) -> Layer {
    let mut layer = Layer::default();
    for entry in entries {
        let key = entry.path.get(depth..).unwrap_or_default().join(".");
        let found = find_setting(&key);
        let place = format!("{}:{}: {key}", file.display(), entry.line);
        match (&entry.content, found) {
            (Content::Table, Err(_)) => {}
            (_, Err(_)) => {
                let nearest = nearest_setting(&key);
                report.warnings.push(SettingsWarning::UnknownKey {
                    file: file.to_owned(),
                    line: entry.line,
                    key,
                    nearest,
                });
            }
            (_, Ok(name)) if profile.is_some() && !name.setting.is_in_profiles() => {
                report.problems.push(SettingsProblem::NotInProfile { place, variable: name.setting.name() });
            }
            (Content::Table | Content::Odd, Ok(name)) => {
                report.problems.push(SettingsProblem::NotPlain { place, allowed: name.setting.allowed() });
            }
            (Content::Text(text), Ok(name)) => {
                let (file, line) = (file.to_owned(), entry.line);
                let folder = file.parent().map(Path::to_owned).unwrap_or_default();
                let source = match profile {
                    None => Source::File { file, line },
                    Some(profile) => Source::Profile { name: profile.to_owned(), file, line },
                };
                layer.add(name, Found { text: text.clone(), source, place, folder }, report);
            }
        }
    }
    layer
}
