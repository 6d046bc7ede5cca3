//! What tests need from outside: servers and programs that a variable names.

/// Reads the variable that says where something is, or tells loudly that a test does not run.
///
/// # Panics
///
/// In continuous integration every test has to run.
pub fn given(variable: &str, case: &str) -> Option<String> {
    let found = std::env::var(variable).ok();
    let in_ci = std::env::var("CI").as_deref() == Ok("true");
    assert!(found.is_some() || !in_ci, "{variable} is not set: `{case}` must run in continuous integration");
    if found.is_none() {
        eprintln!("NOT RUN: {case}, since {variable} is not set");
    }
    found
}
