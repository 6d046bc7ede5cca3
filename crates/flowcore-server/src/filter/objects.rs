//! Filters of several kinds of objects that are asked for together.

use flowcore::model::Timestamp;
use flowcore::store::query::{Condition, Relation, relation};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{DeploymentFilter, FlowFilter, FlowRunFilter, TaskRunFilter, WorkPoolFilter, WorkQueueFilter};
use crate::artifacts;
use crate::deployments::deployment::{
    DEPLOYMENT_OF_FLOW_RUN, DEPLOYMENTS_OF_FLOW, FLOW_OF_DEPLOYMENT, FLOW_RUNS_OF_DEPLOYMENT, QUEUE_OF_DEPLOYMENT,
};
use crate::pools::queue::{POOL_OF_QUEUE, QUEUE_OF_FLOW_RUN};

/// Filters that hold together, whichever objects are asked for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Objects {
    flows: Option<FlowFilter>,
    flow_runs: Option<FlowRunFilter>,
    task_runs: Option<TaskRunFilter>,
    deployments: Option<DeploymentFilter>,
    work_pools: Option<WorkPoolFilter>,
    #[serde(alias = "work_queues")]
    work_pool_queues: Option<WorkQueueFilter>,
}

fn related(relation: Relation, condition: Condition) -> Condition {
    Condition::Related(relation, Box::new(condition))
}

impl Objects {
    /// Selects flows: with such deployments, and with such runs, which have such task runs.
    pub(crate) fn of_flows(&self) -> Condition {
        let own = self.flows.iter().map(FlowFilter::condition);
        let runs = self.flow_runs.is_some() || self.task_runs.is_some();
        let runs = runs.then(|| related(relation::FLOW_RUNS_OF_FLOW, self.runs_and_their_tasks()));
        let deployments = self.deployments.iter().map(|these| related(DEPLOYMENTS_OF_FLOW, these.condition()));
        Condition::All(own.chain(runs).chain(deployments).collect())
    }

    /// Selects deployments: of such flows, in such queues and pools, with such runs, which have such task runs.
    pub(crate) fn of_deployments(&self) -> Condition {
        let own = self.deployments.iter().map(DeploymentFilter::condition);
        let flows = self.flows.iter().map(|flows| related(FLOW_OF_DEPLOYMENT, flows.condition()));
        let queues = self.queues().map(|queues| related(QUEUE_OF_DEPLOYMENT, queues));
        let runs = self.flow_runs.is_some() || self.task_runs.is_some();
        let runs = runs.then(|| related(FLOW_RUNS_OF_DEPLOYMENT, self.runs_and_their_tasks()));
        Condition::All(own.chain(flows).chain(queues).chain(runs).collect())
    }

    /// Selects flow runs: of such flows and deployments, in such queues and pools, with such task runs.
    pub(crate) fn of_flow_runs(&self) -> Condition {
        let flows = self.flows.iter().map(|flows| related(relation::FLOW_OF_FLOW_RUN, flows.condition()));
        let queues = self.queues().map(|queues| related(QUEUE_OF_FLOW_RUN, queues));
        Condition::All(flows.chain(queues).chain(self.their_deployments()).collect()).and(self.runs_and_their_tasks())
    }

    /// Selects task runs: of such flow runs, of such flows.
    pub(crate) fn of_task_runs(&self) -> Condition {
        let own = self.task_runs.iter().map(TaskRunFilter::condition);
        let flows = self.flows.iter().map(|flows| related(relation::FLOW_OF_FLOW_RUN, flows.condition()));
        let runs = self.flow_runs.iter().map(FlowRunFilter::condition).chain(flows).chain(self.their_deployments());
        let runs = runs.collect::<Vec<_>>();
        let runs = (!runs.is_empty()).then(|| related(relation::FLOW_RUN_OF_TASK_RUN, Condition::All(runs)));
        Condition::All(own.chain(runs).collect())
    }

    /// Selects artifacts: made in such flow runs, of such flows, and in such task runs.
    pub(crate) fn of_artifacts(&self) -> Condition {
        let flows = self.flows.iter().map(|flows| related(relation::FLOW_OF_FLOW_RUN, flows.condition()));
        let runs = self.flow_runs.iter().map(FlowRunFilter::condition).chain(flows).collect::<Vec<_>>();
        let runs = (!runs.is_empty()).then(|| related(artifacts::FLOW_RUN, Condition::All(runs)));
        let tasks = self.task_runs.iter().map(|tasks| related(artifacts::TASK_RUN, tasks.condition()));
        Condition::All(runs.into_iter().chain(tasks).collect())
    }

    /// Selects queues, in such pools.
    fn queues(&self) -> Option<Condition> {
        let own = self.work_pool_queues.iter().map(WorkQueueFilter::condition);
        let pools = self.work_pools.iter().map(|pools| related(POOL_OF_QUEUE, pools.condition()));
        let all: Vec<_> = own.chain(pools).collect();
        (!all.is_empty()).then_some(Condition::All(all))
    }

    /// Tells whether something is asked of task runs.
    pub(crate) fn has_task_runs(&self) -> bool {
        self.task_runs.is_some()
    }

    /// Tells between which times task runs are to have started, if there is a first one.
    pub(crate) fn task_runs_started(&self) -> Option<(Timestamp, Option<Timestamp>)> {
        self.task_runs.as_ref()?.started()
    }

    /// Selects flow runs by the deployments that they are made from.
    fn their_deployments(&self) -> Option<Condition> {
        self.deployments.as_ref().map(|these| related(DEPLOYMENT_OF_FLOW_RUN, these.condition()))
    }

    fn runs_and_their_tasks(&self) -> Condition {
        let own = self.flow_runs.iter().map(FlowRunFilter::condition);
        let tasks = self.task_runs.iter().map(|tasks| related(relation::TASK_RUNS_OF_FLOW_RUN, tasks.condition()));
        Condition::All(own.chain(tasks).collect())
    }
}
