//! Putting settings together from where they stand.

use std::ffi::OsString;
use std::path::PathBuf;

use super::environment::Environment;
use super::error::{SettingsError, SettingsProblem};
use super::home::data_directory;
use super::known;
use super::layer::{Found, Layer, Report};
use super::names::find_setting;
use super::parse;
use super::profiles::Profiles;
use super::project;
use super::source::Source;
use super::values::Settings;

/// Reads settings, from the process or from what it is told to take for it.
///
/// ```
/// use flowcore::settings::Settings;
///
/// # let folder = std::env::temp_dir();
/// let settings = Settings::builder().set("home", folder.display()).set("task_limit", 8).load()?;
/// assert_eq!(settings.task_limit, 8);
/// # Ok::<(), flowcore::settings::SettingsError>(())
/// ```
#[derive(Default)]
pub struct SettingsBuilder {
    set: Vec<(String, String)>,
    environment: Option<Environment>,
    folder: Option<PathBuf>,
    without_files: bool,
}

/// Where settings stand.
#[derive(Debug)]
#[non_exhaustive]
pub struct Places {
    /// The home folder, which need not exist.
    pub home: PathBuf,
    /// The project's file, if there is one.
    pub project: Option<PathBuf>,
    /// The profiles.
    pub profiles: Profiles,
    /// The profile whose settings count, which need not exist, and what chose it.
    pub profile: Option<(String, Source)>,
}

impl SettingsBuilder {
    /// Sets a setting, by its key or its variable. This counts more than all that is read.
    ///
    /// What it may be is checked by [`load`](Self::load).
    #[must_use]
    pub fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.set.push((name.to_owned(), value.to_string()));
        self
    }

    /// Chooses a profile.
    #[must_use]
    pub fn profile(self, name: &str) -> Self {
        self.set(known::PROFILE.key(), name)
    }

    /// Takes these variables for the environment.
    #[must_use]
    pub fn environment<K, V>(self, variables: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        SettingsBuilder { environment: Some(Environment::of(variables)), ..self }
    }

    /// Takes for the environment what `lookup` says about each variable. Which unknown ones there are it cannot say.
    #[must_use]
    pub fn lookup(self, lookup: &dyn Fn(&str) -> Option<String>) -> Self {
        SettingsBuilder { environment: Some(Environment::of_lookup(lookup)), ..self }
    }

    /// Looks for `.env` in this folder, and for `flowcore.toml` from there upwards, instead of in the current folder.
    #[must_use]
    pub fn folder(self, folder: impl Into<PathBuf>) -> Self {
        SettingsBuilder { folder: Some(folder.into()), ..self }
    }

    /// Reads neither `.env` nor `flowcore.toml` nor profiles.
    #[must_use]
    pub fn without_files(self) -> Self {
        SettingsBuilder { without_files: true, ..self }
    }

    /// Reads the settings.
    ///
    /// # Errors
    /// When settings are wrong: all that is wrong at once.
    pub fn load(self) -> Result<Settings, SettingsError> {
        let Sought { mut layers, mut report, default_home, .. } = self.seek();
        if !self.without_files
            && let Some(home) = home(&layers, default_home.clone())
            && let Some(profiles) = Profiles::load(&home, &mut report)
        {
            profiles.warn_of_strangers(&mut report);
            layers.push(profile_layer(&layers, &profiles, &mut report));
        }
        Settings::resolve(&layers, default_home, report)
    }

    /// Tells where the settings stand, whatever they are: what is wrong with values does not matter.
    ///
    /// # Errors
    /// When there is no home folder, or a file cannot be read, so that there is no knowing.
    pub fn places(self) -> Result<Places, SettingsError> {
        let Sought { layers, mut report, default_home, project } = self.seek();
        let hides = |problem: &_| matches!(problem, SettingsProblem::File { .. } | SettingsProblem::Syntax { .. });
        report.problems.retain(hides);
        SettingsError::check(report)?;
        let home = home(&layers, default_home).ok_or(SettingsProblem::NoHome)?;
        let profiles = Profiles::read(&home)?;
        let chosen = layers.iter().find_map(|layer| layer.get(known::PROFILE.name()));
        let profile =
            chosen.map(|found| (found.text.clone(), found.source.clone())).or_else(|| profiles.active_source());
        Ok(Places { home, project, profiles, profile })
    }

    /// Reads everything but profiles.
    fn seek(&self) -> Sought {
        let mut report = Report::default();
        let of_process;
        let environment = match &self.environment {
            Some(environment) => environment,
            None => {
                of_process = Environment::of_process();
                &of_process
            }
        };
        let mut layers = vec![self.code(&mut report), environment.layer(&mut report)];
        let folder = self.folder.clone().or_else(|| std::env::current_dir().ok()).filter(|_| !self.without_files);
        if let Some(folder) = &folder {
            layers.push(Environment::of_file(&folder.join(".env"), &mut report).layer(&mut report));
        }
        let project = folder.as_deref().and_then(project::find);
        layers.extend(project.as_deref().map(|file| project::layer(file, &mut report)));
        let default_home = data_directory(cfg!(target_os = "macos"), &|name| environment.text(name));
        Sought { layers, report, default_home, project }
    }

    /// Reads what was set in code; of what was set twice, the last counts.
    fn code(&self, report: &mut Report) -> Layer {
        let mut layer = Layer::default();
        for (name, text) in self.set.iter().rev() {
            match find_setting(name) {
                Ok(known) if layer.get(known.setting.name()).is_none() => {
                    let place = format!("{name}, as set in code,");
                    let found = Found { text: text.clone(), source: Source::Code, place, folder: PathBuf::new() };
                    layer.add(known, found, report);
                }
                Ok(_) => {}
                Err(unknown) => report.problems.push(unknown.into()),
            }
        }
        layer
    }
}

/// What was read before a profile is looked for.
struct Sought {
    layers: Vec<Layer>,
    report: Report,
    default_home: Option<PathBuf>,
    project: Option<PathBuf>,
}

/// Finds the home folder that the layers agree on.
fn home(layers: &[Layer], default: Option<PathBuf>) -> Option<PathBuf> {
    match layers.iter().find_map(|layer| layer.get(known::HOME.name())) {
        Some(found) => parse::folder(found),
        None => default,
    }
}

/// Reads the profile that the layers or the file of profiles choose, with its name.
fn profile_layer(layers: &[Layer], profiles: &Profiles, report: &mut Report) -> Layer {
    if let Some(chosen) = layers.iter().find_map(|layer| layer.get(known::PROFILE.name())) {
        return profiles.layer(&chosen.text, &chosen.place, report);
    }
    let Some((name, source)) = profiles.active_source() else { return Layer::default() };
    let place = format!("{source}: active");
    let mut layer = profiles.layer(&name, &place, report);
    if let Ok(known) = find_setting(known::PROFILE.key()) {
        layer.add(known, Found { text: name, source, place, folder: PathBuf::new() }, report);
    }
    layer
}

#[cfg(all(test, feature = "settings-files"))]
#[path = "builder_tests.rs"]
mod tests;
