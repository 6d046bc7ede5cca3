//! Which calls of a map with a summary are done, as it is kept for later attempts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{TaskRunId, Timestamp};
use crate::results::{Lookup, Serializer, Storage};

/// How often what is done is kept.
const EVERY: Duration = Duration::from_secs(1);

/// Keeping it takes at most this part of the time.
const SHARE: u32 = 20;

/// The digests of the calls that were done before this attempt and have not had their turn in it. A digest is there as often
/// as it was done.
#[derive(Default)]
pub(crate) struct Earlier(Mutex<HashMap<u64, u32>>);

impl Earlier {
    /// Takes a call from those that were done; tells whether it was there.
    pub(crate) fn take(&self, digest: u64) -> bool {
        let mut done = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match done.get_mut(&digest) {
            Some(times) if *times > 0 => {
                *times -= 1;
                true
            }
            _ => false,
        }
    }
}

pub(crate) struct Progress {
    /// Where it is kept; none if it is not.
    place: Option<(Storage, String)>,
    earlier: Arc<Earlier>,
    /// Those of earlier attempts first: they are done whether they have had their turn in this one or not.
    done: Vec<u64>,
    /// How many of them are kept.
    kept: usize,
    due: Instant,
}

impl Progress {
    /// Begins behind what earlier attempts have kept.
    pub(crate) async fn load(place: Option<(TaskRunId, Storage)>, now: Timestamp) -> Self {
        let place = place.map(|(run, storage)| (storage, format!("map-{run}")));
        let done = match &place {
            Some((storage, key)) => read(storage, key, now).await,
            None => Vec::new(),
        };
        let mut earlier = HashMap::new();
        for digest in &done {
            *earlier.entry(*digest).or_insert(0) += 1;
        }
        let earlier = Arc::new(Earlier(Mutex::new(earlier)));
        Progress { place, earlier, kept: done.len(), done, due: Instant::now() + EVERY }
    }

    pub(crate) fn earlier(&self) -> Arc<Earlier> {
        self.earlier.clone()
    }

    /// Notes that a call was done in this attempt, by the digest of its arguments.
    pub(crate) fn done(&mut self, digest: u64) {
        if self.place.is_some() {
            self.done.push(digest);
        }
    }

    /// Returns when something is to be kept: what is done must not wait for the next call to end, which may take long.
    pub(crate) async fn due(&self) {
        if self.kept == self.done.len() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep_until(self.due).await;
    }

    /// Keeps what is done. What could not be kept is still to be kept.
    pub(crate) async fn save(&mut self) {
        let Some((storage, key)) = &self.place else { return };
        if self.kept == self.done.len() {
            return;
        }
        let begun = Instant::now();
        let saved = match serde_json::to_vec(&self.done) {
            Ok(bytes) => storage.write(key, Serializer::JSON, bytes, None).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match saved {
            Ok(_) => self.kept = self.done.len(),
            Err(error) => tracing::warn!(
                target: "flowcore",
                "it cannot be kept which calls of the map are done, so that a resumed run makes them again: {error}"
            ),
        }
        self.due = Instant::now() + EVERY.max(begun.elapsed() * SHARE);
    }
}

async fn read(storage: &Storage, key: &str, now: Timestamp) -> Vec<u64> {
    let problem = match storage.read(key, now).await {
        Lookup::Found { payload, .. } => match serde_json::from_slice(&payload) {
            Ok(done) => return done,
            Err(error) => error.to_string(),
        },
        Lookup::Missing | Lookup::Expired => return Vec::new(),
        Lookup::Damaged { reason } | Lookup::Unreachable { reason } => reason,
    };
    tracing::warn!(
        target: "flowcore",
        "it cannot be read which calls of the map are done, so that all are made again: {problem}"
    );
    Vec::new()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    #[cfg(feature = "results")]
    use crate::settings::S3Settings;

    const MAP: TaskRunId = TaskRunId(Uuid::from_u128(7));

    async fn load(storage: &Storage) -> Progress {
        Progress::load(Some((MAP, storage.clone())), Timestamp::UNIX_EPOCH).await
    }

    #[tokio::test]
    async fn what_earlier_attempts_have_done_stays_done_while_it_has_its_turn() {
        let storage = Storage::memory();
        let mut first = load(&storage).await;
        [1, 1, 2].into_iter().for_each(|digest| first.done(digest));
        first.save().await;
        let mut second = load(&storage).await;
        assert!(second.earlier().take(1), "it was done");
        second.done(3);
        // The process dies behind this, before it has looked at how the first call ended.
        second.save().await;
        let third = load(&storage).await.earlier();
        assert_eq!(
            [1, 1, 1, 2, 2, 3, 3].map(|digest| third.take(digest)),
            [true, true, false, true, false, true, false]
        );
    }

    #[cfg(feature = "results")]
    #[expect(clippy::expect_used, reason = "a test")]
    #[tokio::test]
    async fn what_could_not_be_kept_is_kept_with_the_next_try() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let place = folder.path().join("results");
        let storage = Storage::from_url(&place.display().to_string(), &S3Settings::default()).expect("it is a path");
        std::fs::remove_dir_all(&place).expect("it was made");
        std::fs::write(&place, "a file in its place").expect("a file can be written");
        let mut progress = load(&storage).await;
        progress.done(1);
        progress.save().await;
        assert!(!load(&storage).await.earlier().take(1));
        std::fs::remove_file(&place).expect("it is there");
        progress.save().await;
        assert!(load(&storage).await.earlier().take(1));
    }
}
