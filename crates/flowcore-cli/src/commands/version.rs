//! `flowcore version`: what this command is and what it works on.

use flowcore::settings::redact_url;
use flowcore::store::sql::schema_version;
use serde::Serialize;

use crate::arguments::OutputArguments;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::load_settings;

#[derive(Serialize)]
struct Version {
    version: &'static str,
    database: String,
    /// The newest version of the database's schema that is known.
    schema: Option<i64>,
    features: Vec<&'static str>,
}

pub(super) fn run(arguments: OutputArguments, profile: Option<&str>, out: &mut Output) -> Result<(), Failure> {
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        database: redact_url(&load_settings(profile)?.database_url),
        schema: schema_version(),
        features: features(),
    };
    if arguments.json() {
        return out.json(&version);
    }
    out.fields(&[
        ("Version", version.version.to_owned()),
        ("Database", version.database),
        ("Schema", version.schema.map_or_else(|| "-".to_owned(), |version| version.to_string())),
        ("Features", version.features.join(", ")),
    ])
}

/// Lists the kinds of database that are compiled in.
fn features() -> Vec<&'static str> {
    let known = [("sqlite", cfg!(feature = "sqlite")), ("postgres", cfg!(feature = "postgres"))];
    known.into_iter().filter_map(|(name, on)| on.then_some(name)).collect()
}
