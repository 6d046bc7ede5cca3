//! A client with one connection, as lean as can be: what is measured is the server.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::embedded::Failed;

/// A connection to a server's API.
pub(super) struct Http {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    base: String,
}

impl Http {
    /// Connects to an API such as `http://127.0.0.1:4200/api`.
    pub(super) async fn connect(api: &str) -> Result<Self, Failed> {
        let rest = api.strip_prefix("http://").ok_or("only http:// is spoken here")?;
        let (host, path) = rest.split_once('/').ok_or("the address has no path: it ends with /api")?;
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move { drop(connection.await) });
        Ok(Http { sender, host: host.to_owned(), base: format!("/{}", path.trim_end_matches('/')) })
    }

    /// Asks, and gives the body of what must be a success.
    pub(super) async fn ask(&mut self, method: Method, path: &str, body: String) -> Result<Bytes, Failed> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            return Err(format!("{path}: {status} {}", String::from_utf8_lossy(&body)).into());
        }
        Ok(body)
    }

    /// Posts and gives the answer.
    pub(super) async fn post(&mut self, path: &str, body: &Value) -> Result<Value, Failed> {
        Ok(serde_json::from_slice(&self.ask(Method::POST, path, body.to_string()).await?)?)
    }

    /// Gets, and leaves the answer unread.
    pub(super) async fn get(&mut self, path: &str) -> Result<(), Failed> {
        self.ask(Method::GET, path, String::new()).await.map(drop)
    }
}
