//! Records as objects of `object_store`: files of a folder, or objects of a bucket.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::{Path, PathPart};
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload};

/// How much of a record is read to learn its key: more than any sensible head has.
const BEGINNING: u64 = 16 * 1024;

/// The objects below one path. Failures are told as text, with what to check.
pub(super) struct Objects {
    pub(super) store: Arc<dyn ObjectStore>,
    /// The same objects, with writes that have reached the disk when they return.
    pub(super) durable: Arc<dyn ObjectStore>,
    pub(super) root: Path,
    pub(super) kind: Kind,
}

/// What to tell people when something fails.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Folder,
    #[cfg(feature = "s3")]
    Bucket,
}

impl Objects {
    pub(super) fn durable(&self) -> Self {
        let store = Arc::clone(&self.durable);
        Self { durable: Arc::clone(&store), store, root: self.root.clone(), kind: self.kind }
    }

    pub(super) async fn put(&self, name: &str, head: Vec<u8>, payload: Vec<u8>) -> Result<(), String> {
        let parts = PutPayload::from_iter([Bytes::from(head), Bytes::from(payload)]);
        self.store.put(&self.path(name), parts).await.map(drop).map_err(|error| self.advise(&error))
    }

    pub(super) async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        self.get_part(name, None).await
    }

    /// Reads as much of an object as surely holds a head.
    pub(super) async fn beginning(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let part = self.get_part(name, Some(GetRange::Bounded(0..BEGINNING))).await?;
        match part {
            Some(part) if part.len() as u64 == BEGINNING && !part.contains(&b'\n') => self.get(name).await,
            part => Ok(part),
        }
    }

    pub(super) async fn contains(&self, name: &str) -> Result<bool, String> {
        let head = self.absent_as_none(self.store.head(&self.path(name)).await)?;
        Ok(head.is_some())
    }

    pub(super) async fn delete(&self, name: &str) -> Result<(), String> {
        self.absent_as_none(self.store.delete(&self.path(name)).await).map(drop)
    }

    /// Lists the names of the objects directly below the path.
    pub(super) async fn names(&self) -> Result<Vec<String>, String> {
        let listed = self.store.list_with_delimiter(Some(&self.root)).await;
        let objects = self.absent_as_none(listed)?.map(|list| list.objects).unwrap_or_default();
        Ok(objects.iter().filter_map(|object| object.location.filename().map(str::to_owned)).collect())
    }

    async fn get_part(&self, name: &str, range: Option<GetRange>) -> Result<Option<Vec<u8>>, String> {
        let options = GetOptions { range, ..GetOptions::default() };
        let whole = async { self.store.get_opts(&self.path(name), options).await?.bytes().await };
        // The bytes were read for this call alone, so that this takes them over and copies nothing.
        Ok(self.absent_as_none(whole.await)?.map(Vec::from))
    }

    fn path(&self, name: &str) -> Path {
        // Names are made of characters that need no escape, so that this changes none of them.
        self.root.clone().join(PathPart::from(name))
    }

    /// That an object is not there is an answer and no failure, unless the reason is that its bucket is not.
    fn absent_as_none<T>(&self, result: Result<T, Error>) -> Result<Option<T>, String> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error @ Error::NotFound { .. }) if !is_of_bucket(&error) => Ok(None),
            Err(error) => Err(self.advise(&error)),
        }
    }

    fn advise(&self, error: &Error) -> String {
        let advice = match self.kind {
            Kind::Folder => "check the folder's permissions and the free space",
            #[cfg(feature = "s3")]
            Kind::Bucket if is_of_bucket(error) => "create the bucket, or check its name in the address",
            #[cfg(feature = "s3")]
            Kind::Bucket if is_refusal(error) => {
                "check FLOWCORE_S3_ACCESS_KEY_ID and FLOWCORE_S3_SECRET_ACCESS_KEY, and that they may use the bucket"
            }
            #[cfg(feature = "s3")]
            Kind::Bucket => "check FLOWCORE_S3_ENDPOINT and FLOWCORE_S3_REGION, and that the server runs",
        };
        format!("{advice} ({error})")
    }
}

/// S3 says "not found" for an object and for a bucket alike, and only the text tells which.
fn is_of_bucket(error: &Error) -> bool {
    error.to_string().contains("NoSuchBucket")
}

/// Lists report a refusal as a general error, so that the text has to tell it here as well.
#[cfg(feature = "s3")]
fn is_refusal(error: &Error) -> bool {
    let text = error.to_string();
    matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. })
        || ["status code: 401", "status code: 403"].iter().any(|status| text.contains(status))
}
