//! Spans of flow runs and task runs, for the program's own `tracing` layers: one span a run, over all its attempts.
//!
//! They carry what tracing-opentelemetry makes an OpenTelemetry span of, with Prefect's attributes. What is said and called by
//! the code of a run is inside of its span, on whatever task or thread that is.

use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::Empty;
use tracing::instrument::Instrument;
use tracing::{Span, info_span};

use super::context::Scope;
use super::job::BodyFuture;
use crate::model::{FlowRun, State, StateType, TaskRun};

/// The span of a run; none before it begins and when it has ended. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct RunSpan(Arc<Mutex<Option<Span>>>);

/// The span around some code.
pub(crate) struct Above(Span);

impl Above {
    /// Finds the span around the present code.
    pub(crate) fn here() -> Self {
        Above(Span::current())
    }

    /// Finds the span that a run is to be inside of: that of the present code, or else that of the run around its call.
    pub(crate) fn of(scope: &Scope) -> Self {
        let here = Span::current();
        Above(if here.is_none() { scope.span().map_or_else(Span::none, RunSpan::get) } else { here })
    }

    /// Calls a function in the span.
    pub(crate) fn enter<T>(self, function: impl FnOnce() -> T) -> T {
        self.0.in_scope(function)
    }

    /// Runs a future in the span.
    pub(crate) fn surround<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        future.instrument(self.0)
    }
}

impl RunSpan {
    /// Begins the span of a flow run.
    pub(crate) fn of_flow_run(above: &Above, run: &FlowRun) -> Self {
        Self::begun(info_span!(
            target: "flowcore::span",
            parent: above.0.id(),
            "flow run",
            "otel.name" = run.name.as_str(),
            "otel.status_code" = Empty,
            "otel.status_description" = Empty,
            "prefect.run.type" = "flow",
            "prefect.run.id" = display(run.id),
            "prefect.run.name" = run.name.as_str(),
            "prefect.run.count" = Empty,
            "prefect.flow.name" = run.flow_name.as_str(),
            "prefect.tags" = run.tags.join(","),
        ))
    }

    /// Begins the span of a task run.
    pub(crate) fn of_task_run(above: &Above, run: &TaskRun) -> Self {
        Self::begun(info_span!(
            target: "flowcore::span",
            parent: above.0.id(),
            "task run",
            "otel.name" = run.name.as_str(),
            "otel.status_code" = Empty,
            "otel.status_description" = Empty,
            "prefect.run.type" = "task",
            "prefect.run.id" = display(run.id),
            "prefect.run.name" = run.name.as_str(),
            "prefect.run.count" = Empty,
            "prefect.task.key" = &*run.task_key,
            "prefect.tags" = run.tags.join(","),
        ))
    }

    fn begun(span: Span) -> Self {
        RunSpan(Arc::new(Mutex::new(Some(span))))
    }

    fn get(&self) -> Span {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_else(Span::none)
    }

    /// Gives the span as one around code.
    pub(crate) fn above(&self) -> Above {
        Above(self.get())
    }

    /// Runs the body of a task in the span.
    pub(crate) fn body(&self, body: BodyFuture) -> BodyFuture {
        Box::pin(body.instrument(self.get()))
    }

    /// Ends the span as the run has ended.
    pub(crate) fn end(&self, state: &State, run_count: i32) {
        let Some(span) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        span.record("prefect.run.count", run_count);
        match state.kind {
            StateType::Completed => {
                span.record("otel.status_code", "ok");
            }
            StateType::Failed | StateType::Crashed | StateType::Cancelled => {
                let why = state.message.as_deref().unwrap_or_default();
                span.record("otel.status_code", "error");
                span.record("otel.status_description", format!("{}: {why}", state.name).trim_end_matches(": "));
            }
            // It has not ended: it is suspended, or was never ready.
            _ => {}
        }
    }
}
