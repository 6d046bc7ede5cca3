//! Folders of files in a storage: in another folder, or in a bucket.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, path};

use super::ignore::Ignore;

/// A folder of a storage.
pub(super) struct Files {
    store: Arc<dyn ObjectStore>,
    root: path::Path,
    /// How to speak of it.
    shown: String,
}

impl Files {
    pub(super) fn new(store: Arc<dyn ObjectStore>, folder: &str, shown: String) -> Result<Self, String> {
        let root = path::Path::parse(folder.trim_matches('/')).map_err(|error| format!("{shown}: {error}"))?;
        Ok(Files { store, root, shown })
    }

    /// Opens a folder of this machine, and makes it if there is none.
    pub(super) fn local(folder: &Path) -> Result<Self, String> {
        let shown = folder.display().to_string();
        let failed = |why: String| format!("the folder {shown} cannot be used: {why}");
        std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| failed(error.to_string()))?;
        Ok(Files { store: Arc::new(store), root: path::Path::default(), shown })
    }

    /// Copies a folder of this machine here, but for what it leaves out. Gives the number of files.
    pub(super) async fn push(&self, folder: &Path, ignore: &Ignore) -> Result<usize, String> {
        let files =
            files_below(folder, ignore).map_err(|error| format!("{} cannot be read: {error}", folder.display()))?;
        for parts in &files {
            let path: PathBuf = folder.join(parts.iter().collect::<PathBuf>());
            let bytes =
                tokio::fs::read(&path).await.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
            self.put(&parts.join("/"), bytes.into()).await?;
        }
        Ok(files.len())
    }

    /// Copies all files to a folder of this machine. Gives their number.
    pub(super) async fn pull(&self, folder: &Path) -> Result<usize, String> {
        let listed: Vec<ObjectMeta> =
            self.store.list(Some(&self.root)).try_collect().await.map_err(|error| self.failed("read", &error))?;
        for object in &listed {
            let Some(parts) = object.location.prefix_match(&self.root) else { continue };
            // A name of S3 is no path of this machine before it has been looked at: it must lead below the folder.
            let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
            if parts.is_empty() || parts.iter().any(|part| part == ".." || part.contains(['/', '\\', '\0'])) {
                continue;
            }
            let target = folder.join(parts.iter().collect::<PathBuf>());
            let bytes = self.read(&object.location).await?;
            write(&target, &bytes).await?;
        }
        if listed.is_empty() {
            return Err(format!("there are no files in {}: push them first", self.shown));
        }
        Ok(listed.len())
    }

    /// Keeps a file.
    pub(super) async fn put(&self, name: &str, bytes: Bytes) -> Result<(), String> {
        let put = self.store.put(&self.path(name)?, bytes.into()).await;
        put.map(drop).map_err(|error| self.failed("written", &error))
    }

    /// Reads a file.
    pub(super) async fn get(&self, name: &str) -> Result<Bytes, String> {
        self.read(&self.path(name)?).await
    }

    /// Reads a file, if it is there.
    pub(super) async fn find(&self, name: &str) -> Result<Option<Bytes>, String> {
        match self.store.get(&self.path(name)?).await {
            Ok(found) => found.bytes().await.map(Some).map_err(|error| self.failed("read", &error)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read", &error)),
        }
    }

    async fn read(&self, path: &path::Path) -> Result<Bytes, String> {
        let read = async { self.store.get(path).await?.bytes().await };
        read.await.map_err(|error| self.failed("read", &error))
    }

    fn path(&self, name: &str) -> Result<path::Path, String> {
        let whole = if self.root.as_ref().is_empty() { name.to_owned() } else { format!("{}/{name}", self.root) };
        path::Path::parse(whole).map_err(|error| format!("{}: {error}", self.shown))
    }

    fn failed(&self, what: &str, error: &object_store::Error) -> String {
        format!("{} cannot be {what}: {error}", self.shown)
    }
}

/// Writes a file, with the folders that it is in.
pub(super) async fn write(target: &Path, bytes: &[u8]) -> Result<(), String> {
    let written = async {
        if let Some(parent) = target.parent() {
            tokio::fs::create_dir_all(parent).await?;
        }
        tokio::fs::write(target, bytes).await
    };
    written.await.map_err(|error| format!("{} cannot be written: {error}", target.display()))
}

/// Lists the files below a folder by the parts of their paths.
fn files_below(folder: &Path, ignore: &Ignore) -> std::io::Result<Vec<Vec<String>>> {
    let (mut files, mut folders) = (Vec::new(), vec![Vec::new()]);
    while let Some(parts) = folders.pop() {
        for entry in std::fs::read_dir(folder.join(parts.iter().collect::<PathBuf>()))? {
            let entry = entry?;
            let mut parts: Vec<String> = parts.clone();
            parts.push(entry.file_name().to_string_lossy().into_owned());
            let kind = entry.file_type()?;
            // A link to a file is copied as that file; one to a folder could lead round in circles.
            let is_file = kind.is_file() || (kind.is_symlink() && entry.path().is_file());
            if ignore.leaves_out(&parts, kind.is_dir()) {
                continue;
            } else if kind.is_dir() {
                folders.push(parts);
            } else if is_file {
                files.push(parts);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn a_folder_comes_back_without_what_it_leaves_out() {
        let place = tempfile::tempdir().unwrap();
        let from = place.path().join("from");
        for (name, text) in [("flow.py", "1"), ("sub/a#b c.txt", "2"), ("sub/x.pyc", "3"), ("target/x", "4")] {
            write(&from.join(name), text.as_bytes()).await.unwrap();
        }
        let files = Files::local(&place.path().join("storage")).unwrap();
        assert_eq!(files.push(&from, &Ignore::parse("*.pyc\ntarget/")).await, Ok(2));
        let to = place.path().join("to");
        assert_eq!(files.pull(&to).await, Ok(2));
        assert_eq!(std::fs::read_to_string(to.join("sub/a#b c.txt")).unwrap(), "2");
        assert!(!to.join("target").exists() && !to.join("sub/x.pyc").exists());
        let empty = Files::local(&place.path().join("empty")).unwrap();
        assert!(empty.pull(&to).await.unwrap_err().contains("push them first"));
    }
}
