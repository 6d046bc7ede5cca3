#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn a_file_of_secrets_is_its_owners_and_a_link_stays_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("real.toml"), folder.path().join("link.toml"));
    fs::write(&file, "a = 1\n").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let mut changed = SettingsFile::open(&link, true).unwrap();
    changed.activate("x");
    changed.save().unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "a = 1\nactive = \"x\"\n");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions()) & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
}

#[test]
fn a_mistake_is_named_without_what_stands_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flowcore.toml");
    fs::write(&file, "a = 1\nsecret = hush\n").unwrap();
    let failure = SettingsFile::open(&file, false).err().unwrap();
    let message = failure.message().unwrap();
    assert!(message.starts_with(&format!("{}:2: this is not TOML: ", file.display())), "{message}");
    assert!(!message.contains("hush"), "{message}");
}
