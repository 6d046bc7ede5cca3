//! The steps.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Outcome;
use crate::stack::{Stack, headline};

/// By then, on a slow machine as well, a scheduled run is through.
const PATIENCE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(500);

/// How many runs by a schedule are waited for.
const RUNS: u64 = 2;

/// A deployment, and the folder of its `prefect.yaml`.
struct Deployed {
    folder: &'static str,
    flow: &'static str,
    name: &'static str,
}

const IN_RUST: [Deployed; 2] = [
    Deployed {
        folder: "deployments/dhis2_connection",
        flow: "dhis2_connection",
        name: "dhis2_connection/dhis2-connection",
    },
    Deployed { folder: "deployments/dhis2_ou", flow: "dhis2_ou", name: "dhis2_ou/dhis2-ou" },
];

const IN_PYTHON: Deployed = Deployed {
    folder: "deployments/dhis2_indicators",
    flow: "dhis2_indicators",
    name: "dhis2_indicators/dhis2-indicators",
};

/// Walks from an empty pool to schedules that were changed. With schedules of every so many seconds.
pub(crate) async fn walk(stack: &mut Stack, every: u32) -> Outcome<()> {
    headline("A pool, and a worker");
    stack.prefect("work-pool create default --type process --set-as-default").await?;
    stack.start_worker("worker start --pool default --inherit-env AWS_*")?;

    headline("Deployments, each from its prefect.yaml");
    let mut all: Vec<&Deployed> = IN_RUST.iter().collect();
    if stack.has_python() {
        all.push(&IN_PYTHON);
    }
    for deployed in &all {
        stack.prefect_in(deployed.folder, "deploy --all").await?;
    }
    stack.prefect("deployment ls").await?;
    stack.prefect("deployment schedule ls dhis2_ou/dhis2-ou").await?;

    headline("A run by hand of each");
    for deployed in &all {
        stack.prefect(&format!("deployment run {} --watch", deployed.name)).await?;
    }
    stack.prefect("flow-run ls --state Completed").await?;
    stack.prefect("artifact ls").await?;
    let run = newest(stack, "dhis2_ou").await?;
    stack.prefect(&format!("result inspect {run}")).await?;
    if stack.has_python() {
        let run = newest(stack, IN_PYTHON.flow).await?;
        await_lines(stack, &run).await?;
        stack.prefect(&format!("flow-run logs {run}")).await?;
    }
    println!("\nIn the bucket:\n{}", stack.objects()?);

    headline("Schedules, changed by command");
    let [connection, units] = IN_RUST;
    for deployed in [&connection, &units] {
        stack.prefect(&format!("deployment set-schedule {} --interval {every}", deployed.name)).await?;
    }
    for deployed in [&connection, &units] {
        let came = await_scheduled(stack, deployed.flow).await?;
        println!("\n{came} runs of {} began by themselves and have completed.", deployed.flow);
    }
    stack.prefect("flow-run ls --flow-name dhis2_ou --state Completed --limit 5").await?;
    stack.prefect(&format!("deployment set-schedule {} --cron '0 8 * * *' --timezone Europe/Oslo", units.name)).await?;
    stack.prefect(&format!("deployment schedule create {} --rrule 'FREQ=WEEKLY;BYDAY=MO,WE,FR'", units.name)).await?;
    stack.prefect(&format!("deployment schedule ls {}", units.name)).await?;
    stack.prefect(&format!("deployment clear-schedule {} -y", connection.name)).await?;
    stack.prefect(&format!("deployment pause {}", units.name)).await?;
    stack.prefect("deployment ls").await?;
    Ok(())
}

/// Finds the newest run of a flow that has completed.
async fn newest(stack: &Stack, flow: &str) -> Outcome<String> {
    let filter = json!({
        "flows": {"name": {"any_": [flow]}}, "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
        "sort": "START_TIME_DESC", "limit": 1,
    });
    let runs = stack.ask("/flow_runs/filter", &filter).await?;
    let id = runs[0]["id"].as_str().ok_or_else(|| format!("no run of {flow} has completed"))?;
    Ok(id.to_owned())
}

/// Waits for the last line of a run in Python, which Prefect's client sends behind the end of the run.
async fn await_lines(stack: &Stack, run: &str) -> Outcome<()> {
    let begun = Instant::now();
    let filter = json!({"logs": {"flow_run_id": {"any_": [run]}}});
    loop {
        let lines = stack.ask("/logs/filter", &filter).await?;
        let is_last = |line: &Value| line["message"].as_str().is_some_and(|text| text.starts_with("Finished in state"));
        if lines.as_array().is_some_and(|lines| lines.iter().any(is_last)) {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("the run {run} has not said that it has ended").into());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until runs that the scheduler has made of a flow have completed, and tells how many.
async fn await_scheduled(stack: &Stack, flow: &str) -> Outcome<u64> {
    let filter = json!({
        "flows": {"name": {"any_": [flow]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}, "tags": {"all_": ["auto-scheduled"]}},
    });
    let begun = Instant::now();
    loop {
        let count = stack.ask("/flow_runs/count", &filter).await?.as_u64().unwrap_or_default();
        if count >= RUNS {
            return Ok(count);
        }
        if begun.elapsed() > PATIENCE {
            let all = stack.ask("/flow_runs/filter", &json!({"flows": filter["flows"], "limit": 5})).await?;
            let states: Vec<Value> = all.as_array().into_iter().flatten().map(|run| run["state"].clone()).collect();
            return Err(format!("{count} scheduled runs of {flow} have completed, and not {RUNS}: {states:?}").into());
        }
        tokio::time::sleep(POLL).await;
    }
}
