//! What databases are asked in this process, and what they say of it.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Under which target the store names statements.
const STATEMENTS: &str = "flowcore_statements";

/// Under which target PostgreSQL's driver passes on what the database says.
const NOTICES: &str = "sqlx::postgres::notice";

/// What was heard.
#[derive(Debug)]
pub(super) enum Said {
    /// The store executes this.
    Statement(String),
    /// PostgreSQL has executed a statement in this way.
    Plan(Value),
}

/// What was heard and not yet taken.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Mutex<Vec<Said>>>);

impl Heard {
    /// Begins to listen, in the whole process.
    pub(super) fn begin() -> Self {
        let heard = Heard::default();
        tracing_subscriber::registry().with(heard.clone()).init();
        heard
    }

    /// Takes what was heard so far.
    pub(super) fn take(&self) -> Vec<Said> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl<S: Subscriber> Layer<S> for Heard {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        [STATEMENTS, NOTICES].contains(&metadata.target())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        let said = if event.metadata().target() == STATEMENTS {
            Said::Statement(message.0)
        } else {
            let Some((_, plan)) = message.0.split_once("plan:\n") else { return };
            Said::Plan(serde_json::from_str(plan).expect(plan))
        };
        self.0.lock().unwrap().push(said);
    }
}

struct Message(String);

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
