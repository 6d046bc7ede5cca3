//! Sleeping in a flow: the time of waking up is recorded first, so that after a restart only the rest is waited for.

use std::sync::LazyLock;
use std::time::Duration;

use super::codec::Codec;
use super::context::Scope;
use super::definition::{Site, TaskDefinition};
use super::error::{Error, RunError};
use super::input::Input;
use super::options::{Durability, TaskOptions};
use super::retry::Seconds;
use super::task_call::task_call;
use crate::clock::{Clock, SystemClock};
use crate::model::Timestamp;

/// How long is slept at most before the time is looked at again: timers stand still while a machine is suspended, and
/// clocks are set.
const PIECE: Duration = Duration::from_secs(60);

/// The task whose result is the time of waking up.
static SLEEP_FOR: LazyLock<TaskDefinition> = LazyLock::new(|| {
    let site = Site {
        key: "flowcore::sleep_for",
        name: "sleep_for",
        file: file!(),
        line: line!(),
        source_hash: "",
        parameters: &["seconds"],
        documentation: "Tells when a sleep ends. What is slept is not part of it.",
    };
    TaskDefinition::new(site, TaskOptions { durability: Durability::Committed, ..TaskOptions::default() })
});

/// Sleeps in a flow for this long, counted from the first time that the flow comes here: the time of waking up is kept as
/// the result of a task run, committed before the sleep begins. A flow that is executed again waits for the rest, or not
/// at all if that time has passed. Ends at once when the run is cancelled, as everything that is awaited.
///
/// In a flow it takes no slot of `task_limit`; in a submitted task it keeps the task's.
///
/// ```
/// use flowcore::{Engine, Result, flow, sleep_for};
///
/// #[flow]
/// async fn patient() -> Result<()> {
///     sleep_for(0.01).await?;
///     Ok(())
/// }
///
/// #[flowcore::main]
/// async fn main() -> Result<()> {
///     Ok(patient().on(&Engine::memory()).await?)
/// }
/// ```
///
/// # Errors
///
/// The time of waking up could not be kept.
pub async fn sleep_for(duration: impl Into<Seconds>) -> Result<(), RunError> {
    let duration = duration.into().duration();
    let wake = if Scope::current().flow().is_some() {
        let inputs = (Input::from(duration.as_secs_f64()),);
        let body = |(seconds,): (f64,)| async move {
            let now = now().await;
            Ok::<_, Error>(later(now, Seconds(seconds).duration()))
        };
        task_call(&SLEEP_FOR, inputs, body, Some(Codec::of::<Timestamp>())).await?
    } else {
        later(now().await, duration)
    };
    sleep_until(wake).await;
    Ok(())
}

/// Sleeps until this time; not at all if it has passed. Nothing needs to be recorded: a flow that is executed again sleeps
/// until the same time. (A time that the flow computes from the present one is another each time: for that there is
/// [`sleep_for`].)
pub async fn sleep_until(time: Timestamp) {
    let scope = Scope::current();
    let engine = if scope.is_inside() { scope.engine().await.ok() } else { None };
    let clock: &dyn Clock = engine.as_ref().map_or(&SystemClock, |engine| &*engine.0.clock);
    while let Ok(rest) = (time - clock.now()).to_std()
        && !rest.is_zero()
    {
        clock.sleep(rest.min(PIECE)).await;
    }
}

async fn now() -> Timestamp {
    let scope = Scope::current();
    let engine = if scope.is_inside() { scope.engine().await.ok() } else { None };
    engine.map_or_else(|| SystemClock.now(), |engine| engine.0.clock.now())
}

fn later(now: Timestamp, duration: Duration) -> Timestamp {
    let duration = chrono::TimeDelta::from_std(duration).unwrap_or(chrono::TimeDelta::MAX);
    now.checked_add_signed(duration).unwrap_or(Timestamp::MAX_UTC)
}
