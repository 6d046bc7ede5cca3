//! Flow runs.

use flowcore::model::Order;
use flowcore::store::query::{Column, Condition, Test, Values, flow_run, relation, task_run};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::criteria::{Ids, Names, Operator, OptionalIds, OptionalTexts, States, Tags, Texts, Times};

/// Selects flow runs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FlowRunFilter {
    operator: Operator,
    id: Option<Ids>,
    name: Option<Names>,
    tags: Option<Tags>,
    deployment_id: Option<OptionalIds>,
    work_queue_name: Option<OptionalTexts>,
    state: Option<States>,
    flow_version: Option<Texts>,
    start_time: Option<Times>,
    end_time: Option<Times>,
    expected_start_time: Option<Times>,
    next_scheduled_start_time: Option<Times>,
    parent_flow_run_id: Option<Parents>,
    parent_task_run_id: Option<OptionalIds>,
    idempotency_key: Option<Texts>,
    created_by: Option<Creators>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Parents {
    operator: Operator,
    any_: Option<Vec<Uuid>>,
}

impl Parents {
    fn condition(&self) -> Condition {
        let of = |ids: &Vec<Uuid>| {
            let runs = Condition::Column(task_run::FLOW_RUN_ID, Test::OneOf(Values::Ids(ids.clone())));
            // The index has subflows only, and there are few of them.
            let subflow = Condition::Column(flow_run::PARENT_TASK_RUN_ID, Test::IsNull(false));
            subflow.and(Condition::Related(relation::PARENT_OF_FLOW_RUN, Box::new(runs)))
        };
        self.operator.join(self.any_.iter().map(of).collect())
    }
}

/// Asks for who made a run.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Creators {
    operator: Operator,
    id_: Option<Vec<Uuid>>,
    type_: Option<Vec<String>>,
    is_null_: Option<bool>,
}

impl Creators {
    fn condition(&self) -> Condition {
        let ids = self.id_.iter().map(|ids| flow_run::CREATED_BY_ID.one_of(Values::Ids(ids.clone())));
        let types = self.type_.iter().map(|types| flow_run::CREATED_BY_TYPE.one_of(Values::Texts(types.clone())));
        let null = self.is_null_.iter().map(|null| {
            let absent = |column| Condition::Column(column, Test::IsNull(true));
            let nobody = Condition::All(vec![absent(flow_run::CREATED_BY_ID), absent(flow_run::CREATED_BY_TYPE)]);
            if *null { nobody } else { Condition::Not(Box::new(nobody)) }
        });
        self.operator.join(ids.chain(types).chain(null).collect())
    }
}

impl FlowRunFilter {
    pub(crate) fn condition(&self) -> Condition {
        let criteria = [
            self.id.as_ref().map(|ids| ids.on(flow_run::ID)),
            self.name.as_ref().map(|names| names.on(flow_run::NAME)),
            self.tags.as_ref().map(|tags| tags.on(flow_run::TAGS)),
            self.deployment_id.as_ref().map(|ids| ids.on(flow_run::DEPLOYMENT_ID)),
            self.work_queue_name.as_ref().map(|names| names.on(flow_run::WORK_QUEUE_NAME)),
            self.state.as_ref().map(|states| states.on(flow_run::STATE_TYPE, flow_run::STATE_NAME)),
            self.flow_version.as_ref().map(|versions| versions.on(flow_run::FLOW_VERSION)),
            self.start_time.as_ref().map(|times| times.on_start(flow_run::START_TIME, flow_run::STARTED)),
            self.end_time.as_ref().map(|times| times.on(flow_run::END_TIME)),
            self.expected_start_time.as_ref().map(|times| times.on(flow_run::EXPECTED_START_TIME)),
            self.next_scheduled_start_time.as_ref().map(|times| times.on(flow_run::NEXT_SCHEDULED_START_TIME)),
            self.parent_flow_run_id.as_ref().map(Parents::condition),
            self.parent_task_run_id.as_ref().map(|ids| ids.on(flow_run::PARENT_TASK_RUN_ID)),
            self.idempotency_key.as_ref().map(|keys| keys.on(flow_run::IDEMPOTENCY_KEY)),
            self.created_by.as_ref().map(Creators::condition),
        ];
        self.operator.join(criteria.into_iter().flatten().collect())
    }
}

/// Orders of flow runs.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum FlowRunSort {
    #[default]
    IdDesc,
    StartTimeAsc,
    StartTimeDesc,
    ExpectedStartTimeAsc,
    ExpectedStartTimeDesc,
    NameAsc,
    NameDesc,
    NextScheduledStartTimeAsc,
    EndTimeDesc,
}

impl FlowRunSort {
    pub(crate) fn columns(self) -> Vec<(Column, Order)> {
        vec![match self {
            FlowRunSort::IdDesc => (flow_run::ID, Order::NewestFirst),
            FlowRunSort::StartTimeAsc => (flow_run::STARTED, Order::OldestFirst),
            FlowRunSort::StartTimeDesc => (flow_run::STARTED, Order::NewestFirst),
            FlowRunSort::ExpectedStartTimeAsc => (flow_run::EXPECTED_START_TIME, Order::OldestFirst),
            FlowRunSort::ExpectedStartTimeDesc => (flow_run::EXPECTED_START_TIME, Order::NewestFirst),
            FlowRunSort::NameAsc => (flow_run::NAME, Order::OldestFirst),
            FlowRunSort::NameDesc => (flow_run::NAME, Order::NewestFirst),
            FlowRunSort::NextScheduledStartTimeAsc => (flow_run::NEXT_SCHEDULED_START_TIME, Order::OldestFirst),
            FlowRunSort::EndTimeDesc => (flow_run::END_TIME, Order::NewestFirst),
        }]
    }
}
