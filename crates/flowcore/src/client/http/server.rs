//! The server as all parts of the client share it.

use reqwest::{Response, StatusCode};

use super::api::Api;
use super::options::HttpOptions;
use crate::client::{Answer, ClientError, Request, ServerError};

/// The server's API, and who asks it.
pub(super) struct Server {
    api: Api,
    options: HttpOptions,
}

impl Server {
    pub(super) fn new(options: HttpOptions) -> Result<Self, ServerError> {
        Ok(Server { api: Api::new(&options)?, options })
    }

    pub(super) fn url(&self) -> &str {
        &self.options.url
    }

    /// Gives what proves on a websocket who asks.
    pub(super) fn token(&self) -> Option<&str> {
        self.options.key.as_deref().or(self.options.auth_string.as_deref())
    }

    /// Asks for a websocket.
    pub(super) async fn upgrade(&self, path: &str) -> Result<Response, ServerError> {
        self.api.upgrade(path, self.auth()).await
    }

    /// Says that the server does not accept on a websocket who asks.
    pub(super) fn forbidden(&self, what: &str) -> ServerError {
        self.api.forbidden(what.to_owned(), StatusCode::FORBIDDEN.as_u16())
    }

    /// Says that the server cannot be had now.
    pub(super) fn away(&self, reason: String) -> ServerError {
        self.api.away(reason, None)
    }

    fn auth(&self) -> Option<&str> {
        // A key says who asks as well, and counts more.
        self.options.auth_string.as_deref().filter(|_| self.options.key.is_none())
    }

    pub(super) async fn ask(&self, request: Request) -> Result<Answer, ClientError> {
        self.api.ask(request, self.auth()).await
    }
}
