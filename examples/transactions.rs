//! Transactions: files that are published together or not at all, and only once.
//!
//! ```text
//! cargo run --example transactions
//! ```
//!
//! The second time it finds that monday's report has been published, and writes nothing.

use std::fs;
use std::path::{Path, PathBuf};

use flowcore::model::TaskRunFilter;
use flowcore::{Engine, Error, Isolation, Result, TransactionEvent, flow, task, transaction};

/// Writes a file. It is announced when the transaction around it commits, and removed when that is rolled back.
#[task(task_run_name = "{name}", on_commit = announce, on_rollback = remove)]
async fn write(folder: PathBuf, name: String, text: String) -> Result<PathBuf> {
    let path = folder.join(name);
    fs::write(&path, text)?;
    Ok(path)
}

async fn announce(event: TransactionEvent) -> Result<()> {
    println!("  announced: {}", event.argument::<String>("name")?);
    Ok(())
}

async fn remove(event: TransactionEvent) -> Result<()> {
    println!("  removed: {}", event.argument::<String>("name")?);
    match event.result::<PathBuf>() {
        Some(path) => Ok(fs::remove_file(path)?),
        None => Ok(()),
    }
}

/// Refuses a report that says nothing below its heading.
#[task]
async fn check(file: PathBuf) -> Result<usize> {
    match fs::read_to_string(file)?.lines().count() {
        0..2 => Err(Error::msg("the report is empty")),
        lines => Ok(lines),
    }
}

/// Publishes a day's report with its checksum, and returns how many lines it has. Of several runs at once, one does it and
/// the others wait for that.
#[flow]
async fn publish(folder: PathBuf, day: String, report: String) -> Result<usize> {
    transaction()
        .key(format!("report of {day}"))
        .isolation(Isolation::Serializable)
        .run(async |_| {
            let sum = blake3::hash(report.as_bytes()).to_string();
            let file = write(folder.clone(), format!("{day}.csv"), report).await?;
            write(folder.clone(), format!("{day}.sum"), sum).await?;
            println!("  to be checked: {}", list(&folder)?);
            Ok(check(file).await?)
        })
        .await
}

/// Lists the files of a folder.
fn list(folder: &Path) -> Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(if names.is_empty() { "nothing".to_owned() } else { names.join(", ") })
}

#[flowcore::main]
async fn main() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("flowcore-reports-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    for (day, report) in [("monday", "item,price\npen,2\ninkwell,7\n"), ("monday", ""), ("tuesday", "item,price\n")] {
        println!("{day}:");
        match publish(folder.clone(), day, report).await {
            Ok(lines) => println!("  published with {lines} lines; in the folder: {}", list(&folder)?),
            Err(_) => println!("  not published; in the folder: {}", list(&folder)?),
        }
    }
    fs::remove_dir_all(folder)?;

    let filter = TaskRunFilter { name_like: Some("tuesday".to_owned()), ..TaskRunFilter::default() };
    for run in Engine::default().await?.client().task_runs(&filter).await? {
        println!("{} is {}", run.name, run.state.name);
    }
    Ok(())
}
