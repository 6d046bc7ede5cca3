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

#[cfg(test)]
mod tests {
    use flowcore::testing::crash_test;

    use super::*;

    /// A folder of its own for each run of the flow.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
            let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let folder = std::env::temp_dir().join(format!("flowcore-crashes-{}-{number}", std::process::id()));
            assert!(fs::create_dir_all(&folder).is_ok(), "{} cannot be made", folder.display());
            Folder(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // What is left of a temporary folder harms nobody.
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn both_files_are_published_wherever_it_is_killed() {
        let report = || "item,price\npen,2\n".to_owned();
        let test = crash_test(Folder::new, |folder| publish(folder.0.clone(), "monday".to_owned(), report()));
        test.seeds(10).survives(async |after| {
            let folder = &after.world.0;
            assert_eq!(fs::read_to_string(folder.join("monday.csv"))?, report());
            let sum = fs::read_to_string(folder.join("monday.sum"))?;
            assert_eq!(sum, blake3::hash(report().as_bytes()).to_string());
            Ok(())
        });
    }

    #[test]
    fn nothing_is_left_of_a_report_that_is_refused_wherever_it_is_killed() {
        let empty = || "item,price\n".to_owned();
        let test = crash_test(Folder::new, |folder| publish(folder.0.clone(), "tuesday".to_owned(), empty()));
        test.seeds(10).survives(async |after| {
            assert_eq!(list(&after.world.0)?, "nothing");
            Ok(())
        });
    }
}
