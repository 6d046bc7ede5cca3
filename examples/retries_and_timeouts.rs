//! Retries and timeouts: what happens to a task that fails, and to one that takes too long.
//!
//! ```text
//! cargo run --example retries_and_timeouts
//! ```

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowcore::{Error, Result, current, flow, task};

/// How often the service below was asked.
static ASKED: AtomicU32 = AtomicU32::new(0);

/// Asks a service that answers only the third time. The waits grow: 0.05 s, 0.1 s, at most 0.2 s, each up to a tenth
/// longer.
#[task(retries = 4, retry_delay = exponential(0.05, 0.2), retry_jitter = 0.1)]
async fn ask_flaky_service() -> Result<String> {
    match ASKED.fetch_add(1, Ordering::Relaxed) + 1 {
        3 => Ok(format!("answered attempt {}", current::attempt().unwrap_or_default())),
        _ => Err(Error::msg("the service is busy")),
    }
}

/// Takes longer than it may.
#[task(timeout = 0.05)]
async fn dawdle() {
    tokio::time::sleep(Duration::from_secs(60)).await;
}

/// Fails in a way that no retry can mend, and says so.
#[task(retries = 5)]
async fn parse(text: String) -> Result<i64> {
    text.parse().map_err(|error| Error::from(error).retriable(false))
}

/// Retries only what the predicate accepts.
#[task(retries = 5, retry_if = |error| error.to_string().contains("busy"))]
async fn reject() -> Result<()> {
    Err(Error::msg("the key is wrong"))
}

#[flow]
async fn retries_and_timeouts() -> Result<()> {
    println!("flaky service: {}", ask_flaky_service().await?);

    let slow = dawdle().return_state().await;
    println!("dawdle: {}", state_of(&slow));

    // The same call, with more time than its attribute allows.
    let text = parse("12").timeout(5).await?;
    println!("parse: {text}");
    println!("parse: {}", state_of(&parse("twelve").return_state().await));
    println!("reject: {}", state_of(&reject().return_state().await));
    Ok(())
}

fn state_of<T>(outcome: &flowcore::Outcome<T>) -> String {
    match &outcome.state {
        Some(state) => format!("{} ({})", state.name, state.message.as_deref().unwrap_or("no message")),
        None => "not orchestrated".into(),
    }
}

#[flowcore::main]
async fn main() -> Result<()> {
    Ok(retries_and_timeouts().await?)
}
