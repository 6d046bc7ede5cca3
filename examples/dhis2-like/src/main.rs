//! A walk through the dhis2 stack with processes of this machine: PostgreSQL, the server on it, a bucket for results, a worker of
//! the pool `default`, and deployments from `prefect.yaml` files. Each step prints its command and what that says.
//!
//! ```text
//! cargo xtask walk                  # starts PostgreSQL, and installs what is missing, before it walks
//! cargo run --bin dhis2-like        # takes the PostgreSQL that FLOWCORE_TEST_POSTGRES_URL names
//! ```
//!
//! Schedules are of every 15 minutes. Nobody waits so long: the walk changes two of them by command to every few seconds
//! (`-- --every SECONDS`), and looks for runs that have begun by themselves. With `-- --stay` all goes on until Enter.

mod bucket;
mod database;
mod programs;
mod python;
mod stack;
mod walk;

use std::process::ExitCode;

use stack::Stack;

/// What went wrong, as a sentence.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What the command line says.
struct Arguments {
    /// How often schedules are due after they were changed, in seconds.
    every: u32,
    /// Whether all goes on behind the walk.
    stay: bool,
}

impl Arguments {
    fn read(mut given: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut arguments = Arguments { every: 5, stay: false };
        while let Some(argument) = given.next() {
            match argument.as_str() {
                "--stay" => arguments.stay = true,
                "--every" => {
                    let seconds = given.next().and_then(|seconds| seconds.parse().ok()).filter(|seconds| *seconds > 0);
                    arguments.every = seconds.ok_or("--every takes a number of seconds")?;
                }
                other => return Err(format!("`{other}` is not known; there are --every SECONDS and --stay").into()),
            }
        }
        Ok(arguments)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Outcome<()> {
    let arguments = Arguments::read(std::env::args().skip(1))?;
    let mut stack = Stack::start().await?;
    let mut walked = walk::walk(&mut stack, arguments.every).await;
    if walked.is_ok() && arguments.stay {
        println!("\nAll of it goes on until you press Enter. For another terminal:\n{}", stack.exports());
        walked = std::io::stdin().read_line(&mut String::new()).map(drop).map_err(Into::into);
    }
    // What the worker has said may be the reason for what went wrong.
    let worker = if walked.is_err() { stack.worker_log() } else { String::new() };
    let stopped = stack.stop().await;
    walked.map_err(|error| format!("{error}\n{worker}"))?;
    stopped
}
