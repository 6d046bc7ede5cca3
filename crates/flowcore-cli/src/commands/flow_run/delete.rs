//! `flowcore flow-run delete`.

use clap::Args;
use flowcore::model::FlowRun;

use crate::confirm::Confirmation;
use crate::failure::Failure;
use crate::select;
use crate::session::Session;
use crate::text::{counted, one_line};

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The flow runs: their ids, the beginnings of them (at least 4 digits), or their names.
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    confirmation: Confirmation,
}

pub(super) async fn run(arguments: &Delete, session: &mut Session<'_>) -> Result<(), Failure> {
    // All are found before the first is deleted: a slip in the last one must not cost the others.
    let mut runs: Vec<FlowRun> = Vec::new();
    for text in &arguments.ids {
        let run = select::flow_run(&*session.client, text).await?;
        if runs.iter().all(|known| known.id != run.id) {
            runs.push(run);
        }
    }
    arguments.confirmation.ask(session.out, || question(&runs))?;
    for run in runs {
        session.client.delete_flow_run(run.id).await?;
        session.out.line(format!("Deleted flow run '{}' ({}).", one_line(&run.name), run.id))?;
    }
    Ok(())
}

fn question(runs: &[FlowRun]) -> String {
    let line = |run: &FlowRun| {
        let (name, flow) = (one_line(&run.name), one_line(&run.flow_name));
        format!("  {}  {name} of {flow}, {}\n", run.id, run.state.name)
    };
    let list: String = runs.iter().map(line).collect();
    let what = counted(runs.len(), "flow run");
    format!("{list}Delete {what} with task runs, states, log lines and artifacts?")
}
