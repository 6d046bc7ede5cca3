//! A flow run as a graph: its task runs and subflows, and whose results went into which.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowcore::model::{
    FlowRun, FlowRunId, Order, Page, State as RunState, StateType, TaskInput, TaskRun, TaskRunId, Timestamp,
};
use flowcore::store::query::{Condition, Selection, Test, Values, flow_run, task_run};
use flowcore::wire::{Moment, StateBody, TaskRunBody};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::artifacts::{self, Artifact};
use crate::error::ApiError;
use crate::extract::{Id, Query};
use crate::filter::TaskRunSort;
use crate::routes::{Routes, op};
use crate::state::App;

/// How many nodes a graph has at most, and how many artifacts.
const MOST: u32 = 10_000;

/// Under which name a task run has the one that it was called in.
const AROUND: &str = "__parents__";

pub(super) fn routes() -> Routes {
    Routes::new(&["Flow Runs", "Flow Run Graph"])
        .get("/flow_runs/{id}/graph", op("read_flow_run_graph_v1", dependencies))
        .get("/flow_runs/{id}/graph-v2", op("read_flow_run_graph_v2", graph))
}

/// A task run with what it depends on.
#[derive(Serialize, JsonSchema)]
struct Dependencies {
    id: Uuid,
    name: String,
    upstream_dependencies: Vec<TaskInput>,
    state: Option<StateBody>,
    expected_start_time: Option<Moment>,
    start_time: Option<Moment>,
    end_time: Option<Moment>,
    total_run_time: Option<f64>,
    estimated_run_time: Option<f64>,
    untrackable_result: bool,
}

async fn dependencies(State(app): State<App>, Id(id): Id) -> Result<Json<Vec<Dependencies>>, ApiError> {
    if app.store.flow_run(FlowRunId(id)).await?.is_none() {
        return Err(ApiError::Unknown(format!("Flow run with id {id} not found")));
    }
    let now = app.now();
    let runs = task_runs(&app, id, TaskRunSort::IdDesc).await?;
    let told = runs.iter().map(|run| {
        let body = TaskRunBody::new(run, now);
        let mut upstream_dependencies: Vec<TaskInput> = Vec::new();
        for input in run.task_inputs.values().flatten().filter(|input| input.task_run_id().is_some()) {
            if !upstream_dependencies.contains(input) {
                upstream_dependencies.push(input.clone());
            }
        }
        Dependencies {
            id: body.id,
            name: body.name,
            upstream_dependencies,
            expected_start_time: body.expected_start_time,
            start_time: body.start_time,
            end_time: body.end_time,
            total_run_time: Some(body.total_run_time),
            estimated_run_time: Some(body.estimated_run_time),
            untrackable_result: run.state.details.as_ref().is_some_and(|details| details.untrackable_result),
            state: body.state,
        }
    });
    Ok(Json(told.collect()))
}

async fn task_runs(app: &App, flow_run: Uuid, sort: TaskRunSort) -> Result<Vec<TaskRun>, ApiError> {
    let page = Page::first(MOST + 1);
    let selection = Selection { condition: task_run::FLOW_RUN_ID.is(flow_run), sort: sort.columns(), page };
    Ok(app.store.select_task_runs(&selection).await?)
}

#[derive(Deserialize, JsonSchema)]
struct Since {
    /// Only what starts or ends after this time.
    since: Option<Moment>,
}

/// The graph.
#[derive(Serialize, JsonSchema)]
struct Graph {
    start_time: Option<Moment>,
    end_time: Option<Moment>,
    root_node_ids: Vec<Uuid>,
    nodes: Vec<(Uuid, Node)>,
    artifacts: Vec<GraphArtifact>,
    states: Vec<GraphState>,
}

#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    FlowRun,
    TaskRun,
}

/// A task run, or a subflow in place of the task run that stands for it.
#[derive(Serialize, JsonSchema)]
struct Node {
    kind: Kind,
    id: Uuid,
    label: String,
    state_type: StateType,
    start_time: Moment,
    end_time: Option<Moment>,
    parents: Vec<Edge>,
    children: Vec<Edge>,
    encapsulating: Vec<Edge>,
    artifacts: Vec<GraphArtifact>,
}

#[derive(Clone, Copy, Serialize, JsonSchema)]
struct Edge {
    id: Uuid,
}

#[derive(Serialize, JsonSchema)]
struct GraphArtifact {
    id: Uuid,
    created: Moment,
    key: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    is_latest: bool,
    data: Option<Value>,
}

#[derive(Serialize, JsonSchema)]
struct GraphState {
    id: Uuid,
    timestamp: Moment,
    #[serde(rename = "type")]
    kind: StateType,
    name: String,
}

impl From<&RunState> for GraphState {
    fn from(state: &RunState) -> Self {
        let timestamp = Moment(state.timestamp);
        GraphState { id: state.id.0, timestamp, kind: state.kind, name: state.name.to_string() }
    }
}

async fn graph(State(app): State<App>, Id(id): Id, Query(since): Query<Since>) -> Result<Json<Graph>, ApiError> {
    let found = app.store.flow_run(FlowRunId(id)).await?;
    let run = found.ok_or_else(|| ApiError::Unknown(format!("Flow run {id} not found")))?;
    let tasks = task_runs(&app, id, TaskRunSort::IdDesc).await?;
    if tasks.len() > MOST as usize {
        let why = format!("The graph of flow run {id} has more than {MOST} nodes.");
        return Err(ApiError::Refused(StatusCode::BAD_REQUEST, why));
    }
    let parents = tasks.iter().map(|task| task.id.0).collect();
    let condition = flow_run::PARENT_TASK_RUN_ID.one_of(Values::Ids(parents));
    let subflows = Selection { condition, sort: Vec::new(), page: Page::first(MOST) };
    let subflows = app.store.select_flow_runs(&subflows).await?;
    let mut artifacts = made_in(&app, run.id).await?;
    let states = app.store.flow_run_states(run.id).await?;
    let mut nodes = nodes(&tasks, &subflows);
    let since = since.since.map(|since| since.0);
    nodes.retain(|node| since.is_none_or(|since| node.end_time.is_none_or(|end| end.0 >= since)));
    nodes.sort_by_key(|node| (node.start_time, node.end_time.is_none(), node.end_time, node.id));
    let root_node_ids = nodes.iter().filter(|node| node.parents.is_empty()).map(|node| node.id).collect();
    for node in &mut nodes {
        node.artifacts = artifacts.remove(&Some(node.id)).unwrap_or_default();
    }
    Ok(Json(Graph {
        start_time: Some(Moment(run.times.start_time.unwrap_or(run.times.expected_start_time))),
        end_time: run.times.end_time.map(Moment),
        root_node_ids,
        nodes: nodes.into_iter().map(|node| (node.id, node)).collect(),
        artifacts: artifacts.remove(&None).unwrap_or_default(),
        states: states.iter().map(GraphState::from).collect(),
    }))
}

/// Makes nodes of runs, with the edges between them.
fn nodes(tasks: &[TaskRun], subflows: &[FlowRun]) -> Vec<Node> {
    let of_parent: HashMap<TaskRunId, &FlowRun> =
        subflows.iter().filter_map(|run| Some((run.parent_task_run_id?, run))).collect();
    let mut nodes: Vec<Node> = tasks.iter().map(|task| node(task, of_parent.get(&task.id).copied())).collect();
    // Edges may name a subflow or the task run that stands for it.
    let places: HashMap<Uuid, usize> =
        tasks.iter().enumerate().flat_map(|(place, task)| [(task.id.0, place), (nodes[place].id, place)]).collect();
    let started: Vec<Timestamp> = nodes.iter().map(|node| node.start_time.0).collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (place, task) in tasks.iter().enumerate() {
        let (mut parents, mut around) = (Vec::new(), BTreeSet::new());
        for (name, inputs) in &task.task_inputs {
            let ids = inputs.iter().filter_map(input_id);
            let found = ids.filter_map(|id| places.get(&id).copied()).filter(|parent| *parent != place);
            if name == AROUND {
                around.extend(found);
            } else {
                parents.extend(found);
            }
        }
        parents.iter().for_each(|parent| children[*parent].push(place));
        let mut around: Vec<usize> = around.into_iter().collect();
        let edges = |places: &mut Vec<usize>, nodes: &[Node]| {
            places.sort_by_key(|place| started[*place]);
            places.iter().map(|place| Edge { id: nodes[*place].id }).collect::<Vec<_>>()
        };
        let (parents, around) = (edges(&mut parents, &nodes), edges(&mut around, &nodes));
        (nodes[place].parents, nodes[place].encapsulating) = (parents, around);
    }
    for (place, mut of) in children.into_iter().enumerate() {
        of.sort_by_key(|child| started[*child]);
        let edges = of.iter().map(|child| Edge { id: nodes[*child].id }).collect();
        nodes[place].children = edges;
    }
    nodes
}

fn input_id(input: &TaskInput) -> Option<Uuid> {
    input.task_run_id().map(|id| id.0).or(input.flow_run_id().map(|id| id.0))
}

/// Makes a node without edges.
fn node(task: &TaskRun, subflow: Option<&FlowRun>) -> Node {
    let (kind, id, label, state, times) = match subflow {
        Some(run) => (Kind::FlowRun, run.id.0, format!("{} / {}", run.flow_name, run.name), &run.state, &run.times),
        None => (Kind::TaskRun, task.id.0, task.name.clone(), &task.state, &task.times),
    };
    // One that has completed without having run, such as a cached one, ended when it was to start.
    let at_once = task.state.is_completed().then_some(task.times.expected_start_time);
    Node {
        kind,
        id,
        label,
        state_type: state.kind,
        start_time: Moment(times.start_time.unwrap_or(times.expected_start_time)),
        end_time: times.end_time.or(task.times.end_time).or(at_once).map(Moment),
        parents: Vec::new(),
        children: Vec::new(),
        encapsulating: Vec::new(),
        artifacts: Vec::new(),
    }
}

/// Artifacts by the task runs that made them.
type ByTask = BTreeMap<Option<Uuid>, Vec<GraphArtifact>>;

/// Finds the artifacts of a flow run, by the task runs that made them.
async fn made_in(app: &App, run: FlowRunId) -> Result<ByTask, ApiError> {
    let result = Condition::Column(artifacts::TYPE, Test::OneOf(Values::Texts(vec!["result".to_owned()])));
    let of_run = Condition::All(vec![artifacts::FLOW_RUN_ID.is(run.0), Condition::Not(Box::new(result))]);
    let select = |condition| Selection {
        condition,
        sort: vec![(artifacts::CREATED, Order::OldestFirst)],
        page: Page::first(MOST),
    };
    let all = app.store.records().list::<Artifact>(&select(of_run.clone())).await?;
    let latest = app.store.records().list::<Artifact>(&select(of_run.and(artifacts::LATEST))).await?;
    let latest: BTreeSet<Uuid> = latest.iter().map(|artifact| artifact.id).collect();
    let mut found = ByTask::new();
    for artifact in all {
        let is_latest = artifact.key.is_none() || latest.contains(&artifact.id);
        found.entry(artifact.task_run_id).or_default().push(told(artifact, is_latest));
    }
    Ok(found)
}

fn told(artifact: Artifact, is_latest: bool) -> GraphArtifact {
    GraphArtifact {
        id: artifact.id,
        created: Moment(artifact.created),
        key: artifact.key,
        is_latest,
        // Only of progress the data is wanted.
        data: (artifact.kind.as_deref() == Some("progress")).then_some(artifact.data),
        kind: artifact.kind,
    }
}
