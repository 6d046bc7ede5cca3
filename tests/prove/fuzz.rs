//! Sends a server requests by chance, from its own OpenAPI document.

use flowcore::{Error, Result};
use flowcore_server::{KeySource, Server};
use flowcore_tests::fuzz::{Fuzz, fuzz};
use tokio::net::TcpListener;

use crate::arguments;

/// Reads what to prove.
pub(crate) fn parse(arguments: &[String]) -> Result<Fuzz> {
    let mut plan = Fuzz { examples: 100, seconds: 900, seed: u64::from(std::process::id()) };
    arguments::read(
        arguments,
        &mut [("--examples", &mut plan.examples), ("--seconds", &mut plan.seconds), ("--seed", &mut plan.seed)],
    )?;
    Ok(plan)
}

pub(crate) async fn run(plan: &Fuzz) -> Result<()> {
    let python = std::env::var("FLOWCORE_TEST_SCHEMATHESIS_PYTHON").map_err(|_| {
        Error::msg("FLOWCORE_TEST_SCHEMATHESIS_PYTHON does not say which Python has the package schemathesis: `cargo xtask services` prints it")
    })?;
    println!("{plan:?}");
    let folder = tempfile::tempdir()?;
    let server = Server::open(&format!("sqlite://{}", folder.path().join("server.db").display())).await?;
    let server = server.with_keys(&KeySource::Folder(folder.path().to_owned())).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let api = format!("http://{}/api", listener.local_addr()?);
    let serving = tokio::spawn(server.serve(listener, std::future::pending()));
    let fuzzed = fuzz(&python, &api, plan).await;
    serving.abort();
    fuzzed
}
