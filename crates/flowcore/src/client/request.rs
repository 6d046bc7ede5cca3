//! Requests to a server's API that no other method of the client makes, and what it answers.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::mpsc;

use super::{ClientError, ServerError};
use crate::model::TaskRun;
use crate::orchestration::Orchestrator;
use crate::wire::{CLAIM, CLAIM_HEADER};

/// The verb of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// Whether a request may be made again when nobody knows what has become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Twice is like once.
    Safely,
    /// Only if the server cannot have taken it.
    IfUntaken,
    /// Not even then: whoever asks will ask again.
    Never,
}

/// A request to a server's API.
#[derive(Clone, Debug)]
pub struct Request {
    /// The verb.
    pub method: Method,
    /// The path below the API's URL with its query, such as `/deployments/filter`.
    pub path: String,
    /// The body, as JSON.
    pub body: Option<Vec<u8>>,
    /// Headers beyond those of all requests.
    pub headers: Vec<(&'static str, String)>,
    /// What it is for, as the end of "the server refused to".
    pub what: String,
    /// Whether it may be made again.
    pub repeat: Repeat,
}

impl Request {
    /// Makes a request that may be repeated.
    pub fn new(method: Method, path: impl Into<String>, what: impl Into<String>) -> Self {
        Request {
            method,
            path: path.into(),
            body: None,
            headers: Vec::new(),
            what: what.into(),
            repeat: Repeat::Safely,
        }
    }

    /// Makes a GET.
    pub fn get(path: impl Into<String>, what: impl Into<String>) -> Self {
        Request::new(Method::Get, path, what)
    }

    /// Makes a DELETE.
    pub fn delete(path: impl Into<String>, what: impl Into<String>) -> Self {
        Request::new(Method::Delete, path, what)
    }

    /// Makes a POST with a body.
    pub fn post(path: impl Into<String>, what: impl Into<String>, body: &impl Serialize) -> Self {
        Request::new(Method::Post, path, what).with(body)
    }

    /// Makes a PATCH with a body.
    pub fn patch(path: impl Into<String>, what: impl Into<String>, body: &impl Serialize) -> Self {
        Request::new(Method::Patch, path, what).with(body)
    }

    /// Gives it a body: plain data with texts as keys.
    pub fn with(self, body: &impl Serialize) -> Self {
        // Such data can always be written.
        Request { body: Some(serde_json::to_vec(body).unwrap_or_default()), ..self }
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Says that it takes a run, which is executed then: a server of flowcore's takes it for dead if nothing is heard of it for
    /// [`CLAIM`].
    pub fn claims(self) -> Self {
        self.header(CLAIM_HEADER, CLAIM.as_secs())
    }

    /// Says whether it may be made again.
    pub fn repeat(self, repeat: Repeat) -> Self {
        Request { repeat, ..self }
    }
}

/// Writes a name as one part of a path.
pub fn path_segment(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

const NOT_FOUND: u16 = 404;
const CONFLICT: u16 = 409;
const LOCKED: u16 = 423;

/// What the server answered: a success, or that there is no such thing, that there is one already, or that it is locked.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// What the request was for.
    pub what: String,
}

impl Answer {
    /// Tells whether an answer of this status is one that a caller may expect; all others are errors.
    pub fn is_expected(status: u16) -> bool {
        matches!(status, 200..300 | NOT_FOUND | CONFLICT | LOCKED)
    }

    /// Tells whether the server did what it was asked for.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Refuses what is no success.
    ///
    /// # Errors
    ///
    /// The server refused, in its own words.
    pub fn accepted(self) -> Result<Self, ClientError> {
        if self.is_success() {
            return Ok(self);
        }
        let detail = detail(&self.body);
        Err(ServerError::Refused { what: self.what, status: self.status, detail }.into())
    }

    /// Reads what must be there.
    ///
    /// # Errors
    ///
    /// The server refused, or its answer has another form.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        let Answer { body, what, .. } = self.accepted()?;
        serde_json::from_slice(&body).map_err(|error| {
            let reason = match std::str::from_utf8(&body) {
                Ok(text) => format!("{error} in `{}`", text.chars().take(200).collect::<String>()),
                Err(_) => error.to_string(),
            };
            ServerError::Unreadable { what, reason }.into()
        })
    }

    /// Reads what may not be there.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), but for what was not found.
    pub fn read_if_found<T: DeserializeOwned>(self) -> Result<Option<T>, ClientError> {
        if self.found() { self.read().map(Some) } else { Ok(None) }
    }

    /// Tells whether there was such a thing.
    pub fn found(&self) -> bool {
        self.status != NOT_FOUND
    }

    /// Tells whether the server has the thing that was asked about locked.
    pub fn is_locked(&self) -> bool {
        self.status == LOCKED
    }

    /// Tells whether there was one already.
    pub fn is_conflict(&self) -> bool {
        self.status == CONFLICT
    }
}

/// Finds the sentence in an answer that says what is wrong.
pub(crate) fn detail(body: &[u8]) -> String {
    let read: Option<Value> = serde_json::from_slice(body).ok();
    let sentence = read.as_ref().and_then(|read| {
        let detail = read.get("exception_detail").or_else(|| read.get("detail"));
        detail.or_else(|| read.get("exception_message"))
    });
    match sentence {
        Some(Value::String(sentence)) => sentence.clone(),
        Some(other) => other.to_string(),
        None => String::from_utf8_lossy(body).chars().take(200).collect(),
    }
}

/// What a feed of events brings.
#[derive(Clone, Debug)]
pub enum Heard {
    /// The server is listened to from now on: what happened before may have been missed.
    Connected,
    /// Something has happened: an event in Prefect's form.
    Event(Value),
}

/// Events as they happen, until it is dropped.
#[derive(Debug)]
pub struct EventFeed(pub(crate) mpsc::Receiver<Heard>);

impl EventFeed {
    /// Waits for the next news. None: the client was closed.
    pub async fn next(&mut self) -> Option<Heard> {
        self.0.recv().await
    }
}

/// Asks a server for what only servers have: deployments, work pools, and what happens there.
#[async_trait]
pub trait ApiClient: Send + Sync + 'static {
    /// Makes a request.
    ///
    /// # Errors
    ///
    /// There is no server; it cannot be had for longer than the client is patient; it does not accept who asks; it refuses
    /// otherwise than by 404, 409 or 423.
    async fn ask(&self, request: Request) -> Result<Answer, ClientError>;

    /// Listens for events that Prefect's event filter selects, from now on. Lost connections are made anew.
    ///
    /// # Errors
    ///
    /// There is no server.
    async fn listen(&self, filter: Value) -> Result<EventFeed, ClientError>;

    /// Makes a task run known before it is reported: what is made by a request may name it then. Once more changes nothing.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    async fn announce(&self, run: &TaskRun) -> Result<(), ClientError>;

    /// Gives the URL of the API, if there is a server.
    fn api_url(&self) -> Option<String>;
}

const NO_SERVER: ClientError = ClientError::NoServer("a request to its API");

#[async_trait]
impl ApiClient for Orchestrator {
    async fn ask(&self, _: Request) -> Result<Answer, ClientError> {
        Err(NO_SERVER)
    }

    async fn listen(&self, _: Value) -> Result<EventFeed, ClientError> {
        Err(NO_SERVER)
    }

    async fn announce(&self, _: &TaskRun) -> Result<(), ClientError> {
        Err(NO_SERVER)
    }

    fn api_url(&self) -> Option<String> {
        None
    }
}
