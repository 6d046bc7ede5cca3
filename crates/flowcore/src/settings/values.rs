//! The settings themselves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fmt};

use super::error::SettingsError;
use super::home::data_directory;
use super::known::{self, Known};
use super::redact::{redact_url, split_scheme};
use super::unknown::{UnknownVariable, unknown_variables};
use super::value::{Setting, Source, Synchronous};
use crate::model::LogLevel;

/// Every setting, read and checked.
#[derive(Clone)]
pub struct Settings {
    /// The folder for everything that flowcore keeps on this machine. Absolute; it need not exist yet.
    pub home: PathBuf,
    /// The database's address. It may hold a password: show it by [`redact_url`](super::redact_url).
    pub database_url: String,
    /// When SQLite waits until the disk has what it wrote.
    pub sqlite_synchronous: Synchronous,
    /// The result storage's address.
    pub result_storage: String,
    /// The least grave lines that are logged.
    pub log_level: LogLevel,
    /// The largest result, in bytes, that is kept with the run itself. Larger ones go to the result storage.
    pub inline_result_limit: u64,
    /// How many submitted tasks of one flow run run at once, at most.
    pub task_limit: usize,
    /// Where the values came from, by name; what is not in here is a default.
    sources: BTreeMap<&'static str, Source>,
    /// Settings of the S3 storage, which reads them itself.
    s3: Vec<Setting>,
    unknown: Vec<UnknownVariable>,
}

impl Settings {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// When a variable holds what its setting cannot be, or there is neither `FLOWCORE_HOME` nor a home directory.
    pub fn load() -> Result<Self, SettingsError> {
        for variable in known::all().flat_map(|known| known.variables) {
            if let Err(env::VarError::NotUnicode(_)) = env::var(variable) {
                return Err(SettingsError::NotText { variable });
            }
        }
        let mut settings = Settings::from_lookup(&|name| env::var(name).ok())?;
        settings.unknown = unknown_variables(env::vars_os().filter_map(|(name, _)| name.into_string().ok()));
        Ok(settings)
    }

    /// Reads the settings from what `lookup` says about each variable. One that is empty counts as absent.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut reader = Reader { lookup, sources: BTreeMap::new() };
        let home = match reader.read(&known::HOME, |text| std::path::absolute(text).ok())? {
            Some(home) => home,
            None => data_directory(cfg!(target_os = "macos"), lookup).ok_or(SettingsError::NoHome)?,
        };
        let inside = |name: &str| {
            let path = home.join(name).into_os_string().into_string();
            path.map_err(|_| SettingsError::HomeNotText(home.display().to_string()))
        };
        let (database_file, results_folder) = (inside("flowcore.db")?, inside("results")?);
        Ok(Settings {
            database_url: reader
                .read(&known::DATABASE_URL, database_url)?
                .unwrap_or_else(|| default_database(database_file)),
            sqlite_synchronous: reader.read(&known::SQLITE_SYNCHRONOUS, |text| text.parse().ok())?.unwrap_or_default(),
            result_storage: reader
                .read(&known::RESULT_STORAGE, storage_url)?
                .unwrap_or_else(|| default_storage(&results_folder)),
            log_level: reader.read(&known::LOGGING_LEVEL, |text| text.parse().ok())?.unwrap_or(LogLevel::Info),
            inline_result_limit: reader.read(&known::INLINE_RESULT_LIMIT, bytes)?.unwrap_or(16 * 1024),
            task_limit: reader
                .read(&known::TASK_LIMIT, |text| text.parse().ok().filter(|limit| *limit > 0))?
                .unwrap_or(256),
            s3: known::S3.iter().filter_map(|known| reader.listed(known)).collect(),
            home,
            sources: reader.sources,
            unknown: Vec::new(),
        })
    }

    /// Gives the database's address with what the other settings say about the database.
    pub fn store_url(&self) -> String {
        let url = &self.database_url;
        let is_default = self.sqlite_synchronous == Synchronous::default();
        if is_default || !url.starts_with("sqlite") || url.contains("synchronous=") {
            return url.clone();
        }
        let separator = if url.contains('?') { '&' } else { '?' };
        format!("{url}{separator}synchronous={}", self.sqlite_synchronous.as_str().to_lowercase())
    }

    /// Lists the settings with their values, without secrets, and where these came from.
    ///
    /// Of the S3 storage only what is set is listed.
    pub fn entries(&self) -> Vec<Setting> {
        let entry = |known: &Known, value: String| Setting { name: known.name(), value, source: self.source(known) };
        let mut entries = vec![
            entry(&known::HOME, self.home.display().to_string()),
            entry(&known::DATABASE_URL, redact_url(&self.database_url)),
            entry(&known::SQLITE_SYNCHRONOUS, self.sqlite_synchronous.as_str().to_owned()),
            entry(&known::RESULT_STORAGE, redact_url(&self.result_storage)),
            entry(&known::LOGGING_LEVEL, self.log_level.as_str().to_owned()),
            entry(&known::INLINE_RESULT_LIMIT, self.inline_result_limit.to_string()),
            entry(&known::TASK_LIMIT, self.task_limit.to_string()),
        ];
        entries.extend(self.s3.iter().cloned());
        entries
    }

    /// Tells where a setting's value came from.
    pub(super) fn source(&self, known: &Known) -> Source {
        self.sources.get(known.name()).copied().unwrap_or_default()
    }

    /// Lists the variables that begin with `FLOWCORE_` and set nothing. [`Settings::warnings`] has them.
    ///
    /// Only [`Settings::load`] can know them.
    pub fn unknown_variables(&self) -> &[UnknownVariable] {
        &self.unknown
    }
}

/// Without secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries().into_iter().map(|entry| (entry.name, entry.value))).finish()
    }
}

/// Reads variables and remembers where each value came from.
struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    sources: BTreeMap<&'static str, Source>,
}

impl Reader<'_> {
    fn find(&self, known: &Known) -> Option<(&'static str, String)> {
        known.variables.iter().find_map(|variable| {
            let value = (self.lookup)(variable)?.trim().to_owned();
            (!value.is_empty()).then_some((*variable, value))
        })
    }

    fn read<T>(&mut self, known: &Known, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, SettingsError> {
        let Some((variable, text)) = self.find(known) else { return Ok(None) };
        let value = parse(&text).ok_or_else(|| {
            let value = redact_url(&text);
            SettingsError::Invalid { variable, value, allowed: known.allowed }
        })?;
        self.sources.insert(known.name(), Source::Environment(variable));
        Ok(Some(value))
    }

    fn listed(&self, known: &Known) -> Option<Setting> {
        let (variable, text) = self.find(known)?;
        let value = if known.secret { "***".to_owned() } else { redact_url(&text) };
        Some(Setting { name: known.name(), value, source: Source::Environment(variable) })
    }
}

/// Reads a database's address. What no scheme begins is the path of a SQLite file. Relative paths are made absolute,
/// since the program that retries a run is started in another folder.
fn database_url(text: &str) -> Option<String> {
    let Some((scheme, rest)) = split_scheme(text) else {
        return sqlite_url("sqlite", text, "");
    };
    match scheme.split('+').next()? {
        "memory" | "postgres" | "postgresql" => Some(text.to_owned()),
        "sqlite" => {
            let end = rest.find('?').unwrap_or(rest.len());
            let (path, query) = rest.split_at_checked(end)?;
            sqlite_url(scheme, path.strip_prefix("//").unwrap_or(path), query)
        }
        _ => None,
    }
}

/// Gives the database that is used when nothing is said: a file, or memory where files need a feature that is off.
fn default_database(file: String) -> String {
    match cfg!(feature = "sqlite") {
        true => sqlite_url("sqlite", &file, "").unwrap_or(file),
        false => "memory:".to_owned(),
    }
}

/// Gives the result storage that is used when nothing is said, likewise.
fn default_storage(folder: &str) -> String {
    if cfg!(feature = "results") { format!("file://{}", url_path(folder)) } else { "memory:".to_owned() }
}

/// Writes the address of a SQLite file. Its path is not escaped, so that one with a question mark is no address and
/// stands for itself.
fn sqlite_url(scheme: &str, path: &str, query: &str) -> Option<String> {
    if path.is_empty() {
        return None;
    }
    // An absolute path stays as it is, which may be behind the further slash of SQLAlchemy's form.
    let path = if path.starts_with('/') { path.to_owned() } else { absolute(path)? };
    Some(if path.contains('?') { path } else { format!("{scheme}://{path}{query}") })
}

/// Reads a result storage's address: what no scheme begins is the path of a folder, and made absolute.
fn storage_url(text: &str) -> Option<String> {
    match split_scheme(text) {
        None => Some(format!("file://{}", url_path(&absolute(text)?))),
        Some((scheme, _)) => ["file", "s3", "memory"].contains(&scheme).then(|| text.to_owned()),
    }
}

fn absolute(path: &str) -> Option<String> {
    std::path::absolute(Path::new(path)).ok()?.to_str().map(str::to_owned)
}

/// Escapes what would end an address's path or begin an escape.
fn url_path(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
}

/// Reads a size: bytes, or KiB or MiB when that stands behind the number.
fn bytes(text: &str) -> Option<u64> {
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text.get(number.len()..)?.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" => 1024,
        "mib" => 1024 * 1024,
        _ => return None,
    };
    number.trim_end().parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
