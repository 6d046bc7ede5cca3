//! What is said through `tracing`, inside of runs and outside, by all tests together.

use std::fmt;
use std::sync::{LazyLock, Mutex};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

static HEARD: LazyLock<Mutex<Vec<String>>> = LazyLock::new(Mutex::default);

/// Listens to warnings and errors.
pub(crate) struct Listener;

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl<S: Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() <= tracing::Level::WARN {
            let mut message = Message(String::new());
            event.record(&mut message);
            HEARD.lock().expect("no panic in here").push(message.0);
        }
    }
}

/// Lists what was said with this text in it.
pub(crate) fn heard(text: &str) -> Vec<String> {
    HEARD.lock().expect("no panic in here").iter().filter(|message| message.contains(text)).cloned().collect()
}
