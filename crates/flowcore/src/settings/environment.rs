//! What variables say: those of the environment, and those of a `.env` file.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::dotenv;
use super::error::SettingsProblem;
use super::known::known_settings;
use super::layer::{Found, Layer, Report};
use super::names::{FILE, find_variable};
use super::source::Source;
use super::value_file::because;
use super::warning::{SettingsWarning, unknown_variables};

/// Variables with their values.
pub(super) struct Environment {
    variables: BTreeMap<OsString, OsString>,
    /// The file that they stand in, and in which lines.
    file: Option<(PathBuf, BTreeMap<OsString, usize>)>,
}

impl Environment {
    pub(super) fn of_process() -> Self {
        Environment::of(std::env::vars_os())
    }

    pub(super) fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Environment { variables: variables.into_iter().collect(), file: None }
    }

    /// Asks about each variable that is ever read.
    pub(super) fn of_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Self {
        let settings = known_settings().flat_map(|known| known.variables()).copied();
        let names = settings.flat_map(both).chain(["HOME", "XDG_DATA_HOME"].map(str::to_owned));
        Environment::of(names.filter_map(|name| lookup(&name).map(|value| (name.into(), value.into()))))
    }

    /// Reads a `.env` file, in which there is nothing if it is not there.
    pub(super) fn of_file(file: &Path, report: &mut Report) -> Self {
        let text = match std::fs::read(file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => {
                let absent = [std::io::ErrorKind::NotFound, std::io::ErrorKind::IsADirectory];
                if !absent.contains(&error.kind()) {
                    report.problems.push(SettingsProblem::File { file: file.to_owned(), reason: because(&error) });
                }
                String::new()
            }
        };
        let lines = dotenv::variables(&text);
        Environment {
            file: Some((file.to_owned(), lines.iter().map(|(line, name, _)| (name.into(), *line)).collect())),
            variables: lines.into_iter().map(|(_, name, value)| (name.into(), value.into())).collect(),
        }
    }

    /// Gives the text of a variable.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.variables.get(OsStr::new(name))?.to_str().map(str::to_owned)
    }

    /// Reads the settings: of a setting's variables, the first one that is set counts.
    pub(super) fn layer(&self, report: &mut Report) -> Layer {
        self.warn_of_unknown(report);
        let mut layer = Layer::default();
        for known in known_settings() {
            let set = |variable: &&str| both(variable).iter().any(|name| self.is_set(name));
            let Some(variable) = known.variables().iter().copied().find(set) else { continue };
            for name in both(variable).into_iter().filter(|name| self.is_set(name)) {
                let Some(setting) = find_variable(&name) else { continue };
                match self.text(&name) {
                    Some(text) => layer.add(setting, self.found(name, text), report),
                    None => report.problems.push(SettingsProblem::NotText { variable: name }),
                }
            }
        }
        layer
    }

    /// Tells whether this is the name of a setting, and has a value that is not empty.
    fn is_set(&self, name: &str) -> bool {
        let blank = |value: &OsString| value.to_str().is_some_and(|text| text.trim().is_empty());
        find_variable(name).is_some() && self.variables.get(OsStr::new(name)).is_some_and(|value| !blank(value))
    }

    fn found(&self, name: String, text: String) -> Found {
        let Some((file, line)) = self.line(&name) else {
            return Found { text, source: Source::Environment(name.clone()), place: name, folder: PathBuf::new() };
        };
        let folder = file.parent().map(Path::to_owned).unwrap_or_default();
        let place = format!("{}:{line}: {name}", file.display());
        Found { text, source: Source::File { file: file.to_owned(), line }, place, folder }
    }

    fn line(&self, name: &str) -> Option<(&Path, usize)> {
        let (file, lines) = self.file.as_ref()?;
        Some((file, *lines.get(OsStr::new(name))?))
    }

    fn warn_of_unknown(&self, report: &mut Report) {
        let warnings = unknown_variables(self.variables.keys().filter_map(|name| name.to_str()));
        report.warnings.extend(warnings.into_iter().map(|warning| match warning {
            SettingsWarning::UnknownVariable { name, nearest } => match self.line(&name) {
                None => SettingsWarning::UnknownVariable { name, nearest },
                Some((file, line)) => {
                    SettingsWarning::UnknownKey { file: file.to_owned(), line, key: name.clone(), nearest }
                }
            },
            warning => warning,
        }));
    }
}

/// Lists a variable and its sister that names a file.
fn both(variable: &str) -> [String; 2] {
    [variable.to_owned(), format!("{variable}{FILE}")]
}
