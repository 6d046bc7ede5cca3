//! Which events are wanted, on the command line.

use clap::Args;
use flowcore::client::Client;
use flowcore::model::{EventFilter, EventNames, ResourceFilter};

use crate::failure::Failure;
use crate::select;

#[derive(Debug, Args)]
pub(super) struct WantedArguments {
    /// Only events about this flow run and its task runs: its id, the beginning of it, or its name.
    #[arg(long, value_name = "ID")]
    flow_run: Option<String>,
    /// Only events whose name begins so. May be given several times.
    #[arg(long, value_name = "PREFIX")]
    event: Vec<String>,
    /// Only events that happened to a resource whose id begins so. May be given several times.
    #[arg(long, value_name = "PREFIX")]
    resource: Vec<String>,
    /// Only events that are related to a resource whose id begins so. May be given several times.
    #[arg(long, value_name = "PREFIX")]
    related: Vec<String>,
}

impl WantedArguments {
    /// Makes the filter.
    pub(super) async fn filter(&self, client: &dyn Client) -> Result<EventFilter, Failure> {
        let flow_run_id = match &self.flow_run {
            Some(text) => Some(select::flow_run(client, text).await?.id),
            None => None,
        };
        let begins =
            |prefixes: &[String]| ResourceFilter { id_prefixes: prefixes.to_vec(), ..ResourceFilter::default() };
        Ok(EventFilter {
            flow_run_id,
            event: EventNames { prefixes: self.event.clone(), ..EventNames::default() },
            resource: begins(&self.resource),
            related: if self.related.is_empty() { Vec::new() } else { vec![begins(&self.related)] },
            ..EventFilter::default()
        })
    }
}
