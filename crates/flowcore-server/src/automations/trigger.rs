//! When an automation acts.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::seconds::Seconds;
use crate::filter::OneOrMore;

/// How long a trigger that waits for the absence of events has to wait at least.
const SHORTEST_WAIT: Seconds = Seconds(10.0);

/// When an automation acts.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Trigger {
    Event(EventTrigger),
    Compound(CompoundTrigger),
    Sequence(SequenceTrigger),
}

/// When events come, or do not come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct EventTrigger {
    #[serde(rename = "type", default)]
    kind: EventType,
    #[serde(default)]
    id: Uuid,
    /// What the resource has to be like.
    #[serde(rename = "match", default)]
    pub(crate) matching: Labels,
    /// What the related resources have to be like.
    #[serde(default = "any_related")]
    pub(crate) match_related: OneOrMore<Labels>,
    /// These events have to come first.
    #[serde(default)]
    after: BTreeSet<String>,
    /// These events are waited for.
    #[serde(default)]
    pub(crate) expect: BTreeSet<String>,
    /// It is looked at for each value of these labels on its own.
    #[serde(default)]
    for_each: BTreeSet<String>,
    pub(crate) posture: Posture,
    /// How many events it takes.
    #[serde(default = "one")]
    threshold: i64,
    /// In which time they have to come.
    #[serde(default)]
    within: Seconds,
}

/// Patterns that labels have to fit.
pub(crate) type Labels = BTreeMap<String, OneOrMore<String>>;

/// When several triggers have fired.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CompoundTrigger {
    #[serde(rename = "type", default)]
    kind: CompoundType,
    #[serde(default)]
    id: Uuid,
    triggers: Vec<Trigger>,
    #[serde(deserialize_with = "given")]
    #[schemars(required)]
    within: Option<Seconds>,
    /// How many of them it takes.
    require: Require,
}

/// When several triggers have fired in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct SequenceTrigger {
    #[serde(rename = "type", default)]
    kind: SequenceType,
    #[serde(default)]
    id: Uuid,
    triggers: Vec<Trigger>,
    #[serde(deserialize_with = "given")]
    #[schemars(required)]
    within: Option<Seconds>,
}

/// Whether the presence of events counts, or their absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Posture {
    Reactive,
    Proactive,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum EventType {
    #[default]
    Event,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum CompoundType {
    #[default]
    Compound,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum SequenceType {
    #[default]
    Sequence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Require {
    Number(i64),
    Word(AnyOrAll),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum AnyOrAll {
    Any,
    All,
}

fn one() -> i64 {
    1
}

fn any_related() -> OneOrMore<Labels> {
    OneOrMore::One(Labels::new())
}

/// Reads what may be null but not absent.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Seconds>, D::Error> {
    Option::deserialize(deserializer)
}

impl<'de> Deserialize<'de> for Trigger {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Value::deserialize(deserializer)?;
        let kind = match written.get("type").and_then(Value::as_str) {
            Some(kind) => kind,
            // Clients may leave out what is plain.
            None if written.get("require").is_some() => "compound",
            None if written.get("triggers").is_some() => "sequence",
            None => "event",
        };
        let read = match kind {
            "event" => serde_json::from_value(written).map(Trigger::Event),
            "compound" => serde_json::from_value(written).map(Trigger::Compound),
            "sequence" => serde_json::from_value(written).map(Trigger::Sequence),
            other => return Err(D::Error::custom(format!("`{other}` is no trigger: event, compound or sequence is"))),
        };
        read.map_err(D::Error::custom)?.checked().map_err(D::Error::custom)
    }
}

impl Trigger {
    /// Checks what types cannot say.
    fn checked(mut self) -> Result<Self, String> {
        match &mut self {
            Trigger::Event(event) => {
                let none = Seconds::default();
                if event.within < none {
                    return Err("`within` should be greater than or equal to 0 seconds".to_owned());
                }
                if event.posture == Posture::Proactive && event.within == none {
                    event.within = SHORTEST_WAIT;
                } else if event.posture == Posture::Proactive && event.within < SHORTEST_WAIT {
                    return Err(
                        "`within` for Proactive triggers must be greater than or equal to 10 seconds".to_owned()
                    );
                }
            }
            Trigger::Compound(compound) => {
                if let Require::Number(number) = compound.require {
                    let most = i64::try_from(compound.triggers.len()).unwrap_or(i64::MAX);
                    if number < 1 {
                        return Err("require must be at least 1".to_owned());
                    }
                    if number > most {
                        return Err("require must be less than or equal to the number of triggers".to_owned());
                    }
                }
            }
            Trigger::Sequence(_) => {}
        }
        Ok(self)
    }

    /// Gives it and those in it new ids.
    pub(crate) fn rename(&mut self, new: &dyn Fn() -> Uuid) {
        let (id, inner) = match self {
            Trigger::Event(trigger) => (&mut trigger.id, None),
            Trigger::Compound(trigger) => (&mut trigger.id, Some(&mut trigger.triggers)),
            Trigger::Sequence(trigger) => (&mut trigger.id, Some(&mut trigger.triggers)),
        };
        *id = new();
        for trigger in inner.into_iter().flatten() {
            trigger.rename(new);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn triggers_are_read_and_written() {
        let event = json!({"posture": "Proactive", "expect": ["b", "a"], "match": {"x": ["1", "2"], "y": "3"}});
        let all = json!({"type": "compound", "triggers": [event, {"triggers": [], "within": "PT1M"}], "within": null, "require": 1});
        let read: Trigger = serde_json::from_value(all).unwrap();
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(written["triggers"][0]["within"], 10.0);
        assert_eq!(written["triggers"][0]["match"], json!({"x": ["1", "2"], "y": "3"}));
        assert_eq!(written["triggers"][0]["match_related"], json!({}));
        assert_eq!(
            (&written["triggers"][1]["type"], &written["triggers"][1]["within"]),
            (&json!("sequence"), &json!(60.0))
        );
        assert_eq!(serde_json::from_value::<Trigger>(written).unwrap(), read);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let event = json!({"posture": "Reactive"});
        for (trigger, why) in [
            (json!({"type": "metric"}), "is no trigger"),
            (json!({"posture": "Lazy"}), "unknown variant"),
            (json!({"posture": "Proactive", "within": 3}), "10 seconds"),
            (json!({"posture": "Reactive", "within": -1}), "0 seconds"),
            (json!({"triggers": [event], "require": 2, "within": null}), "number of triggers"),
            (json!({"triggers": [event], "require": 0, "within": null}), "at least 1"),
            (json!({"triggers": [event], "require": "all"}), "missing field `within`"),
            (json!({"triggers": [{"type": "event"}], "within": 1}), "missing field `posture`"),
        ] {
            let problem = serde_json::from_value::<Trigger>(trigger.clone()).unwrap_err().to_string();
            assert!(problem.contains(why), "{trigger}: {problem}");
        }
    }
}
