//! What the macros make runs: calls, maps, retries, handles, plain functions, stored parameters.
#![deny(warnings)]

use flowcore::{Engine, Parameters, Result, flow, task, unmapped};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[task(retries = 2)]
async fn unsteady(#[resource] calls: Arc<AtomicU32>) -> Result<u32> {
    match calls.fetch_add(1, Ordering::Relaxed) {
        call @ ..2 => Err(flowcore::Error::msg(format!("call {call}"))),
        call => Ok(call),
    }
}

#[task]
fn add(left: u32, (right, _): (u32, u8)) -> u32 {
    left + right
}

#[task]
async fn factorial(number: u32) -> Result<u32> {
    if number == 0 { Ok(1) } else { Ok(number * factorial(number - 1).await?) }
}

#[task]
async fn refused(why: String) -> std::result::Result<(), std::io::Error> {
    Err(std::io::Error::other(why))
}

/// Sums up.
#[flow(retries = 0, flow_run_name = "sum to {limit}")]
async fn sum(limit: u32, #[default("none")] _note: String, #[resource] calls: Arc<AtomicU32>) -> Result<u32> {
    let third = unsteady(calls).submit();
    let sums = add::map((0..limit).collect::<Vec<_>>(), unmapped((100, 0))).await?;
    let last = add(third, (sums[1], 0)).await?;
    let error = refused("no").await.expect_err("it is refused");
    assert_eq!(error.user_error().map(ToString::to_string).as_deref(), Some("no"));
    Ok(last + factorial(4u32).await?)
}

#[flowcore::main(worker_threads = 2)]
async fn main() -> Result<()> {
    let engine = Engine::memory();
    let calls = Arc::new(AtomicU32::new(0));
    let total = sum(3u32, "a", calls.clone()).on(&engine).await?;
    assert_eq!(total, 2 + 101 + 24);
    assert_eq!(calls.load(Ordering::Relaxed), 3);

    let definition = flowcore::find_flow("sum")?;
    assert_eq!(definition.description(), "Sums up.");
    assert_eq!(definition.site().parameters, ["limit", "_note"]);
    let schema = definition.parameter_schema();
    assert_eq!(schema["required"], serde_json::json!(["limit"]));
    assert_eq!(schema["properties"]["_note"]["default"], "none");

    let missing = definition.call(&Parameters::from_json("{}")?).err().map(|error| error.to_string());
    assert_eq!(missing.as_deref(), Some("the parameter `limit` is missing"));
    assert!(definition.call(&Parameters::from_json(r#"{"limit": 3}"#)?).is_err(), "the resource is not provided");
    flowcore::provide(calls);
    assert!(definition.call(&Parameters::from_json(r#"{"limit": 3}"#)?).is_ok());
    Ok(())
}
