//! Reading what the server keeps, page by page.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::bodies;
use super::inner::Inner;
use crate::client::{ClientError, Request};
use crate::model::{
    Flow, FlowFilter, FlowRun, FlowRunFilter, FlowRunId, LogFilter, LogLine, Order, Page, State, StateCount, StateName,
    StateType, TaskRun, TaskRunFilter, TaskRunId, Timestamp,
};
use crate::wire::{FlowBody, FlowRunBody, LogBody, Moment, StateBody, TaskRunBody};

/// How many rows a Prefect server gives at once.
const PAGE: u32 = 200;

/// The names that flowcore gives to states beside those of their types.
const NAMES: [(StateType, &[&str]); 6] = [
    (
        StateType::Scheduled,
        &[StateName::AWAITING_CONCURRENCY_SLOT, StateName::AWAITING_RETRY, StateName::LATE, StateName::RESUMING],
    ),
    (StateType::Pending, &[StateName::NOT_READY]),
    (StateType::Running, &[StateName::RETRYING]),
    (StateType::Completed, &[StateName::CACHED, StateName::ROLLED_BACK]),
    (StateType::Failed, &[StateName::TIMED_OUT]),
    (StateType::Paused, &[StateName::SUSPENDED]),
];

impl Inner {
    /// Lists rows of one kind: as many as the page wants, in as many requests as it takes.
    pub(super) async fn rows<B: DeserializeOwned>(
        &self,
        path: &str,
        what: &str,
        filter: &Value,
        page: Page,
    ) -> Result<Vec<B>, ClientError> {
        let mut rows: Vec<B> = Vec::new();
        let wanted = usize::try_from(page.limit).unwrap_or(usize::MAX);
        while rows.len() < wanted {
            let limit = PAGE.min(u32::try_from(wanted - rows.len()).unwrap_or(PAGE));
            let offset = u64::from(page.offset) + rows.len() as u64;
            let mut body = filter.clone();
            if let Some(body) = body.as_object_mut() {
                body.insert("limit".to_owned(), json!(limit));
                body.insert("offset".to_owned(), json!(offset));
            }
            let found: Vec<B> = self.server.ask(Request::post(path, what, &body)).await?.read()?;
            let is_last = found.len() < limit as usize;
            rows.extend(found);
            if is_last {
                break;
            }
        }
        Ok(rows)
    }

    pub(super) async fn flows(&self, filter: &FlowFilter) -> Result<Vec<Flow>, ClientError> {
        let name = filter.name_like.as_ref().map(|like| json!({"name": {"like_": like}}));
        let body = json!({"flows": name, "sort": "NAME_ASC"});
        let found: Vec<FlowBody> = self.rows("/flows/filter", "list flows", &body, filter.page).await?;
        Ok(found.into_iter().map(bodies::flow).collect())
    }

    pub(super) async fn flow_runs(&self, filter: &FlowRunFilter) -> Result<Vec<FlowRun>, ClientError> {
        let (ids, range) = match filter.id_range {
            Some(range) if range.from == range.to => (Some(vec![FlowRunId(range.from)]), None),
            range => (filter.ids.clone(), range),
        };
        let mut runs = criteria([
            ("id", any(ids.as_deref())),
            ("name", names(filter.names.as_deref(), filter.name_like.as_deref())),
            ("state", states(filter.state_types.as_deref(), filter.state_names.as_deref())),
            ("expected_start_time", between(filter.since, filter.until)),
            ("parent_task_run_id", any(filter.parent_task_run_ids.as_deref())),
            ("parent_flow_run_id", any(filter.parent_flow_run_ids.as_deref())),
        ]);
        if let (Some(exact), Some(ids)) = (ids.as_ref().filter(|_| range.is_none()), &filter.ids) {
            runs.insert(
                "id".to_owned(),
                json!({"any_": exact.iter().filter(|id| ids.contains(id)).collect::<Vec<_>>()}),
            );
        }
        let flows = filter.flow_names.as_ref().map(|names| json!({"name": {"any_": names}}));
        let body = json!({"flow_runs": runs, "flows": flows, "sort": "ID_DESC"});
        let found = match range {
            None => self.rows("/flow_runs/filter", "list flow runs", &body, filter.page).await?,
            Some(range) => {
                let id = |run: &FlowRunBody| run.id;
                self.in_range("/flow_runs/filter", &body, (range.from, range.to), id, filter.page).await?
            }
        };
        let mut runs = Vec::with_capacity(found.len());
        for body in found {
            runs.push(self.flow_run(body).await?);
        }
        Ok(runs)
    }

    /// Finds rows by the beginning of their ids, which Prefect's API cannot: looks through them, newest first, as far as
    /// the ids, which begin with the time, can be among them.
    async fn in_range<B: DeserializeOwned>(
        &self,
        path: &str,
        filter: &Value,
        (from, to): (Uuid, Uuid),
        id: impl Fn(&B) -> Uuid,
        page: Page,
    ) -> Result<Vec<B>, ClientError> {
        let mut found = Vec::new();
        let mut offset = 0;
        let wanted = (page.offset as usize).saturating_add(page.limit as usize);
        loop {
            let rows: Vec<B> = self.rows(path, "list runs", filter, Page { limit: PAGE, offset }).await?;
            let is_last = rows.len() < PAGE as usize || rows.last().is_none_or(|row| id(row) < from);
            found.extend(rows.into_iter().filter(|row| (from..=to).contains(&id(row))));
            if is_last || found.len() >= wanted {
                break;
            }
            offset += PAGE;
        }
        Ok(found.into_iter().skip(page.offset as usize).take(page.limit as usize).collect())
    }

    pub(super) async fn task_runs(&self, filter: &TaskRunFilter) -> Result<Vec<TaskRun>, ClientError> {
        let (ids, range) = match filter.id_range {
            Some(range) if range.from == range.to => (Some(vec![TaskRunId(range.from)]), None),
            range => (filter.ids.clone(), range),
        };
        let runs = criteria([
            ("id", any(ids.as_deref())),
            ("flow_run_id", any(filter.flow_run_ids.as_deref())),
            ("name", names(filter.names.as_deref(), filter.name_like.as_deref())),
            ("state", states(filter.state_types.as_deref(), filter.state_names.as_deref())),
            ("expected_start_time", between(filter.since, filter.until)),
        ]);
        // A task run is expected to start when it is made.
        let sort =
            if filter.order == Order::OldestFirst && range.is_none() { "EXPECTED_START_TIME_ASC" } else { "ID_DESC" };
        let body = json!({"task_runs": runs, "sort": sort});
        let found: Vec<TaskRunBody> = match range {
            None => self.rows("/task_runs/filter", "list task runs", &body, filter.page).await?,
            Some(range) => {
                let id = |run: &TaskRunBody| run.id;
                self.in_range("/task_runs/filter", &body, (range.from, range.to), id, filter.page).await?
            }
        };
        let mut runs: Vec<TaskRun> = found.into_iter().map(bodies::task_run).collect();
        if filter.order == Order::OldestFirst {
            runs.sort_by_key(|run| run.id);
        }
        Ok(runs)
    }

    /// Counts task runs by type and name. The API counts what a filter selects, so each name is asked for: those that
    /// flowcore gives. Others count as the name of their type.
    pub(super) async fn task_run_counts(&self, id: FlowRunId) -> Result<Vec<StateCount>, ClientError> {
        let mut counts = Vec::new();
        for kind in StateType::ALL {
            let mut left = self.count_task_runs(id, json!({"type": {"any_": [kind]}})).await?;
            if left == 0 {
                continue;
            }
            let named = NAMES.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, names)| names);
            for name in named {
                let state = json!({"type": {"any_": [kind]}, "name": {"any_": [name]}});
                let count = self.count_task_runs(id, state).await?;
                if count > 0 {
                    counts.push(StateCount { kind, name: (*name).to_owned(), count });
                    left = left.saturating_sub(count);
                }
            }
            if left > 0 {
                counts.push(StateCount { kind, name: kind.default_name().to_owned(), count: left });
            }
        }
        counts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(counts)
    }

    async fn count_task_runs(&self, id: FlowRunId, state: Value) -> Result<u64, ClientError> {
        let body = json!({"task_runs": {"flow_run_id": {"any_": [id]}, "state": state}});
        self.server.ask(Request::post("/task_runs/count", "count task runs", &body)).await?.read()
    }

    pub(super) async fn flow_run_states(&self, id: FlowRunId) -> Result<Vec<State>, ClientError> {
        self.states(format!("/flow_run_states/?flow_run_id={id}")).await
    }

    pub(super) async fn task_run_states(&self, id: TaskRunId) -> Result<Vec<State>, ClientError> {
        self.states(format!("/task_run_states/?task_run_id={id}")).await
    }

    async fn states(&self, path: String) -> Result<Vec<State>, ClientError> {
        let found: Vec<StateBody> = self.server.ask(Request::get(path, "list states")).await?.read()?;
        let mut states: Vec<State> = found.into_iter().map(State::from).collect();
        states.sort_by_key(|state| state.timestamp);
        Ok(states)
    }

    pub(super) async fn logs(&self, filter: &LogFilter) -> Result<Vec<LogLine>, ClientError> {
        let one = |id: Option<Uuid>| id.map(|id| json!({"any_": [id]}));
        let lines = criteria([
            ("flow_run_id", one(filter.flow_run_id.map(|id| id.0))),
            ("task_run_id", one(filter.task_run_id.map(|id| id.0))),
            ("level", filter.level.map(|level| json!({"ge_": level.number()}))),
        ]);
        let sort = match filter.order {
            Order::OldestFirst => "TIMESTAMP_ASC",
            Order::NewestFirst => "TIMESTAMP_DESC",
        };
        let body = json!({"logs": lines, "sort": sort});
        let found: Vec<LogBody> = self.rows("/logs/filter", "list log lines", &body, filter.page).await?;
        Ok(found.into_iter().map(bodies::log_line).collect())
    }
}

/// Writes what there is of criteria. Nothing selects everything.
pub(super) fn criteria<const N: usize>(criteria: [(&str, Option<Value>); N]) -> Map<String, Value> {
    criteria.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

pub(super) fn any<T: serde::Serialize>(values: Option<&[T]>) -> Option<Value> {
    values.map(|values| json!({"any_": values}))
}

fn names(names: Option<&[String]>, like: Option<&str>) -> Option<Value> {
    let criteria = criteria([("any_", names.map(|names| json!(names))), ("like_", like.map(|like| json!(like)))]);
    (!criteria.is_empty()).then_some(Value::Object(criteria))
}

fn states(types: Option<&[StateType]>, names: Option<&[String]>) -> Option<Value> {
    let criteria = criteria([("type", any(types)), ("name", any(names))]);
    (!criteria.is_empty()).then_some(Value::Object(criteria))
}

/// Both ends of a filter of times belong to it: the end that is not meant is a microsecond earlier.
fn between(since: Option<Timestamp>, until: Option<Timestamp>) -> Option<Value> {
    let last = until.map(|until| Moment(until - chrono::TimeDelta::microseconds(1)));
    let criteria =
        criteria([("after_", since.map(|since| json!(Moment(since)))), ("before_", last.map(|last| json!(last)))]);
    (!criteria.is_empty()).then_some(Value::Object(criteria))
}
