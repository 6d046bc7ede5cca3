//! What all parts of the client work with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::artifacts::Made;
use super::background::Offers;
use super::backlog::Backlog;
use super::bodies;
use super::carriers::{EventCarrier, LogCarrier};
use super::held::Held;
use super::lane::Lane;
use super::limits::Slots;
use super::options::HttpOptions;
use super::outbox::{EVENTS, LOGS, Outbox};
use super::server::Server;
use super::thread::Thread;
use crate::client::{ClientError, Request, ServerError};
use crate::clock::Clock;
use crate::model::{FlowId, FlowRun};
use crate::wire::{FlowBody, FlowCreate, FlowRunBody};

/// The client behind its thread.
pub(super) struct Inner {
    pub(super) server: Arc<Server>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) events: Lane,
    pub(super) logs: Lane,
    pub(super) held: Held,
    pub(super) made: Made,
    pub(super) slots: Slots,
    pub(super) offers: Offers,
    /// Names and ids of flows, which never change.
    flows: Mutex<HashMap<FlowId, String>>,
}

impl Inner {
    pub(super) fn new(options: HttpOptions, clock: Arc<dyn Clock>, thread: &Thread) -> Result<Self, ServerError> {
        let outbox = Outbox::open(&options, clock.uuid())
            .map_err(|error| ServerError::NotKept { folder: options.home.join("outbox"), reason: error.to_string() })?;
        let (outbox, limit) = (Arc::new(outbox), options.outbox_limit);
        let server = Arc::new(Server::new(options)?);
        let events = Backlog::new(outbox.clone(), EVENTS, limit);
        let logs = Backlog::new(outbox.clone(), LOGS, limit);
        Ok(Inner {
            events: Lane::start(thread, EventCarrier::new(server.clone()), events),
            logs: Lane::start(thread, LogCarrier(server.clone()), logs),
            server,
            clock,
            outbox,
            held: Held::default(),
            made: Made::default(),
            slots: Slots::default(),
            offers: Offers::default(),
            flows: Mutex::default(),
        })
    }

    /// Finds a flow by its name, and makes it if it is new.
    pub(super) async fn flow_id(&self, name: &str, tags: Vec<String>) -> Result<FlowId, ClientError> {
        if let Some(id) = self.known_flow(name) {
            return Ok(id);
        }
        let body = FlowCreate { name: name.to_owned(), tags, labels: None };
        let flow: FlowBody = self.server.ask(Request::post("/flows/", "make a flow", &body)).await?.read()?;
        self.remember(flow.id.into(), flow.name);
        Ok(flow.id.into())
    }

    fn known_flow(&self, name: &str) -> Option<FlowId> {
        let flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
        flows.iter().find_map(|(id, known)| (known == name).then_some(*id))
    }

    fn remember(&self, id: FlowId, name: String) {
        self.flows.lock().unwrap_or_else(PoisonError::into_inner).insert(id, name);
    }

    /// Finds the name of a flow.
    async fn flow_name(&self, id: FlowId) -> Result<String, ClientError> {
        let known = self.flows.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(name) = known {
            return Ok(name);
        }
        let request = Request::get(format!("/flows/{id}"), "read a flow");
        let flow: Option<FlowBody> = self.server.ask(request).await?.read_if_found()?;
        // A flow that is deleted takes its runs with it, in a moment.
        let Some(flow) = flow else { return Ok(String::new()) };
        self.remember(id, flow.name.clone());
        Ok(flow.name)
    }

    /// Reads a flow run out of an answer.
    pub(super) async fn flow_run(&self, body: FlowRunBody) -> Result<FlowRun, ClientError> {
        let name = self.flow_name(body.flow_id.into()).await?;
        Ok(bodies::flow_run(body, name))
    }
}
