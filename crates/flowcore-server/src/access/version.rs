//! The version of the API that a client speaks.

use axum::http::{HeaderMap, StatusCode};

use crate::error::ApiError;

/// The oldest version whose clients are answered.
const OLDEST: [u32; 3] = [0, 8, 0];

/// Refuses a client that is too old. One that does not say is taken to be of today.
pub(super) fn check(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(said) = headers.get("x-prefect-api-version") else { return Ok(()) };
    let said = String::from_utf8_lossy(said.as_bytes());
    if said.is_empty() {
        return Ok(());
    }
    let numbers: Option<Vec<u32>> = said.split('.').map(|number| number.trim().parse().ok()).collect();
    let refuse = |why: String| Err(ApiError::Refused(StatusCode::BAD_REQUEST, why));
    match numbers.as_deref() {
        Some([major, minor, patch]) if [*major, *minor, *patch] >= OLDEST => Ok(()),
        Some([_, _, _]) => {
            let [major, minor, patch] = OLDEST;
            refuse(format!(
                "The request specified API version {said} but this server requires version {major}.{minor}.{patch} or higher."
            ))
        }
        _ => refuse(format!(
            "Invalid X-PREFECT-API-VERSION header format. Expected header in format 'x.y.z' but received {said}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn clients_that_are_too_old_are_refused() {
        let taken = |text: &'static str| {
            check(&HeaderMap::from_iter(
                [("x-prefect-api-version".parse().ok(), HeaderValue::from_static(text))]
                    .into_iter()
                    .filter_map(|(name, value)| Some((name?, value))),
            ))
            .is_ok()
        };
        for text in ["0.8.0", "0.8.4", "1.0.0", ""] {
            assert!(taken(text), "{text}");
        }
        for text in ["0.7.9", "0.8", "latest", "0.8.4.1", "0.-8.0"] {
            assert!(!taken(text), "{text}");
        }
        assert!(check(&HeaderMap::new()).is_ok());
    }
}
