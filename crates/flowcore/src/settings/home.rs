//! Where a user's data belong.

use std::path::PathBuf;

/// Finds flowcore's folder among the user's data: on macOS in `~/Library/Application Support`, elsewhere in
/// `$XDG_DATA_HOME`, which is `~/.local/share` unless set. `None` when the user has no home directory.
pub(super) fn data_directory(macos: bool, lookup: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    // The XDG specification has relative paths ignored; a relative home is as useless.
    let absolute = |name: &str| lookup(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || absolute("HOME");
    let data = if macos {
        home()?.join("Library/Application Support")
    } else {
        absolute("XDG_DATA_HOME").or_else(|| home().map(|home| home.join(".local/share")))?
    };
    Some(data.join("flowcore"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(macos: bool, variables: &[(&str, &str)]) -> Option<String> {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        data_directory(macos, &lookup).map(|path| path.display().to_string())
    }

    #[test]
    fn follows_the_platform() {
        for (macos, variables, expected) in [
            (false, &[("HOME", "/home/ann")][..], Some("/home/ann/.local/share/flowcore")),
            (false, &[("HOME", "/home/ann"), ("XDG_DATA_HOME", "/data")], Some("/data/flowcore")),
            (false, &[("HOME", "/home/ann"), ("XDG_DATA_HOME", "data")], Some("/home/ann/.local/share/flowcore")),
            (false, &[("XDG_DATA_HOME", "/data")], Some("/data/flowcore")),
            (
                true,
                &[("HOME", "/Users/ann"), ("XDG_DATA_HOME", "/data")],
                Some("/Users/ann/Library/Application Support/flowcore"),
            ),
            (true, &[("XDG_DATA_HOME", "/data")], None),
            (false, &[("HOME", "ann")], None),
            (false, &[], None),
        ] {
            assert_eq!(directory(macos, variables).as_deref(), expected, "{macos} {variables:?}");
        }
    }
}
