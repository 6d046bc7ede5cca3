//! `flowcore flow serve`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use flowcore::{SERVE, ServeOrder};
use flowcore_worker::{Entrypoint, describe};
use serde_json::Value;

use crate::commands::due::DueArguments;
use crate::commands::worker::known_python;
use crate::failure::Failure;
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The program and the name of its flow: path/to/program:flow-name. With path/to/file.py:function, Python's Prefect
    /// serves it.
    entrypoint: String,
    /// The deployment's name, unique among those of the flow.
    #[arg(long, short, value_name = "NAME")]
    name: String,
    /// What it is for; without it, what the flow is for.
    #[arg(long, short)]
    description: Option<String>,
    /// Its version; without it, that of the flow.
    #[arg(long, short, value_name = "VERSION")]
    version: Option<String>,
    /// A tag of its runs; may be given several times.
    #[arg(long = "tag", short, value_name = "TAG")]
    tags: Vec<String>,
    #[command(flatten)]
    due: DueArguments,
    /// Leave the deployment as it is at the end, instead of pausing it.
    #[arg(long)]
    no_pause_on_shutdown: bool,
    /// How many runs to execute at once.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// How many of its runs may be under way at once, wherever they are executed.
    #[arg(long, value_name = "N")]
    global_limit: Option<u32>,
}

pub(super) async fn run(serve: &Serve, session: &mut Session<'_>) -> Result<(), Failure> {
    let entrypoint: Entrypoint = serve.entrypoint.parse().map_err(|error| Failure::Usage(format!("{error}")))?;
    let Some(url) = session.client.api_url() else {
        return Err(Failure::new(
            "serving needs a server: start one with `flowcore server start`, and set FLOWCORE_API_URL to its address",
        ));
    };
    let mut command = match entrypoint {
        Entrypoint::Program { path, flow } => program(serve, &path, &flow).await?,
        Entrypoint::Python(_) => python(),
    };
    command.env("FLOWCORE_API_URL", &url).env("PREFECT_API_URL", &url).env_remove("FLOWCORE_API_URL_FILE");
    // What this command got from a profile or a file, the program gets from it.
    command.env("FLOWCORE_HOME", &session.settings.home).env_remove("FLOWCORE_HOME_FILE");
    if let Some(auth) = &session.settings.api.auth_string {
        command.env("FLOWCORE_API_AUTH_STRING", auth).env("PREFECT_API_AUTH_STRING", auth);
    }
    if let Some(key) = &session.settings.api.key {
        command.env("FLOWCORE_API_KEY", key).env("PREFECT_API_KEY", key);
    }
    session.out.flush()?;
    // Comes back only if it fails.
    let error = command.exec();
    Err(Failure::new(format!("`{}` cannot be started: {error}", one_line(&command.get_program().to_string_lossy()))))
}

/// Prepares a program to serve one of its flows.
async fn program(serve: &Serve, path: &Path, flow: &str) -> Result<Command, Failure> {
    let program = describe(path).await.map_err(|error| Failure::new(error.to_string()))?;
    if program.flows.iter().all(|described| described.name != flow) {
        let known: Vec<&str> = program.flows.iter().map(|flow| flow.name.as_str()).collect();
        let (flow, known) = (one_line(flow), known.join(", "));
        return Err(Failure::new(format!("the program has no flow named `{flow}`; it has: {known}")));
    }
    let schedule = match serve.due.schedule()? {
        Some(Value::Object(schedule)) => Some(schedule),
        _ => None,
    };
    let order = ServeOrder {
        // The program takes this process's place.
        process: std::process::id(),
        flow: flow.to_owned(),
        name: serve.name.clone(),
        description: serve.description.clone(),
        version: serve.version.clone(),
        tags: serve.tags.clone(),
        schedule,
        limit: serve.limit,
        global_limit: serve.global_limit,
        pauses: !serve.no_pause_on_shutdown,
    };
    let order = serde_json::to_string(&order).map_err(|error| Failure::new(error.to_string()))?;
    let path = path.canonicalize()?;
    let mut command = Command::new(path);
    command.env(SERVE, order);
    Ok(command)
}

/// Prepares Python's Prefect to do what this command was asked for: its flags are the same.
fn python() -> Command {
    let words = std::env::args_os().skip(1).skip_while(|word| word != "flow" && word != "flows").skip(1);
    let mut command = Command::new(known_python().unwrap_or_else(|| PathBuf::from("python3")));
    command.args(["-m", "prefect", "flow"].map(OsString::from)).args(words);
    command
}
