//! How failures are treated, as flow runs and task runs say it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::RetryPolicy;

/// The policy of a run. A flow run has one delay, a task run may have several.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PolicyBody {
    /// What `retries` was called before.
    pub max_retries: u32,
    /// What `retry_delay` was called before, in seconds.
    pub retry_delay_seconds: f64,
    /// How often a failed run is tried again.
    pub retries: Option<u32>,
    /// Seconds before a retry: a number, or one for each.
    pub retry_delay: Option<Value>,
    /// By which fraction delays may be longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_jitter_factor: Option<f64>,
}

impl From<&PolicyBody> for RetryPolicy {
    fn from(body: &PolicyBody) -> Self {
        let retry_delay = match &body.retry_delay {
            Some(Value::Array(delays)) => delays.iter().filter_map(Value::as_f64).collect(),
            Some(delay) => delay.as_f64().into_iter().collect(),
            None if body.retry_delay_seconds != 0.0 => vec![body.retry_delay_seconds],
            None => Vec::new(),
        };
        RetryPolicy {
            retries: body.retries.unwrap_or(body.max_retries),
            retry_delay,
            retry_jitter: body.retry_jitter_factor,
        }
    }
}

impl From<&RetryPolicy> for PolicyBody {
    fn from(policy: &RetryPolicy) -> Self {
        PolicyBody {
            max_retries: 0,
            retry_delay_seconds: 0.0,
            retries: Some(policy.retries),
            retry_delay: match &*policy.retry_delay {
                [] => None,
                [one] => Some(number(*one)),
                several => Some(several.iter().copied().map(number).collect()),
            },
            retry_jitter_factor: policy.retry_jitter,
        }
    }
}

/// A delay as Prefect writes it: whole where it is.
fn number(delay: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
    if delay.fract() == 0.0 && delay.abs() < 1e15 { Value::from(delay as i64) } else { Value::from(delay) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn delays_are_read_in_all_their_forms() {
        let read = |body: Value| serde_json::from_value(body).map(|body: PolicyBody| RetryPolicy::from(&body)).ok();
        let policy = |retries, retry_delay: &[f64]| {
            Some(RetryPolicy { retries, retry_delay: retry_delay.to_vec(), retry_jitter: None })
        };
        assert_eq!(read(json!({})), policy(0, &[]));
        assert_eq!(read(json!({"max_retries": 2, "retry_delay_seconds": 1.5})), policy(2, &[1.5]));
        assert_eq!(read(json!({"retries": 3, "retry_delay": 7})), policy(3, &[7.0]));
        assert_eq!(read(json!({"retries": 3, "retry_delay": [1, 2.5]})), policy(3, &[1.0, 2.5]));
    }

    #[test]
    fn what_is_written_is_read_again() {
        for retry_delay in [vec![], vec![4.0], vec![0.5, 2.0]] {
            let policy = RetryPolicy { retries: 2, retry_delay, retry_jitter: Some(0.5) };
            assert_eq!(RetryPolicy::from(&PolicyBody::from(&policy)), policy);
        }
    }
}
