//! Results in a folder.

use std::path::Path;
use std::sync::Arc;

use object_store::local::LocalFileSystem;

use super::objects::{Kind, Objects};
use super::{ResultError, names};

/// Opens the storage in a folder, and tells its address. The folder is created if need be.
///
/// `LocalFileSystem` writes into a file beside the record's, and then renames it: a record is there whole or not at all,
/// also when the process is killed in between.
pub(super) fn open(path: &Path) -> Result<(String, Objects), ResultError> {
    let failed = |reason: String| ResultError::Open {
        url: path.to_string_lossy().into_owned(),
        reason: format!("{reason}; check the path and the permissions of its parent folder"),
    };
    std::fs::create_dir_all(path).map_err(|error| failed(error.to_string()))?;
    // One address for one folder, however it was spelled.
    let path = path.canonicalize().map_err(|error| failed(error.to_string()))?;
    let text = path.to_str().ok_or_else(|| failed("the path is not UTF-8".to_owned()))?;
    let files = LocalFileSystem::new_with_prefix(&path).map_err(|error| failed(error.to_string()))?;
    let objects = Objects {
        durable: Arc::new(files.clone().with_fsync(true)),
        store: Arc::new(files),
        root: object_store::path::Path::ROOT,
        kind: Kind::Folder,
    };
    Ok((format!("file://{}", names::to_url_path(text)), objects))
}
