//! What events of flow runs say in Prefect of what a run belongs to beyond what the run itself knows: names, the work pool,
//! and the tags of its flow and its deployment.

use std::collections::{BTreeMap, BTreeSet};

use flowcore::model::{Event, Flow, Page, RESOURCE_ID, RESOURCE_NAME, RESOURCE_ROLE, TaskRun};
use flowcore::store::query::{Column, Selection, Values, flow, task_run};
use flowcore::store::{ServerStore, StoreError};
use uuid::Uuid;

use crate::deployments::deployment::{self, Deployment};
use crate::pools::{WorkPool, WorkQueue, pool, queue, related_pool};

const FLOW_RUN: &str = "prefect.flow-run.";
const FLOW: &str = "prefect.flow.";
const DEPLOYMENT: &str = "prefect.deployment.";
const QUEUE: &str = "prefect.work-queue.";
const TASK_RUN: &str = "prefect.task-run.";
const TAG: &str = "prefect.tag.";

/// Fills in what changes of flow runs' states are related to. What is gone keeps its id only.
pub(super) async fn name_surroundings(store: &dyn ServerStore, events: &mut [Event]) -> Result<(), StoreError> {
    let mut of_runs: Vec<&mut Event> = events.iter_mut().filter(|event| is_of_history(event)).collect();
    if of_runs.is_empty() {
        return Ok(());
    }
    let known = Known::read(store, &of_runs).await?;
    for event in &mut of_runs {
        known.fill(event);
    }
    Ok(())
}

/// Tells whether an event is a change of a flow run's state: what programs tell themselves stays as it is.
fn is_of_history(event: &Event) -> bool {
    event.event.starts_with(FLOW_RUN) && event.payload.get("intended").is_some()
}

/// Everything that some events are related to, by ids.
struct Known {
    flows: BTreeMap<Uuid, Flow>,
    deployments: BTreeMap<Uuid, Deployment>,
    queues: BTreeMap<Uuid, WorkQueue>,
    pools: BTreeMap<Uuid, WorkPool>,
    task_runs: BTreeMap<Uuid, TaskRun>,
}

/// Reads the id in what a resource is called.
fn id_of(name: &str, prefix: &str) -> Option<Uuid> {
    name.strip_prefix(prefix)?.parse().ok()
}

fn these(id: Column, ids: Vec<Uuid>) -> Selection {
    Selection { condition: id.one_of(Values::Ids(ids)), sort: Vec::new(), page: Page::first(u32::MAX) }
}

impl Known {
    async fn read(store: &dyn ServerStore, events: &[&mut Event]) -> Result<Self, StoreError> {
        let ids = |prefix: &str, role: &str| {
            let related = events.iter().flat_map(|event| &event.related);
            let of_role = related.filter(|resource| resource.get(RESOURCE_ROLE).is_some_and(|is| is == role));
            let ids = of_role.filter_map(|resource| id_of(resource.get(RESOURCE_ID)?, prefix));
            ids.collect::<BTreeSet<Uuid>>().into_iter().collect::<Vec<_>>()
        };
        let records = store.records();
        let mut known = Known {
            flows: BTreeMap::new(),
            deployments: BTreeMap::new(),
            queues: BTreeMap::new(),
            pools: BTreeMap::new(),
            task_runs: BTreeMap::new(),
        };
        let flows = store.select_flows(&these(flow::ID, ids(FLOW, "flow"))).await?;
        known.flows.extend(flows.into_iter().map(|flow| (flow.id.0, flow)));
        if let deployments @ [_, ..] = &*ids(DEPLOYMENT, "deployment") {
            let found: Vec<Deployment> = records.list(&these(deployment::ID, deployments.to_vec())).await?;
            known.deployments.extend(found.into_iter().map(|one| (one.id, one)));
        }
        if let queues @ [_, ..] = &*ids(QUEUE, "work-queue") {
            let found: Vec<WorkQueue> = records.list(&these(queue::ID, queues.to_vec())).await?;
            let pools: BTreeSet<Uuid> = found.iter().map(|queue| queue.work_pool_id).collect();
            known.queues.extend(found.into_iter().map(|queue| (queue.id, queue)));
            let found: Vec<WorkPool> = records.list(&these(pool::ID, pools.into_iter().collect())).await?;
            known.pools.extend(found.into_iter().map(|pool| (pool.id, pool)));
        }
        if let task_runs @ [_, ..] = &*ids(TASK_RUN, "task-run") {
            let found = store.select_task_runs(&these(task_run::ID, task_runs.to_vec())).await?;
            known.task_runs.extend(found.into_iter().map(|run| (run.id.0, run)));
        }
        Ok(known)
    }

    /// Completes what an event is related to: what the run belongs to, then tags, then who has made it.
    fn fill(&self, event: &mut Event) {
        let (mut belongs, mut tags, mut creators) = (Vec::new(), BTreeSet::new(), Vec::new());
        for mut resource in std::mem::take(&mut event.related) {
            let id = resource.get(RESOURCE_ID).cloned().unwrap_or_default();
            let mut name = None;
            let mut pool = None;
            match resource.get(RESOURCE_ROLE).map(String::as_str) {
                Some("tag") => {
                    tags.extend(id.strip_prefix(TAG).map(str::to_owned));
                    continue;
                }
                Some("creator") => {
                    creators.push(resource);
                    continue;
                }
                Some("flow") => {
                    let flow = id_of(&id, FLOW).and_then(|id| self.flows.get(&id));
                    tags.extend(flow.into_iter().flat_map(|flow| flow.tags.iter().cloned()));
                }
                Some("deployment") => {
                    let deployment = id_of(&id, DEPLOYMENT).and_then(|id| self.deployments.get(&id));
                    tags.extend(deployment.into_iter().flat_map(|one| one.tags.iter().cloned()));
                    name = deployment.map(|one| &one.name);
                }
                Some("work-queue") => {
                    let queue = id_of(&id, QUEUE).and_then(|id| self.queues.get(&id));
                    name = queue.map(|queue| &queue.name);
                    pool = queue.and_then(|queue| self.pools.get(&queue.work_pool_id));
                }
                Some("task-run") => {
                    let run = id_of(&id, TASK_RUN).and_then(|id| self.task_runs.get(&id));
                    tags.extend(run.into_iter().flat_map(|run| run.tags.iter().cloned()));
                    name = run.map(|run| &run.name);
                }
                _ => {}
            }
            if let Some(name) = name {
                resource.insert(RESOURCE_NAME.to_owned(), name.clone());
            }
            belongs.push(resource);
            belongs.extend(pool.map(related_pool));
        }
        let tags = tags.into_iter().map(|tag| flowcore::model::related_resource(format!("{TAG}{tag}"), "tag", None));
        event.related = belongs.into_iter().chain(tags).chain(creators).collect();
    }
}
