//! Many runs, one due after the other, on one worker: each is begun once, in time.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use flowcore::{Error, Result};
use serde_json::json;

use super::api::micros;
use super::punctual::notes;
use super::site::Site;
use super::{Plan, eventually};

/// How long before the first run is due all are made.
const AHEAD: TimeDelta = TimeDelta::seconds(20);

pub(super) async fn prove(plan: &Plan, kind: &str, database: &str) -> Result<()> {
    let mut site = Site::start(database, "burst").await?;
    let deployment = site.deploy("burst", 1, 0.0, &json!([])).await?;
    measure(plan, &site, &deployment, &format!("{kind}, a worker"), plan.p99).await?;
    site.worker.kill().await?;
    std::fs::remove_file(site.notes())?;
    let (mut serving, deployment) = site.serve().await?;
    measure(plan, &site, &deployment, &format!("{kind}, served"), plan.served_p99).await?;
    serving.kill().await?;
    site.end().await;
    Ok(())
}

async fn measure(plan: &Plan, site: &Site, deployment: &str, who: &str, budget: u64) -> Result<()> {
    let first = Utc::now() + AHEAD;
    let apart = TimeDelta::seconds(plan.burst_seconds.into()) / i32::try_from(plan.runs)?.max(1);
    for number in 0..plan.runs {
        let at = first + apart * i32::try_from(number)?;
        let state = json!({"type": "SCHEDULED", "state_details": {"scheduled_time": at}});
        let body = json!({"state": state, "idempotency_key": format!("{deployment} {number}")});
        site.api.post(&format!("/deployments/{deployment}/create_flow_run"), &body).await?;
    }
    if Utc::now() > first {
        return Err(Error::msg("the runs took longer to be made than they were ahead"));
    }
    let within = Duration::from_secs(u64::from(plan.burst_seconds) + 180);
    let runs = eventually("all runs have ended", within, async || {
        let runs = site.api.runs(deployment).await?;
        let done = |run: &serde_json::Value| run["state"]["type"] == "COMPLETED" && run["run_count"] == 1;
        Ok(Some(runs).filter(|runs| runs.len() == plan.runs as usize && runs.iter().all(done)))
    })
    .await?;

    let mut begun: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for note in notes(&site.notes())?.into_iter().filter(|note| note.what == "begun") {
        begun.entry(note.run).or_default().push(note.at);
    }
    let mut late = Vec::new();
    for run in &runs {
        let due = micros(&run["expected_start_time"])?;
        match run["id"].as_str().and_then(|id| begun.get(id)).map(Vec::as_slice) {
            Some([at]) if *at >= due => late.push(at - due),
            other => return Err(Error::msg(format!("{} was due at {due} and begun at {other:?}", run["id"]))),
        }
    }
    if late.len() != usize::try_from(plan.runs)? || begun.len() != late.len() {
        return Err(Error::msg(format!("{} runs of {}, {} were begun", late.len(), plan.runs, begun.len())));
    }
    late.sort_unstable();
    let of = |hundredth: usize| late[(late.len() * hundredth / 100).min(late.len() - 1)] as f64 / 1_000.0;
    println!(
        "{who}: {} runs in {} s, each begun once: {:.1} ms late (half of them), {:.1} ms (99 of 100), {:.1} ms (all)",
        late.len(),
        plan.burst_seconds,
        of(50),
        of(99),
        of(100)
    );
    if of(99) > budget as f64 {
        return Err(Error::msg(format!("99 of 100 are to be at most {budget} ms late")));
    }
    Ok(())
}
