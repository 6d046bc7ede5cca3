//! All services together.

use super::keeper::Keeper;
use super::postgres::Postgres;
use super::python::{PREFECT, SCHEMATHESIS};
use super::redis::Redis;
use super::service::Service;
use crate::report;

/// Every service. One more is one more row.
const ALL: &[&dyn Service] = &[&Postgres, &Redis, &PREFECT, &SCHEMATHESIS];

/// Finds a service by its name.
pub(super) fn find(name: &str) -> Option<&'static dyn Service> {
    ALL.iter().copied().find(|service| service.name() == name)
}

/// The services that were started, and those that could not be. Dropping it stops them.
pub(crate) struct Services {
    keepers: Vec<Keeper>,
    variables: Vec<(&'static str, String)>,
    missing: Vec<Missing>,
}

struct Missing {
    name: &'static str,
    serves: &'static str,
    why: String,
}

impl Services {
    /// Starts every service. One whose variable is already set is taken as it is.
    pub(crate) fn start() -> Self {
        Self::start_those(ALL.iter().copied())
    }

    /// Starts the services of these variables only.
    pub(crate) fn start_for(variables: &[&str]) -> Self {
        Self::start_those(ALL.iter().copied().filter(|service| variables.contains(&service.variable())))
    }

    fn start_those(wanted: impl Iterator<Item = &'static dyn Service>) -> Self {
        let mut services = Self { keepers: Vec::new(), variables: Vec::new(), missing: Vec::new() };
        wanted.for_each(|service| services.add(service));
        services
    }

    fn add(&mut self, service: &dyn Service) {
        let (name, variable) = (service.name(), service.variable());
        if let Ok(address) = std::env::var(variable) {
            eprintln!("{name}: taken from {variable}");
            self.variables.push((variable, address));
            return;
        }
        match service.provide().and_then(|()| Keeper::start(service)) {
            Ok(keeper) => {
                eprintln!("{name}: started");
                self.variables.push((variable, keeper.address().to_owned()));
                self.keepers.push(keeper);
            }
            Err(why) => self.missing.push(Missing { name, serves: service.serves(), why }),
        }
    }

    /// Returns the environment variables that tell the tests where the services are.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        self.variables.clone()
    }

    /// Says in a box what is not tested and why. Empty when everything runs.
    pub(crate) fn warning(&self) -> String {
        let about = |missing: &Missing| {
            let Missing { name, serves, why } = missing;
            report::boxed(&format!("WARNING: {name} cannot run. NOT TESTED: {serves}.\n{why}"))
        };
        self.missing.iter().map(about).collect()
    }

    /// Fails where `CI=true` and a service is missing: there, nothing may be skipped.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        let names: Vec<&str> = self.missing.iter().map(|missing| missing.name).collect();
        if names.is_empty() || std::env::var("CI").as_deref() != Ok("true") {
            return Ok(());
        }
        Err(format!("these services cannot run, and CI must test everything: {}", names.join(", ")))
    }
}
