//! Events.

use std::collections::BTreeMap;

use chrono::{Days, NaiveTime};
use flowcore::model::{self, EventNames, EventText, FlowRunId, Order, Page, ResourceFilter, Timestamp};
use flowcore::wire::Moment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::one_or_more::OneOrMore;
use super::text::{TextSearch, Words};

/// How many days back events are looked for unless the filter says so.
const DAYS: Days = Days::new(180);

/// How long a search in texts may be, in characters.
const LONGEST_SEARCH: usize = 200;

/// Selects events.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EventFilter {
    occurred: Occurred,
    event: Option<Names>,
    resource: Option<ResourceCriteria>,
    related: Option<OneOrMore<RelatedCriteria>>,
    any_resource: Option<OneOrMore<AnyCriteria>>,
    id: Ids,
    text: Option<TextSearch>,
    order: EventOrder,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Occurred {
    since: Option<Moment>,
    until: Option<Moment>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Names {
    prefix: Option<Vec<String>>,
    exclude_prefix: Option<Vec<String>>,
    name: Option<Vec<String>>,
    exclude_name: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct ResourceCriteria {
    id: Option<Vec<String>>,
    id_prefix: Option<Vec<String>>,
    labels: Option<Labels>,
    distinct: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "EventRelatedFilter")]
struct RelatedCriteria {
    id: Option<Vec<String>>,
    role: Option<Vec<String>>,
    resources_in_roles: Option<Vec<(String, String)>>,
    labels: Option<Labels>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "EventAnyResourceFilter")]
struct AnyCriteria {
    id: Option<Vec<String>>,
    id_prefix: Option<Vec<String>>,
    labels: Option<Labels>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Ids {
    id: Option<Vec<Uuid>>,
}

/// Patterns that values of labels have to fit.
type Labels = BTreeMap<String, OneOrMore<String>>;

/// Which events come first.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum EventOrder {
    Asc,
    #[default]
    Desc,
}

impl EventFilter {
    /// Says what is wrong with it, if anything is.
    pub(crate) fn problem(&self) -> Option<String> {
        let long = self.text.as_ref().is_some_and(|text| text.len() > LONGEST_SEARCH);
        long.then(|| format!("a search in the texts of events has at most {LONGEST_SEARCH} characters"))
    }

    /// Sets the span of time where nothing is said of it: half a year up to now.
    pub(crate) fn fixed(mut self, now: Timestamp) -> Self {
        let begin = || now.with_time(NaiveTime::MIN).single().unwrap_or(now).checked_sub_days(DAYS).unwrap_or(now);
        self.occurred.since.get_or_insert_with(|| Moment(begin()));
        self.occurred.until.get_or_insert(Moment(now));
        self
    }

    /// Leaves out what occurred before a time.
    pub(crate) fn not_before(mut self, time: Timestamp) -> Self {
        self.occurred.since = self.occurred.since.max(Some(Moment(time)));
        self
    }

    /// Tells when the events that it selects begin and end.
    pub(crate) fn span(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.occurred.since.map(|time| time.0), self.occurred.until.map(|time| time.0))
    }

    /// Tells whether of the events of one resource only the first is wanted.
    pub(crate) fn distinct(&self) -> bool {
        self.resource.as_ref().is_some_and(|resource| resource.distinct)
    }

    /// Says the same as stores understand it.
    pub(crate) fn selecting(&self, page: Page) -> model::EventFilter {
        let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
        let event = self.event.as_ref().map(|names| EventNames {
            prefixes: list(&names.prefix),
            names: list(&names.name),
            excluded_prefixes: list(&names.exclude_prefix),
            excluded_names: list(&names.exclude_name),
        });
        let resource = self.resource.as_ref().map(|wanted| ResourceFilter {
            ids: list(&wanted.id),
            id_prefixes: list(&wanted.id_prefix),
            labels: labels(&wanted.labels),
            ..ResourceFilter::default()
        });
        let related = self.related.iter().flat_map(OneOrMore::as_slice).map(|wanted| ResourceFilter {
            ids: list(&wanted.id),
            roles: list(&wanted.role),
            ids_in_roles: wanted.resources_in_roles.clone().unwrap_or_default(),
            labels: labels(&wanted.labels),
            ..ResourceFilter::default()
        });
        let any_resource = self.any_resource.iter().flat_map(OneOrMore::as_slice).map(|wanted| ResourceFilter {
            ids: list(&wanted.id),
            id_prefixes: list(&wanted.id_prefix),
            labels: labels(&wanted.labels),
            ..ResourceFilter::default()
        });
        // What says nothing selects events without related resources, too.
        let says_something = |wanted: &ResourceFilter| *wanted != ResourceFilter::default();
        let Words { any, all, none } = self.text.as_ref().map(TextSearch::words).unwrap_or_default();
        let (since, until) = self.span();
        let mut filter = model::EventFilter {
            flow_run_id: None,
            since,
            // Prefect's filter has the end in it.
            until: until.map(|until| until + chrono::Duration::microseconds(1)),
            ids: self.id.id.clone().unwrap_or_default(),
            event: event.unwrap_or_default(),
            resource: resource.unwrap_or_default(),
            related: related.filter(says_something).collect(),
            any_resource: any_resource.filter(says_something).collect(),
            text: EventText { any, all, none },
            order: match self.order {
                EventOrder::Asc => Order::OldestFirst,
                EventOrder::Desc => Order::NewestFirst,
            },
            page,
        };
        filter.flow_run_id = named_flow_run(&filter);
        filter
    }
}

/// Finds a flow run that all selected events name: stores find those without going through the others.
fn named_flow_run(filter: &model::EventFilter) -> Option<FlowRunId> {
    let criteria = std::iter::once(&filter.resource).chain(&filter.related).chain(&filter.any_resource);
    criteria
        .filter_map(|wanted| match &*wanted.ids {
            [id] => id.strip_prefix("prefect.flow-run.")?.parse().ok().map(FlowRunId),
            _ => None,
        })
        .next()
}

fn labels(labels: &Option<Labels>) -> Vec<(String, Vec<String>)> {
    let patterns = |patterns: &OneOrMore<String>| match patterns.as_slice() {
        // No value at all fits, which is what this says.
        [] => vec!["!*".to_owned()],
        patterns => patterns.to_vec(),
    };
    labels.iter().flatten().map(|(label, wanted)| (label.clone(), patterns(wanted))).collect()
}
