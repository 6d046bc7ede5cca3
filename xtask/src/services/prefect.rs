//! Prefect's own client, in a virtual environment of Python's. No program runs: what the tests get is the interpreter.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::package;
use super::service::{Running, Service};
use crate::process;

/// What is installed. The release that the server speaks to, with versions below it that fit.
const PACKAGES: [&str; 3] = ["prefect==3.8.8", "fastapi<0.140", "sqlalchemy<2.1"];

/// Written when everything is there: an installation that was interrupted is begun anew.
const COMPLETE: &str = "complete";

const MISSING: &str = "Python 3.10 or newer with venv is not installed (`python3`): install it";

pub(super) struct Prefect;

impl Service for Prefect {
    fn name(&self) -> &'static str {
        "Prefect's client"
    }

    fn variable(&self) -> &'static str {
        "FLOWCORE_TEST_PREFECT_PYTHON"
    }

    fn serves(&self) -> &'static str {
        "the server with Prefect's own client"
    }

    fn provide(&self) -> Result<(), String> {
        let folder = folder();
        if folder.join(COMPLETE).is_file() {
            return Ok(());
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| format!("cannot remove {}: {error}", folder.display()))?;
        }
        eprintln!("{}: installing {} into {}", self.name(), PACKAGES[0], folder.display());
        let make = || process::output(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        if make().is_err() {
            package::install(self.name(), "python3-venv", MISSING)?;
            make()?;
        }
        let mut install = Command::new(python(&folder));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
        process::output(&mut install)?;
        fs::write(folder.join(COMPLETE), PACKAGES.join("\n")).map_err(|error| format!("cannot write: {error}"))
    }

    fn start(&self) -> Result<Box<dyn Running>, String> {
        Ok(Box::new(Interpreter(python(&folder()))))
    }
}

/// Below the target folder, so that it is kept like what is compiled, and goes with it.
fn folder() -> PathBuf {
    process::root().join("target").join("prefect-client")
}

fn python(folder: &Path) -> PathBuf {
    folder.join("bin").join("python")
}

struct Interpreter(PathBuf);

impl Running for Interpreter {
    fn address(&self) -> String {
        self.0.display().to_string()
    }
}
