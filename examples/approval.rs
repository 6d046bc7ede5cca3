//! Waiting for a person, and for time: a flow that is suspended or paused until somebody approves, and one that sleeps.
//!
//! ```text
//! cargo run --example approval suspend     # ends, and says how to go on:
//! flowcore flow-run resume ID --input approved=true --input reason="well written"
//!
//! cargo run --example approval pause       # waits in its process; the same command from elsewhere lets it go on
//! cargo run --example approval sleep 3600  # killed and retried, it sleeps for the rest only
//! flowcore flow-run cancel ID
//! ```

use flowcore::{Error, JsonSchema, Result, flow, pause, sleep_for, suspend, task};
use serde::Deserialize;

/// What the person says.
#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "flowcore::schemars")]
struct Approval {
    /// Whether the page may be published.
    approved: bool,
    /// Why.
    reason: Option<String>,
}

/// Is done once, however long the approval takes.
#[task(durability = Committed)]
async fn draft(title: String) -> String {
    format!("# {title}")
}

#[task]
async fn publish(page: String, reason: String) -> String {
    format!("published {page:?}: {reason}")
}

/// Drafts a page, and publishes it when somebody has approved. Suspended, no process waits meanwhile.
#[flow]
async fn approved_page(title: String, suspends: bool) -> Result<String> {
    let page = draft(title).await?;
    let question = if suspends { suspend() } else { pause() };
    let answer = question.for_input::<Approval>().message("May the page be published?").await?;
    if !answer.approved {
        return Err(Error::msg(answer.reason.unwrap_or_else(|| "no reason given".to_owned())));
    }
    let published = publish(page, answer.reason.unwrap_or_default()).await?;
    println!("{published}");
    Ok(published)
}

/// Comes back to a page after some time.
#[flow]
async fn reminder(seconds: f64) -> Result<()> {
    sleep_for(seconds).await?;
    println!("{seconds} seconds have passed");
    Ok(())
}

#[flowcore::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["suspend"] => drop(approved_page("Waiting", true).await?),
        ["pause"] => drop(approved_page("Waiting", false).await?),
        ["sleep", seconds] => reminder(seconds.parse::<f64>()?).await?,
        _ => return Err(Error::msg("approval suspend | pause | sleep SECONDS")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use flowcore::testing::crash_test;
    use serde_json::json;

    #[test]
    fn what_is_approved_is_published_wherever_it_is_killed() {
        for suspends in [true, false] {
            crash_test(|| (), |()| super::approved_page("Waiting", suspends))
                .answer(|_| json!({ "approved": true, "reason": "well written" }))
                .survives(async |after| {
                    assert!(after.task_run("publish-0").await.state.is_completed());
                    assert!(after.executions("draft") <= 1 + after.kills.len());
                    Ok(())
                });
        }
    }
}
