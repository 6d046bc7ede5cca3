//! Packages of the operating system that services come in.

use std::path::Path;
use std::process::{Command, Stdio};

use super::account;
use crate::process;

/// Installs a package where that is possible: on Debian and what descends from it, as root. Elsewhere `missing` is the error,
/// which says what to do.
pub(super) fn install(service: &str, package: &str, missing: &str) -> Result<(), String> {
    if !Path::new("/etc/debian_version").exists() || !account::is_root()? {
        return Err(missing.to_owned());
    }
    eprintln!("{service}: installing it");
    apt_get(&["update", "--quiet"])?;
    apt_get(&["install", "--quiet", "--yes", "--no-install-recommends", package])
}

fn apt_get(args: &[&str]) -> Result<(), String> {
    // Standard output is for the variables of `cargo xtask services`.
    let mut command = Command::new("apt-get");
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(std::io::stderr());
    process::run(&mut command)
}
