//! A condition that can be waited for.

use tokio::sync::Notify;

/// Wakes those who wait for something to become so. What it depends on is kept elsewhere: whoever changes that calls
/// [`changed`](Condition::changed).
#[derive(Debug, Default)]
pub(crate) struct Condition(Notify);

impl Condition {
    pub(crate) const fn new() -> Self {
        Condition(Notify::const_new())
    }

    /// Lets everybody who waits look again.
    pub(crate) fn changed(&self) {
        self.0.notify_waiters();
    }

    /// Waits until a look gives something: at once, or behind a change.
    pub(crate) async fn met<T>(&self, look: impl Fn() -> Option<T>) -> T {
        loop {
            let mut changed = std::pin::pin!(self.0.notified());
            // Registered before the look, so that a change between the look and the wait is not missed.
            changed.as_mut().enable();
            if let Some(seen) = look() {
                return seen;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn whoever_waits_looks_again_at_each_change() {
        let (condition, value) = (Arc::new(Condition::new()), Arc::new(AtomicUsize::new(0)));
        let (changing, changed) = (condition.clone(), value.clone());
        let waiting = tokio::spawn(async move {
            condition
                .met(|| {
                    let value = value.load(Ordering::SeqCst);
                    (value > 1).then_some(value)
                })
                .await
        });
        for _ in 0..2 {
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished());
            changed.fetch_add(1, Ordering::SeqCst);
            changing.changed();
        }
        assert!(matches!(waiting.await, Ok(2)));
        assert_eq!(changing.met(|| Some(7)).await, 7);
    }
}
