//! How failures are treated, as flow runs and task runs say it.

use std::collections::BTreeSet;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::retry_delays::RetryDelays;
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
    pub retry_delay: Option<RetryDelays>,
    /// By which fraction delays may be longer, from 0 up.
    #[serde(deserialize_with = "from_zero")]
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
    /// Seconds before a retry.
    pub retry_delay: Option<i64>,
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
            retries: policy.retries,
            retry_delay: policy.retry_delay.first().map(|delay| whole(delay.ceil())),
            pause_keys: Some(pauses.keys.clone()),
            resuming: Some(pauses.resuming),
            retry_type: pauses.retry_type,
        }
    }

    /// Gives what it says of retries.
    pub fn retry_policy(&self) -> RetryPolicy {
        let old = (self.retry_delay_seconds != 0.0).then_some(self.retry_delay_seconds);
        RetryPolicy {
            retries: meant(self.retries, self.max_retries),
            retry_delay: self.retry_delay.map(seconds).or(old).into_iter().collect(),
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
            Some(RetryDelays(delays)) => delays.clone(),
            None if body.retry_delay_seconds != 0.0 => vec![body.retry_delay_seconds],
            None => Vec::new(),
        };
        RetryPolicy {
            retries: meant(body.retries, body.max_retries),
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
            retries: policy.retries,
            retry_delay: (!policy.retry_delay.is_empty()).then(|| RetryDelays(policy.retry_delay.clone())),
            retry_jitter_factor: policy.retry_jitter,
        }
    }
}

/// Gives how many retries are meant where both names of them may be used.
fn meant(retries: Option<u32>, old: u32) -> Option<u32> {
    match retries {
        None | Some(0) if old > 0 => Some(old),
        said => said,
    }
}

/// Reads a number that is not negative, if there is one.
fn from_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let factor = Option::<f64>::deserialize(deserializer)?;
    if factor.is_some_and(|factor| factor < 0.0) {
        return Err(D::Error::custom("`retry_jitter_factor` must be >= 0."));
    }
    Ok(factor)
}

#[expect(clippy::cast_possible_truncation, reason = "what is longer than any retry waits is cut off")]
fn whole(delay: f64) -> i64 {
    delay as i64
}

#[expect(clippy::cast_precision_loss, reason = "seconds that somebody waits are few enough")]
fn seconds(delay: i64) -> f64 {
    delay as f64
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn delays_are_read_in_all_their_forms() {
        let read = |body: Value| serde_json::from_value(body).map(|body: PolicyBody| RetryPolicy::from(&body)).ok();
        let policy = |retries, retry_delay: &[f64]| {
            Some(RetryPolicy { retries, retry_delay: retry_delay.to_vec(), retry_jitter: None })
        };
        assert_eq!(read(json!({})), policy(None, &[]));
        assert_eq!(read(json!({"retries": 0})), policy(Some(0), &[]));
        assert_eq!(read(json!({"max_retries": 2, "retry_delay_seconds": 1.5})), policy(Some(2), &[1.5]));
        assert_eq!(read(json!({"retries": 3, "retry_delay": 7})), policy(Some(3), &[7.0]));
        assert_eq!(read(json!({"retries": 3, "retry_delay": [1, 2.5]})), policy(Some(3), &[1.0, 2.5]));
    }

    #[test]
    fn a_flow_run_has_its_pauses_in_its_policy() {
        let pauses = Pauses { keys: ["a".to_owned()].into(), resuming: true, retry_type: Some(RetryType::InProcess) };
        let policy = RetryPolicy { retries: Some(1), retry_delay: vec![1.5], retry_jitter: None };
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
            let policy = RetryPolicy { retries: Some(2), retry_delay, retry_jitter: Some(0.5) };
            assert_eq!(RetryPolicy::from(&PolicyBody::from(&policy)), policy);
        }
    }
}
