//! A `tracing` layer that keeps the events inside runs and prints them; and the subscriber that programs get which do
//! not bring their own.
//!
//! Kept with a run is what the program itself says: the crates that its flows are in, that of the task, and flowcore. What
//! libraries say is printed, and kept only if the setting `logging.extra_targets` names them.
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

use std::fmt;
use std::io::Write as _;
use std::sync::OnceLock;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer};

use super::context::{Around, Scope};
use super::log_targets::is_kept;
use crate::model::{LogId, LogLevel, LogLine, with_fields};

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
    use tracing::subscriber::{DefaultGuard, NoSubscriber, set_default};

    thread_local! {
        static KEEPING: DefaultGuard =
            set_default(Plain { targets: Targets::new().with_default(Level::INFO), prints: false });
    }

    // Whether any thread has a subscriber is not the question: each test has a thread of its own.
    if tracing::dispatcher::get_default(|here| here.is::<NoSubscriber>()) {
        KEEPING.with(|_| {});
    }
}

/// Takes an event: keeps it if it is inside a run and of the program, or was opted in.
fn take(event: &Event<'_>, print_it: bool) {
    let metadata = event.metadata();
    let inside = Scope::peek(|around| is_kept(metadata.module_path(), metadata.target(), around)).unwrap_or_default();
    if !inside && !print_it {
        return;
    }
    let mut said = Said::default();
    event.record(&mut said);
    let level = match *event.metadata().level() {
        Level::TRACE => LogLevel::Trace,
        Level::DEBUG => LogLevel::Debug,
        Level::INFO => LogLevel::Info,
        Level::WARN => LogLevel::Warning,
        Level::ERROR => LogLevel::Error,
    };
    let target = metadata.target();
    let text = print_it.then(|| with_fields(&said.message, &said.fields));
    let run = if inside { Scope::peek(|around| keep(around, level, target, said)) } else { None };
    if let Some(text) = text {
        print(level, run.as_deref().unwrap_or(target), &text);
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
fn keep(around: &Around, level: LogLevel, target: &str, said: Said) -> String {
    let clock = &around.engine.0.clock;
    around.engine.0.logs.push(LogLine {
        id: LogId(clock.uuid()),
        timestamp: clock.now(),
        level,
        logger: target.to_owned(),
        message: said.message,
        fields: said.fields,
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

/// What an event says: its message, and its other fields as JSON.
#[derive(Default)]
struct Said {
    message: String,
    fields: Map<String, Value>,
}

impl Said {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        match (field.name(), value.into()) {
            ("message", Value::String(message)) => self.message = message,
            ("message", value) => self.message = value.to_string(),
            (name, value) => drop(self.fields.insert(name.to_owned(), value)),
        }
    }
}

impl Visit for Said {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no other numbers.
        if value.is_finite() { self.set(field, value) } else { self.set(field, value.to_string()) }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use tracing::dispatcher::get_default;
    use tracing::subscriber::with_default;

    use super::*;

    fn is_kept_by_us() -> bool {
        keep_in_this_thread();
        get_default(|here| here.is::<Plain>())
    }

    #[test]
    fn lines_are_kept_in_each_thread_of_a_program_and_not_in_the_first_only() {
        for _ in 0..2 {
            assert!(std::thread::spawn(is_kept_by_us).join().is_ok_and(|kept| kept));
        }
    }

    #[test]
    fn a_subscriber_that_is_there_is_left_alone() {
        let own = tracing_subscriber::registry();
        let kept = std::thread::spawn(|| with_default(own, is_kept_by_us)).join();
        assert!(kept.is_ok_and(|kept| !kept));
    }
}
