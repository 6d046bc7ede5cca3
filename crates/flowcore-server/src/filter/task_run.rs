//! Task runs.

use flowcore::model::{Order, Timestamp};
use flowcore::store::query::{Column, Condition, relation, task_run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::criteria::{Ids, Names, Operator, OptionalIds, States, Tags, Times};

/// Selects task runs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TaskRunFilter {
    operator: Operator,
    id: Option<Ids>,
    name: Option<Names>,
    tags: Option<Tags>,
    state: Option<States>,
    start_time: Option<Times>,
    end_time: Option<Times>,
    expected_start_time: Option<Times>,
    subflow_runs: Option<Subflows>,
    flow_run_id: Option<OptionalIds>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Subflows {
    exists_: Option<bool>,
}

impl Subflows {
    fn condition(&self) -> Condition {
        let stands_for_one = Condition::Related(relation::SUBFLOW_OF_TASK_RUN, Box::new(Condition::ALWAYS));
        match self.exists_ {
            Some(true) => stands_for_one,
            Some(false) => Condition::Not(Box::new(stands_for_one)),
            None => Condition::ALWAYS,
        }
    }
}

impl TaskRunFilter {
    /// Tells between which times runs are to have started, if there is a first one.
    pub(crate) fn started(&self) -> Option<(Timestamp, Option<Timestamp>)> {
        let (since, until) = self.start_time.as_ref()?.bounds();
        since.map(|since| (since, until))
    }

    pub(crate) fn condition(&self) -> Condition {
        let criteria = [
            self.id.as_ref().map(|ids| ids.on(task_run::ID)),
            self.name.as_ref().map(|names| names.on(task_run::NAME)),
            self.tags.as_ref().map(|tags| tags.on(task_run::TAGS)),
            self.state.as_ref().map(|states| states.on(task_run::STATE_TYPE, task_run::STATE_NAME)),
            self.start_time.as_ref().map(|times| times.on(task_run::START_TIME)),
            self.end_time.as_ref().map(|times| times.on(task_run::END_TIME)),
            self.expected_start_time.as_ref().map(|times| times.on(task_run::EXPECTED_START_TIME)),
            self.subflow_runs.as_ref().map(Subflows::condition),
            self.flow_run_id.as_ref().map(|ids| ids.on_present(task_run::FLOW_RUN_ID)),
        ];
        self.operator.join(criteria.into_iter().flatten().collect())
    }
}

/// Orders of task runs.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum TaskRunSort {
    #[default]
    IdDesc,
    ExpectedStartTimeAsc,
    ExpectedStartTimeDesc,
    NameAsc,
    NameDesc,
    NextScheduledStartTimeAsc,
    EndTimeDesc,
}

impl TaskRunSort {
    pub(crate) fn columns(self) -> Vec<(Column, Order)> {
        vec![match self {
            TaskRunSort::IdDesc => (task_run::ID, Order::NewestFirst),
            TaskRunSort::ExpectedStartTimeAsc => (task_run::EXPECTED_START_TIME, Order::OldestFirst),
            TaskRunSort::ExpectedStartTimeDesc => (task_run::EXPECTED_START_TIME, Order::NewestFirst),
            TaskRunSort::NameAsc => (task_run::NAME, Order::OldestFirst),
            TaskRunSort::NameDesc => (task_run::NAME, Order::NewestFirst),
            TaskRunSort::NextScheduledStartTimeAsc => (task_run::NEXT_SCHEDULED_START_TIME, Order::OldestFirst),
            TaskRunSort::EndTimeDesc => (task_run::END_TIME, Order::NewestFirst),
        }]
    }
}
