//! Concurrency limits and rate limits: how many may do something at once, and how many in a second, in all processes
//! that share the database.
//!
//! ```text
//! cargo run --example limits        # in two terminals at once, both keep to the limits together
//! flowcore concurrency ls
//! ```

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flowcore::client::{Client, ClientError};
use flowcore::orchestration::{LimitError, NewLimit};
use flowcore::{ConcurrencyError, Engine, Result, concurrency, each, flow, rate_limit, task};

/// Counts how many of this program are inside at once, and how many that were at most.
#[derive(Default)]
struct Gauge {
    inside: AtomicUsize,
    most: AtomicUsize,
}

static QUERIES: Gauge = Gauge { inside: AtomicUsize::new(0), most: AtomicUsize::new(0) };
static TRAININGS: Gauge = Gauge { inside: AtomicUsize::new(0), most: AtomicUsize::new(0) };

impl Gauge {
    async fn during(&self, work: impl Future) {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        work.await;
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

/// Runs beside all others, but is connected to the database only while it has one of the limit's slots.
#[task]
async fn query(_number: u32) -> Result<()> {
    let _slot = concurrency("example-db", 1).await?;
    QUERIES.during(tokio::time::sleep(Duration::from_millis(50))).await;
    Ok(())
}

/// Waits in AwaitingConcurrencySlot while another run with the tag is running.
#[task(tags = ["example-gpu"])]
async fn train(_model: String) {
    TRAININGS.during(tokio::time::sleep(Duration::from_millis(50))).await;
}

#[task]
async fn call_api(_number: u32) -> Result<()> {
    Ok(rate_limit("example-api", 1).await?)
}

#[flow]
async fn within_limits() -> Result<()> {
    query::map(each(1..=12)).await?;
    println!("12 queries, {} at once at most", QUERIES.most());

    train::map(["small", "medium", "large"].map(str::to_owned).to_vec()).await?;
    println!("3 trainings, {} at once at most", TRAININGS.most());

    let begin = Instant::now();
    call_api::map(each(1..=15)).await?;
    let fast = if begin.elapsed() < Duration::from_millis(500) { "too fast" } else { "not before half a second" };
    println!("15 calls, 5 of them at once and then 20 in a second: done {fast}");

    let _all = concurrency("example-db", 3).await?;
    match concurrency("example-db", 1).timeout(Duration::from_millis(100)).await {
        Err(error @ ConcurrencyError::TimedOut { .. }) => println!("{error}"),
        other => drop(other?),
    }
    Ok(())
}

/// Makes the limits, unless an earlier run has. Operators do it by `flowcore concurrency create`.
async fn make_limits(client: &dyn Client) -> Result<()> {
    for limit in [
        NewLimit::new("example-db", 3),
        NewLimit::new("tag:example-gpu", 1),
        NewLimit { slot_decay_per_second: 20.0, ..NewLimit::new("example-api", 5) },
    ] {
        match client.create_limit(limit).await {
            Ok(_) | Err(ClientError::Limit(LimitError::Exists(_))) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[flowcore::main]
async fn main() -> Result<()> {
    make_limits(&**Engine::default().await?.client()).await?;
    Ok(within_limits().await?)
}
