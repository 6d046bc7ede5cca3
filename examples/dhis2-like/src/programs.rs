//! The programs of the stack, which are beside this one.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::Outcome;

/// The command, and the flows.
const NEEDED: [&str; 2] = ["flowcore", "dhis2-flows"];

/// Gives the folder of the programs. Started by cargo, they are brought up to date before.
pub(crate) async fn find() -> Outcome<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().ok_or("this program is in no folder")?.to_owned();
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet"]).args(NEEDED.iter().flat_map(|name| ["--bin", name]));
        build.args(folder.ends_with("release").then_some("--release"));
        for (name, _) in std::env::vars_os() {
            // What cargo tells of this package. Build scripts look at it, so that half of everything would be built anew.
            if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
                build.env_remove(name);
            }
        }
        // From the workspace, so that features are those by which this program was built.
        build.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
        println!("Building {}.", NEEDED.join(" and "));
        if !build.status().await?.success() {
            return Err("the programs of the stack do not build".into());
        }
    }
    match NEEDED.iter().find(|name| !folder.join(name).is_file()) {
        Some(missing) => {
            let folder = folder.display();
            Err(format!("{missing} is missing in {folder}: build it with `cargo build --workspace --bins`").into())
        }
        None => Ok(folder),
    }
}
