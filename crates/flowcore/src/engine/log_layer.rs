//! A `tracing` layer that keeps the events inside runs and prints them; and the subscriber that programs get which do
//! not bring their own.
//!
//! A program that has a subscriber of its own adds the layer to it before it calls [`init`](crate::init). (`#[flowcore::main]`
//! calls that first, so that such a program has a `main` without that attribute.) The registry is a feature of
//! tracing-subscriber that flowcore does without:
//!
//! ```
//! use tracing_subscriber::prelude::*;
//!
//! #[tokio::main]
//! async fn main() -> flowcore::Result<()> {
//!     tracing_subscriber::registry().with(flowcore::logs::layer()).init();
//!     flowcore::init().await?;
//!     // Calls of flows.
//!     Ok(())
//! }
//! ```

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::OnceLock;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer};

use super::context::{Around, Scope};
use crate::model::{LogId, LogLevel, LogLine};

/// Makes the layer that keeps events inside runs. Add it to your own subscriber; programs with `#[flowcore::main]`, or
/// that call [`init`](crate::init), and have no subscriber get it by themselves.
pub fn layer<S: Subscriber>() -> impl Layer<S> {
    RunLayer
}

/// Sets how log lines are printed instead of writing them to standard error, for programs that draw on the terminal.
/// Only the first call counts.
pub fn print_with(print: fn(&str)) {
    // The first call counts.
    let _ = PRINT.set(print);
}

static PRINT: OnceLock<fn(&str)> = OnceLock::new();

/// Installs a subscriber that keeps and prints, unless the program has one.
pub(crate) fn install(level: &str) {
    let targets: Targets = level.parse().unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    // A program with a subscriber of its own keeps it.
    let _ = tracing::subscriber::set_global_default(Plain { targets, prints: true });
}

/// Keeps the lines of runs in this thread as a program does that has no subscriber, but prints none. A subscriber that the
/// program has installed already is left alone, and one that it installs later can be.
#[cfg(feature = "testing")]
pub(crate) fn keep_in_this_thread() {
    use tracing::subscriber::{DefaultGuard, set_default};

    thread_local! {
        static KEEPING: DefaultGuard =
            set_default(Plain { targets: Targets::new().with_default(Level::INFO), prints: false });
    }

    if !tracing::dispatcher::has_been_set() {
        KEEPING.with(|_| {});
    }
}

/// Takes an event: keeps it if it is inside a run.
fn take(event: &Event<'_>, print_it: bool) {
    let mut text = Text::default();
    event.record(&mut text);
    let message = text.finish();
    let level = match *event.metadata().level() {
        Level::TRACE => LogLevel::Trace,
        Level::DEBUG => LogLevel::Debug,
        Level::INFO => LogLevel::Info,
        Level::WARN => LogLevel::Warning,
        Level::ERROR => LogLevel::Error,
    };
    let run = Scope::peek(|around| keep(around, level, event.metadata().target(), &message));
    if print_it {
        print(level, run.as_deref().unwrap_or(event.metadata().target()), &message);
    }
}

struct RunLayer;

impl<S: Subscriber> Layer<S> for RunLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        take(event, false);
    }
}

/// A subscriber that takes events and knows no spans: whoever wants those brings a registry and adds [`layer`] to it.
struct Plain {
    targets: Targets,
    prints: bool,
}

impl Subscriber for Plain {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && self.targets.would_enable(metadata.target(), metadata.level())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.targets.iter().map(|(_, level)| level).chain(self.targets.default_level()).max()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        // Spans are not enabled, so that this is not asked; any id is as good as another.
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        take(event, self.prints);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Keeps a line, and gives the name of the run that it is printed under.
fn keep(around: &Around, level: LogLevel, target: &str, message: &str) -> String {
    let clock = &around.engine.0.clock;
    around.engine.0.logs.push(LogLine {
        id: LogId(clock.uuid()),
        timestamp: clock.now(),
        level,
        logger: target.to_owned(),
        message: message.to_owned(),
        flow_run_id: around.flow.as_ref().map(|flow| flow.id),
        task_run_id: around.task.as_ref().map(|task| task.id),
    });
    match (&around.task, &around.flow) {
        (Some(task), _) => format!("Task run '{}'", task.name()),
        (None, Some(flow)) => format!("Flow run '{}'", flow.name),
        (None, None) => target.to_owned(),
    }
}

fn print(level: LogLevel, run: &str, message: &str) {
    let now = chrono::Local::now().format("%H:%M:%S%.3f");
    let line = format!("{now} | {:<7} | {run} - {message}", level.as_str());
    match PRINT.get() {
        Some(print) => print(&line),
        // A program whose standard error is closed goes on.
        None => drop(writeln!(std::io::stderr(), "{line}")),
    }
}

/// Writes an event's message, with its other fields behind it.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn finish(mut self) -> String {
        self.message.push_str(&self.fields);
        self.message
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        // Writing to a text cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
