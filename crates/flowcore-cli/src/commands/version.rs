//! `flowcore version`: what this command is and what it works on.

use serde::Serialize;

use crate::arguments::OutputArguments;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::load_settings;
use flowcore::settings::redact_url;

#[derive(Serialize)]
struct Version {
    version: &'static str,
    database: String,
    features: Vec<&'static str>,
}

pub(super) fn run(arguments: OutputArguments, out: &mut Output) -> Result<(), Failure> {
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        database: redact_url(&load_settings()?.database_url),
        features: features(),
    };
    if arguments.json() {
        return out.json(&version);
    }
    out.fields(&[
        ("Version", version.version.to_owned()),
        ("Database", version.database),
        ("Features", version.features.join(", ")),
    ])
}

/// Lists the kinds of database that are compiled in.
fn features() -> Vec<&'static str> {
    let known = [("sqlite", cfg!(feature = "sqlite")), ("postgres", cfg!(feature = "postgres"))];
    known.into_iter().filter_map(|(name, on)| on.then_some(name)).collect()
}
