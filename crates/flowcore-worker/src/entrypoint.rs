//! Where a deployment's flow is: in a program, or in Python.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// What a deployment's entrypoint names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entrypoint {
    /// A flow of a program that is built with flowcore: `path/to/program:flow-name`.
    Program {
        /// The program, relative to the working directory.
        path: PathBuf,
        /// The flow's name.
        flow: String,
    },
    /// A function in Python: `path/to/file.py:function`, or `package.module:function`.
    Python(String),
}

/// Says why a text is no entrypoint.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{0}` is no entrypoint: write `path/to/program:flow-name`, or `path/to/file.py:function` for Python")]
pub struct EntrypointError(String);

impl FromStr for Entrypoint {
    type Err = EntrypointError;

    fn from_str(text: &str) -> Result<Self, EntrypointError> {
        let wrong = || EntrypointError(text.to_owned());
        // `module.function` is Python as well.
        let Some((place, name)) = text.rsplit_once(':') else {
            let is_dotted = text.contains('.') && !text.contains(['/', ' ']);
            return if is_dotted { Ok(Entrypoint::Python(text.to_owned())) } else { Err(wrong()) };
        };
        if place.is_empty() || name.is_empty() {
            return Err(wrong());
        }
        let is_module = !place.contains(['/', '\\']) && place.contains('.');
        if place.ends_with(".py") || is_module {
            return Ok(Entrypoint::Python(text.to_owned()));
        }
        Ok(Entrypoint::Program { path: PathBuf::from(place), flow: name.to_owned() })
    }
}

impl fmt::Display for Entrypoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entrypoint::Program { path, flow } => write!(f, "{}:{flow}", path.display()),
            Entrypoint::Python(entrypoint) => f.write_str(entrypoint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_python_are_told_apart() {
        let program = |path: &str, flow: &str| Entrypoint::Program { path: path.into(), flow: flow.to_owned() };
        let read = |text: &str| text.parse::<Entrypoint>().ok();
        assert_eq!(read("target/release/etl:report"), Some(program("target/release/etl", "report")));
        assert_eq!(read("etl:report"), Some(program("etl", "report")));
        assert_eq!(read("./v1.2/etl:report"), Some(program("./v1.2/etl", "report")));
        for python in ["flows/etl.py:report", "etl.py:report", "package.module:report", "package.module.report"] {
            assert_eq!(read(python), Some(Entrypoint::Python(python.to_owned())));
        }
        for wrong in ["", "etl", ":report", "etl:", "target/release/etl"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
