//! Packages of Python's, each in a virtual environment of its own. No program runs: what the tests get is the interpreter.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::package;
use super::service::{Running, Service};
use crate::process;

/// Written when everything is there, and says what: an installation that was interrupted, or of other packages, is begun
/// anew.
const COMPLETE: &str = "complete";

const MISSING: &str = "Python 3.10 or newer with venv is not installed (`python3`): install it";

/// A virtual environment.
pub(super) struct Environment {
    name: &'static str,
    variable: &'static str,
    serves: &'static str,
    /// Its folder, below the target folder.
    folder: &'static str,
    /// What is installed.
    packages: &'static [&'static str],
}

/// The release that the server speaks to, with versions below it that fit.
pub(super) const PREFECT: Environment = Environment {
    name: "Prefect's client",
    variable: "FLOWCORE_TEST_PREFECT_PYTHON",
    serves: "the server with Prefect's own client",
    folder: "prefect-client",
    packages: &["prefect==3.8.8", "fastapi<0.140", "sqlalchemy<2.1", "whenever", "tzdata"],
};

/// Makes requests from an OpenAPI document, good ones and bad ones.
pub(super) const SCHEMATHESIS: Environment = Environment {
    name: "Schemathesis",
    variable: "FLOWCORE_TEST_SCHEMATHESIS_PYTHON",
    serves: "every route of the server with requests made by chance",
    folder: "schemathesis",
    packages: &["schemathesis==4.32.5"],
};

impl Service for Environment {
    fn name(&self) -> &'static str {
        self.name
    }

    fn variable(&self) -> &'static str {
        self.variable
    }

    fn serves(&self) -> &'static str {
        self.serves
    }

    fn provide(&self) -> Result<(), String> {
        let folder = self.folder();
        let packages = self.packages.join("\n");
        if fs::read_to_string(folder.join(COMPLETE)).is_ok_and(|complete| complete == packages) {
            return Ok(());
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| format!("cannot remove {}: {error}", folder.display()))?;
        }
        eprintln!("{}: installing {} into {}", self.name, self.packages[0], folder.display());
        let make = || process::output(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        if make().is_err() {
            package::install(self.name, "python3-venv", MISSING)?;
            make()?;
        }
        let mut install = Command::new(python(&folder));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(self.packages);
        process::output(&mut install)?;
        fs::write(folder.join(COMPLETE), packages).map_err(|error| format!("cannot write: {error}"))
    }

    fn start(&self) -> Result<Box<dyn Running>, String> {
        Ok(Box::new(Interpreter(python(&self.folder()))))
    }
}

impl Environment {
    /// Below the target folder, so that it is kept like what is compiled, and goes with it.
    fn folder(&self) -> PathBuf {
        process::target().join(self.folder)
    }
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
