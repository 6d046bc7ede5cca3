//! Automations that would never come to rest.

use super::action::{Action, Selected};
use super::trigger::{Labels, Posture, Trigger};

/// The states that every run of a deployment goes through.
const OF_EVERY_RUN: [&str; 4] =
    ["prefect.flow-run.Scheduled", "prefect.flow-run.Pending", "prefect.flow-run.Running", "prefect.flow-run.*"];

/// Says why an automation would make runs that make it make runs, if it would.
pub(crate) fn loop_of_runs(trigger: &Trigger, actions: &[Action]) -> Option<&'static str> {
    let Trigger::Event(trigger) = trigger else { return None };
    if trigger.posture != Posture::Reactive || !OF_EVERY_RUN.iter().any(|event| trigger.expect.contains(*event)) {
        return None;
    }
    let any_run = || any_flow_run(&trigger.matching) && trigger.match_related.as_slice().iter().any(any_flow_run);
    actions.iter().find_map(|action| match action {
        Action::RunDeployment(run) if run.source == Selected::Inferred => Some(
            "Running an inferred deployment from a flow run state change event will lead to an infinite loop of flow runs.  \
             Please choose a specific deployment and add additional filtering labels to the match or match_related for this \
             automation's trigger.",
        ),
        Action::RunDeployment(_) if any_run() => Some(
            "Running a selected deployment from a flow run state change event may lead to an infinite loop of flow runs.  \
             Please include additional filtering labels on either match or match_related to narrow down which flow runs will \
             trigger this automation to exclude flow runs from the deployment you've selected.",
        ),
        _ => None,
    })
}

/// Tells whether labels say no more than that it is a flow run.
fn any_flow_run(labels: &Labels) -> bool {
    let mut said = labels.iter();
    match (said.next(), said.next()) {
        (None, _) => true,
        (Some((label, values)), None) => {
            label == "prefect.resource.id" && values.as_slice().iter().any(|value| value == "prefect.flow-run.*")
        }
        _ => false,
    }
}
