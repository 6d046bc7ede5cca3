//! What processes that a worker starts get of its environment.
//!
//! A worker has secrets that are none of its runs' business: the credential for the server, perhaps the server's own database and
//! keys, access to a cloud. What a program needs to run at all is passed on, and what whoever starts the worker names.

use std::ffi::OsString;
use std::sync::Arc;

use tokio::process::Command;

use crate::credentials::{self, is_withheld};

/// What a program needs to run at all: `*` stands for anything.
const NEEDED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TERM",
    "TMPDIR",
    "TEMP",
    "TMP",
    "XDG_*",
    "LD_LIBRARY_PATH",
    "DYLD_*",
    "SSL_CERT_*",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PYTHON*",
    "RUST_LOG",
    "RUST_BACKTRACE",
    "DO_NOT_TRACK",
];

/// The same in capitals and without.
const PROXIES: &[&str] = &["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FTP_PROXY"];

/// Which variables are passed on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inherited {
    /// What is passed on beside what is needed.
    more: Arc<[String]>,
}

impl Inherited {
    /// Passes on what is needed, and what these patterns name: `*` in them stands for anything.
    pub(crate) fn new(more: impl IntoIterator<Item = String>) -> Self {
        Inherited { more: more.into_iter().collect() }
    }

    /// Tells whether a variable is passed on. A credential for the server never is: a run gets its own.
    pub(crate) fn has(&self, name: &str) -> bool {
        let is_own = credentials::names().any(|own| own == name) || name.ends_with("_API_URL_FILE");
        let is_setting = ["FLOWCORE_", "PREFECT_"].iter().any(|prefix| name.starts_with(prefix));
        !is_own
            && ((is_setting && !is_withheld(name))
                || NEEDED.iter().any(|pattern| matches(pattern, name))
                || PROXIES.contains(&&*name.to_ascii_uppercase())
                || self.more.iter().any(|pattern| matches(pattern, name)))
    }

    /// Gives a process no other variables than these and those that it was given before.
    pub(crate) fn limit(&self, command: &mut Command) {
        let given: Vec<(OsString, Option<OsString>)> =
            command.as_std().get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
        let inherited = std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(|name| self.has(name)));
        command.env_clear().envs(inherited);
        for (name, value) in given {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
}

/// Tells whether a name is what a pattern describes.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(begin) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match name.split_once(part) {
            Some((_, behind)) => name = behind,
            None => return false,
        }
    }
    name.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_gets_what_it_needs_and_what_is_named() {
        let plain = Inherited::default();
        for name in ["PATH", "LC_TIME", "https_proxy", "PYTHONPATH", "PREFECT_LOGGING_LEVEL", "FLOWCORE_HOME"] {
            assert!(plain.has(name), "{name}");
        }
        for name in [
            "AWS_SECRET_ACCESS_KEY",
            "DATABASE_URL",
            "FLOWCORE_DATABASE_URL",
            "PREFECT_API_DATABASE_CONNECTION_URL",
            "FLOWCORE_ENCRYPTION_KEY",
            "FLOWCORE_S3_SECRET_ACCESS_KEY",
            "PREFECT_API_KEY",
            "PATHS",
        ] {
            assert!(!plain.has(name), "{name}");
        }
        let more = Inherited::new(["AWS_*".to_owned(), "FLOWCORE_S3_*".to_owned(), "A*B*C".to_owned()]);
        for name in ["AWS_PROFILE", "FLOWCORE_S3_SECRET_ACCESS_KEY", "AxBxC", "ABC"] {
            assert!(more.has(name), "{name}");
        }
        for name in ["MY_AWS_PROFILE", "ACB", "AxBx"] {
            assert!(!more.has(name), "{name}");
        }
        assert!(!Inherited::new(["*".to_owned()]).has("FLOWCORE_API_AUTH_STRING"), "the worker's own");
    }
}
