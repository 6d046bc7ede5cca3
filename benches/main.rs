//! Benchmarks: `cargo xtask bench NAME [ARGUMENTS]`. Each figure is printed beside its floor, measured in the same run: on
//! a noisy machine only the ratio says something.

mod embedded;
mod fill;
mod floors;
mod limits;
mod report;
mod server;
mod work;

use embedded::Failed;
use report::Report;

const USAGE: &str = "usage: cargo xtask bench embedded [recorded|maps|overhead|committed|flows|limits] [--json]
       cargo xtask bench server [size|lifecycle|reads|filters|logs|events] [--peer-url http://HOST:PORT/api] [--json]
       cargo xtask bench soak [--minutes N]
       cargo xtask bench ui --database URL
       cargo xtask fill --database URL [--flow-runs N]";

/// What was asked for.
#[derive(Default)]
struct Arguments {
    names: Vec<String>,
    json: bool,
    peer: Option<String>,
    database: Option<String>,
    flow_runs: Option<u64>,
    minutes: Option<f64>,
}

fn main() {
    let arguments = Arguments::parse(std::env::args().skip(1));
    let figures = arguments.names.first().is_some_and(|name| matches!(name.as_str(), "embedded" | "server"));
    let mut report = Report::new(arguments.json, figures);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(Failed::from).and_then(|runtime| runtime.block_on(measure(&mut report, &arguments)));
    if let Err(error) = done {
        eprintln!("the benchmark failed: {error:?}");
        std::process::exit(1);
    }
    report.finish();
}

async fn measure(report: &mut Report, arguments: &Arguments) -> Result<(), Failed> {
    let only = arguments.names.get(1).map(String::as_str);
    match arguments.names.first().map(String::as_str) {
        Some("embedded") => embedded::run(report, only).await,
        Some("server") => server::run(report, only, arguments.peer.as_deref()).await,
        Some("soak") => server::soak(report, arguments.minutes.unwrap_or(10.0)).await,
        Some("ui") => server::ui(report, arguments.database()?).await,
        Some("fill") => {
            let database = arguments.database()?.to_owned();
            fill::run(&fill::Plan { database, flow_runs: arguments.flow_runs.unwrap_or(1_000_000) }).await
        }
        other => {
            let wrong = other.map(|name| format!("there is no benchmark `{name}`; ")).unwrap_or_default();
            eprintln!("{wrong}{USAGE}");
            std::process::exit(2);
        }
    }
}

impl Arguments {
    fn parse(mut from: impl Iterator<Item = String>) -> Self {
        let mut arguments = Arguments::default();
        while let Some(argument) = from.next() {
            match argument.as_str() {
                "--json" => arguments.json = true,
                "--peer-url" => arguments.peer = from.next(),
                "--database" => arguments.database = from.next(),
                "--minutes" => arguments.minutes = from.next().and_then(|number| number.parse().ok()),
                "--flow-runs" => arguments.flow_runs = from.next().and_then(|number| number.parse().ok()),
                _ => arguments.names.push(argument),
            }
        }
        arguments
    }

    fn database(&self) -> Result<&str, Failed> {
        self.database.as_deref().ok_or_else(|| "say which database: --database URL".into())
    }
}
