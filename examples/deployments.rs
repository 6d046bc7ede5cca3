//! Flows that are started by time or by name: `report` is served by this program, or executed by the workers of a pool.
//!
//! It takes a server: `flowcore server start`, and FLOWCORE_API_URL set to the address that it prints. The first of these
//! commands serves a run every ten seconds, the second makes one more:
//!
//! ```text
//! cargo run -p flowcore-examples --features client --example deployments
//! flowcore deployment run report/served --param region=south
//! ```
//!
//! with `-- --in-processes` behind the first, each run gets a process of its own; or, with a work pool:
//!
//! ```text
//! flowcore deploy target/debug/examples/deployments:report --name pooled --pool default --param region=north
//! flowcore worker start --pool default
//! flowcore deployment run report/pooled --watch
//! ```

use std::time::Duration;

use flowcore::{Result, flow, task};

/// Adds up what a region has sold.
#[flow]
async fn report(region: String, #[default(3)] days: u32, #[default(0.0)] pause: f64) -> Result<u32> {
    let mut total = 0;
    for day in 1..=days {
        total += sales(region.as_str(), day).await?;
        tokio::time::sleep(Duration::from_secs_f64(pause)).await;
    }
    tracing::info!("{region} has sold {total} in {days} days");
    println!("{region}: {total}");
    Ok(total)
}

#[task]
async fn sales(region: String, day: u32) -> Result<u32> {
    Ok(day * u32::try_from(region.len())?)
}

#[flowcore::main]
async fn main() -> Result<()> {
    let mut serve = report::deployment("served").parameter("region", "north").every(10).serve();
    if std::env::args().any(|argument| argument == "--in-processes") {
        serve = serve.in_child_processes();
    }
    serve.await
}
