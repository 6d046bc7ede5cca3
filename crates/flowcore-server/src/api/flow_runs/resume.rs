//! Letting a paused flow run go on, with what it wants to be told.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flowcore::model::{FlowRun, FlowRunId, StateType};
use flowcore::orchestration::Resumption;
use flowcore::wire::{OrchestrationResult, ResponseDetails, SetStateStatus, StateBody, StateCreate};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{find, input, states};
use crate::api::decision::decided;
use crate::error::ApiError;
use crate::extract::{Body, Id};
use crate::json_schema::{check, prepare};
use crate::schemas;
use crate::state::App;

#[derive(Deserialize, JsonSchema)]
pub(super) struct Resume {
    /// What the run is told.
    run_input: Option<Map<String, Value>>,
}

/// Resumes a run, if its input is what it asks for.
pub(super) async fn resume(
    State(app): State<App>,
    Id(id): Id,
    Body(body): Body<Resume>,
) -> Result<(StatusCode, Json<OrchestrationResult>), ApiError> {
    let run = find(&app, FlowRunId(id)).await?;
    if run.state.kind != StateType::Paused {
        let reason = Some("Cannot resume a flow run that is not paused.".to_owned());
        let details = ResponseDetails::Abort { reason };
        let result = OrchestrationResult { state: None, status: SetStateStatus::Abort, details };
        return Ok((StatusCode::OK, Json(result)));
    }
    let input = body.run_input.map(Value::Object);
    if run.process_id.is_some() || run.state.details.as_ref().is_some_and(|details| details.input_schema.is_some()) {
        return resume_own(&app, &run, input).await;
    }
    let details = run.state.details.as_deref().cloned().unwrap_or_default();
    let mut told = None;
    if let Some(keyset) = &details.run_input_keyset {
        let input = input.unwrap_or_else(|| Value::Object(Map::new()));
        match checked(&app, &run, keyset.get("schema"), input).await? {
            Ok(input) => told = keyset.get("response").cloned().zip(Some(input)),
            Err(reason) => return Ok((StatusCode::OK, Json(refused(&run, reason)))),
        }
    }
    let state = if details.pause_reschedule {
        let mut state = StateCreate::new(StateType::Scheduled);
        state.name = Some("Resuming".to_owned());
        state.state_details.scheduled_time = Some(app.now());
        state
    } else {
        StateCreate::new(StateType::Running)
    };
    let (status, result) = states::propose(&app, &run, state, false, None).await?;
    if let Some((key, input)) = told.filter(|(_, input)| input.as_object().is_some_and(|input| !input.is_empty()))
        && result.status == SetStateStatus::Accept
    {
        input::keep(&app, id, key, input.to_string(), None).await?;
    }
    Ok((status, Json(result)))
}

/// Resumes a run of our own engine, which keeps with its state what it wants to be told.
async fn resume_own(
    app: &App,
    run: &FlowRun,
    input: Option<Value>,
) -> Result<(StatusCode, Json<OrchestrationResult>), ApiError> {
    let now = app.now();
    Ok(match app.orchestrator.resume_flow_run(run, input).await? {
        Resumption::Decided(judged) => {
            let moved = judged.run.state.id != run.state.id;
            let status = if moved { StatusCode::CREATED } else { StatusCode::OK };
            (status, Json(decided(&judged.decision, &judged.run.state, now)))
        }
        Resumption::WrongInput(wrong) => {
            let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            (StatusCode::OK, Json(refused(run, format!("Reason: {}", wrong.join("; ")))))
        }
    })
}

/// Fills in what the input refers to, and compares it with the schema that the run has left for it; or says why not.
async fn checked(
    app: &App,
    run: &FlowRun,
    schema: Option<&String>,
    input: Value,
) -> Result<Result<Value, String>, ApiError> {
    let hydrated = schemas::hydrate(app, input).await?;
    if let Some(mistake) = hydrated.mistakes.first() {
        return Ok(Err(format!("Error hydrating run input: {}", mistake.message)));
    }
    let schema = match schema {
        Some(key) => input::value(app, run.id.0, key).await?,
        None => None,
    };
    let Some(schema) = schema else { return Ok(Err("Run input schema not found.".to_owned())) };
    let Ok(schema) = serde_json::from_str::<Map<String, Value>>(&schema) else {
        return Ok(Err("Run input schema is not valid JSON.".to_owned()));
    };
    Ok(match check(&hydrated.value, &prepare(&schema, false)) {
        Ok(()) => Ok(hydrated.value),
        Err(mistake) => Err(format!("Reason: {mistake}")),
    })
}

/// Refuses as Prefect does: the run stays as it is.
fn refused(run: &FlowRun, reason: String) -> OrchestrationResult {
    OrchestrationResult {
        state: Some(StateBody::from(&run.state)),
        status: SetStateStatus::Reject,
        details: ResponseDetails::Abort { reason: Some(reason) },
    }
}
