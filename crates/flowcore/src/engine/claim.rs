//! Taking an existing flow run for another attempt.

use super::core::Engine;
use super::error::Error;
use super::options::FlowOptions;
use crate::model::{FlowRun, FlowRunId, StateType};
use crate::orchestration::{Decision, Executor};

/// What became of a claim.
pub(crate) enum Claim {
    /// The run is this process's now, and RUNNING.
    Taken(Box<FlowRun>),
    /// There is nothing to execute.
    Completed(Box<FlowRun>),
}

/// Takes an existing run for another attempt.
pub(crate) async fn claim(
    engine: &Engine,
    id: FlowRunId,
    executor: Executor,
    options: &FlowOptions,
) -> Result<Claim, Error> {
    let client = &engine.0.client;
    let Some(mut run) = client.flow_run(id).await? else {
        return Err(Error::msg(format!("there is no flow run {id}")));
    };
    if run.state.is_completed() {
        return Ok(Claim::Completed(Box::new(run)));
    }
    if run.state.is_terminal() {
        let scheduled = client.retry_flow_run(&run).await?;
        if let Decision::Stay(why) | Decision::Abort(why) = scheduled.decision {
            return Err(Error::msg(format!("flow run {id} cannot be executed: {why}")));
        }
        run = scheduled.run;
    }
    loop {
        let decided = client.claim_flow_run(&run, executor.clone(), options.common.retry_policy()).await?;
        match decided.decision {
            Decision::Accept(_) => return Ok(Claim::Taken(Box::new(decided.run))),
            Decision::Wait(until) => {
                run = decided.run;
                if let Ok(wait) = (until - engine.0.clock.now()).to_std() {
                    engine.0.clock.sleep(wait).await;
                }
            }
            Decision::Reject(_, why) | Decision::Stay(why) | Decision::Abort(why) => {
                if decided.run.state.kind == StateType::Cancelling
                    && decided.run.process_id == Some(executor.process_id)
                {
                    // It was asked to end while it was taken: nobody else will end it.
                    let cancelled = engine.state(StateType::Cancelled).message("The flow was asked to end.");
                    client.set_flow_run_state(&decided.run, cancelled).await?;
                }
                return Err(Error::msg(format!("flow run {id} cannot be executed: {why}")));
            }
        }
    }
}
