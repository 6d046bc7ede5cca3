//! How failures are treated, as flow runs and task runs say it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::model::{Pauses, RetryPolicy, RetryType};

/// The policy of a task run.
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
    pub retry_jitter_factor: Option<f64>,
}

/// The policy of a flow run: one delay for all retries, and what rules remember of its pauses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct FlowPolicyBody {
    /// What `retries` was called before.
    pub max_retries: u32,
    /// What `retry_delay` was called before, in seconds.
    pub retry_delay_seconds: f64,
    /// How often a failed run is tried again.
    pub retries: Option<u32>,
    /// Seconds before a retry. Prefect's clients read whole ones only.
    #[serde(serialize_with = "whole")]
    pub retry_delay: Option<f64>,
    /// The keys of pauses that have been.
    pub pause_keys: Option<BTreeSet<String>>,
    /// Whether it goes on behind a pause and has not begun to run again.
    pub resuming: Option<bool>,
    /// How it is tried again.
    pub retry_type: Option<RetryType>,
}

impl Default for FlowPolicyBody {
    fn default() -> Self {
        FlowPolicyBody {
            max_retries: 0,
            retry_delay_seconds: 0.0,
            retries: None,
            retry_delay: None,
            pause_keys: Some(BTreeSet::new()),
            resuming: Some(false),
            retry_type: None,
        }
    }
}

impl FlowPolicyBody {
    /// Tells of both parts of a run's policy.
    pub fn new(policy: &RetryPolicy, pauses: &Pauses) -> Self {
        FlowPolicyBody {
            max_retries: 0,
            retry_delay_seconds: 0.0,
            retries: Some(policy.retries),
            retry_delay: policy.retry_delay.first().copied().map(f64::ceil),
            pause_keys: Some(pauses.keys.clone()),
            resuming: Some(pauses.resuming),
            retry_type: pauses.retry_type,
        }
    }

    /// Gives what it says of retries.
    pub fn retry_policy(&self) -> RetryPolicy {
        let old = (self.retry_delay_seconds != 0.0).then_some(self.retry_delay_seconds);
        RetryPolicy {
            retries: self.retries.unwrap_or(self.max_retries),
            retry_delay: self.retry_delay.or(old).into_iter().collect(),
            retry_jitter: None,
        }
    }

    /// Gives what it says of pauses.
    pub fn pauses(&self) -> Pauses {
        Pauses {
            keys: self.pause_keys.clone().unwrap_or_default(),
            resuming: self.resuming.unwrap_or_default(),
            retry_type: self.retry_type,
        }
    }
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

/// Writes a delay as an integer where it is whole.
fn whole<S: Serializer>(delay: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    delay.map(number).serialize(serializer)
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
    fn a_flow_run_has_its_pauses_in_its_policy() {
        let pauses = Pauses { keys: ["a".to_owned()].into(), resuming: true, retry_type: Some(RetryType::InProcess) };
        let policy = RetryPolicy { retries: 1, retry_delay: vec![1.5], retry_jitter: None };
        let body = serde_json::to_value(FlowPolicyBody::new(&policy, &pauses)).unwrap_or_default();
        assert_eq!(
            (&body["retry_delay"], &body["pause_keys"], &body["resuming"]),
            (&json!(2), &json!(["a"]), &json!(true))
        );
        let read = serde_json::from_value::<FlowPolicyBody>(body).unwrap_or_default();
        assert_eq!(read.pauses(), pauses);
        assert_eq!(FlowPolicyBody::default().pauses(), Pauses::default());
    }

    #[test]
    fn what_is_written_is_read_again() {
        for retry_delay in [vec![], vec![4.0], vec![0.5, 2.0]] {
            let policy = RetryPolicy { retries: 2, retry_delay, retry_jitter: Some(0.5) };
            assert_eq!(RetryPolicy::from(&PolicyBody::from(&policy)), policy);
        }
    }
}
