//! `flowcore flow-run execute`.

use std::path::PathBuf;

use clap::Args;

use crate::commands::worker::{on_this_machine, signals};
use crate::failure::Failure;
use crate::log;
use crate::output::note;
use crate::select;
use crate::session::Session;
use crate::text::one_line;

/// The variables that name the run: ours, and that of Prefect's workers.
const VARIABLES: [&str; 2] = [flowcore::EXECUTE, "PREFECT__FLOW_RUN_ID"];

#[derive(Debug, Args)]
pub(crate) struct Execute {
    /// The flow run: its id, the beginning of it (at least 4 digits), or its name. Without it, the one that the variable
    /// FLOWCORE_EXECUTE_FLOW_RUN or PREFECT__FLOW_RUN_ID names, which workers set.
    id: Option<String>,
    /// The interpreter for flows in Python, which has Prefect. Without it, as for `flowcore worker start`.
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
}

pub(super) async fn run(arguments: Execute, session: &mut Session<'_>) -> Result<u8, Failure> {
    let named = || VARIABLES.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let Some(id) = arguments.id.or_else(named) else {
        let variables = VARIABLES.join(" and ");
        return Err(Failure::Usage(format!("say which flow run is to be executed: {variables} name none")));
    };
    log::begin(session.settings.log_level, session.settings.server.log_format);
    let run = select::flow_run(&*session.client, &id).await?;
    // Whoever starts this has said what the run may see.
    let worker = on_this_machine(session, "", arguments.python).inherit(["*".to_owned()]);
    let (mut first, _second) = signals()?;
    let hurry = async move {
        first.recv().await;
    };
    let run = worker.execute(run.id, hurry).await.map_err(|error| Failure::new(error.to_string()))?;
    note(&format!("Flow run '{}' is {}.", one_line(&run.name), run.state.name));
    Ok(u8::from(run.state.is_terminal() && !run.state.is_completed()))
}
