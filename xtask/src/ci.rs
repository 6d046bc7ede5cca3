//! `cargo xtask ci`: what CI runs.

use std::fs;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::{process, test, tidy};

struct Outcome {
    step: String,
    took: Duration,
    passed: bool,
}

/// Runs every step, also after one has failed, and ends with a table of what passed and how long it took.
pub(crate) fn run() -> Result<(), Failure> {
    let mut steps = Steps(Vec::new());
    steps.cargo("format", &["fmt", "--all", "--check"]);
    steps.run("tidy", tidy::run);
    steps.cargo("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    // Clippy is a check that can deny warnings without building everything anew.
    let lean = ["clippy", "-p", "flowcore", "--no-default-features", "--features"];
    let strict = ["--", "-D", "warnings"];
    steps.cargo("check, no features", &[&lean[..4], &strict].concat());
    for feature in features()? {
        steps.cargo(&format!("check, only {feature}"), &[&lean[..], &[&feature], &strict].concat());
    }
    // Beside the others, a crate can use features of packages that it has not asked for.
    for (name, package) in [("worker", "flowcore-worker"), ("server", "flowcore-server"), ("command", "flowcore-cli")] {
        steps.cargo(&format!("check, the {name} alone"), &[&["clippy", "-p", package], &strict[..]].concat());
    }
    let run = ["run", "-p", "flowcore", "--no-default-features", "--features", "macros", "--example", "lean"];
    steps.cargo("run, without default features", &run);
    steps.run("documentation", || {
        // The command is named like the library, so that their pages would overwrite each other.
        let mut command = process::cargo(["doc", "--workspace", "--no-deps", "--exclude", "flowcore-cli"]);
        Ok(process::run(command.env("RUSTDOCFLAGS", "-D warnings"))?)
    });
    steps.run("test", || test::run(&[]));
    steps.finish()
}

struct Steps(Vec<Outcome>);

impl Steps {
    fn cargo(&mut self, step: &str, args: &[&str]) {
        self.run(step, || Ok(process::run(&mut process::cargo(args))?));
    }

    fn run(&mut self, step: &str, work: impl FnOnce() -> Result<(), Failure>) {
        eprintln!("\n=== {step}");
        let start = Instant::now();
        let result = work();
        let took = start.elapsed();
        if let Err(Failure::Usage(message) | Failure::Failed(message)) = &result {
            eprintln!("error: {message}");
        }
        let outcome = Outcome { step: step.to_owned(), took, passed: result.is_ok() };
        eprintln!("=== {step}: {} in {:.1} s", outcome.verdict(), took.as_secs_f64());
        self.0.push(outcome);
    }

    fn finish(self) -> Result<(), Failure> {
        let failed = self.0.iter().filter(|outcome| !outcome.passed).count();
        eprint!("\n{}", table(&self.0));
        if failed == 0 { Ok(()) } else { Err(format!("{failed} of {} steps failed", self.0.len()).into()) }
    }
}

impl Outcome {
    fn verdict(&self) -> &'static str {
        if self.passed { "passed" } else { "FAILED" }
    }
}

fn table(outcomes: &[Outcome]) -> String {
    let width = outcomes.iter().map(|outcome| outcome.step.chars().count()).max().unwrap_or(0);
    let row = |step: &str, took: Duration, verdict: &str| {
        format!("{step:width$}  {:>8.1} s  {verdict}", took.as_secs_f64()).trim_end().to_owned() + "\n"
    };
    let rows: String = outcomes.iter().map(|outcome| row(&outcome.step, outcome.took, outcome.verdict())).collect();
    rows + &row("total", outcomes.iter().map(|outcome| outcome.took).sum(), "")
}

/// Reads the features of flowcore from its manifest, so that a new one cannot be forgotten here.
fn features() -> Result<Vec<String>, String> {
    let path = process::root().join("crates/flowcore/Cargo.toml");
    let manifest = fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let features = feature_names(&manifest);
    if features.is_empty() { Err(format!("found no features in {}", path.display())) } else { Ok(features) }
}

/// Lists the names in the `[features]` section of a manifest, without `default`.
fn feature_names(manifest: &str) -> Vec<String> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[features]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim().trim_matches('"').to_owned())
        .filter(|name| name != "default" && !name.starts_with('#'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_read_from_their_section_only() {
        let manifest = "[package]\nname = \"x\"\n\n[features]\ndefault = [\"a\"]\n# b = c\na = []\nb-c = [\n  \"a\",\n]\n\n\
                        [dependencies]\nd = \"1\"\n";
        assert_eq!(feature_names(manifest), ["a", "b-c"]);
    }

    #[test]
    fn the_table_lines_up_and_ends_with_the_total() {
        let outcome =
            |step: &str, seconds, passed| Outcome { step: step.to_owned(), took: Duration::from_secs(seconds), passed };
        let expected = "tidy         1.0 s  passed\nclippy      65.0 s  FAILED\ntotal       66.0 s\n";
        assert_eq!(table(&[outcome("tidy", 1, true), outcome("clippy", 65, false)]), expected);
    }
}
