//! The settings themselves.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::api::ApiSettings;
use super::builder::SettingsBuilder;
use super::error::{SettingsError, SettingsProblem};
use super::known::{self, KnownSetting};
use super::layer::{Found, Layer, Report};
use super::lock_place::LockPlace;
use super::parse;
use super::redact::{HIDDEN, redact_url};
use super::s3::S3Settings;
use super::server::ServerSettings;
use super::source::{Setting, Source};
use super::synchronous::Synchronous;
use super::warning::SettingsWarning;
use crate::model::LogLevel;

/// Every setting, read and checked.
///
/// Fields may be assigned to: they are listed as set in code then.
#[derive(Clone)]
pub struct Settings {
    /// The folder for everything that flowcore keeps on this machine. Absolute; it need not exist yet. Set by
    /// `FLOWCORE_HOME`; by default `$XDG_DATA_HOME/flowcore`, on macOS `~/Library/Application Support/flowcore`.
    pub home: PathBuf,
    /// The profile whose settings count. Set by `FLOWCORE_PROFILE`; by default the active one of `profiles.toml` in the
    /// home folder, if there is one.
    pub profile: Option<String>,
    /// The database's address. It may hold a password: show it by [`redact_url`]. Set by `FLOWCORE_DATABASE_URL`,
    /// `PREFECT_API_DATABASE_CONNECTION_URL` or `PREFECT_SERVER_DATABASE_CONNECTION_URL`; by default `flowcore.db` in the
    /// home folder.
    pub database_url: String,
    /// The server that runs are reported to.
    pub api: ApiSettings,
    /// When SQLite waits until the disk has what it wrote. Set by `FLOWCORE_SQLITE_SYNCHRONOUS`; by default with every
    /// commit.
    pub sqlite_synchronous: Synchronous,
    /// The result storage's address. Set by `FLOWCORE_RESULT_STORAGE`; by default `results` in the home folder.
    pub result_storage: String,
    /// The least grave lines that are logged. Set by `FLOWCORE_LOGGING_LEVEL` or `PREFECT_LOGGING_LEVEL`; `INFO` by
    /// default.
    pub log_level: LogLevel,
    /// Crates and targets whose log lines are kept with runs beside those of the program itself; `*` stands for all. Set by
    /// `FLOWCORE_LOGGING_EXTRA_TARGETS` or `PREFECT_LOGGING_EXTRA_LOGGERS`, with commas between.
    pub log_extra_targets: Vec<String>,
    /// The address of the user interface in which people look at runs. Set by `FLOWCORE_UI_URL` or `PREFECT_UI_URL`.
    pub ui_url: Option<String>,
    /// The largest result, in bytes, that is kept with the run itself. Larger ones go to the result storage. Set by
    /// `FLOWCORE_INLINE_RESULT_LIMIT`; 16,384 by default.
    pub inline_result_limit: u64,
    /// How many submitted tasks of one flow run run at once, at most. Set by `FLOWCORE_TASK_LIMIT`; 256 by default.
    pub task_limit: usize,
    /// How many flow runs an agent executes at once. Set by `FLOWCORE_AGENT_MAX_CONCURRENT_FLOW_RUNS` or
    /// `PREFECT_AGENT_MAX_CONCURRENT_FLOW_RUNS`; without it as many as are due.
    pub agent_limit: Option<usize>,
    /// The work pool of deployments that name none. Set by `FLOWCORE_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME`,
    /// `PREFECT_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME` or `PREFECT_DEFAULT_WORK_POOL_NAME`.
    pub default_work_pool: Option<String>,
    /// Where locks on keys are kept. Set by `FLOWCORE_LOCK_MANAGER`; without it [`lock_place`](Settings::lock_place) chooses.
    pub lock_manager: Option<LockPlace>,
    /// Where the server listens, whom it answers, and how it logs.
    pub server: ServerSettings,
    /// What the server encrypts blocks with: 32 bytes in Base64, or several such with commas between, of which the first
    /// encrypts and all decrypt. Set by `FLOWCORE_ENCRYPTION_KEY`; `None`, the default, is the file `encryption.key` in the
    /// home folder.
    pub encryption_key: Option<String>,
    /// How to reach S3. Set by the variables that begin with `FLOWCORE_S3_`, or those of Amazon's own tools.
    pub s3: S3Settings,
    /// What was read, by name: the value as it was then, and where it came from. What is not in here was a default.
    read: BTreeMap<&'static str, (Option<String>, Source)>,
    warnings: Vec<SettingsWarning>,
}

impl Settings {
    /// Reads the settings of this process. Of these the first one that says something counts: the environment, `.env` in
    /// the current folder, `flowcore.toml` there or in the nearest folder above, the profile, the default.
    ///
    /// # Errors
    /// When settings are wrong: all that is wrong at once.
    pub fn load() -> Result<Self, SettingsError> {
        Settings::builder().load()
    }

    /// Begins to read settings with something else than the process has: values set in code, another profile.
    pub fn builder() -> SettingsBuilder {
        SettingsBuilder::default()
    }

    /// Reads the settings from what `lookup` says about each variable, and from no files but those that variables name.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        Settings::builder().lookup(lookup).without_files().load()
    }

    /// Checks what the layers say, those that count most first.
    pub(super) fn resolve(
        layers: &[Layer],
        default_home: Option<PathBuf>,
        report: Report,
    ) -> Result<Self, SettingsError> {
        let mut reader = Reader { layers, report, sources: BTreeMap::new() };
        let home = reader.home(default_home);
        let (database_file, results_folder) = (reader.inside(&home, "flowcore.db"), reader.inside(&home, "results"));
        let mut settings = Settings {
            profile: reader.read(&known::PROFILE, parse::text),
            database_url: reader
                .read(&known::DATABASE_URL, parse::database_url)
                .unwrap_or_else(|| default_database(database_file)),
            api: ApiSettings {
                url: reader.read(&known::API_URL, parse::http_url),
                key: reader.read(&known::API_KEY, parse::text),
                auth_string: reader.read(&known::API_AUTH_STRING, parse::text),
                outbox_limit: reader.read(&known::API_OUTBOX_LIMIT, parse::bytes).unwrap_or(1024 * 1024 * 1024),
            },
            sqlite_synchronous: reader
                .read(&known::SQLITE_SYNCHRONOUS, |found| found.text.parse().ok())
                .unwrap_or_default(),
            result_storage: reader
                .read(&known::RESULT_STORAGE, parse::storage_url)
                .unwrap_or_else(|| default_storage(&results_folder)),
            log_level: reader.read(&known::LOGGING_LEVEL, |found| found.text.parse().ok()).unwrap_or(LogLevel::Info),
            log_extra_targets: reader.read(&known::LOGGING_EXTRA_TARGETS, parse::names).unwrap_or_default(),
            ui_url: reader.read(&known::UI_URL, parse::text),
            inline_result_limit: reader.read(&known::INLINE_RESULT_LIMIT, parse::bytes).unwrap_or(16 * 1024),
            task_limit: reader.read(&known::TASK_LIMIT, parse::count).unwrap_or(256),
            agent_limit: reader.read(&known::AGENT_LIMIT, parse::count),
            default_work_pool: reader.read(&known::DEFAULT_WORK_POOL, parse::text),
            lock_manager: reader.read(&known::LOCK_MANAGER, |found| found.text.parse().ok()),
            server: ServerSettings::read(&mut reader),
            encryption_key: reader.read(&known::ENCRYPTION_KEY, parse::text),
            s3: S3Settings {
                endpoint: reader.read(&known::S3_ENDPOINT, parse::text),
                region: reader.read(&known::S3_REGION, parse::text),
                access_key_id: reader.read(&known::S3_ACCESS_KEY_ID, parse::text),
                secret_access_key: reader.read(&known::S3_SECRET_ACCESS_KEY, parse::text),
                session_token: reader.read(&known::S3_SESSION_TOKEN, parse::text),
                allow_http: reader.read(&known::S3_ALLOW_HTTP, parse::flag),
                path_style: reader.read(&known::S3_PATH_STYLE, parse::flag),
            },
            home,
            read: BTreeMap::new(),
            warnings: Vec::new(),
        };
        settings.warnings = SettingsError::check(reader.report)?;
        let mut sources = reader.sources;
        let read = settings.values().into_iter();
        settings.read = read
            .map(|(known, value)| (known.name(), (value, sources.remove(known.name()).unwrap_or_default())))
            .collect();
        settings.warnings.extend(settings.forgetting());
        Ok(settings)
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

    /// Tells where locks on keys are kept: as set, or in the database if that is a PostgreSQL server.
    pub fn lock_place(&self) -> LockPlace {
        let default = || match &self.api.url {
            Some(_) => LockPlace::Folder,
            None => LockPlace::of(&self.database_url),
        };
        self.lock_manager.unwrap_or_else(default)
    }

    /// Lists the settings with their values, without secrets, and where these came from. What has no value is left out.
    pub fn entries(&self) -> Vec<Setting> {
        let entry = |(known, value): (&'static KnownSetting, Option<String>)| {
            let source = match self.read.get(known.name()) {
                Some((read, source)) if *read == value => source.clone(),
                _ => Source::Code,
            };
            let value = value?;
            let value = if known.is_secret() { HIDDEN.to_owned() } else { redact_url(&value) };
            Some(Setting { name: known.name(), key: known.key(), value, source })
        };
        self.values().into_iter().filter_map(entry).collect()
    }

    /// Lists what changes nothing and is probably not meant. Whoever loads settings should print it.
    pub fn warnings(&self) -> &[SettingsWarning] {
        &self.warnings
    }

    /// Warns of what is lost with the process although nobody has asked for that.
    fn forgetting(&self) -> Option<SettingsWarning> {
        let of_itself = |known: &KnownSetting, value: &str| {
            let default = self.read.get(known.name()).is_none_or(|(_, source)| *source == Source::Default);
            default && value.starts_with("memory")
        };
        if self.api.url.is_none() && of_itself(&known::DATABASE_URL, &self.database_url) {
            Some(SettingsWarning::NothingKept)
        } else if of_itself(&known::RESULT_STORAGE, &self.result_storage) {
            Some(SettingsWarning::ResultsNotKept)
        } else {
            None
        }
    }

    /// Lists the values as they are, with secrets.
    fn values(&self) -> Values {
        let s3 = &self.s3;
        let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string());
        let mut values: Values = vec![
            (&known::HOME, Some(self.home.display().to_string())),
            (&known::PROFILE, self.profile.clone()),
            (&known::DATABASE_URL, Some(self.database_url.clone())),
            (&known::API_URL, self.api.url.clone()),
            (&known::API_KEY, self.api.key.clone()),
            (&known::API_AUTH_STRING, self.api.auth_string.clone()),
            (&known::API_OUTBOX_LIMIT, Some(self.api.outbox_limit.to_string())),
            (&known::SQLITE_SYNCHRONOUS, Some(self.sqlite_synchronous.as_str().to_owned())),
            (&known::RESULT_STORAGE, Some(self.result_storage.clone())),
            (&known::LOGGING_LEVEL, Some(self.log_level.as_str().to_owned())),
            (&known::LOGGING_EXTRA_TARGETS, Some(self.log_extra_targets.join(",")).filter(|names| !names.is_empty())),
            (&known::UI_URL, self.ui_url.clone()),
            (&known::INLINE_RESULT_LIMIT, Some(self.inline_result_limit.to_string())),
            (&known::TASK_LIMIT, Some(self.task_limit.to_string())),
            (&known::AGENT_LIMIT, self.agent_limit.map(|limit| limit.to_string())),
            (&known::DEFAULT_WORK_POOL, self.default_work_pool.clone()),
            (&known::LOCK_MANAGER, self.lock_manager.map(|place| place.as_str().to_owned())),
            (&known::ENCRYPTION_KEY, self.encryption_key.clone()),
            (&known::S3_ENDPOINT, s3.endpoint.clone()),
            (&known::S3_REGION, s3.region.clone()),
            (&known::S3_ACCESS_KEY_ID, s3.access_key_id.clone()),
            (&known::S3_SECRET_ACCESS_KEY, s3.secret_access_key.clone()),
            (&known::S3_SESSION_TOKEN, s3.session_token.clone()),
            (&known::S3_ALLOW_HTTP, flag(s3.allow_http)),
            (&known::S3_PATH_STYLE, flag(s3.path_style)),
        ];
        values.extend(self.server.values());
        values
    }
}

/// Without secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries().into_iter().map(|entry| (entry.name, entry.value))).finish()
    }
}

/// Settings with their values. What has none is absent.
pub(super) type Values = Vec<(&'static KnownSetting, Option<String>)>;

/// Reads values, remembers where each one came from, and goes on after what is wrong.
pub(super) struct Reader<'a> {
    layers: &'a [Layer],
    report: Report,
    sources: BTreeMap<&'static str, Source>,
}

impl Reader<'_> {
    pub(super) fn read<T>(&mut self, known: &'static KnownSetting, parse: impl Fn(&Found) -> Option<T>) -> Option<T> {
        let found = self.layers.iter().find_map(|layer| layer.get(known.name()))?;
        match parse(found) {
            Some(value) => {
                self.sources.insert(known.name(), found.source.clone());
                Some(value)
            }
            None => {
                self.report.problems.push(invalid(known, found));
                None
            }
        }
    }

    /// Reads the home folder. Where there is none, the others are read as if it were the root.
    fn home(&mut self, default: Option<PathBuf>) -> PathBuf {
        let problems = self.report.problems.len();
        self.read(&known::HOME, parse::folder).or(default).unwrap_or_else(|| {
            if self.report.problems.len() == problems {
                self.report.problems.push(SettingsProblem::NoHome);
            }
            PathBuf::from("/")
        })
    }

    fn inside(&mut self, home: &Path, name: &str) -> String {
        home.join(name).into_os_string().into_string().unwrap_or_else(|_| {
            let problem = SettingsProblem::HomeNotText(home.display().to_string());
            if !self.report.problems.contains(&problem) {
                self.report.problems.push(problem);
            }
            String::new()
        })
    }
}

/// Gives the database that is used when nothing is said: a file, or memory where files need a feature that is off.
fn default_database(file: String) -> String {
    match cfg!(feature = "sqlite") {
        true => parse::sqlite_url("sqlite", &file, "", Path::new("")).unwrap_or(file),
        false => "memory:".to_owned(),
    }
}

/// Gives the result storage that is used when nothing is said, likewise.
fn default_storage(folder: &str) -> String {
    if cfg!(feature = "results") { parse::folder_url(folder) } else { "memory:".to_owned() }
}

fn invalid(known: &KnownSetting, found: &Found) -> SettingsProblem {
    let value = if known.is_secret() { HIDDEN.to_owned() } else { redact_url(&found.text) };
    SettingsProblem::Invalid { place: found.place.clone(), value, allowed: known.allowed() }
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
