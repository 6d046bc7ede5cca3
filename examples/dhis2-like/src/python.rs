//! A Python that has Prefect, for flows in Python.

use tokio::process::Command;

/// Names the interpreter; `cargo xtask services` gives it.
const VARIABLE: &str = "FLOWCORE_TEST_PREFECT_PYTHON";

pub(crate) const MISSING: &str = "no python3 here has Prefect, so that the flow in Python is left out: `pip install prefect`, set \
                                  FLOWCORE_TEST_PREFECT_PYTHON to such a Python, or run `cargo xtask walk`";

/// Finds it.
pub(crate) async fn with_prefect() -> Option<String> {
    let python = std::env::var(VARIABLE).unwrap_or_else(|_| "python3".to_owned());
    let imported = Command::new(&python).args(["-c", "import prefect"]).output().await;
    imported.is_ok_and(|output| output.status.success()).then_some(python)
}
