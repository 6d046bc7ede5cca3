//! How much of the limits of work pools and queues is taken, and by which runs.

use clap::Args;
use flowcore::client::Request;
use flowcore::model::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::arguments::OutputArguments;
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::session::Session;
use crate::text::one_line;

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct SlotsArguments {
    #[command(flatten)]
    output: OutputArguments,
}

/// A run that has a slot.
#[derive(Deserialize, Serialize)]
struct Holder {
    id: Uuid,
    name: String,
    state_name: Option<String>,
    start_time: Option<Timestamp>,
}

#[derive(Deserialize, Serialize)]
struct OfQueue {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    queue_name: Option<String>,
    concurrency_limit: Option<u32>,
    active_slots: u32,
    #[serde(default)]
    flow_runs: Vec<Holder>,
    #[serde(default, skip_serializing)]
    pages: u32,
}

#[derive(Deserialize, Serialize)]
struct OfPool {
    concurrency_limit: Option<u32>,
    active_slots: u32,
    queues: Vec<OfQueue>,
    #[serde(default, skip_serializing)]
    pages: u32,
}

/// Something that the server tells of page by page.
trait Paged: DeserializeOwned {
    /// Tells how many pages there are.
    fn pages(&self) -> u32;
    /// Adds what is on a further page.
    fn add(&mut self, next: Self);
}

impl Paged for OfQueue {
    fn pages(&self) -> u32 {
        self.pages
    }

    fn add(&mut self, next: Self) {
        self.flow_runs.extend(next.flow_runs);
    }
}

impl Paged for OfPool {
    fn pages(&self) -> u32 {
        self.pages
    }

    fn add(&mut self, next: Self) {
        self.queues.extend(next.queues);
    }
}

/// Shows the slots of a pool and its queues. `path` is where the API has the pool.
pub(super) async fn of_pool(path: &str, arguments: SlotsArguments, session: &mut Session<'_>) -> Result<(), Failure> {
    let pool: OfPool = read(path, session).await?;
    if arguments.output.json() {
        return session.out.json(&pool);
    }
    session.out.fields(&[("Slots taken", taken(pool.active_slots, pool.concurrency_limit))])?;
    for queue in &pool.queues {
        let name = one_line(queue.queue_name.as_deref().unwrap_or("-"));
        session.out.heading(&format!("Queue {name}: {}", taken(queue.active_slots, queue.concurrency_limit)))?;
        holders(session.out, &queue.flow_runs)?;
    }
    Ok(())
}

/// Shows the slots of a queue. `path` is where the API has the queue.
pub(super) async fn of_queue(path: &str, arguments: SlotsArguments, session: &mut Session<'_>) -> Result<(), Failure> {
    let queue: OfQueue = read(path, session).await?;
    if arguments.output.json() {
        return session.out.json(&queue);
    }
    session.out.fields(&[("Slots taken", taken(queue.active_slots, queue.concurrency_limit))])?;
    holders(session.out, &queue.flow_runs)
}

/// Reads all pages.
async fn read<T: Paged>(path: &str, session: &Session<'_>) -> Result<T, Failure> {
    let page = async |number: u32| -> Result<T, Failure> {
        let (path, body) = (format!("{path}/concurrency_status"), json!({"page": number}));
        let request = Request::post(path, "tell how much of a limit is taken", &body);
        Ok(session.client.ask(request).await?.read()?)
    };
    let mut all = page(1).await?;
    for number in 2..=all.pages() {
        all.add(page(number).await?);
    }
    Ok(all)
}

fn taken(slots: u32, limit: Option<u32>) -> String {
    limit.map_or_else(|| format!("{slots}, without a limit"), |limit| format!("{slots} of {limit}"))
}

fn holders(out: &mut Output, runs: &[Holder]) -> Result<(), Failure> {
    let rows: Vec<Vec<String>> = runs
        .iter()
        .map(|run| {
            let state = run.state_name.clone().unwrap_or_else(|| "-".to_owned());
            vec![format!("  {}", run.id), run.name.clone(), state, out.time_or_dash(run.start_time)]
        })
        .collect();
    out.table(&[Column::Whole("  ID"), Column::Text("NAME"), Column::Whole("STATE"), Column::Whole("STARTED")], &rows)
}
