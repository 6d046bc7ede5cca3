//! What is shown to the server, and what runs get of it.

use std::collections::BTreeMap;

/// Variables that carry a credential, also with `_FILE` behind them.
const KEYS: [&str; 2] = ["FLOWCORE_API_KEY", "PREFECT_API_KEY"];
const AUTH_STRINGS: [&str; 2] = ["FLOWCORE_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"];
const OF_SERVERS: [&str; 2] = ["FLOWCORE_SERVER_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"];

/// What a run shows to the server. The worker's own is for servers that have nothing else for a run.
#[derive(Clone, Default)]
pub struct Credentials {
    /// A key.
    pub key: Option<String>,
    /// Name and password, with a colon between.
    pub auth_string: Option<String>,
    /// Whether they are the worker's own, in whose place the server is asked for what only the run shows.
    pub is_workers: bool,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither is for logs.
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl Credentials {
    /// Tells whether there is nothing to show.
    pub(crate) fn are_none(&self) -> bool {
        self.key.is_none() && self.auth_string.is_none()
    }

    /// Adds them to the environment of a run, unless the run has its own there.
    pub(crate) fn add_to(&self, variables: &mut BTreeMap<String, String>) {
        if names().any(|name| variables.contains_key(&name)) {
            return;
        }
        for (names, value) in [(KEYS, &self.key), (AUTH_STRINGS, &self.auth_string)] {
            for (name, value) in names.iter().zip(value.iter().cycle()) {
                variables.insert((*name).to_owned(), value.clone());
            }
        }
    }
}

/// Names all variables that a run may have from nobody but its job.
pub(crate) fn names() -> impl Iterator<Item = String> {
    let names = [KEYS, AUTH_STRINGS, OF_SERVERS].concat();
    names.into_iter().flat_map(|name| [name.to_owned(), format!("{name}_FILE")])
}

/// What the names of settings have in them whose values are secrets, or may hold one.
const SECRET: [&str; 9] =
    ["KEY", "AUTH", "SECRET", "PASSWORD", "TOKEN", "DATABASE", "REDIS", "CONNECTION_URL", "_SERVER_"];

/// Tells whether a variable is a setting of flowcore or Prefect that is not for runs: a credential, or what is a server's.
pub(crate) fn is_withheld(name: &str) -> bool {
    let is_setting = ["FLOWCORE_", "PREFECT_"].iter().any(|prefix| name.starts_with(prefix));
    is_setting && SECRET.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_their_names() {
        for name in [
            "FLOWCORE_DATABASE_URL",
            "FLOWCORE_API_KEY_FILE",
            "PREFECT_API_DATABASE_CONNECTION_URL",
            "FLOWCORE_ENCRYPTION_KEY",
            "PREFECT_SERVER_API_HOST",
        ] {
            assert!(is_withheld(name), "{name}");
        }
        for name in ["FLOWCORE_HOME", "PREFECT_LOGGING_LEVEL", "PREFECT_API_URL", "DATABASE_URL"] {
            assert!(!is_withheld(name), "{name}");
        }
    }

    #[test]
    fn a_run_with_a_credential_of_its_own_gets_no_other() {
        let credentials =
            Credentials { key: Some("k".to_owned()), auth_string: Some("worker:secret".to_owned()), is_workers: true };
        let mut plain = BTreeMap::new();
        credentials.add_to(&mut plain);
        assert_eq!(plain["PREFECT_API_AUTH_STRING"], "worker:secret");
        assert_eq!((plain.len(), &*plain["FLOWCORE_API_KEY"]), (4, "k"));
        let own = BTreeMap::from([("PREFECT_API_AUTH_STRING".to_owned(), "run:own".to_owned())]);
        let mut given = own.clone();
        credentials.add_to(&mut given);
        assert_eq!(given, own);
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
