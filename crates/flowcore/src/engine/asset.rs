//! Assets: what tasks make outside of the program, and what they make it from.
//!
//! Which assets a task run depends on follows the graph: those of the runs that its arguments come from, and of those that it
//! waits for. A run that materializes nothing passes on what it depends on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::cancel::Cancel;
use super::context::Scope;
use super::core::Engine;
use super::entry::Entry;
use super::error::Error;
use super::event::event;
use super::task_call::Call;
use super::task_entry::fill_for;
use super::task_scope::TaskScope;
use crate::model::{RESOURCE_NAME, TaskInputs, TaskRunId};

/// How long a key may be, in letters.
const LONGEST_KEY: usize = 512;

/// The letters that a key cannot have beside control characters and spaces.
const NOT_IN_KEYS: &str = "#?&%\"'<>[]{}|\\^`";

/// Something outside of the program that a task makes, such as a file or a table. Its key is a URI.
///
/// The key may be a template over the task's parameters, such as `s3://lake/{day}.parquet`.
///
/// ```
/// use flowcore::{Asset, Result, task};
///
/// #[task(assets = ["s3://lake/{day}.parquet"], asset_deps = [Asset::new("postgres://shop/orders").name("Orders")])]
/// async fn export(day: String) -> Result<()> {
///     flowcore::add_asset_metadata(&format!("s3://lake/{day}.parquet"), serde_json::json!({ "rows": 30 }))?;
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an asset says nothing until it is given to a task"]
pub struct Asset {
    key: String,
    name: Option<String>,
    description: Option<String>,
    url: Option<String>,
    owners: Vec<String>,
}

/// Says what is wrong with an asset, or with its metadata.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssetError {
    /// The key is no URI.
    #[error("`{0}` is no key of an asset: write a URI with a scheme in lower case, such as `s3://bucket/orders.csv`")]
    NoUri(String),
    /// The key has a letter that keys cannot have.
    #[error("the key of an asset cannot have {letter:?}, and `{key}` has")]
    Letter {
        /// The key.
        key: String,
        /// The letter.
        letter: char,
    },
    /// The key is too long.
    #[error("the key of an asset has {LONGEST_KEY} letters at most, and `{0}` has more")]
    TooLong(String),
    /// No task that materializes the asset is around.
    #[error("metadata can be added in a task to the assets that it materializes, and `{0}` is none of them")]
    NotMaterialized(String),
    /// The metadata are no object.
    #[error("the metadata of asset `{key}` have to be a JSON object: {reason}")]
    Metadata {
        /// The asset's key.
        key: String,
        /// What they are instead.
        reason: String,
    },
}

impl Asset {
    /// Makes an asset of its key. Whether the key is one is looked at when the task is called.
    pub fn new(key: impl Into<String>) -> Self {
        Asset { key: key.into(), name: None, description: None, url: None, owners: Vec::new() }
    }

    /// Sets what people call it.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Says what it is.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets where people find it.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Says who looks after it.
    pub fn owners<T: Into<String>>(mut self, owners: impl IntoIterator<Item = T>) -> Self {
        self.owners = owners.into_iter().map(Into::into).collect();
        self
    }

    /// Tells its key.
    pub fn key(&self) -> &str {
        &self.key
    }

    fn check(&self) -> Result<(), AssetError> {
        let key = || self.key.clone();
        let scheme = self.key.split_once("://").map(|(scheme, _)| scheme).filter(|scheme| !scheme.is_empty());
        if !scheme.is_some_and(|scheme| scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())) {
            return Err(AssetError::NoUri(key()));
        }
        let refused = |letter: &char| *letter == ' ' || letter.is_ascii_control() || NOT_IN_KEYS.contains(*letter);
        if let Some(letter) = self.key.chars().find(refused) {
            return Err(AssetError::Letter { key: key(), letter });
        }
        if self.key.chars().count() > LONGEST_KEY {
            return Err(AssetError::TooLong(key()));
        }
        Ok(())
    }

    /// Lists the labels of the asset as a resource, beside its id.
    fn labels(&self) -> impl Iterator<Item = (&'static str, String)> {
        let owners = (!self.owners.is_empty()).then(|| json!(self.owners).to_string());
        [
            (RESOURCE_NAME, self.name.clone()),
            ("prefect.asset.description", self.description.clone()),
            ("prefect.asset.url", self.url.clone()),
            ("prefect.asset.owners", owners),
        ]
        .into_iter()
        .filter_map(|(label, value)| Some((label, value?)))
    }
}

impl<T: Into<String>> From<T> for Asset {
    fn from(key: T) -> Self {
        Asset::new(key)
    }
}

/// Adds something to what is told of an asset when the task around this code has materialized it. Later values replace earlier
/// ones of the same name.
///
/// # Errors
///
/// The task around does not materialize the asset, there is no task around, or the metadata are no JSON object.
pub fn add_asset_metadata(key: &str, metadata: impl Serialize) -> Result<(), AssetError> {
    let metadata = match serde_json::to_value(metadata) {
        Ok(Value::Object(metadata)) => Ok(metadata),
        Ok(other) => Err(format!("they are {other}")),
        Err(error) => Err(error.to_string()),
    };
    let metadata = metadata.map_err(|reason| AssetError::Metadata { key: key.to_owned(), reason })?;
    let assets = Scope::peek(|around| around.task.as_ref().and_then(|task| task.assets.clone())).flatten();
    match assets.filter(|assets| assets.own.iter().any(|asset| asset.key == key)) {
        Some(assets) => {
            let mut known = assets.metadata.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry(key.to_owned()).or_default().extend(metadata);
            Ok(())
        }
        None => Err(AssetError::NotMaterialized(key.to_owned())),
    }
}

/// The assets of one task run.
#[derive(Debug)]
pub(crate) struct TaskAssets {
    /// Those that it materializes.
    own: Vec<Asset>,
    /// Those that it depends on.
    upstream: Vec<Asset>,
    materialized_by: Option<String>,
    metadata: Mutex<BTreeMap<String, Map<String, Value>>>,
}

/// The assets that runs hand on to those behind them, in one flow run.
#[derive(Default)]
pub(crate) struct HandedOn(Mutex<BTreeMap<TaskRunId, Arc<TaskAssets>>>);

impl HandedOn {
    /// Lists what these runs hand on. Runs that a call is made in are none that it depends on.
    fn of(&self, edges: &TaskInputs) -> Vec<Asset> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_empty() {
            return Vec::new();
        }
        let runs = edges.iter().filter(|(name, _)| *name != "__parents__").flat_map(|(_, runs)| runs);
        let assets = runs.filter_map(|run| known.get(&run.task_run_id()?));
        assets.flat_map(|assets| assets.handed_on()).cloned().collect()
    }
}

impl TaskAssets {
    /// Gives the assets of a call whose arguments are here; none if it has to do with none.
    pub(crate) fn of(call: &Call, scope: &Scope, edges: &TaskInputs) -> Result<Option<Arc<Self>>, Error> {
        let options = call.options();
        let mut upstream = match scope.flow() {
            Some(flow) if edges.len() > usize::from(edges.contains_key("__parents__")) => flow.assets.of(edges),
            _ => Vec::new(),
        };
        if options.assets.is_empty() && options.asset_deps.is_empty() && upstream.is_empty() {
            return Ok(None);
        }
        let filled = |asset: &Asset| {
            let key = if asset.key.contains('{') { fill_for(call, scope, &asset.key) } else { asset.key.clone() };
            let asset = Asset { key, ..asset.clone() };
            asset.check().map(|()| asset).map_err(|error| Error::from(error).retriable(false))
        };
        let own = options.assets.iter().map(filled).collect::<Result<Vec<_>, _>>()?;
        upstream.splice(..0, options.asset_deps.iter().map(filled).collect::<Result<Vec<_>, _>>()?);
        let mut keys = std::collections::BTreeSet::new();
        upstream.retain(|asset| keys.insert(asset.key.clone()));
        let materialized_by = options.materialized_by.clone();
        Ok(Some(Arc::new(TaskAssets { own, upstream, materialized_by, metadata: Mutex::default() })))
    }

    fn handed_on(&self) -> &[Asset] {
        if self.own.is_empty() { &self.upstream } else { &self.own }
    }

    /// Lets those that need the run's result depend on its assets.
    pub(crate) fn hand_on(self: &Arc<Self>, scope: &Scope, id: TaskRunId) {
        if let Some(flow) = scope.flow() {
            flow.assets.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, self.clone());
        }
    }

    /// Forgets what an attempt that has failed has said of them.
    pub(crate) fn forget_metadata(&self) {
        self.metadata.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Tells whether the run materializes something.
    pub(crate) fn materializes(&self) -> bool {
        !self.own.is_empty()
    }

    /// Tells that the run has materialized its assets, or has failed to, inside of the run. `around` is what surrounds it.
    pub(crate) fn tell(&self, engine: &Engine, around: &Scope, entry: &Arc<Entry>, succeeded: bool) {
        if self.own.is_empty() {
            return;
        }
        let task = TaskScope::new(entry.clone(), 0, Cancel::new());
        Scope::new(engine.clone(), around.flow().cloned(), Some(task)).enter(|| self.emit(succeeded));
    }

    fn emit(&self, succeeded: bool) {
        let about = |name: &str, asset: &Asset| {
            asset.labels().fold(event(name).resource(&asset.key), |event, (label, value)| event.label(label, value))
        };
        let metadata = std::mem::take(&mut *self.metadata.lock().unwrap_or_else(PoisonError::into_inner));
        let referenced = self.upstream.iter().map(|asset| about("prefect.asset.referenced", asset));
        let end = if succeeded { "succeeded" } else { "failed" };
        let materialized = self.own.iter().map(|asset| {
            let event = about(&format!("prefect.asset.materialization.{end}"), asset);
            let event = self.upstream.iter().fold(event, |event, asset| event.related(&asset.key, "asset"));
            let event = self.materialized_by.iter().fold(event, |event, by| event.related(by, "asset-materialized-by"));
            metadata.get(&asset.key).into_iter().fold(event, |event, metadata| event.payload(metadata))
        });
        for event in referenced.chain(materialized) {
            if let Err(error) = event.emit() {
                tracing::error!(target: "flowcore", "an event of an asset could not be told: {error}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_uris_without_letters_that_mean_something_elsewhere() {
        let check = |key: &str| Asset::new(key).check();
        for key in ["s3://bucket/a.csv", "postgres://db/table", "x1://", "file:///tmp/ä-_.~!*()=+,:;@$"] {
            assert_eq!(check(key), Ok(()), "{key}");
        }
        for key in ["", "bucket", "S3://bucket", "://a", "s3:/a", "my-store://a", " s3://a"] {
            assert_eq!(check(key), Err(AssetError::NoUri(key.to_owned())), "{key}");
        }
        for letter in "\n\r\t\0 #?&%\"'<>[]{}|\\^`".chars() {
            let key = format!("s3://a{letter}b");
            assert_eq!(check(&key), Err(AssetError::Letter { key: key.clone(), letter }));
        }
        let longest = format!("s3://{}", "ä".repeat(507));
        assert_eq!(check(&longest), Ok(()));
        assert_eq!(check(&format!("{longest}b")), Err(AssetError::TooLong(format!("{longest}b"))));
    }
}
