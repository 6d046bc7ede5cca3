//! What flowcore costs to compile: a user's hello-world, from an empty target folder and after an edit.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::failure::Failure;
use crate::process;

/// A name, and what its manifest says behind flowcore's path.
const PACKAGES: [(&str, &str); 2] = [("default", ""), ("lean", ", default-features = false, features = [\"macros\"]")];

/// The program, without and with an option that changes what its macro writes.
const PROGRAM: &str = r#"use flowcore::{Result, flow, task};

#[task]
async fn double(number: u32) -> u32 {
    number * 2
}

#[flow]
async fn hello(number: u32) -> Result<u32> {
    Ok(double(number).await?)
}

#[flowcore::main]
async fn main() -> Result<()> {
    println!("{}", hello(21).await?);
    Ok(())
}
"#;

/// The clock ticks of `/proc`: 100 in a second on Linux, whatever the machine.
const TICKS: f64 = 100.0;

/// Builds the program in both forms and prints what it took.
pub(crate) fn run() -> Result<(), Failure> {
    let scratch = process::target().join("compile-cost");
    println!("{:8}  {:>6}  {:>12}  {:>12}  {:>12}", "features", "crates", "clean, s", "of CPU, s", "macro edit, s");
    for (name, features) in PACKAGES {
        let folder = scratch.join(name);
        // What a former measurement left would make this one too good. It need not be there.
        let _ = fs::remove_dir_all(&folder);
        write(&folder.join("src/main.rs"), PROGRAM)?;
        let path = process::root().join("crates/flowcore");
        let dependency = format!("flowcore = {{ path = {path:?}{features} }}");
        let package = "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n";
        write(&folder.join("Cargo.toml"), &format!("{package}\n[dependencies]\n{dependency}\n"))?;
        let lock = fs::read_to_string(process::root().join("Cargo.lock"));
        write(&folder.join("Cargo.lock"), &lock.map_err(|error| format!("cannot read Cargo.lock: {error}"))?)?;

        // Downloads are not what is measured.
        process::run(&mut cargo(&folder, &["fetch", "-q"]))?;
        let tree = process::output(&mut cargo(&folder, &["tree", "-e", "normal,build", "--prefix", "none"]))?;
        let crates = tree.lines().filter(|line| !line.is_empty() && !line.ends_with("(*)")).count() - 1;
        let (clean, cpu) = build(&folder)?;
        write(&folder.join("src/main.rs"), &PROGRAM.replace("#[task]", "#[task(retries = 2)]"))?;
        let (edit, _) = build(&folder)?;
        let program = Command::new(folder.join("target/debug/hello"))
            .env("FLOWCORE_HOME", folder.join("home"))
            .env_remove("FLOWCORE_DATABASE_URL")
            .output()
            .map_err(|error| format!("cannot start the program: {error}"))?;
        if program.stdout.trim_ascii() != b"42" {
            let said = String::from_utf8_lossy(&program.stderr);
            return Err(format!("the program with {name} features did not print 42:\n{said}").into());
        }
        println!("{name:8}  {crates:>6}  {clean:>12.1}  {cpu:>12.1}  {edit:>12.1}");
    }
    Ok(())
}

/// Builds, and tells how many seconds passed and how many the processors worked.
fn build(folder: &Path) -> Result<(f64, f64), String> {
    let (started, before) = (Instant::now(), children_seconds()?);
    process::run(&mut cargo(folder, &["build", "-q"]))?;
    Ok((started.elapsed().as_secs_f64(), children_seconds()? - before))
}

fn cargo(folder: &Path, args: &[&str]) -> Command {
    let mut command = process::cargo(args);
    command.current_dir(folder).env_remove("CARGO_TARGET_DIR");
    command
}

/// Reads how long the processors worked for ended processes that this one has started.
fn children_seconds() -> Result<f64, String> {
    let stat =
        fs::read_to_string("/proc/self/stat").map_err(|error| format!("cannot read /proc/self/stat: {error}"))?;
    // Behind the program's name in parentheses: the state, and eleven more fields to the children's user time.
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
    ticks(13).zip(ticks(14)).map(|(user, system)| (user + system) / TICKS).ok_or_else(|| format!("cannot read {stat}"))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}
