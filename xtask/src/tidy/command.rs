//! Running all checks.

use super::finding::{Finding, Severity};
use super::source::Source;
use super::{external, layers, length, source, tree, words};
use crate::failure::Failure;
use crate::process;

/// Checks every Rust file and the dependency tree, prints what it found, and fails when there is an error.
pub(crate) fn run() -> Result<(), Failure> {
    let sources = source::collect(process::root())?;
    if !sources.iter().any(|source| source.module().is_some()) {
        return Err(format!("found no sources of flowcore in {}", source::LIBRARY).into());
    }
    let mut findings: Vec<Finding> = sources.iter().flat_map(check).collect();
    findings.extend(tree::check()?);
    for finding in &findings {
        eprintln!("{finding}");
    }
    match findings.iter().filter(|finding| finding.severity == Severity::Error).count() {
        0 => {
            eprintln!("tidy: {} files are in order", sources.len());
            Ok(())
        }
        errors => Err(format!("tidy found {errors} errors").into()),
    }
}

fn check(source: &Source) -> Vec<Finding> {
    let mut findings = layers::check(source);
    findings.extend(external::check(source));
    findings.extend(length::check(source));
    findings.extend(words::check(source));
    findings
}
