//! Tokens of runs: what a run shows instead of its worker's name and password.
//!
//! A token is the run's id and a digest of it with a key, in the form of a name and a password, which is what every client can send.
//! Nothing has to be kept. It is good while the run has not ended, and a little longer, for what executing a run takes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::Method;
use chrono::TimeDelta;
use flowcore::model::{FlowRunId, Timestamp};
use uuid::Uuid;

use crate::state::App;

/// How long after its end a run is answered: its last words may be under way.
const AFTER_END: TimeDelta = TimeDelta::minutes(5);

/// How long it is believed that a run has not ended.
const BELIEVED: TimeDelta = TimeDelta::seconds(5);

/// How many runs are remembered as under way.
const REMEMBERED: usize = 10_000;

/// What the name in a token begins with.
const NAME: &str = "flow-run-";

/// Gives tokens out and knows them again. Servers that encrypt with the same key know each other's.
pub(crate) struct RunTokens {
    key: [u8; 32],
    /// The runs that were under way, and when that was seen.
    seen: Mutex<HashMap<FlowRunId, Timestamp>>,
}

impl RunTokens {
    pub(crate) fn new() -> Self {
        let key: String = (0..2).map(|_| Uuid::new_v4().simple().to_string()).collect();
        RunTokens::with_key(*blake3::hash(key.as_bytes()).as_bytes())
    }

    /// Uses a key that other servers have as well. What else is signed with it is no token of a run.
    pub(crate) fn with_key(key: [u8; 32]) -> Self {
        RunTokens { key: blake3::derive_key("flowcore tokens of flow runs", &key), seen: Mutex::default() }
    }

    /// Makes the token of a run: a name and a password, with a colon between.
    pub(crate) fn give(&self, run: FlowRunId) -> String {
        format!("{NAME}{run}:{}", self.digest(run).to_hex())
    }

    fn digest(&self, run: FlowRunId) -> blake3::Hash {
        blake3::keyed_hash(&self.key, run.0.as_bytes())
    }

    /// Tells whose token this is, if it is one.
    fn run_of(&self, sent: &str) -> Option<FlowRunId> {
        let (name, digest) = sent.split_once(':')?;
        let run = FlowRunId(name.strip_prefix(NAME)?.parse().ok()?);
        // Digests are compared in the same time for all that is wrong.
        (blake3::Hash::from_hex(digest).ok()? == self.digest(run)).then_some(run)
    }

    /// Tells whether this is the token of a run that has not ended.
    pub(crate) async fn are_good(&self, app: &App, sent: &str) -> bool {
        let Some(run) = self.run_of(sent) else { return false };
        let now = app.now();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(&run).copied();
        if seen.is_some_and(|seen| now - seen < BELIEVED) {
            return true;
        }
        let is_good = match app.store.flow_run(run).await {
            Ok(Some(found)) => !found.state.is_terminal() || now - found.state.timestamp < AFTER_END,
            Ok(None) => false,
            // What is asked for will not be had either, and says so in a way that clients ask again.
            Err(_) => return true,
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED {
            seen.retain(|_, seen| now - *seen < BELIEVED);
        }
        if is_good {
            seen.insert(run, now);
        } else {
            seen.remove(&run);
        }
        is_good
    }
}

/// Tells whether an operation is one that executing a run takes. The path is the route's, below the API's. Runs change what is of runs, and
/// what flows work with; deployments they read and make runs of; all else is not theirs.
pub(super) fn is_for_runs(method: &Method, path: &str) -> bool {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let last = parts.last().copied().unwrap_or_default();
    let reads = [Method::GET, Method::HEAD].contains(method) || ["filter", "count", "paginate"].contains(&last);
    let deletes = *method == Method::DELETE;
    if last.starts_with("bulk_") || last == "token" {
        return false;
    }
    match parts[0] {
        // What one has sent another goes when it is read.
        "flow_runs" => !deletes || parts.len() > 2,
        // What a flow makes itself it may take away; with others go runs, or what other flows work with.
        "variables" | "artifacts" | "block_documents" => true,
        "flows" | "task_runs" | "flow_run_states" | "task_run_states" | "logs" | "events" | "concurrency_limits"
        | "v2" | "block_types" | "block_schemas" | "block_capabilities" | "csrf-token" => !deletes,
        "deployments" => reads || last == "create_flow_run",
        "admin" => reads && last == "version",
        _ => reads,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_of_one_run_and_one_key() {
        let run = FlowRunId(Uuid::from_u128(7));
        let tokens = RunTokens::with_key([1; 32]);
        let token = tokens.give(run);
        assert_eq!(RunTokens::with_key([1; 32]).run_of(&token), Some(run));
        let other = token.replace("07:", "08:");
        for wrong in ["", "flow-run-:", "admin:pass", &other, &token[1..], &token[..token.len() - 1]] {
            assert_eq!(tokens.run_of(wrong), None, "{wrong}");
        }
        assert_eq!(RunTokens::with_key([2; 32]).run_of(&token), None);
    }

    #[test]
    fn runs_may_do_what_executing_them_takes() {
        let may = |text: &str| {
            let (method, path) = text.split_once(' ').unwrap_or_default();
            is_for_runs(&method.parse().unwrap_or_default(), path)
        };
        for text in [
            "POST /flow_runs/{1}/set_state",
            "DELETE /flow_runs/{1}/input/{3}",
            "DELETE /variables/name/{2}",
            "POST /flows",
            "POST /logs",
            "POST /deployments/{1}/create_flow_run",
            "POST /deployments/filter",
            "GET /work_pools/{1}",
            "GET /health",
            "POST /v2/concurrency_limits/increment",
        ] {
            assert!(may(text), "{text}");
        }
        for text in [
            "POST /flow_runs/{1}/token",
            "DELETE /flow_runs/{1}",
            "DELETE /flows/{1}",
            "POST /flows/bulk_delete",
            "DELETE /v2/concurrency_limits/{1}",
            "DELETE /block_types/{1}",
            "POST /flow_runs/bulk_delete",
            "PATCH /deployments/{1}",
            "POST /work_pools",
            "POST /work_pools/{1}/get_scheduled_flow_runs",
            "POST /admin/database/clear",
            "GET /admin/settings",
            "POST /automations",
        ] {
            assert!(!may(text), "{text}");
        }
    }
}
