//! Tasks and flows as the macros define them, and the registry in which a program finds its flows by name.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::flow_call::AnyFlowCall;
use super::options::{FlowOptions, TaskOptions};
use crate::model::FlowRun;

/// Where and what the function of a task or flow is.
#[derive(Debug)]
pub struct Site {
    /// The function's path in the code, such as `my_app::etl::fetch`.
    pub key: &'static str,
    /// The function's name.
    pub name: &'static str,
    /// The source file, as the compiler names it.
    pub file: &'static str,
    /// The line of the attribute.
    pub line: u32,
    /// A hash of the function's tokens: it changes with the code, not with comments or layout.
    pub source_hash: &'static str,
    /// The names of the parameters that are data, in order.
    pub parameters: &'static [&'static str],
    /// The function's documentation.
    pub documentation: &'static str,
}

/// A task: its function and what its attribute says.
#[derive(Debug)]
pub struct TaskDefinition {
    pub(crate) site: Site,
    pub(crate) options: TaskOptions,
}

impl TaskDefinition {
    #[doc(hidden)]
    pub fn new(site: Site, options: TaskOptions) -> Self {
        TaskDefinition { site, options }
    }

    /// Tells where and what the function is.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Tells the task's name: that of its function, unless the attribute gives one.
    pub fn name(&self) -> &str {
        self.options.common.name.as_deref().unwrap_or(self.site.name)
    }

    /// Tells what the task is for.
    pub fn description(&self) -> &str {
        self.options.common.description.as_deref().unwrap_or(self.site.documentation)
    }

    /// Tells the version that runs are marked with.
    pub fn version(&self) -> Option<&str> {
        self.options.common.version.as_deref()
    }

    /// Lists the tags of its runs.
    pub fn tags(&self) -> &[String] {
        &self.options.common.tags
    }
}

/// A flow: its function and what its attribute says.
pub struct FlowDefinition {
    pub(crate) site: Site,
    pub(crate) options: FlowOptions,
    pub(crate) schema: fn() -> serde_json::Value,
    pub(crate) start: fn(&Parameters) -> Result<AnyFlowCall, ParameterError>,
}

impl FlowDefinition {
    #[doc(hidden)]
    pub fn new(
        site: Site,
        options: FlowOptions,
        schema: fn() -> serde_json::Value,
        start: fn(&Parameters) -> Result<AnyFlowCall, ParameterError>,
    ) -> Self {
        FlowDefinition { site, options, schema, start }
    }

    /// Tells where and what the function is.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Tells the flow's name: that of its function, with dashes for underscores, unless the attribute gives one.
    pub fn name(&self) -> String {
        self.options.common.name.clone().unwrap_or_else(|| self.site.name.replace('_', "-"))
    }

    /// Tells what the flow is for.
    pub fn description(&self) -> &str {
        self.options.common.description.as_deref().unwrap_or(self.site.documentation)
    }

    /// Tells the version that runs are marked with.
    pub fn version(&self) -> Option<&str> {
        self.options.common.version.as_deref()
    }

    /// Lists the tags of the flow and its runs.
    pub fn tags(&self) -> &[String] {
        &self.options.common.tags
    }

    /// Gives the JSON schema of the parameters, in the form that Prefect deployments carry.
    pub fn parameter_schema(&self) -> serde_json::Value {
        (self.schema)()
    }

    /// Makes a call of the flow from parameters as JSON.
    pub fn call(&self, parameters: &Parameters) -> Result<AnyFlowCall, ParameterError> {
        (self.start)(parameters)
    }
}

impl fmt::Debug for FlowDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowDefinition").field("site", &self.site).finish_non_exhaustive()
    }
}

/// Parameters of a flow run as they are stored: JSON values by name.
#[derive(Debug, Default)]
pub struct Parameters(BTreeMap<String, Box<RawValue>>);

impl Parameters {
    /// Reads a JSON object.
    pub fn from_json(json: &str) -> Result<Self, ParameterError> {
        serde_json::from_str(json)
            .map(Parameters)
            .map_err(|error| ParameterError(format!("the parameters are not a JSON object: {error}")))
    }

    /// Reads one parameter.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T, ParameterError> {
        match self.0.get(name) {
            Some(json) => read(name, json),
            // A parameter that may be absent can be left out.
            None => {
                serde_json::from_str("null").map_err(|_| ParameterError(format!("the parameter `{name}` is missing")))
            }
        }
    }

    /// Reads one parameter, or takes the default when it was left out.
    pub fn get_or<T: DeserializeOwned>(&self, name: &str, default: impl FnOnce() -> T) -> Result<T, ParameterError> {
        self.0.get(name).map_or_else(|| Ok(default()), |json| read(name, json))
    }
}

fn read<T: DeserializeOwned>(name: &str, json: &RawValue) -> Result<T, ParameterError> {
    serde_json::from_str(json.get())
        .map_err(|error| ParameterError(format!("the parameter `{name}` does not fit: {error}")))
}

/// Says which parameter of a flow is missing or does not fit.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ParameterError(pub(crate) String);

/// A flow's entry in the registry; `#[flow]` submits it.
#[doc(hidden)]
pub struct FlowRegistration {
    pub definition: fn() -> &'static FlowDefinition,
}

inventory::collect!(FlowRegistration);

/// Finds a flow of this program by its name.
pub fn find_flow(name: &str) -> Result<&'static FlowDefinition, RegistryError> {
    let mut found: Option<&'static FlowDefinition> = None;
    for flow in flows() {
        if flow.name() == name {
            if let Some(first) = found {
                return Err(RegistryError::twice(name, first, flow));
            }
            found = Some(flow);
        }
    }
    found.ok_or_else(|| RegistryError::Unknown {
        name: name.to_owned(),
        known: flows().map(FlowDefinition::name).collect::<Vec<_>>().join(", "),
    })
}

/// On a flow run whose call gave the flow another name: the name by which the program has the flow.
pub(crate) const FLOW_LABEL: &str = "flowcore.flow";

/// Finds the flow of this program that a run was made of.
pub(crate) fn flow_of(run: &FlowRun) -> Result<&'static FlowDefinition, RegistryError> {
    find_flow(run.labels.get(FLOW_LABEL).and_then(|name| name.as_str()).unwrap_or(&run.flow_name))
}

/// Goes through the flows of this program, in no order.
pub fn flows() -> impl Iterator<Item = &'static FlowDefinition> {
    inventory::iter::<FlowRegistration>.into_iter().map(|registration| (registration.definition)())
}

/// Checks that no two flows of this program have one name.
pub(crate) fn check_registry() -> Result<(), RegistryError> {
    let mut by_name: BTreeMap<String, &'static FlowDefinition> = BTreeMap::new();
    for flow in flows() {
        if let Some(first) = by_name.insert(flow.name(), flow) {
            return Err(RegistryError::twice(&flow.name(), first, flow));
        }
    }
    Ok(())
}

/// Says why a flow cannot be found by its name.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RegistryError {
    /// Two flows have one name.
    #[error(
        "two flows are named `{name}`: one at {first}, one at {second}; give one of them another by #[flow(name = \"...\")]"
    )]
    Twice {
        /// The name.
        name: String,
        /// Where the one is.
        first: String,
        /// Where the other is.
        second: String,
    },
    /// No flow has the name.
    #[error("this program has no flow named `{name}`; it has: {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
}

impl RegistryError {
    fn twice(name: &str, one: &FlowDefinition, other: &FlowDefinition) -> Self {
        let place = |flow: &FlowDefinition| format!("{}:{}", flow.site.file, flow.site.line);
        // In a fixed order: the registry has none.
        let (first, second) =
            if place(one) <= place(other) { (place(one), place(other)) } else { (place(other), place(one)) };
        RegistryError::Twice { name: name.to_owned(), first, second }
    }
}
