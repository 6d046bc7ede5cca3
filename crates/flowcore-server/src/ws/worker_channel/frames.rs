//! What is said over the channel.

use std::num::NonZeroU32;

use flowcore::store::StoreError;
use flowcore::wire::Moment;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::conversation::{INTERNAL_ERROR, POLICY_VIOLATION, PROTOCOL_ERROR};
use crate::api::WorkPoolBody;
use crate::error::ApiError;
use crate::state::App;
use crate::teardowns::{Answer, Operation, Teardown};

/// The one version that there is.
pub(super) const VERSION: &str = "work_pool_worker_channel.v1";

/// What a worker has to understand.
pub(super) const REQUIRED: [&str; 2] = ["worker_heartbeat.v1", "work_pool_snapshot.v1"];

/// That a worker tears down what runs have left behind.
const CLEANUP: &str = "cleanup_delivery.v1";

/// Why the server ends a channel. Clients go by it: some reasons are for good, with others they come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseReason {
    AuthenticationFailed,
    AuthorizationFailed,
    UnsupportedVersion,
    ProtocolError,
    HeartbeatPersistenceFailed,
    TransientServerError,
}

impl CloseReason {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            CloseReason::AuthenticationFailed => "authentication_failed",
            CloseReason::AuthorizationFailed => "authorization_failed",
            CloseReason::UnsupportedVersion => "unsupported_version",
            CloseReason::ProtocolError => "protocol_error",
            CloseReason::HeartbeatPersistenceFailed => "heartbeat_persistence_failed",
            CloseReason::TransientServerError => "transient_server_error",
        }
    }

    pub(super) fn code(self) -> u16 {
        match self {
            CloseReason::ProtocolError => PROTOCOL_ERROR,
            CloseReason::HeartbeatPersistenceFailed | CloseReason::TransientServerError => INTERNAL_ERROR,
            CloseReason::AuthenticationFailed | CloseReason::AuthorizationFailed | CloseReason::UnsupportedVersion => {
                POLICY_VIOLATION
            }
        }
    }
}

impl From<StoreError> for CloseReason {
    fn from(error: StoreError) -> Self {
        tracing::error!(target: "flowcore_server", "a worker cannot be served: {error}");
        CloseReason::TransientServerError
    }
}

impl From<ApiError> for CloseReason {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Store(error) => error.into(),
            // Another server has made the pool meanwhile: the worker will find it.
            ApiError::Refused(axum::http::StatusCode::CONFLICT, _) => CloseReason::TransientServerError,
            _ => CloseReason::ProtocolError,
        }
    }
}

/// What a worker says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Said {
    #[serde(rename = "worker.hello.v1")]
    Hello(Frame<Hello>),
    #[serde(rename = "worker.heartbeat.v1")]
    Heartbeat(Frame<Heartbeat>),
    #[serde(rename = "cleanup.ack.v1")]
    Ack(Frame<Cleanup>),
    #[serde(rename = "cleanup.release.v1")]
    Release(Frame<Release>),
    #[serde(rename = "cleanup.renew.v1")]
    Renew(Frame<Cleanup>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Frame<T> {
    pub(super) id: Uuid,
    #[serde(rename = "sent_at")]
    _sent_at: Moment,
    pub(super) payload: T,
}

/// Who a worker is, and what it can.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hello {
    pub(super) consumer_id: Uuid,
    pub(super) worker_name: String,
    pub(super) worker_type: String,
    pub(super) heartbeat_interval_seconds: NonZeroU32,
    pub(super) supported_channel_versions: Vec<String>,
    pub(super) requested_capabilities: Vec<String>,
    /// All queues of the pool where none is named.
    #[serde(default)]
    pub(super) work_queue_names: Vec<String>,
    #[serde(default)]
    handled_cleanup_kinds: Vec<CleanupKind>,
    /// One at a time where nothing is said.
    max_cleanup_concurrency: Option<u32>,
    #[serde(default)]
    pub(super) create_pool_if_not_found: bool,
    #[serde(default)]
    pub(super) default_base_job_template: Map<String, Value>,
    #[serde(rename = "worker_metadata")]
    _worker_metadata: Option<Map<String, Value>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum CleanupKind {
    #[serde(rename = "cancelling_timeout_teardown.v1")]
    CancellingTimeout,
    #[serde(rename = "pending_claim_teardown.v1")]
    PendingClaim,
}

impl Hello {
    /// Tells whether what it says fits together.
    pub(super) fn is_sound(&self) -> bool {
        let asks = |capability: &str| self.requested_capabilities.iter().any(|asked| asked == capability);
        let lists = [&self.supported_channel_versions, &self.requested_capabilities];
        let mut texts = lists.into_iter().flatten().chain(&self.work_queue_names);
        let cleans_up = !self.handled_cleanup_kinds.is_empty() || self.max_cleanup_concurrency.unwrap_or_default() > 0;
        !self.worker_name.is_empty()
            && !self.worker_type.is_empty()
            && !self.supported_channel_versions.is_empty()
            && texts.all(|text| !text.is_empty())
            && REQUIRED.into_iter().all(asks)
            && (asks(CLEANUP) || !cleans_up)
    }

    /// Tells how much the worker tears down at once; nothing unless it has offered to.
    pub(super) fn teardowns(&self) -> usize {
        let asks = self.requested_capabilities.iter().any(|asked| asked == CLEANUP);
        match self.max_cleanup_concurrency.unwrap_or(1) {
            most if asks && !self.handled_cleanup_kinds.is_empty() => most as usize,
            _ => 0,
        }
    }

    /// Tells whether it does so behind cancellations that took too long, of which there is news; of nothing else there is.
    pub(super) fn tears_down_cancelled(&self) -> bool {
        self.handled_cleanup_kinds.contains(&CleanupKind::CancellingTimeout)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Heartbeat {
    pub(super) consumer_id: Uuid,
    pub(super) worker_name: String,
    pub(super) heartbeat_interval_seconds: NonZeroU32,
}

/// What has become of something that was to be torn down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cleanup {
    pub(super) message_id: Uuid,
    pub(super) reservation_token: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Release {
    pub(super) message_id: Uuid,
    pub(super) reservation_token: String,
    pub(super) reason: String,
}

/// What the server says.
#[derive(Serialize)]
pub(super) struct Told<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: Uuid,
    sent_at: Moment,
    payload: T,
}

impl<T: Serialize> Told<T> {
    fn new(app: &App, kind: &'static str, payload: T) -> Self {
        Told { kind, id: app.clock.uuid(), sent_at: Moment(app.now()), payload }
    }
}

/// How a pool stands.
#[derive(Serialize)]
pub(super) struct Snapshot {
    pub(super) snapshot_sequence: u64,
    pub(super) reason: &'static str,
    pub(super) work_pool: WorkPoolBody,
}

impl Snapshot {
    pub(super) fn told(self, app: &App) -> Told<Self> {
        Told::new(app, "work_pool.snapshot.v1", self)
    }
}

/// That a worker is welcome, and on which terms.
#[derive(Serialize)]
pub(super) struct Ready {
    consumer_id: Uuid,
    /// Only Prefect Cloud tells it.
    worker_id: Option<Uuid>,
    selected_channel_version: &'static str,
    effective_heartbeat_interval_seconds: NonZeroU32,
    accepted_capabilities: Vec<&'static str>,
    rejected_capabilities: Vec<String>,
    effective_max_cleanup_concurrency: u32,
    resolved_work_queues: Vec<ResolvedQueue>,
    initial_snapshot: Snapshot,
}

/// A queue that a worker takes from.
#[derive(Clone, Serialize)]
pub(super) struct ResolvedQueue {
    pub(super) id: Uuid,
    pub(super) name: String,
}

impl Ready {
    pub(super) fn new(hello: Hello, queues: Vec<ResolvedQueue>, pool: WorkPoolBody) -> Self {
        let teardowns = u32::try_from(hello.teardowns()).unwrap_or(u32::MAX);
        let mut accepted = REQUIRED.to_vec();
        accepted.extend((teardowns > 0).then_some(CLEANUP));
        let mut rejected: Vec<String> = Vec::new();
        for capability in hello.requested_capabilities {
            if !accepted.contains(&&*capability) && !rejected.contains(&capability) {
                rejected.push(capability);
            }
        }
        Ready {
            consumer_id: hello.consumer_id,
            worker_id: None,
            selected_channel_version: VERSION,
            effective_heartbeat_interval_seconds: hello.heartbeat_interval_seconds,
            accepted_capabilities: accepted,
            rejected_capabilities: rejected,
            effective_max_cleanup_concurrency: teardowns,
            resolved_work_queues: queues,
            initial_snapshot: Snapshot { snapshot_sequence: 1, reason: "initial", work_pool: pool },
        }
    }

    pub(super) fn told(self, app: &App) -> Told<Self> {
        Told::new(app, "worker.ready.v1", self)
    }
}

/// What a worker is to tear down.
#[derive(Serialize)]
pub(super) struct CleanupMessage {
    kind: CleanupKind,
    message_id: Uuid,
    reservation_token: String,
    lease_expires_at: Moment,
    delivery_count: i64,
    work_queue_id: Uuid,
    target: CleanupTarget,
    data: Map<String, Value>,
}

#[derive(Serialize)]
struct CleanupTarget {
    flow_run_id: Uuid,
    infrastructure_pid: Option<String>,
}

impl From<Teardown> for CleanupMessage {
    fn from(teardown: Teardown) -> Self {
        CleanupMessage {
            kind: CleanupKind::CancellingTimeout,
            message_id: teardown.id,
            lease_expires_at: Moment(teardown.lease()),
            reservation_token: teardown.token,
            delivery_count: teardown.deliveries,
            work_queue_id: teardown.work_queue_id,
            target: CleanupTarget {
                flow_run_id: teardown.flow_run_id,
                infrastructure_pid: teardown.infrastructure_pid,
            },
            data: Map::new(),
        }
    }
}

impl CleanupMessage {
    pub(super) fn told(self, app: &App) -> Told<Self> {
        Told::new(app, "cleanup.message.v1", self)
    }
}

/// What has become of what a worker said of a teardown.
#[derive(Serialize)]
pub(super) struct OperationResult {
    request_frame_id: Uuid,
    message_id: Uuid,
    operation: &'static str,
    status: &'static str,
    lease_expires_at: Option<Moment>,
    reason: Option<&'static str>,
    detail: Option<String>,
}

impl OperationResult {
    pub(super) fn new(request_frame_id: Uuid, message_id: Uuid, operation: Operation, answer: Answer) -> Self {
        let (status, lease, reason) = match answer {
            Answer::Accepted => ("accepted", None, None),
            Answer::Renewed(until) => ("accepted", Some(Moment(until)), None),
            Answer::Refused(status, why) => (status, None, Some(why)),
        };
        let operation = operation.as_str();
        OperationResult {
            request_frame_id,
            message_id,
            operation,
            status,
            lease_expires_at: lease,
            reason,
            detail: None,
        }
    }

    pub(super) fn told(self, app: &App) -> Told<Self> {
        Told::new(app, "cleanup.operation_result.v1", self)
    }
}
