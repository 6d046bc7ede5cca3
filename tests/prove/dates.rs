//! Compares the times of schedules by chance, in ten zones and about the changes of their clocks, with what Prefect's own say,
//! which croniter and dateutil reckon.

use std::process::Stdio;

use chrono::DateTime;
use flowcore::{Error, Result};
use flowcore_server::schedules::Schedule;
use serde_json::Value;
use tokio::process::Command;

use crate::arguments;

/// How many schedules are compared.
pub(crate) struct Plan {
    cases: u32,
    seed: u64,
}

/// How many differences are shown.
const SHOWN: usize = 20;

impl Plan {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut plan = Plan { cases: 10_000, seed: u64::from(std::process::id()) };
        arguments::read(arguments, &mut [("--cases", &mut plan.cases), ("--seed", &mut plan.seed)])?;
        Ok(plan)
    }
}

pub(crate) async fn run(plan: &Plan) -> Result<()> {
    println!("{} schedules, seed {}", plan.cases, plan.seed);
    let python = std::env::var("FLOWCORE_TEST_PREFECT_PYTHON")
        .map_err(|_| Error::msg("FLOWCORE_TEST_PREFECT_PYTHON does not say which Python has the package prefect"))?;
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/flowcore-server/src/schedules/tables/make.py"))
        .args([plan.seed.to_string(), plan.cases.to_string()])
        .stdin(Stdio::null())
        .output()
        .await?;
    if !output.status.success() {
        return Err(Error::msg(format!("make.py: {}", String::from_utf8_lossy(&output.stderr))));
    }
    let (mut compared, mut different) = (0, Vec::new());
    for line in String::from_utf8(output.stdout)?.lines() {
        let case: Value = serde_json::from_str(line)?;
        let expected: Vec<String> = serde_json::from_value(case["dates"].clone())?;
        let start: String = serde_json::from_value(case["start"].clone())?;
        let schedule: Schedule = serde_json::from_value(case["schedule"].clone())?;
        let start = DateTime::parse_from_rfc3339(&start)?.to_utc();
        let dates = schedule.dates(start).take(expected.len().max(1));
        let dates: Vec<String> = dates.map(|date| date.to_rfc3339()).collect();
        compared += 1;
        if dates != expected {
            different.push(format!("{line}\n    but {dates:?}"));
        }
    }
    let few = different.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n");
    if !different.is_empty() {
        return Err(Error::msg(format!("{} of {compared} differ:\n{few}", different.len())));
    }
    if compared < plan.cases / 2 {
        return Err(Error::msg(format!("only {compared} of {} schedules have times that can be reckoned", plan.cases)));
    }
    println!("{compared} schedules: no difference");
    Ok(())
}
