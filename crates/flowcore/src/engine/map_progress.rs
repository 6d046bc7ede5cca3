//! Which calls of a map with a summary are done, as it is kept for later attempts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::{TaskRunId, Timestamp};
use crate::results::{Lookup, Serializer, Storage};

/// How often what is done is kept.
const EVERY: Duration = Duration::from_secs(1);

/// Keeping it takes at most this part of the time.
const SHARE: u32 = 20;

/// The digests of the calls that were done before this attempt. A digest is there as often as it was done.
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
    done: Vec<u64>,
    /// How many of them are kept.
    kept: usize,
    due: Instant,
}

impl Progress {
    /// Begins behind what earlier attempts have kept.
    pub(crate) async fn load(place: Option<(TaskRunId, Storage)>, now: Timestamp) -> Self {
        let place = place.map(|(run, storage)| (storage, format!("map-{run}")));
        let mut earlier = HashMap::new();
        if let Some((storage, key)) = &place {
            for digest in read(storage, key, now).await {
                *earlier.entry(digest).or_insert(0) += 1;
            }
        }
        let earlier = Arc::new(Earlier(Mutex::new(earlier)));
        Progress { place, earlier, done: Vec::new(), kept: 0, due: Instant::now() + EVERY }
    }

    pub(crate) fn earlier(&self) -> Arc<Earlier> {
        self.earlier.clone()
    }

    /// Notes that a call is done, by the digest of its arguments.
    pub(crate) fn done(&mut self, digest: Option<u64>) {
        if self.place.is_some() {
            self.done.extend(digest);
        }
    }

    /// Keeps what is done if that was not done for a while.
    pub(crate) async fn save_if_due(&mut self) {
        if Instant::now() >= self.due {
            self.save().await;
        }
    }

    /// Keeps what is done. What an earlier attempt has kept stays until this one has as much.
    pub(crate) async fn save(&mut self) {
        let Some((storage, key)) = &self.place else { return };
        if self.kept == self.done.len() {
            return;
        }
        let begun = Instant::now();
        // What was done earlier and has not had its turn yet is still done.
        let mut all = self.done.clone();
        for (digest, times) in &*self.earlier.0.lock().unwrap_or_else(PoisonError::into_inner) {
            all.extend(std::iter::repeat_n(*digest, *times as usize));
        }
        let saved = match serde_json::to_vec(&all) {
            Ok(bytes) => storage.write(key, Serializer::JSON, bytes, None).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = saved {
            tracing::warn!(
                target: "flowcore",
                "it cannot be kept which calls of the map are done, so that a resumed run makes them again: {error}"
            );
        }
        // One that failed is tried again with the next.
        self.kept = self.done.len();
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
