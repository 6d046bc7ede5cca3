//! A dependency report of a Rust workspace.
//!
//! ```text
//! cargo run --example quickstart [PATH_TO/Cargo.lock]
//! ```
//!
//! Every package of the lock file is surveyed by a task of its own: its sources are looked up in cargo's local registry,
//! its files and lines counted, its licence found and all of it hashed. Packages without sources there, or without a
//! licence, fail, are tried again, and are tolerated. A last task sums up; its result is kept as JSON and shown as an
//! artifact. Run it again, and the surveys come from the cache. Kill it in the middle, and the next start says how to
//! resume.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use flowcore::{Error, Outcome, Result, as_completed, current, flow, task, unmapped};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

/// A package as the lock file names it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Package {
    name: String,
    version: String,
}

/// What was found out about a package.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Survey {
    package: String,
    version: String,
    license: String,
    files: usize,
    lines: usize,
    hash: String,
}

/// What the packages come to.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Report {
    packages: usize,
    surveyed: usize,
    files: usize,
    lines: usize,
    licenses: BTreeMap<String, usize>,
    largest: Vec<Survey>,
    missing: Vec<String>,
}

#[derive(Deserialize)]
struct LockFile {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Manifest {
    package: ManifestPackage,
}

#[derive(Deserialize)]
struct ManifestPackage {
    license: Option<String>,
    #[serde(rename = "license-file")]
    license_file: Option<String>,
}

/// Reads the packages of a lock file.
#[task]
fn read_lock_file(path: PathBuf) -> Result<Vec<Package>> {
    let text = fs::read_to_string(&path)
        .map_err(|error| Error::msg(format!("cannot read {}: {error}", path.display())).retriable(false))?;
    Ok(toml::from_str::<LockFile>(&text)?.package)
}

/// Surveys one package among the sources of registries. The result is good for as long as the package and this function are
/// the same.
#[task(
    retries = 1,
    retry_delay = 0.2,
    cache = INPUTS + TASK_SOURCE,
    task_run_name = "survey {package_name}"
)]
fn survey(package_name: String, version: String, sources: PathBuf) -> Result<Survey> {
    let folder = find_sources(&sources, &package_name, &version)?;
    let manifest: Manifest = toml::from_str(&fs::read_to_string(folder.join("Cargo.toml"))?)?;
    let license = manifest.package.license.or(manifest.package.license_file.map(|file| format!("see {file}")));
    let license = license.ok_or_else(|| Error::msg("the manifest names no licence"))?;
    let mut files = Vec::new();
    list_files(&folder, &mut files)?;
    files.sort();
    let (mut hasher, mut lines) = (blake3::Hasher::new(), 0);
    for file in &files {
        let content = fs::read(file)?;
        lines += content.iter().filter(|byte| **byte == b'\n').count();
        hasher.update(&content);
    }
    tracing::debug!(files = files.len(), lines, "surveyed");
    let hash = hasher.finalize().to_hex().to_string();
    Ok(Survey { package: package_name, version, license, files: files.len(), lines, hash })
}

/// Sums up what the surveys found; those that failed are listed as missing.
#[task(persist_result = true, result_storage_key = "dependency-report-{flow_run_id}.json")]
async fn summarize(packages: Vec<Package>, surveys: Vec<Outcome<Survey>>) -> Result<Report> {
    let mut found: Vec<Survey> = Vec::new();
    let mut missing = Vec::new();
    for (package, survey) in packages.iter().zip(surveys) {
        match survey.result {
            Ok(survey) => found.push(survey),
            Err(_) => missing.push(format!("{} {}", package.name, package.version)),
        }
    }
    let mut licenses = BTreeMap::new();
    for survey in &found {
        *licenses.entry(survey.license.clone()).or_insert(0) += 1;
    }
    found.sort_by_key(|survey| std::cmp::Reverse(survey.lines));
    let report = Report {
        packages: packages.len(),
        surveyed: found.len(),
        files: found.iter().map(|survey| survey.files).sum(),
        lines: found.iter().map(|survey| survey.lines).sum(),
        licenses,
        largest: found.into_iter().take(10).collect(),
        missing,
    };
    flowcore::artifact::table(&report.largest).key("largest-dependencies").save().await?;
    Ok(report)
}

/// Reports on the dependencies of a workspace, whose sources are in a folder with one folder for each registry.
#[flow]
async fn dependency_report(lock_file: PathBuf, sources: PathBuf) -> Result<Report> {
    let packages = read_lock_file(lock_file).await?;
    tracing::info!(packages = packages.len(), "surveying");
    let (names, versions): (Vec<_>, Vec<_>) =
        packages.iter().map(|package| (package.name.clone(), package.version.clone())).unzip();
    let surveys = survey::map(names, versions, unmapped(sources)).submit();
    let bar = progress_bar(surveys.len());
    let mut finished = as_completed(surveys.iter().cloned());
    while finished.next().await.is_some() {
        bar.inc(1);
    }
    bar.finish_and_clear();
    let report = summarize(packages, surveys.allow_failure()).await?;
    if let Some(id) = current::flow_run_id() {
        let command = flowcore::connect::command();
        tracing::info!("see what this run left:");
        for what in ["inspect", "logs"] {
            tracing::info!("  {command} flow-run {what} {id}");
        }
        tracing::info!("  {command} task-run ls --flow-run {id}");
        tracing::info!("  {command} artifact inspect largest-dependencies");
    }
    Ok(report)
}

#[flowcore::main]
async fn main() -> Result<()> {
    flowcore::logs::print_with(print_above_the_bar);
    let lock_file = match std::env::args_os().nth(1) {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock"),
    };
    let report = dependency_report(lock_file, cargos_sources()?).await?;
    println!(
        "\n{} of {} packages surveyed: {} files, {} lines",
        report.surveyed, report.packages, report.files, report.lines
    );
    println!("\n{:<28} {:>10} {:>7} {:>9}  licence", "largest packages", "version", "files", "lines");
    for survey in &report.largest {
        let Survey { package, version, license, files, lines, .. } = survey;
        println!("{package:<28} {version:>10} {files:>7} {lines:>9}  {license}");
    }
    println!("\nnot surveyed: {}", if report.missing.is_empty() { "none".into() } else { report.missing.join(", ") });
    Ok(())
}

/// Finds the folder in which cargo keeps what it has unpacked.
fn cargos_sources() -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let sources = home.ok_or_else(|| Error::msg("there is no home folder to look for cargo's registry in"))?;
    Ok(sources.join("registry").join("src"))
}

/// Finds a package's sources.
fn find_sources(sources: &Path, name: &str, version: &str) -> Result<PathBuf> {
    let registries = fs::read_dir(sources)
        .map_err(|error| Error::msg(format!("cargo's registry {} cannot be read: {error}", sources.display())))?;
    for registry in registries {
        let folder = registry?.path().join(format!("{name}-{version}"));
        if folder.is_dir() {
            return Ok(folder);
        }
    }
    Err(Error::msg(format!("cargo's registry has no sources of {name} {version}")))
}

fn list_files(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list_files(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

static BAR: OnceLock<ProgressBar> = OnceLock::new();

fn progress_bar(length: usize) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} packages").unwrap_or_else(|_| ProgressStyle::default_bar());
    // Draws nothing where standard error is no terminal.
    let bar = ProgressBar::new(length as u64).with_style(style);
    BAR.get_or_init(|| bar).clone()
}

/// Prints a log line without tearing the bar.
fn print_above_the_bar(line: &str) {
    match BAR.get().filter(|bar| !bar.is_finished()) {
        Some(bar) => bar.suspend(|| eprintln!("{line}")),
        None => eprintln!("{line}"),
    }
}

#[cfg(test)]
mod tests {
    use flowcore::testing::crash_test;

    use super::*;

    /// Makes a registry with two packages and a lock file that names a third.
    fn registry(folder: &Path) -> std::io::Result<()> {
        let mut lock_file = "[[package]]\nname = \"ghost\"\nversion = \"1.0.0\"\n".to_owned();
        for (name, lines) in [("one", 5), ("two", 7)] {
            let sources = folder.join("src/index").join(format!("{name}-1.0.0"));
            fs::create_dir_all(&sources)?;
            fs::write(sources.join("Cargo.toml"), format!("[package]\nname = \"{name}\"\nlicense = \"MIT\"\n"))?;
            fs::write(sources.join("lib.rs"), "//\n".repeat(lines))?;
            lock_file.push_str(&format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\n"));
        }
        fs::write(folder.join("Cargo.lock"), lock_file)
    }

    #[test]
    fn every_package_is_reported_wherever_it_is_killed() -> std::io::Result<()> {
        let folder = std::env::temp_dir().join(format!("flowcore-registry-{}", std::process::id()));
        registry(&folder)?;
        let report = || dependency_report(folder.join("Cargo.lock"), folder.join("src"));
        crash_test(|| (), |()| report()).seeds(5).survives(async |after| {
            let report = serde_json::to_string(&after.run.state.data)?;
            assert!(report.contains(r#""surveyed":2"#) && report.contains("ghost 1.0.0"), "{report}");
            assert_eq!(after.task_run("survey ghost").await.state.name, "Failed");
            Ok(())
        });
        fs::remove_dir_all(folder)
    }
}
