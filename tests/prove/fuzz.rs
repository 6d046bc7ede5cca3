//! Sends a server requests by chance, from its own OpenAPI document.

use flowcore::{Error, Result};
use flowcore_server::{KeySource, Server};
use flowcore_tests::fuzz::{Fuzz, fuzz};
use tokio::net::TcpListener;

/// Reads what to prove.
pub(crate) fn parse(arguments: &[String]) -> Result<Fuzz> {
    let mut plan = Fuzz { examples: 100, seconds: 900, seed: u64::from(std::process::id()) };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(Error::msg(format!("{} needs a number", pair[0]))) };
        match name.as_str() {
            "--examples" => plan.examples = value.parse()?,
            "--seconds" => plan.seconds = value.parse()?,
            "--seed" => plan.seed = value.parse()?,
            other => return Err(Error::msg(format!("`{other}` is none of --examples, --seconds, --seed"))),
        }
    }
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
