//! Long proofs: `cargo xtask prove NAME [ARGUMENTS]`. Each has a short form in the tests, which runs the same code with
//! smaller numbers.

mod arguments;
mod crash;
mod dates;
mod fuzz;
mod holder;
mod ledger;
mod limits;
mod outage;
mod random;
mod reporter;
mod schedule;
mod server;
mod still;
mod victim;

use flowcore::Result;

const PROOFS: &[(&str, &str)] = &[
    ("crash", "kills a process that runs tasks, at random, and resumes it: [--kills N] [--tasks N] [--seed N]"),
    ("limits", "takes slots of concurrency limits at random, with deaths and failures: [--steps N] [--seed N]"),
    ("server", "kills a server under clients in Python and Rust: [--kills N] [--tasks N] [--seed N]"),
    ("outage", "takes a server away under a program in Rust: [--seconds N] [--flows N] [--tasks N] [--lines N]"),
    (
        "schedule",
        "kills workers and servers under a schedule, and looks at times: [--runs N] [--kills N] [--replica-seconds N] ..",
    ),
    ("dates", "compares the times of schedules by chance with what Prefect says: [--cases N] [--seed N]"),
    ("fuzz", "sends a server requests by chance: [--examples N] [--seconds N] [--seed N]"),
];

#[flowcore::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let arguments: Vec<String> = arguments.collect();
    match name.as_str() {
        "crash" => crash::run(&crash::Plan::parse(&arguments)?).await,
        "limits" => limits::run(&limits::Plan::parse(&arguments)?).await,
        "server" => server::run(&server::Plan::parse(&arguments)?).await,
        "outage" => outage::run(&outage::Plan::parse(&arguments)?).await,
        "dates" => dates::run(&dates::Plan::parse(&arguments)?).await,
        "schedule" => schedule::run(&schedule::Plan::parse(&arguments)?).await,
        "fuzz" => fuzz::run(&fuzz::parse(&arguments)?).await,
        // What `server` kills, and who reports to it.
        "serve" => server::serve(&arguments, false).await,
        "serve-all" => server::serve(&arguments, true).await,
        "worker" => schedule::work(&arguments).await,
        "serving" => schedule::serve().await,
        "reporter" => reporter::run(&arguments).await,
        "outage-program" => outage::program(&arguments).await,
        // What `crash` kills: a program of its own that happens to be in this executable.
        "victim" => victim::run(&arguments).await,
        // What the tests of limits and locks start.
        "holder" => holder::hold(&arguments).await,
        "locker" => holder::lock(&arguments).await,
        "contender" => holder::contend(&arguments).await,
        other => {
            if !matches!(other, "--list" | "--help" | "") {
                eprintln!("there is no proof `{other}`; there are:");
            }
            for (name, what) in PROOFS {
                println!("{name:<10} {what}");
            }
            std::process::exit(if other == "--list" { 0 } else { 2 });
        }
    }
}
