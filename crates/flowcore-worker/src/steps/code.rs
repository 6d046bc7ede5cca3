//! Programs under the hash of their content: pushed once, pulled once by each worker, and never started if damaged.
//!
//! A manifest names the files of a program with their hashes, and has itself the name of its hash. Each file is kept under its
//! own hash, so that what has not changed is not copied again.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::{Files, write};

/// The files of a program.
#[derive(Debug, Deserialize, Serialize)]
struct Manifest {
    files: Vec<File>,
}

#[derive(Debug, Deserialize, Serialize)]
struct File {
    /// Below the folder that it was pushed from, with `/` between the parts.
    path: String,
    hash: String,
    size: u64,
    executable: bool,
}

/// Keeps files of a folder, and gives the hash by which they are found.
pub(super) async fn push(storage: &Files, folder: &Path, files: &[PathBuf]) -> Result<String, String> {
    let mut manifest = Manifest { files: Vec::with_capacity(files.len()) };
    for file in files {
        let path = written(file)?;
        let whole = folder.join(file);
        let failed = |error: std::io::Error| format!("{} cannot be read: {error}", whole.display());
        let bytes = tokio::fs::read(&whole).await.map_err(failed)?;
        let executable = is_executable(&tokio::fs::metadata(&whole).await.map_err(failed)?);
        let (hash, size) = (hash(&bytes), bytes.len() as u64);
        // What is there is looked at, so that deploying anew mends what was damaged.
        let is_there = storage.find(&blob(&hash)).await?.is_some_and(|kept| self::hash(&kept) == hash);
        if !is_there {
            storage.put(&blob(&hash), bytes.into()).await?;
        }
        manifest.files.push(File { path, hash, size, executable });
    }
    manifest.files.sort_by(|one, other| one.path.cmp(&other.path));
    let text = serde_json::to_vec(&manifest).map_err(|error| error.to_string())?;
    let hash = hash(&text);
    storage.put(&format!("{hash}.json"), text.into()).await?;
    Ok(hash)
}

/// Brings files into a folder of `cache` and gives that. What is there already was whole when it was put there.
pub(super) async fn pull(storage: &Files, wanted: &str, cache: &Path) -> Result<PathBuf, String> {
    if wanted.is_empty() || !wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!(
            "`{wanted}` is no hash of code: deploy it anew, with a push step whose hash the pull step names"
        ));
    }
    let target = cache.join(wanted);
    if target.is_dir() {
        return Ok(target);
    }
    let text = whole(storage, &format!("{wanted}.json"), wanted).await?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| format!("its list of files is wrong: {error}"))?;
    let failed = |error: std::io::Error| format!("the folder {} cannot be used: {error}", cache.display());
    std::fs::create_dir_all(cache).map_err(failed)?;
    let fresh = tempfile::Builder::new().prefix("pulling-").tempdir_in(cache).map_err(failed)?;
    for file in &manifest.files {
        let path = fresh.path().join(written(Path::new(&file.path))?);
        write(&path, &whole(storage, &blob(&file.hash), &file.hash).await?).await?;
        if file.executable {
            make_executable(&path)?;
        }
    }
    // Of several runs that bring the same one is first; then it is there.
    let fresh = fresh.keep();
    if let Err(error) = std::fs::rename(&fresh, &target) {
        let _ = std::fs::remove_dir_all(&fresh);
        if !target.is_dir() {
            return Err(failed(error));
        }
    }
    Ok(target)
}

/// Reads what has a hash. What arrives damaged is asked for once more.
async fn whole(storage: &Files, name: &str, wanted: &str) -> Result<Vec<u8>, String> {
    for _ in 0..2 {
        let bytes = storage.get(name).await?;
        if hash(&bytes) == wanted {
            return Ok(bytes.into());
        }
        tracing::warn!(target: "flowcore", "`{name}` of pulled code is not what was pushed");
    }
    Err(format!("`{name}` is damaged: its content is not what was pushed. It was not started; deploy it anew"))
}

fn blob(hash: &str) -> String {
    format!("blobs/{hash}")
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Writes a path below a folder, and refuses one that leads elsewhere.
fn written(path: &Path) -> Result<String, String> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy()),
            Component::CurDir => {}
            _ => return Err(format!("{} is not below the folder: name files relative to it", path.display())),
        }
    }
    Ok(parts.join("/"))
}

pub(crate) fn is_executable(file: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.permissions().mode() & 0o111 != 0
}

/// Lets a file be started. Storages keep no permissions.
pub(crate) fn make_executable(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    let set = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755));
    set.map_err(|error| format!("{} cannot be made a program: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn code_is_kept_and_found_by_its_content() {
        let place = tempfile::tempdir().unwrap();
        let (from, cache) = (place.path().join("from"), place.path().join("cache"));
        write(&from.join("bin/etl"), b"#!/bin/sh\n").await.unwrap();
        make_executable(&from.join("bin/etl")).unwrap();
        write(&from.join("data.csv"), b"1,2").await.unwrap();
        let storage = Files::local(&place.path().join("storage")).unwrap();
        let files = [PathBuf::from("data.csv"), PathBuf::from("./bin/etl")];
        let hash = push(&storage, &from, &files).await.unwrap();
        let again = push(&storage, &from, &[files[1].clone(), files[0].clone()]).await.unwrap();
        assert_eq!(hash, again, "the order of files does not matter");
        let target = pull(&storage, &hash, &cache).await.unwrap();
        assert_eq!(std::fs::read(target.join("data.csv")).unwrap(), b"1,2");
        assert!(is_executable(&std::fs::metadata(target.join("bin/etl")).unwrap()));
        write(&from.join("data.csv"), b"1,3").await.unwrap();
        assert_ne!(push(&storage, &from, &files).await.unwrap(), hash);
        std::fs::remove_dir_all(place.path().join("storage")).unwrap();
        assert_eq!(pull(&storage, &hash, &cache).await, Ok(target), "it is pulled once");
        assert!(push(&storage, &from, &["../x".into()]).await.unwrap_err().contains("below the folder"));
    }

    #[tokio::test]
    async fn damaged_code_is_refused_and_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let (from, cache) = (place.path().join("from"), place.path().join("cache"));
        write(&from.join("etl"), b"whole").await.unwrap();
        let storage = Files::local(&place.path().join("storage")).unwrap();
        let wanted = push(&storage, &from, &["etl".into()]).await.unwrap();
        storage.put(&blob(&hash(b"whole")), (&b"wrong"[..]).into()).await.unwrap();
        assert!(pull(&storage, &wanted, &cache).await.unwrap_err().contains("is damaged"));
        assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 0);
        assert_eq!(push(&storage, &from, &["etl".into()]).await.unwrap(), wanted);
        assert!(pull(&storage, &wanted, &cache).await.is_ok(), "pushing it anew mends it");
        assert!(pull(&storage, "../../etc", &cache).await.unwrap_err().contains("no hash"));
    }
}
