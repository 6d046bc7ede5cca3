//! A request to end, that reaches everything below the run it was made of.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::condition::Condition;

/// A request to end. Children are asked with their parent, and a child may be asked alone.
#[derive(Clone)]
pub(crate) struct Cancel(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    asked: Condition,
}

#[derive(Default)]
struct State {
    requested: bool,
    children: Vec<Weak<Inner>>,
}

impl Cancel {
    pub(crate) fn new() -> Self {
        Cancel(Arc::new(Inner { state: Mutex::default(), asked: Condition::new() }))
    }

    /// Makes a request that is made together with this one.
    pub(crate) fn child(&self) -> Self {
        let child = Cancel::new();
        let mut state = self.0.lock();
        if state.requested {
            drop(state);
            child.cancel();
            return child;
        }
        // Children that have gone are swept when the list doubles, so that a flow of many tasks stays small.
        if state.children.len() == state.children.capacity() {
            state.children.retain(|child| child.strong_count() > 0);
        }
        state.children.push(Arc::downgrade(&child.0));
        child
    }

    pub(crate) fn cancel(&self) {
        let children = {
            let mut state = self.0.lock();
            if state.requested {
                return;
            }
            state.requested = true;
            std::mem::take(&mut state.children)
        };
        self.0.asked.changed();
        for child in children.iter().filter_map(Weak::upgrade) {
            Cancel(child).cancel();
        }
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.lock().requested
    }

    pub(crate) async fn requested(&self) {
        self.0.asked.met(|| self.is_requested().then_some(())).await;
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_reaches_children_made_before_and_after() {
        let parent = Cancel::new();
        let (before, sibling) = (parent.child(), parent.child());
        sibling.cancel();
        assert!(!before.is_requested());
        let waiting = tokio::spawn({
            let before = before.clone();
            async move { before.requested().await }
        });
        parent.cancel();
        assert!(waiting.await.is_ok());
        assert!(parent.child().is_requested());
    }
}
