//! Under which key a task's result is cached: what has to be equal for two calls to share one result.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::model::FlowRunId;
use crate::results::CachedCall;

/// What has to be equal for two calls of a task to share one result.
///
/// Policies are added to each other, and arguments are taken out:
///
/// ```
/// use flowcore::CachePolicy;
///
/// let policy = CachePolicy::INPUTS + CachePolicy::TASK_SOURCE - "verbose";
/// # let _ = policy;
/// ```
#[derive(Clone, Default)]
pub struct CachePolicy {
    inputs: bool,
    task_source: bool,
    run_id: bool,
    flow_parameters: bool,
    isolated: bool,
    excluded: Vec<Cow<'static, str>>,
    key: Option<Arc<KeyFunction>>,
}

type KeyFunction = dyn Fn(&CacheContext<'_>) -> Option<String> + Send + Sync;

impl CachePolicy {
    /// Caches nothing.
    pub const NO_CACHE: CachePolicy = CachePolicy::of(false, false, false, false);
    /// The task and its arguments are the same.
    pub const INPUTS: CachePolicy = CachePolicy::of(true, false, false, false);
    /// The task and the text of its function are the same, comments and layout aside.
    pub const TASK_SOURCE: CachePolicy = CachePolicy::of(false, true, false, false);
    /// The task and the flow run are the same.
    pub const RUN_ID: CachePolicy = CachePolicy::of(false, false, true, false);
    /// The task and the parameters of the flow it runs in are the same.
    pub const FLOW_PARAMETERS: CachePolicy = CachePolicy::of(false, false, false, true);
    /// Arguments, function text and flow run are the same: what Prefect does by default.
    pub const DEFAULT: CachePolicy = CachePolicy::of(true, true, true, false);

    const fn of(inputs: bool, task_source: bool, run_id: bool, flow_parameters: bool) -> Self {
        CachePolicy { inputs, task_source, run_id, flow_parameters, isolated: false, excluded: Vec::new(), key: None }
    }

    /// Computes the key with a function. It may return none, and then this call is not cached. Added to other
    /// policies, its text is one part of the key.
    pub fn key(function: impl Fn(&CacheContext<'_>) -> Option<String> + Send + Sync + 'static) -> Self {
        CachePolicy { key: Some(Arc::new(function)), ..CachePolicy::NO_CACHE }
    }

    /// Lets only one call at a time compute the result of one key, over all processes that share the locks (see
    /// [`Settings::lock_place`](crate::settings::Settings::lock_place)): the others wait for it.
    #[must_use]
    pub fn isolated(mut self) -> Self {
        self.isolated = true;
        self
    }

    /// Tells whether calls with one key exclude each other.
    pub fn is_isolated(&self) -> bool {
        self.isolated
    }

    /// Tells whether anything is cached at all.
    pub fn caches(&self) -> bool {
        self.inputs || self.task_source || self.run_id || self.flow_parameters || self.key.is_some()
    }

    /// Computes the key of a call, or none when it is not to be cached.
    pub(crate) fn key_of(&self, context: &CacheContext<'_>) -> Option<CacheKey> {
        if !self.caches() {
            return None;
        }
        let mut key = KeyParts::default();
        if let Some(function) = &self.key {
            let own = function(context)?;
            key.add("key", own.as_bytes(), "key".to_owned(), own.clone());
            if !(self.inputs || self.task_source || self.run_id || self.flow_parameters) {
                // Alone, the user's key is used as it is: it can then be found in the storage by that name.
                return Some(CacheKey { text: own, call: key.of(context) });
            }
        }
        key.hash("task", context.task_key.as_bytes());
        if self.inputs {
            for (name, digest) in context.digests.iter().filter(|(name, _)| !self.excludes(name)) {
                key.add(name, digest, format!("input {name}"), short(digest));
            }
        }
        if self.task_source {
            let source = context.source_hash;
            key.add("source", source.as_bytes(), "task source".to_owned(), source.to_owned());
        }
        if self.run_id {
            let id = context.flow_run_id?;
            key.add("run", id.0.as_bytes(), "flow run".to_owned(), id.to_string());
        }
        if self.flow_parameters {
            let parameters = context.flow_parameters?.as_bytes();
            key.add("parameters", parameters, "flow parameters".to_owned(), short(parameters));
        }
        Some(CacheKey { text: key.hasher.finalize().to_hex().to_string(), call: key.of(context) })
    }

    fn excludes(&self, name: &str) -> bool {
        self.excluded.iter().any(|out| out == name)
    }
}

/// The key of a call, and what it was made of.
pub(crate) struct CacheKey {
    pub(crate) text: String,
    pub(crate) call: CachedCall,
}

/// The parts of a key that is being made.
#[derive(Default)]
struct KeyParts {
    hasher: blake3::Hasher,
    shown: BTreeMap<String, String>,
}

impl KeyParts {
    fn hash(&mut self, tag: &str, bytes: &[u8]) {
        for text in [tag.as_bytes(), bytes] {
            self.hasher.update(&(text.len() as u64).to_le_bytes()).update(text);
        }
    }

    /// Adds a part that people see as `shown` under a name.
    fn add(&mut self, tag: &str, bytes: &[u8], name: String, shown: String) {
        self.hash(tag, bytes);
        self.shown.insert(name, shown);
    }

    fn of(&self, context: &CacheContext<'_>) -> CachedCall {
        CachedCall { task_key: context.task_key.to_owned(), parts: self.shown.clone() }
    }
}

/// Writes enough of a hash to tell two parts apart.
fn short(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}

/// What a cache key can be made of.
pub struct CacheContext<'a> {
    /// The task's identity.
    pub task_key: &'a str,
    /// The call's arguments by name; resources are not among them.
    pub arguments: &'a Map<String, Value>,
    /// The flow run it is called in.
    pub flow_run_id: Option<FlowRunId>,
    /// The flow's parameters as JSON text.
    pub flow_parameters: Option<&'a str>,
    pub(crate) digests: &'a [(&'static str, [u8; 32])],
    pub(crate) source_hash: &'a str,
}

impl Add for CachePolicy {
    type Output = CachePolicy;

    fn add(self, other: CachePolicy) -> CachePolicy {
        let mut excluded = self.excluded;
        excluded.extend(other.excluded);
        CachePolicy {
            inputs: self.inputs || other.inputs,
            task_source: self.task_source || other.task_source,
            run_id: self.run_id || other.run_id,
            flow_parameters: self.flow_parameters || other.flow_parameters,
            isolated: self.isolated || other.isolated,
            excluded,
            key: other.key.or(self.key),
        }
    }
}

impl Sub<&'static str> for CachePolicy {
    type Output = CachePolicy;

    /// Leaves an argument out of the key.
    fn sub(mut self, argument: &'static str) -> CachePolicy {
        self.excluded.push(Cow::Borrowed(argument));
        self
    }
}

impl fmt::Debug for CachePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("INPUTS", self.inputs),
            ("TASK_SOURCE", self.task_source),
            ("RUN_ID", self.run_id),
            ("FLOW_PARAMETERS", self.flow_parameters),
            ("key", self.key.is_some()),
            ("isolated", self.isolated),
        ];
        let names: Vec<_> = parts.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
        f.write_str(if names.is_empty() { "NO_CACHE" } else { "" })?;
        f.write_str(&names.join(" + "))?;
        self.excluded.iter().try_for_each(|out| write!(f, " - {out:?}"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "tests")]

    use super::*;

    fn context<'a>(digests: &'a [(&'static str, [u8; 32])], arguments: &'a Map<String, Value>) -> CacheContext<'a> {
        CacheContext { task_key: "t", arguments, flow_run_id: None, flow_parameters: None, digests, source_hash: "s" }
    }

    #[test]
    fn an_excluded_argument_does_not_count() {
        let none = Map::new();
        let policy = CachePolicy::INPUTS - "b";
        let text = |key: Option<CacheKey>| key.map(|key| key.text);
        let key = |b: u8| text(policy.key_of(&context(&[("a", [1; 32]), ("b", [b; 32])], &none)));
        assert_eq!(key(1), key(2));
        let all = |b: u8| text(CachePolicy::INPUTS.key_of(&context(&[("a", [1; 32]), ("b", [b; 32])], &none)));
        assert_ne!(all(1), all(2));
        assert!(key(1).is_some() && all(1).is_some());
    }

    #[test]
    fn outside_a_flow_a_run_scoped_policy_caches_nothing() {
        let none = Map::new();
        assert!(CachePolicy::DEFAULT.key_of(&context(&[], &none)).is_none());
        assert!(CachePolicy::NO_CACHE.key_of(&context(&[], &none)).is_none());
    }

    #[test]
    fn an_own_key_alone_is_kept_as_it_is() {
        let none = Map::new();
        let own = CachePolicy::key(|context| Some(format!("daily-{}", context.task_key)));
        assert_eq!(own.key_of(&context(&[], &none)).map(|key| key.text).as_deref(), Some("daily-t"));
        let both = (own + CachePolicy::TASK_SOURCE).key_of(&context(&[], &none));
        let both = both.expect("a key");
        assert_eq!(both.text.len(), 64);
        let parts: Vec<_> = both.call.parts.iter().map(|(name, shown)| (&**name, &**shown)).collect();
        assert_eq!(parts, [("key", "daily-t"), ("task source", "s")]);
    }
}
