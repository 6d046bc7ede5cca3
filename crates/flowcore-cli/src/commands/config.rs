//! `flowcore config`: the settings.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use flowcore::settings::{PROJECT_FILE, Places, Setting, SettingName, Settings, SettingsError, Source, find_setting};
use serde::Serialize;

use crate::arguments::OutputArguments;
use crate::failure::Failure;
use crate::output::{Output, complain, note};
use crate::session::{load_settings, settings};
use crate::settings_file::SettingsFile;
use crate::settings_table::{Spelling, set, unset};
use crate::text::one_line;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Shows every setting with its value. Passwords and secrets are not shown.
    View(View),
    /// Sets settings in the profile that counts, or in the project's file.
    ///
    /// Where no profile counts, the profile `default` is made and becomes the active one.
    Set(Set),
    /// Removes settings from the profile that counts, or from the project's file.
    Unset(Unset),
    /// Checks all settings, of every profile, and says what is wrong.
    ///
    /// The exit code is 1 when a value is wrong or a name is unknown.
    Validate(OutputArguments),
}

#[derive(Debug, Args)]
pub(crate) struct View {
    /// Also show where each value came from.
    #[arg(long)]
    show_sources: bool,
    /// Only show what is set.
    #[arg(long)]
    hide_defaults: bool,
    /// Also show what is not set, which is done anyway.
    #[arg(long, hide = true, conflicts_with = "hide_defaults")]
    show_defaults: bool,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Settings with their values: database.url=memory: or FLOWCORE_DATABASE_URL=memory:. A name that ends with _file
    /// is set to the path of a file that holds the value.
    #[arg(value_name = "KEY=VALUE", required = true)]
    settings: Vec<String>,
    /// Set them in flowcore.toml: the nearest one from here upwards, or a new one here.
    #[arg(long)]
    project: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Unset {
    /// Settings: database.url or FLOWCORE_DATABASE_URL.
    #[arg(value_name = "KEY", required = true)]
    settings: Vec<String>,
    /// Remove them from flowcore.toml, the nearest one from here upwards.
    #[arg(long)]
    project: bool,
}

/// A setting as programs get it.
#[derive(Serialize)]
pub(super) struct Row {
    name: &'static str,
    key: &'static str,
    value: String,
    source: String,
}

impl From<Setting> for Row {
    fn from(setting: Setting) -> Self {
        let source = match setting.source {
            // This command sets nothing but what it is told to.
            Source::Code => "command line".to_owned(),
            source => source.to_string(),
        };
        Row { name: setting.name, key: setting.key, value: setting.value, source }
    }
}

#[derive(Serialize)]
struct Verdict {
    valid: bool,
    errors: Vec<String>,
    warnings: Vec<String>,
}

pub(super) fn run(command: &ConfigCommand, profile: Option<&str>, out: &mut Output) -> Result<u8, Failure> {
    match command {
        ConfigCommand::View(arguments) => view(arguments, profile, out).map(|()| 0),
        ConfigCommand::Set(arguments) => set_all(arguments, profile, out).map(|()| 0),
        ConfigCommand::Unset(arguments) => unset_all(arguments, profile, out).map(|()| 0),
        ConfigCommand::Validate(output) => validate(*output, profile, out),
    }
}

fn view(arguments: &View, profile: Option<&str>, out: &mut Output) -> Result<(), Failure> {
    let entries = load_settings(profile)?.entries().into_iter();
    let shown = entries.filter(|entry| !arguments.hide_defaults || entry.source != Source::Default);
    print(shown, arguments.show_sources, arguments.output, out)
}

/// Prints settings, as they would stand in a shell's script for people.
pub(super) fn print(
    settings: impl Iterator<Item = Setting>,
    sources: bool,
    output: OutputArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let rows: Vec<Row> = settings.map(Row::from).collect();
    if output.json() {
        return out.json(&rows);
    }
    for Row { name, value, source, .. } in rows {
        let source = if sources { format!(" (from {source})") } else { String::new() };
        out.line(format!("{name}='{}'{source}", one_line(&value)))?;
    }
    Ok(())
}

/// Sets one setting in the profile that counts.
pub(super) fn keep(key: &str, value: &str, profile: Option<&str>, out: &mut Output) -> Result<(), Failure> {
    let arguments = Set { settings: vec![format!("{key}={value}")], project: false };
    set_all(&arguments, profile, out)
}

fn set_all(arguments: &Set, profile: Option<&str>, out: &mut Output) -> Result<(), Failure> {
    let pairs: Vec<(SettingName, &str)> =
        arguments.settings.iter().map(|text| pair(text)).collect::<Result<_, Failure>>()?;
    let places = settings(profile).places()?;
    let mut target = Target::of(places, arguments.project)?;
    let folder = target.path().parent().map(PathBuf::from).unwrap_or_default();
    let mut done = Vec::new();
    // All are checked before the first is written.
    for (name, text) in &pairs {
        target.refuse(*name)?;
        let checked = name.check(text, &folder).map_err(|error| Failure::Usage(error.to_string()))?;
        done.push((checked.key, format!("Set {} to '{}' in {target}.", checked.key, one_line(&checked.value))));
    }
    target.change(|table, spelling| {
        pairs.iter().for_each(|(name, text)| set(table, *name, text, spelling));
        Ok(())
    })?;
    let now = settings(profile).load().ok();
    for (key, line) in done {
        out.line(line)?;
        if let Some(stronger) = now.as_ref().and_then(|now| target.stronger(now, key)) {
            note(&format!("warning: {key} is also set by {stronger}, which counts more"));
        }
    }
    Ok(())
}

fn unset_all(arguments: &Unset, profile: Option<&str>, out: &mut Output) -> Result<(), Failure> {
    let names: Vec<SettingName> = arguments.settings.iter().map(|name| known(name)).collect::<Result<_, Failure>>()?;
    let mut target = Target::of(settings(profile).places()?, arguments.project)?;
    let place = target.to_string();
    target.change(|table, _| {
        for name in &names {
            if !unset(table, name.setting) {
                return Err(Failure::new(format!("{} is not set in {place}", name.setting.key())));
            }
        }
        Ok(())
    })?;
    for name in names {
        out.line(format!("Removed {} from {place}.", name.setting.key()))?;
    }
    Ok(())
}

fn pair(text: &str) -> Result<(SettingName, &str), Failure> {
    let Some((name, value)) = text.split_once('=') else {
        // What was given may be a secret without its name.
        return Err(Failure::Usage("a value is missing: write KEY=VALUE, such as task_limit=8".to_owned()));
    };
    Ok((known(name.trim())?, value.trim()))
}

fn known(name: &str) -> Result<SettingName, Failure> {
    find_setting(name).map_err(|error| Failure::Usage(error.to_string()))
}

/// The file, and the part of it, that a command changes.
enum Target {
    Project(PathBuf),
    Profile {
        file: PathBuf,
        name: String,
        /// It is made, and becomes the active one.
        new: bool,
    },
}

impl Target {
    fn of(places: Places, project: bool) -> Result<Self, Failure> {
        if project {
            let here = || Ok::<_, Failure>(std::env::current_dir()?.join(PROJECT_FILE));
            return Ok(Target::Project(places.project.map_or_else(here, Ok)?));
        }
        let file = places.profiles.file().to_owned();
        Ok(match places.profile {
            Some((name, _)) => Target::Profile { file, name, new: false },
            None => Target::Profile { file, name: "default".to_owned(), new: true },
        })
    }

    fn path(&self) -> &PathBuf {
        match self {
            Target::Project(file) | Target::Profile { file, .. } => file,
        }
    }

    /// Refuses what a profile cannot set.
    fn refuse(&self, name: SettingName) -> Result<(), Failure> {
        let setting = name.setting;
        match self {
            Target::Profile { .. } if !setting.is_in_profiles() => Err(Failure::Usage(format!(
                "{} cannot be set in a profile: set the variable {}, or use --project",
                setting.key(),
                setting.name()
            ))),
            Target::Profile { .. } | Target::Project(_) => Ok(()),
        }
    }

    fn change(
        &mut self,
        change: impl FnOnce(&mut dyn toml_edit::TableLike, Spelling) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match self {
            Target::Project(path) => {
                let mut file = SettingsFile::open(path, false)?;
                change(file.document.as_table_mut(), Spelling::Key)?;
                file.save()
            }
            Target::Profile { file, name, new } => {
                let mut file = SettingsFile::open(file, true)?;
                if *new {
                    file.profiles()?.entry(name).or_insert_with(toml_edit::table);
                    file.activate(name);
                }
                change(file.profile(name)?, Spelling::Variable)?;
                file.save()
            }
        }
    }

    /// Tells what counts more than what was just set here.
    fn stronger(&self, settings: &Settings, key: &str) -> Option<Source> {
        let source = settings.entries().into_iter().find(|entry| entry.key == key)?.source;
        let is_own = match &source {
            Source::File { file, .. } | Source::Profile { file, .. } => file == self.path(),
            _ => false,
        };
        (!is_own).then_some(source)
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Project(file) => write!(f, "{}", file.display()),
            Target::Profile { name, .. } => write!(f, "profile '{}'", one_line(name)),
        }
    }
}

fn validate(output: OutputArguments, profile: Option<&str>, out: &mut Output) -> Result<u8, Failure> {
    let mut verdict = Verdict { valid: true, errors: Vec::new(), warnings: Vec::new() };
    verdict.take(settings(profile).load());
    // Without a way to them there is nothing to say of the other profiles.
    if let Ok(places) = settings(profile).places() {
        for name in places.profiles.names() {
            verdict.take(settings(Some(name)).load());
        }
    }
    verdict.valid = verdict.errors.is_empty() && verdict.warnings.is_empty();
    if output.json() {
        out.json(&verdict)?;
    } else if verdict.valid {
        out.line("The settings are valid.")?;
    } else {
        verdict.errors.iter().for_each(|error| complain(error));
        verdict.warnings.iter().for_each(|warning| note(&format!("warning: {warning}")));
    }
    Ok(u8::from(!verdict.valid))
}

impl Verdict {
    /// Takes what is new.
    fn take(&mut self, result: Result<Settings, SettingsError>) {
        let (problems, warnings) = match &result {
            Ok(settings) => (&[][..], settings.warnings()),
            Err(error) => (error.problems(), error.warnings()),
        };
        let errors: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        for (known, new) in [(&mut self.errors, errors), (&mut self.warnings, warnings)] {
            for text in new {
                if !known.contains(&text) {
                    known.push(text);
                }
            }
        }
    }
}
