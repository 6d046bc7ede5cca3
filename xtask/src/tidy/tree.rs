//! The number of crates that a user of flowcore has to build.

use std::collections::BTreeSet;

use super::finding::Finding;
use crate::process;

/// A set of features, and how many crates it may take.
const BUDGETS: [(&str, &[&str], usize); 3] = [
    ("without default features", &["--no-default-features"], 60),
    ("with default features", &[], 140),
    ("with the feature `client`", &["--features", "client"], 175),
];

/// Counts on one platform, so that the answer is the same everywhere.
const TREE: [&str; 9] =
    ["tree", "-p", "flowcore", "--prefix", "none", "-e", "normal,build", "--target", "x86_64-unknown-linux-gnu"];

/// Compares the number of crates with the budgets.
pub(super) fn check() -> Result<Vec<Finding>, String> {
    let mut findings = Vec::new();
    for (name, args, budget) in BUDGETS {
        let crates = count(&process::output(process::cargo(TREE).args(args))?);
        if crates > budget {
            let place = format!("flowcore {name}");
            findings.push(Finding::error(place, format!("{crates} crates in the tree, at most {budget} are allowed")));
        } else {
            eprintln!("tidy: flowcore {name}: {crates} crates (at most {budget})");
        }
    }
    Ok(findings)
}

/// Counts the different crates in the output of `cargo tree`; a second mention ends with `(*)`.
fn count(tree: &str) -> usize {
    let names = tree.lines().map(|line| line.split(" (").next().unwrap_or(line)).filter(|name| !name.is_empty());
    names.collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_counts_once_for_each_version() {
        assert_eq!(count("a v1.0.0 (/path)\nb v1.0.0\nb v2.0.0\nb v1.0.0 (*)\nm v1.0.0 (proc-macro)\n\n"), 4);
    }
}
