//! Programs of other packages that tests start: the command and the examples.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Finds the folder of programs that this test's own executable belongs to: the command is there, the examples are in its
/// folder `examples`.
///
/// They belong to other packages, which are not built for these tests by themselves: they are brought up to date once.
///
/// # Panics
///
/// They do not build.
pub fn programs() -> &'static Path {
    static PROFILE: OnceLock<PathBuf> = OnceLock::new();
    PROFILE.get_or_init(|| match find() {
        Ok(profile) => profile,
        Err(why) => panic!("{why}"),
    })
}

fn find() -> Result<PathBuf, String> {
    let test = std::env::current_exe().map_err(|error| error.to_string())?;
    let profile = test.parent().and_then(Path::parent).ok_or("this test is in no folder of programs")?;
    let mut build = Command::new(env!("CARGO"));
    // All of the workspace and its examples, since then features are those of `cargo test --workspace`, and what that has built
    // is built once.
    build.args(["build", "--quiet", "--workspace", "--bins", "--examples"]);
    build.arg("--target-dir").args(profile.parent());
    if profile.ends_with("release") {
        build.arg("--release");
    }
    for (name, _) in std::env::vars_os() {
        // What cargo tells the tests of their package. Build scripts look at it, so that half of everything would be built anew.
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            build.env_remove(name);
        }
    }
    let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().map_err(|error| error.to_string())?;
    if status.success() { Ok(profile.to_owned()) } else { Err("the command and the examples do not build".to_owned()) }
}
