//! Requests to the server: with time limits, and repeated where that is safe.

use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use reqwest::{RequestBuilder, Response, StatusCode};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::options::HttpOptions;
use super::tls;
use crate::client::request::detail;
use crate::client::{Answer, ClientError, Method, Repeat, Request, ServerError};

/// How long a connection may take to be made.
pub(super) const CONNECT: Duration = Duration::from_secs(10);

/// How long one request may take, its answer included: as long as Prefect's client waits.
const REQUEST: Duration = Duration::from_secs(60);

/// The longest that a server's `Retry-After` is obeyed at once: it may say nonsense.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// The version of Prefect's API that the requests are made for.
const API_VERSION: &str = "0.8.4";

/// The server's API.
pub(super) struct Api {
    http: reqwest::Client,
    url: String,
    /// For how long a request is repeated.
    patience: Duration,
    /// What to look at when the server does not accept who asks.
    refused: &'static str,
}

/// Why one attempt came to nothing.
struct Trouble {
    error: ServerError,
    /// Whether the server cannot have taken the request.
    untaken: bool,
}

impl Api {
    pub(super) fn new(options: &HttpOptions) -> Result<Self, ServerError> {
        let not_started = |reason: String| ServerError::NotStarted(reason);
        let mut headers = HeaderMap::new();
        headers.insert("x-prefect-api-version", HeaderValue::from_static(API_VERSION));
        if let Some(key) = &options.key {
            let mut value = HeaderValue::try_from(format!("Bearer {key}"))
                .map_err(|_| not_started("FLOWCORE_API_KEY has letters that no header can have".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if options.auth_string.as_ref().is_some_and(|auth| !auth.contains(':')) {
            let why = "FLOWCORE_API_AUTH_STRING has no colon in it: write the user and the password, `user:password`";
            return Err(not_started(why.to_owned()));
        }
        let encrypted = options.url.starts_with("https:");
        let tls = tls::config(encrypted).map_err(|error| {
            not_started(format!(
                "{error}; check that the machine has root certificates, or set SSL_CERT_FILE to a file of them"
            ))
        })?;
        let http = reqwest::Client::builder()
            .user_agent(concat!("flowcore/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(CONNECT)
            .timeout(REQUEST)
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|error| not_started(error.to_string()))?;
        Ok(Api { http, url: options.url.clone(), patience: options.patience, refused: options.refused() })
    }

    /// Asks, and asks again where that is safe while the server is away.
    pub(super) async fn ask(&self, request: Request, auth: Option<&str>) -> Result<Answer, ClientError> {
        let until = Instant::now() + self.patience;
        let mut backoff = Backoff::default();
        loop {
            let trouble = match self.once(&request, auth).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            let may_repeat = match request.repeat {
                Repeat::Safely => true,
                Repeat::IfUntaken => trouble.untaken,
                Repeat::Never => false,
            };
            let first = !backoff.has_waited();
            let wait = trouble.error.wants_rest().unwrap_or_default() + backoff.next();
            if !may_repeat || !trouble.error.is_passing() || Instant::now() + wait > until {
                return Err(trouble.error.into());
            }
            if first && self.patience > REQUEST {
                tracing::warn!(
                    target: "flowcore",
                    "{}; it is asked again for up to {} min", trouble.error, self.patience.as_secs() / 60
                );
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn once(&self, request: &Request, auth: Option<&str>) -> Result<Answer, Trouble> {
        let asked = self.http.request(verb(request.method), format!("{}{}", self.url, request.path));
        let mut asked = self.authorized(asked, auth);
        for (name, value) in &request.headers {
            asked = asked.header(*name, value);
        }
        if let Some(body) = &request.body {
            asked = asked.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let answer = self.send(asked).await?;
        let (status, after) = (answer.status(), retry_after(&answer));
        let body = answer.bytes().await.map_err(|error| self.lost(&error, false))?.to_vec();
        let what = request.what.clone();
        match status {
            _ if Answer::is_expected(status.as_u16()) => Ok(Answer { status: status.as_u16(), body, what }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(Trouble::lasting(self.forbidden(what, status.as_u16())))
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Err(Trouble { error: self.away(said(status, &body), after), untaken: true })
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
                Err(Trouble { error: self.away(said(status, &body), after), untaken: false })
            }
            _ => {
                let error = ServerError::Refused { what, status: status.as_u16(), detail: detail(&body) };
                Err(Trouble::lasting(error))
            }
        }
    }

    fn authorized(&self, request: RequestBuilder, auth: Option<&str>) -> RequestBuilder {
        match auth.and_then(|auth| auth.split_once(':')) {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Trouble> {
        request.send().await.map_err(|error| self.lost(&error, error.is_connect()))
    }

    /// Asks for a websocket with Prefect's subprotocol.
    pub(super) async fn upgrade(&self, path: &str, auth: Option<&str>) -> Result<Response, ServerError> {
        let asked = self
            .authorized(self.http.get(format!("{}{path}", self.url)), auth)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            // Any sixteen bytes: a digest of them in the answer would tell it from one out of a cache, which the
            // acknowledgement of the proof does as well.
            .header(SEC_WEBSOCKET_KEY, "Zmxvd2NvcmUgY2xpZW50IQ==")
            .header(SEC_WEBSOCKET_PROTOCOL, "prefect");
        let answer = asked.send().await.map_err(|error| self.away(deepest(&error), None))?;
        match answer.status() {
            StatusCode::SWITCHING_PROTOCOLS => Ok(answer),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(self.forbidden(format!("open a websocket to {path}"), answer.status().as_u16()))
            }
            status => Err(self.away(format!("it says {status} to a websocket"), retry_after(&answer))),
        }
    }

    /// Says that the server does not accept who asks.
    pub(super) fn forbidden(&self, what: String, status: u16) -> ServerError {
        ServerError::Forbidden { what, status, instead: self.refused }
    }

    /// Says that the server cannot be had now.
    pub(super) fn away(&self, reason: String, after: Option<Duration>) -> ServerError {
        ServerError::Away { url: self.url.clone(), reason, after }
    }

    fn lost(&self, error: &reqwest::Error, untaken: bool) -> Trouble {
        Trouble { error: self.away(deepest(error), None), untaken }
    }
}

fn verb(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

/// Tells the cause that lies deepest: that the connection was refused, that a name is unknown.
fn deepest(error: &reqwest::Error) -> String {
    let mut deepest: &(dyn std::error::Error + 'static) = error;
    loop {
        // What lies in an error of input and output is not among its sources.
        let inner = deepest.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
        match inner.map(|inner| inner as &(dyn std::error::Error + 'static)).or_else(|| deepest.source()) {
            Some(deeper) => deepest = deeper,
            None => return deepest.downcast_ref().map_or_else(|| deepest.to_string(), tls::told),
        }
    }
}

impl Trouble {
    fn lasting(error: ServerError) -> Self {
        Trouble { error, untaken: false }
    }
}

/// Reads for how long the server wants to be left alone: seconds, or a date, which is compared with that of the answer.
fn retry_after(answer: &Response) -> Option<Duration> {
    let header = |name: HeaderName| answer.headers().get(name)?.to_str().ok().map(str::trim);
    let text = header(RETRY_AFTER)?;
    let after = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        Err(_) => {
            let [until, now] = [Some(text), header(DATE)].map(|date| DateTime::parse_from_rfc2822(date?).ok());
            (until? - now?).to_std().ok()?
        }
    };
    Some(after.min(LONGEST_RETRY_AFTER))
}

fn said(status: StatusCode, body: &[u8]) -> String {
    format!("it says {status}: {}", detail(body))
}
