//! Concurrency limits over HTTP: slots are leases, which this process renews while it holds them.
//!
//! A server has no queue: who waits asks again, when a slot seems to be free, and who is first gets it. What this process
//! holds of a limit ends with its lease, a minute after its death.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::bodies::time;
use super::client::HttpClient;
use super::inner::Inner;
use super::reading::criteria;
use crate::client::{ClientError, LimitClient, Repeat, Request, ServerError};
use crate::model::{
    ConcurrencyLimit, LimitId, Occupancy, Page, ProcessId, SlotAnswer, SlotAsk, SlotHolder, SlotId, SlotLease,
    SlotRefusal, SlotRequest,
};
use crate::orchestration::{LimitError, LimitUpdate, NewLimit, Probe, SlotsBack};
use crate::wire::Moment;

/// How long a lease lasts unless it is renewed: the shortest that Prefect's API takes.
const LEASE: Duration = Duration::from_secs(60);

/// How often leases are renewed: two renewals may be missed.
const RENEW: Duration = Duration::from_secs(20);

/// For how long it is believed how limits stand, while somebody waits for them.
const BELIEVED: Duration = Duration::from_millis(500);

/// The slots that this process has, and what it waits for.
#[derive(Default)]
pub(super) struct Slots(Mutex<Books>);

#[derive(Default)]
struct Books {
    leases: HashMap<SlotId, Uuid>,
    waiting: HashMap<SlotId, SlotAsk>,
    renewing: bool,
    /// How limits stood when the server was asked last.
    known: HashMap<String, (Instant, Option<LimitBody>)>,
}

impl Slots {
    fn lock(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A limit as a server tells it.
#[derive(Clone, Deserialize)]
struct LimitBody {
    id: Uuid,
    created: Option<Moment>,
    updated: Option<Moment>,
    name: String,
    limit: u32,
    active: bool,
    active_slots: u32,
    #[serde(default)]
    slot_decay_per_second: f64,
}

#[derive(Deserialize)]
struct Granted {
    lease_id: Option<Uuid>,
    limits: Vec<GrantedLimit>,
}

#[derive(Deserialize)]
struct GrantedLimit {
    name: String,
}

impl From<LimitBody> for ConcurrencyLimit {
    fn from(body: LimitBody) -> Self {
        let created = time(body.created).unwrap_or_default();
        ConcurrencyLimit {
            id: LimitId(body.id),
            name: body.name,
            limit: body.limit,
            active: body.active,
            slot_decay_per_second: body.slot_decay_per_second,
            created,
            updated: time(body.updated).unwrap_or(created),
        }
    }
}

/// Writes a limit's name as a part of a path: names have spaces and colons.
fn path(name: &str) -> String {
    let escaped = name.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    });
    format!("/v2/concurrency_limits/{}", escaped.collect::<String>())
}

impl Inner {
    async fn limit(&self, name: &str) -> Result<Option<LimitBody>, ClientError> {
        self.server.ask(Request::get(path(name), "read a concurrency limit")).await?.read_if_found()
    }

    /// Reads a limit, unless that was done a moment ago.
    async fn limit_as_known(&self, name: &str) -> Result<Option<LimitBody>, ClientError> {
        let known = self.slots.lock().known.get(name).cloned();
        if let Some((_, limit)) = known.filter(|(read, _)| read.elapsed() < BELIEVED) {
            return Ok(limit);
        }
        let limit = self.limit(name).await?;
        self.slots.lock().known.insert(name.to_owned(), (Instant::now(), limit.clone()));
        Ok(limit)
    }

    async fn create_limit(&self, new: NewLimit) -> Result<ConcurrencyLimit, ClientError> {
        new.check()?;
        let body = json!({
            "name": new.name,
            "limit": new.limit,
            "slot_decay_per_second": new.slot_decay_per_second,
            "active": new.active,
        });
        let request = Request::post("/v2/concurrency_limits/", "make a concurrency limit", &body);
        let answer = self.server.ask(request.repeat(Repeat::IfUntaken)).await?;
        if answer.is_conflict() {
            return Err(LimitError::Exists(new.name).into());
        }
        Ok(answer.read::<LimitBody>()?.into())
    }

    async fn update_limit(&self, name: &str, update: LimitUpdate) -> Result<ConcurrencyLimit, ClientError> {
        update.check()?;
        let body = criteria([
            ("name", update.name.as_deref().map(Value::from)),
            ("limit", update.limit.map(Value::from)),
            ("slot_decay_per_second", update.slot_decay_per_second.map(Value::from)),
            ("active", update.active.map(Value::from)),
        ]);
        let answer = self.server.ask(Request::patch(path(name), "change a concurrency limit", &body)).await?;
        let now = update.name.as_deref().unwrap_or(name);
        if answer.is_conflict() {
            return Err(LimitError::Exists(now.to_owned()).into());
        }
        self.forget(&[name.to_owned(), now.to_owned()]);
        let limit = if answer.found() { self.limit(now).await? } else { None };
        limit.map(Into::into).ok_or_else(|| LimitError::Missing(name.to_owned()).into())
    }

    async fn delete_limit(&self, name: &str) -> Result<Occupancy, ClientError> {
        let stood = self.occupancy(&[name.to_owned()]).await?;
        let request = Request::delete(path(name), "delete a concurrency limit");
        if stood.limits.is_empty() || !self.server.ask(request).await?.found() {
            return Err(LimitError::Missing(name.to_owned()).into());
        }
        Ok(stood)
    }

    async fn limits(&self) -> Result<Vec<ConcurrencyLimit>, ClientError> {
        let path = "/v2/concurrency_limits/filter";
        let found: Vec<LimitBody> = match self.rows(path, "list concurrency limits", &json!({}), Page::ALL).await {
            // A server that knows no limits has none.
            Err(ClientError::Server(ServerError::Refused { status: 404, .. })) => Vec::new(),
            found => found?,
        };
        let mut limits: Vec<ConcurrencyLimit> = found.into_iter().map(Into::into).collect();
        limits.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(limits)
    }

    /// Tells how limits stand. Of what is taken the server tells only how much; of who waits, only this process is known.
    async fn occupancy(&self, names: &[String]) -> Result<Occupancy, ClientError> {
        let mut occupancy = Occupancy::default();
        let names: BTreeSet<&String> = names.iter().collect();
        for name in &names {
            let Some(limit) = self.limit_as_known(name).await? else { continue };
            if limit.active_slots > 0 {
                occupancy.leases.push(SlotLease {
                    id: SlotId(limit.id),
                    limit: limit.name.clone(),
                    slots: limit.active_slots,
                    holder: SlotHolder { flow_run_id: None, task_run_id: None, name: "taken".to_owned() },
                    process_id: None,
                    acquired: time(limit.updated).unwrap_or_default(),
                    expires: None,
                });
            }
            occupancy.limits.push(limit.into());
        }
        for ask in self.slots.lock().waiting.values() {
            for limit in ask.limits.iter().filter(|limit| names.contains(limit)) {
                occupancy.requests.push(SlotRequest {
                    id: ask.id,
                    limit: limit.clone(),
                    slots: ask.slots,
                    holder: ask.holder.clone(),
                    process_id: ask.process_id,
                    due: ask.due,
                    expires: ask.expires,
                });
            }
        }
        occupancy.sort();
        Ok(occupancy)
    }

    async fn ask_for_slots(self: &Arc<Self>, asks: Vec<SlotAsk>) -> Result<Vec<SlotAnswer>, ClientError> {
        let mut answers = Vec::with_capacity(asks.len());
        for ask in asks {
            let answer = match self.judge(&ask).await? {
                Ok(limits) => self.take(&ask, limits).await?,
                Err(refusal) => SlotAnswer::Refused(refusal),
            };
            let mut books = self.slots.lock();
            if matches!(answer, SlotAnswer::Waits { .. }) {
                books.waiting.insert(ask.id, ask);
            } else {
                books.waiting.remove(&ask.id);
            }
            answers.push(answer);
        }
        Ok(answers)
    }

    /// Tells which limits slots are to be taken of: those that are there and active. Or else why they cannot be had.
    async fn judge(&self, ask: &SlotAsk) -> Result<Result<Vec<String>, SlotRefusal>, ClientError> {
        let mut limits = Vec::with_capacity(ask.limits.len());
        for name in &ask.limits {
            let name = name.clone();
            match self.limit_as_known(&name).await? {
                None if ask.strict => return Ok(Err(SlotRefusal::Missing { name })),
                Some(limit) if limit.active && limit.limit < ask.slots && limit.limit > 0 => {
                    return Ok(Err(SlotRefusal::TooMany { name, slots: ask.slots, limit: limit.limit }));
                }
                Some(limit) if ask.rate && limit.active && limit.slot_decay_per_second <= 0.0 => {
                    return Ok(Err(SlotRefusal::NoRate { name }));
                }
                Some(limit) if limit.active => limits.push(name),
                _ => {}
            }
        }
        Ok(Ok(limits))
    }

    async fn take(self: &Arc<Self>, ask: &SlotAsk, limits: Vec<String>) -> Result<SlotAnswer, ClientError> {
        if limits.is_empty() {
            return Ok(SlotAnswer::Granted { limits: Vec::new() });
        }
        let mut body = criteria([("slots", Some(json!(ask.slots))), ("names", Some(json!(limits)))]);
        let what = "take slots of a concurrency limit";
        let request = if ask.rate {
            // What decays belongs to nobody.
            body.insert("mode".to_owned(), json!("rate_limit"));
            Request::post("/v2/concurrency_limits/increment", what, &body)
        } else {
            body.insert("lease_duration".to_owned(), json!(LEASE.as_secs()));
            body.extend(holder(&ask.holder).map(|holder| ("holder".to_owned(), holder)));
            Request::post("/v2/concurrency_limits/increment-with-lease", what, &body)
        };
        let answer = self.server.ask(request.repeat(Repeat::IfUntaken)).await?;
        self.forget(&limits);
        if answer.is_locked() {
            return Ok(SlotAnswer::Waits { until: None });
        }
        if ask.rate {
            let limits: Vec<GrantedLimit> = answer.read()?;
            return Ok(SlotAnswer::Granted { limits: limits.into_iter().map(|limit| limit.name).collect() });
        }
        let granted: Granted = answer.read()?;
        if let Some(lease) = granted.lease_id {
            self.slots.lock().leases.insert(ask.id, lease);
            self.renew();
        }
        Ok(SlotAnswer::Granted { limits: granted.limits.into_iter().map(|limit| limit.name).collect() })
    }

    /// Knows no more how these limits stand.
    fn forget(&self, names: &[String]) {
        let mut books = self.slots.lock();
        for name in names {
            books.known.remove(name);
        }
    }

    async fn give_slots_back(&self, back: &[SlotsBack]) -> Result<(), ClientError> {
        for one in back {
            let lease = {
                let mut books = self.slots.lock();
                books.waiting.remove(&one.id);
                books.leases.get(&one.id).copied()
            };
            if let Some(lease) = lease {
                let body = json!({"lease_id": lease});
                let path = "/v2/concurrency_limits/decrement-with-lease";
                // A lease that is gone has been given back.
                self.server.ask(Request::post(path, "give slots back", &body)).await?;
                self.slots.lock().leases.remove(&one.id);
            }
            self.forget(&one.limits);
        }
        Ok(())
    }

    /// Renews the leases for as long as there are any.
    fn renew(self: &Arc<Self>) {
        if std::mem::replace(&mut self.slots.lock().renewing, true) {
            return;
        }
        let weak = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEW).await;
                let Some(inner) = weak.upgrade() else { return };
                let leases: Vec<Uuid> = {
                    let mut books = inner.slots.lock();
                    books.renewing = !books.leases.is_empty();
                    books.leases.values().copied().collect()
                };
                if leases.is_empty() {
                    return;
                }
                for lease in leases {
                    let path = format!("/v2/concurrency_limits/leases/{lease}/renew");
                    let body = json!({"lease_duration": LEASE.as_secs()});
                    let request = Request::post(path, "renew a lease", &body).repeat(Repeat::Never);
                    if let Err(error) = inner.server.ask(request).await {
                        tracing::warn!(target: "flowcore", "a lease of slots could not be renewed: {error}");
                    }
                }
            }
        });
    }
}

/// Says who has slots, as the API wants it: a run and its kind.
fn holder(holder: &SlotHolder) -> Option<Value> {
    match (holder.task_run_id, holder.flow_run_id) {
        (Some(id), _) => Some(json!({"type": "task_run", "id": id})),
        (None, Some(id)) => Some(json!({"type": "flow_run", "id": id})),
        (None, None) => None,
    }
}

#[async_trait]
impl LimitClient for HttpClient {
    async fn create_limit(&self, new: NewLimit) -> Result<ConcurrencyLimit, ClientError> {
        self.on_thread(|inner| async move { inner.create_limit(new).await }).await
    }

    async fn update_limit(&self, name: &str, update: LimitUpdate) -> Result<ConcurrencyLimit, ClientError> {
        let name = name.to_owned();
        self.on_thread(|inner| async move { inner.update_limit(&name, update).await }).await
    }

    async fn delete_limit(&self, name: &str) -> Result<Occupancy, ClientError> {
        let name = name.to_owned();
        self.on_thread(|inner| async move { inner.delete_limit(&name).await }).await
    }

    async fn limits(&self) -> Result<Vec<ConcurrencyLimit>, ClientError> {
        self.on_thread(|inner| async move { inner.limits().await }).await
    }

    async fn occupancy(&self, names: &[String]) -> Result<Occupancy, ClientError> {
        let names = names.to_vec();
        self.on_thread(|inner| async move { inner.occupancy(&names).await }).await
    }

    async fn ask_for_slots(&self, asks: Vec<SlotAsk>) -> Result<Vec<SlotAnswer>, ClientError> {
        self.on_thread(|inner| async move { inner.ask_for_slots(asks).await }).await
    }

    async fn give_slots_back(&self, back: Vec<SlotsBack>) -> Result<(), ClientError> {
        self.on_thread(|inner| async move { inner.give_slots_back(&back).await }).await
    }

    /// Does nothing: the slots of a process that has died are free when their leases expire, and the server sees to that.
    async fn free_slots_of_dead(&self, _: &[ProcessId], _: &dyn Probe) -> Result<u64, ClientError> {
        Ok(0)
    }
}
