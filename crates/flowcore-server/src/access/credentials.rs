//! The name and password that all clients share.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use data_encoding::BASE64;
use flowcore::settings::AuthString;

/// What clients have to send. Only a digest is kept, and digests are compared, which takes the same time for all that is
/// wrong, however long it is.
#[derive(Clone)]
pub(crate) struct Credentials(blake3::Hash);

impl Credentials {
    pub(crate) fn new(text: &AuthString) -> Self {
        Credentials(blake3::hash(text.reveal().as_bytes()))
    }

    /// Tells whether this is the name and password, as websockets send it.
    pub(crate) fn are(&self, sent: &str) -> bool {
        blake3::hash(sent.as_bytes()) == self.0
    }

    /// Tells whether a request carries them, as HTTP's basic authentication.
    pub(crate) fn are_in(&self, headers: &HeaderMap) -> bool {
        sent(headers).is_some_and(|sent| blake3::hash(&sent) == self.0)
    }
}

/// Gives the name and password of a request's basic authentication, with a colon between.
pub(super) fn sent(headers: &HeaderMap) -> Option<Vec<u8>> {
    let (scheme, text) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let text = BASE64.decode(text.trim().as_bytes()).ok()?;
    scheme.eq_ignore_ascii_case("basic").then_some(text)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_whole_name_and_password_are_taken() {
        let credentials = Credentials::new(&AuthString::new("admin:pass"));
        let carried = |value: &'static str| {
            credentials.are_in(&HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))]))
        };
        assert!(carried("Basic YWRtaW46cGFzcw==") && carried("basic YWRtaW46cGFzcw=="));
        for wrong in
            ["Basic YWRtaW46cGFz", "Basic", "Bearer YWRtaW46cGFzcw==", "Basic admin:pass", "", "Basic YWRtaW46"]
        {
            assert!(!carried(wrong), "{wrong}");
        }
        assert!(!credentials.are_in(&HeaderMap::new()));
        assert!(credentials.are("admin:pass") && !credentials.are("admin:passx") && !credentials.are(""));
    }
}
