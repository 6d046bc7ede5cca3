//! One stream of what happens, with those who listen to it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use flowcore::store::StoreError;
use tokio::sync::broadcast;
use uuid::Uuid;

/// How much a listener may be behind before it has to begin anew.
const MOST_BEHIND: usize = 4096;

/// How often the database is asked for what others have written.
const EVERY: Duration = Duration::from_millis(500);

/// Where the things of a feed are found when others have written them.
pub(crate) trait Source: Send + Sync + 'static {
    /// What is handed on.
    type Thing: Send + Sync + 'static;

    /// How far back one has to look for what may have been committed since the last look.
    const WINDOW: Duration;

    /// Tells what distinguishes a thing.
    fn id(thing: &Self::Thing) -> Uuid;

    /// Lists what is not older than the window.
    fn recent(&self) -> impl Future<Output = Result<Vec<Self::Thing>, StoreError>> + Send;
}

/// A stream of things. Cheap to clone.
pub(crate) struct Feed<S: Source>(Arc<Shared<S>>);

impl<S: Source> Clone for Feed<S> {
    fn clone(&self) -> Self {
        Feed(self.0.clone())
    }
}

struct Shared<S: Source> {
    source: S,
    listeners: broadcast::Sender<Arc<S::Thing>>,
    seen: Mutex<Seen>,
    /// Whether a task looks for what others have written. Locked while that begins, so that whoever listens then waits.
    following: tokio::sync::Mutex<bool>,
}

/// What was handed on lately.
#[derive(Default)]
struct Seen {
    ids: HashSet<Uuid>,
    order: VecDeque<(Instant, Uuid)>,
}

impl Seen {
    /// Notes a thing; tells whether it is new.
    fn add(&mut self, id: Uuid) -> bool {
        let new = self.ids.insert(id);
        if new {
            self.order.push_back((Instant::now(), id));
        }
        new
    }

    /// Forgets what no look can find any more.
    fn forget(&mut self, age: Duration) {
        while let Some((_, id)) = self.order.pop_front_if(|(time, _)| time.elapsed() > age) {
            self.ids.remove(&id);
        }
    }
}

impl<S: Source> Feed<S> {
    pub(crate) fn new(source: S) -> Self {
        let (listeners, _) = broadcast::channel(MOST_BEHIND);
        let following = tokio::sync::Mutex::new(false);
        Feed(Arc::new(Shared { source, listeners, seen: Mutex::default(), following }))
    }

    /// Tells whether anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        self.0.listeners.receiver_count() > 0
    }

    /// Hands on what is committed.
    pub(crate) fn announce(&self, things: impl IntoIterator<Item = S::Thing>) {
        self.0.announce(things);
    }

    /// Begins to listen: all that is committed from now on comes, in no certain order, each thing once. Who is too far
    /// behind is told so ([`broadcast::error::RecvError::Lagged`]).
    pub(crate) async fn listen(&self) -> Result<broadcast::Receiver<Arc<S::Thing>>, StoreError> {
        let receiver = self.0.listeners.subscribe();
        let mut following = self.0.following.lock().await;
        if !*following {
            // What is there already is not news.
            let known = self.0.source.recent().await?;
            {
                let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
                for thing in &known {
                    seen.add(S::id(thing));
                }
            }
            *following = true;
            tokio::spawn(follow(self.0.clone()));
        }
        Ok(receiver)
    }
}

impl<S: Source> Shared<S> {
    fn announce(&self, things: impl IntoIterator<Item = S::Thing>) {
        if self.listeners.receiver_count() == 0 {
            return;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // A look that has begun may find what was announced meanwhile.
        seen.forget(2 * S::WINDOW + Duration::from_secs(10));
        for thing in things {
            if seen.add(S::id(&thing)) {
                // Whoever listened may have gone meanwhile, which is as well.
                drop(self.listeners.send(Arc::new(thing)));
            }
        }
    }
}

/// Looks for what others have written until nobody listens any more.
async fn follow<S: Source>(shared: Arc<Shared<S>>) {
    loop {
        tokio::time::sleep(EVERY).await;
        {
            let mut following = shared.following.lock().await;
            if shared.listeners.receiver_count() == 0 {
                *following = false;
                *shared.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen::default();
                return;
            }
        }
        match shared.source.recent().await {
            Ok(things) => shared.announce(things),
            Err(StoreError::Closed) => {
                *shared.following.lock().await = false;
                return;
            }
            Err(error) => tracing::warn!(target: "flowcore_server", "cannot look for what is new: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Somebody else's things.
    #[derive(Clone, Default)]
    struct Others(Arc<Mutex<Vec<Uuid>>>);

    impl Source for Others {
        type Thing = Uuid;
        const WINDOW: Duration = Duration::from_secs(1);

        fn id(thing: &Uuid) -> Uuid {
            *thing
        }

        async fn recent(&self) -> Result<Vec<Uuid>, StoreError> {
            Ok(self.0.lock().unwrap().clone())
        }
    }

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[tokio::test]
    async fn what_is_new_comes_once_whoever_has_written_it() {
        let others = Others::default();
        others.0.lock().unwrap().push(id(1));
        let feed = Feed::new(others.clone());
        let mut listener = feed.listen().await.unwrap();
        feed.announce([id(2), id(2)]);
        others.0.lock().unwrap().extend([id(2), id(3)]);
        assert_eq!(*listener.recv().await.unwrap(), id(2));
        assert_eq!(*listener.recv().await.unwrap(), id(3));
        feed.announce([id(3), id(4)]);
        assert_eq!(*listener.recv().await.unwrap(), id(4));
    }

    #[tokio::test]
    async fn nobody_looks_while_nobody_listens() {
        let feed = Feed::new(Others::default());
        drop(feed.listen().await.unwrap());
        while *feed.0.following.lock().await {
            tokio::time::sleep(EVERY).await;
        }
        let mut listener = feed.listen().await.unwrap();
        feed.announce([id(1)]);
        assert_eq!(*listener.recv().await.unwrap(), id(1));
    }
}
