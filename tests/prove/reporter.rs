//! A program that reports to a server: a flow of many tasks.

use std::time::Duration;

use flowcore::{Error, Result, current, each, flow, task};

#[task(task_run_name = "work {n}")]
async fn report_work(n: u32) -> Result<u32> {
    tokio::time::sleep(Duration::from_millis(u64::from(5 * (n % 3)))).await;
    Ok(n)
}

/// Runs the tasks, and gives the id of its run.
#[flow(task_limit = 8)]
async fn reported(tasks: u32) -> Result<String> {
    let sum: u32 = report_work::map(each((0..tasks).collect::<Vec<_>>())).await?.into_iter().sum();
    if sum != (0..tasks).sum::<u32>() {
        return Err(Error::msg(format!("the tasks came to {sum}")));
    }
    current::flow_run_id().map(|id| id.to_string()).ok_or_else(|| Error::msg("there is no flow run"))
}

pub(crate) async fn run(arguments: &[String]) -> Result<()> {
    let tasks: u32 =
        arguments.first().and_then(|tasks| tasks.parse().ok()).ok_or_else(|| Error::msg("reporter TASKS"))?;
    println!("flow run {}", reported(tasks).await?);
    Ok(())
}
