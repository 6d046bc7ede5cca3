//! Tokens that only a client of the server's own knows, against requests that another site makes a browser send.

use axum::http::{HeaderMap, Method, StatusCode};
use chrono::TimeDelta;
use flowcore::model::Timestamp;
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::error::ApiError;

/// Gives out tokens and knows them again. A token is the time at which it ends and a digest of that and of the client, with
/// a key: nothing has to be kept. Servers that encrypt with the same key know each other's tokens, also after a restart. A
/// server without one makes a key that it alone knows, and clients of another one fetch new tokens by themselves.
pub(crate) struct Csrf {
    key: [u8; 32],
    valid_for: TimeDelta,
}

/// A token, as a client fetches it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CsrfToken {
    id: Uuid,
    created: Moment,
    updated: Moment,
    token: String,
    client: String,
    expiration: Moment,
}

impl Csrf {
    pub(crate) fn new(valid_for: TimeDelta) -> Self {
        // Nobody has to guess it, and it has to be the same for no other process.
        let key: String = (0..2).map(|_| Uuid::new_v4().simple().to_string()).collect();
        Csrf { key: *blake3::hash(key.as_bytes()).as_bytes(), valid_for }
    }

    /// Uses a key that other servers have as well.
    pub(crate) fn with_key(self, key: [u8; 32]) -> Self {
        Csrf { key, ..self }
    }

    /// Makes a token for a client.
    pub(crate) fn give(&self, client: String, id: Uuid, now: Timestamp) -> CsrfToken {
        let expiration = now + self.valid_for;
        let end = expiration.timestamp_micros();
        let token = format!("{end:x}.{}", self.digest(&client, end).to_hex());
        CsrfToken { id, created: now.into(), updated: now.into(), token, client, expiration: expiration.into() }
    }

    fn digest(&self, client: &str, end: i64) -> blake3::Hash {
        blake3::keyed_hash(&self.key, format!("{end}:{client}").as_bytes())
    }

    fn is_valid(&self, token: &str, client: &str, now: Timestamp) -> bool {
        let read = token
            .split_once('.')
            .and_then(|(end, digest)| Some((i64::from_str_radix(end, 16).ok()?, blake3::Hash::from_hex(digest).ok()?)));
        read.is_some_and(|(end, digest)| digest == self.digest(client, end) && now.timestamp_micros() < end)
    }

    /// Refuses a request that changes something without a token.
    pub(super) fn check(&self, method: &Method, headers: &HeaderMap, now: Timestamp) -> Result<(), ApiError> {
        if ![Method::POST, Method::PUT, Method::PATCH, Method::DELETE].contains(method) {
            return Ok(());
        }
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let refuse = |why: &str| Err(ApiError::Refused(StatusCode::FORBIDDEN, why.to_owned()));
        let Some(token) = header("prefect-csrf-token") else { return refuse("Missing CSRF token.") };
        let Some(client) = header("prefect-csrf-client") else { return refuse("Missing client identifier.") };
        if self.is_valid(token, client, now) { Ok(()) } else { refuse("Invalid CSRF token or client identifier.") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_valid_for_its_client_and_for_its_time() {
        let csrf = Csrf::new(TimeDelta::seconds(10));
        let now = Timestamp::UNIX_EPOCH;
        let token = csrf.give("a".to_owned(), Uuid::nil(), now).token;
        assert!(csrf.is_valid(&token, "a", now + TimeDelta::seconds(9)));
        assert!(!csrf.is_valid(&token, "a", now + TimeDelta::seconds(10)));
        assert!(!csrf.is_valid(&token, "b", now));
        assert!(!Csrf::new(TimeDelta::seconds(10)).is_valid(&token, "a", now));
        let shared = || Csrf::new(TimeDelta::seconds(10)).with_key([7; 32]);
        assert!(shared().is_valid(&shared().give("a".to_owned(), Uuid::nil(), now).token, "a", now));
        for wrong in ["", ".", "1.2", &token.replace('.', "0."), &token[1..]] {
            assert!(!csrf.is_valid(wrong, "a", now), "{wrong}");
        }
    }
}
