//! Panics of user code: caught, and reported with their place.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Once;
use std::task::{Context, Poll};

/// A panic that was caught.
#[derive(Clone, Debug, thiserror::Error)]
#[error("panicked: {message}")]
pub(crate) struct Panicked {
    pub(crate) message: String,
    pub(crate) location: Option<String>,
}

thread_local! {
    /// Whether a panic on this thread is caught here, and where the last one happened.
    static CATCHING: RefCell<Option<Option<String>>> = const { RefCell::new(None) };
}

impl Panicked {
    /// Tells what `what` did, and where if that is known.
    pub(crate) fn say(&self, what: &str) -> String {
        let place = self.location.as_deref().map(|place| format!(" at {place}")).unwrap_or_default();
        format!("{what} {self}{place}")
    }

    /// Calls a function and catches its panic.
    pub(crate) fn catch<T>(function: impl FnOnce() -> T) -> Result<T, Panicked> {
        note_locations();
        let outer = CATCHING.with(|catching| catching.replace(Some(None)));
        let result = catch_unwind(AssertUnwindSafe(function));
        let location = CATCHING.with(|catching| catching.replace(outer)).flatten();
        result.map_err(|payload| Panicked { message: message(&*payload), location })
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "with a value that is no text".into())
}

/// The place of a panic is known only to the panic hook, so one is put before the program's own. Panics that are caught
/// here are not printed by it: they become the run's failure, which is logged.
fn note_locations() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let next = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let caught = CATCHING.with(|catching| match catching.try_borrow_mut() {
                Ok(mut catching) => match &mut *catching {
                    Some(location) => {
                        *location = info.location().map(ToString::to_string);
                        true
                    }
                    None => false,
                },
                Err(_) => false,
            });
            if !caught {
                next(info);
            }
        }));
    });
}

/// Waits for a future and catches its panic.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| match Panicked::catch(|| future.as_mut().poll(context)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

/// A future whose panics are caught.
pub(crate) struct CatchPanics<F>(pub(crate) Pin<Box<F>>)
where
    F: Future + ?Sized;

impl<F: Future + ?Sized> Future for CatchPanics<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match Panicked::catch(|| self.0.as_mut().poll(context)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    }
}
