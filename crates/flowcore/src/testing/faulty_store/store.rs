//! The store around another store.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::fault::{Access, Call, Effect, StoreFault};
use crate::engine::condition::Condition;
use crate::store::{Store, StoreError};
use crate::testing::crash::Death;

/// A store that does what another one does, and fails when it is told to. Closing it does not close the other one, so that it
/// can be looked at afterwards. Decisions about slots are made twice each, as a store may.
///
/// ```
/// use std::sync::Arc;
///
/// use flowcore::store::Store;
/// use flowcore::store::memory::MemoryStore;
/// use flowcore::testing::{FaultyStore, StoreFault};
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() {
///     let store = FaultyStore::new(Arc::new(MemoryStore::new()));
///     store.inject(StoreFault::of(["processes"]).nth(2));
///     assert!(store.processes().await.is_ok());
///     assert!(store.processes().await.is_err());
///     assert_eq!((store.calls(), store.failed()), (2, 1));
/// }
/// ```
pub struct FaultyStore {
    pub(super) inner: Arc<dyn Store>,
    faults: Mutex<Vec<Active>>,
    calls: AtomicU64,
    writes: AtomicU64,
    failed: AtomicU64,
    /// How many writes have returned.
    written: AtomicU64,
    news: Condition,
    /// What kills the process that uses it.
    death: Option<Arc<Death>>,
}

struct Active {
    fault: StoreFault,
    /// How many calls that it means have been made.
    seen: u32,
    until: Option<Instant>,
}

impl FaultyStore {
    /// Makes a store around this one.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        FaultyStore {
            inner,
            faults: Mutex::default(),
            calls: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            written: AtomicU64::new(0),
            news: Condition::new(),
            death: None,
        }
    }

    /// Makes a store for a process that may be killed by its writes.
    pub(in crate::testing) fn mortal(inner: Arc<dyn Store>, death: Arc<Death>) -> Self {
        FaultyStore { death: Some(death), ..Self::new(inner) }
    }

    /// Lets something happen to calls from now on, besides what was injected before. Of several that mean a call the first
    /// happens, and each counts it.
    pub fn inject(&self, fault: StoreFault) {
        let until = fault.lasting.map(|lasting| Instant::now() + lasting);
        self.lock().push(Active { fault, seen: 0, until });
    }

    /// Ends all that was injected.
    pub fn heal(&self) {
        self.lock().clear();
    }

    /// Counts the calls so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Acquire)
    }

    /// Counts the calls so far that change something.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Acquire)
    }

    /// Counts the calls so far that failed because they were told to.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Acquire)
    }

    /// Waits until more writes than these have returned, and tells how many have.
    pub(in crate::testing) async fn written_behind(&self, seen: u64) -> u64 {
        let look = || Some(self.written.load(Ordering::Acquire)).filter(|written| *written > seen);
        self.news.met(look).await
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Active>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call, and tells what happens to it.
    fn happens(&self, call: Call) -> Option<Effect> {
        self.calls.fetch_add(1, Ordering::AcqRel);
        self.writes.fetch_add(u64::from(call.access == Access::Write), Ordering::AcqRel);
        let mut faults = self.lock();
        faults.retain(|active| active.until.is_none_or(|until| Instant::now() < until));
        let mut happens = None;
        for active in faults.iter_mut().filter(|active| active.fault.means(call)) {
            active.seen += 1;
            if happens.is_none() && active.fault.occasion.is(active.seen) {
                happens = Some(active.fault.effect.clone());
            }
        }
        happens
    }

    /// Makes a call of the store within, with what is to happen to it.
    pub(super) async fn through<T>(
        &self,
        call: Call,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let effect = self.happens(call);
        let work = self.survived(call, work);
        if let Some(Effect::Fails(_) | Effect::AnswerLost) = effect {
            self.failed.fetch_add(1, Ordering::AcqRel);
        }
        match effect {
            None => work.await,
            Some(Effect::Fails(error)) => Err(error),
            Some(Effect::AnswerLost) => {
                work.await?;
                Err(StoreError::Other(format!("the test lost the answer of `{}`", call.method)))
            }
            Some(Effect::Slow(pause)) => {
                let done = work.await;
                tokio::time::sleep(pause).await;
                done
            }
        }
    }

    /// Makes a call of the store within, unless the process dies before it or by it.
    async fn survived<T>(
        &self,
        call: Call,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let is_write = call.access == Access::Write;
        match &self.death {
            Some(death) if is_write => death.moment("before", call.method).await?,
            Some(death) => death.alive().await?,
            None => {}
        }
        let done = work.await;
        match &self.death {
            Some(death) if is_write => death.moment("after", call.method).await?,
            _ => {}
        }
        if is_write {
            self.written.fetch_add(1, Ordering::AcqRel);
            self.news.changed();
        }
        done
    }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore")
            .field("calls", &self.calls())
            .field("failed", &self.failed())
            .finish_non_exhaustive()
    }
}
