//! The filter of events, and what it selects.
//!
//! Stores narrow down what they read by it as far as they can, and leave the decision to [`EventFilter::selects`], so that
//! all of them select the same.

use uuid::Uuid;

use super::event::{RESOURCE_ID, RESOURCE_ROLE};
use super::{Event, FlowRunId, Order, Page, Resource, Timestamp};

/// Selects events, in the order of their times. Of a list that is not empty one entry has to fit; an empty list says
/// nothing.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// About this flow run or one of its task runs.
    pub flow_run_id: Option<FlowRunId>,
    /// Occurred at this time or later.
    pub since: Option<Timestamp>,
    /// Occurred before this time.
    pub until: Option<Timestamp>,
    /// These events.
    pub ids: Vec<Uuid>,
    /// What is said of the name.
    pub event: EventNames,
    /// What is said of what it happened to.
    pub resource: ResourceFilter,
    /// What related resources there have to be: for each of these one that it selects.
    pub related: Vec<ResourceFilter>,
    /// What resources there have to be, related or not: for each of these one that it selects.
    pub any_resource: Vec<ResourceFilter>,
    /// What is to be found in its texts.
    pub text: EventText,
    /// Which come first.
    pub order: Order,
    /// Rows to return.
    pub page: Page,
}

/// Selects by the name of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventNames {
    /// It begins with one of these.
    pub prefixes: Vec<String>,
    /// It is one of these.
    pub names: Vec<String>,
    /// It begins with none of these.
    pub excluded_prefixes: Vec<String>,
    /// It is none of these.
    pub excluded_names: Vec<String>,
}

/// Selects a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceFilter {
    /// Its id is one of these.
    pub ids: Vec<String>,
    /// Its id begins with one of these.
    pub id_prefixes: Vec<String>,
    /// Its role in the event is one of these.
    pub roles: Vec<String>,
    /// Its id and its role are one of these pairs.
    pub ids_in_roles: Vec<(String, String)>,
    /// Each of these labels has a value that fits one of these patterns, or any if there are none. In a pattern `*` stands
    /// for any text and `?` for one character; behind a `!` it fits what it would not.
    pub labels: Vec<(String, Vec<String>)>,
}

/// Selects by what is written anywhere in an event: its name, the values of its labels, its payload. Small and capital
/// letters are alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventText {
    /// One of these is found.
    pub any: Vec<String>,
    /// All of these are found.
    pub all: Vec<String>,
    /// None of these is found.
    pub none: Vec<String>,
}

impl EventText {
    fn selects(&self, event: &Event) -> bool {
        if *self == EventText::default() {
            return true;
        }
        let mut text = event.event.clone();
        for value in event.resources().flat_map(|resource| resource.values()) {
            text.push(' ');
            text.push_str(value);
        }
        text.push(' ');
        text.push_str(&event.payload.to_string());
        let text = text.to_lowercase();
        let found = |word: &String| text.contains(&word.to_lowercase());
        (self.any.is_empty() || self.any.iter().any(found))
            && self.all.iter().all(found)
            && !self.none.iter().any(found)
    }
}

/// Tells whether a text fits a pattern.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.strip_prefix('!') {
        Some(pattern) => !matches(pattern, text),
        None => matches(pattern, text),
    }
}

/// Matches from left to right; where it fails, the last `*` stands for one character more.
fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut again = None;
    loop {
        let (wanted_here, text_here) = (pattern.clone(), text.clone());
        match (pattern.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                text = text_here;
                again = Some((wanted_here, text.clone()));
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {}
            _ => {
                let Some((star, mut rest)) = again.take() else { return false };
                if rest.next().is_none() {
                    return false;
                }
                (pattern, text) = (star.clone(), rest.clone());
                pattern.next();
                again = Some((star, rest));
            }
        }
    }
}

impl EventNames {
    fn selects(&self, name: &str) -> bool {
        let begins = |prefixes: &[String]| prefixes.iter().any(|prefix| name.starts_with(prefix));
        let is = |names: &[String]| names.iter().any(|one| one == name);
        (self.prefixes.is_empty() || begins(&self.prefixes))
            && (self.names.is_empty() || is(&self.names))
            && !begins(&self.excluded_prefixes)
            && !is(&self.excluded_names)
    }

    /// Tells whether a name that begins so can be selected.
    fn may_begin(&self, beginning: &str) -> bool {
        may_begin(&self.prefixes, &self.names, beginning)
    }
}

impl ResourceFilter {
    /// Selects resources whose id begins with this.
    pub fn id_prefix(prefix: impl Into<String>) -> Self {
        ResourceFilter { id_prefixes: vec![prefix.into()], ..ResourceFilter::default() }
    }

    /// Tells whether a resource is selected.
    pub fn selects(&self, resource: &Resource) -> bool {
        let value = |label: &str| resource.get(label).map_or("", String::as_str);
        let id = value(RESOURCE_ID);
        let one_of = |values: &[String], value: &str| values.is_empty() || values.iter().any(|one| one == value);
        one_of(&self.ids, id)
            && (self.id_prefixes.is_empty() || self.id_prefixes.iter().any(|prefix| id.starts_with(prefix)))
            && one_of(&self.roles, value(RESOURCE_ROLE))
            && (self.ids_in_roles.is_empty()
                || self.ids_in_roles.iter().any(|(one, role)| one == id && role == value(RESOURCE_ROLE)))
            && self.labels.iter().all(|(label, patterns)| {
                let value = resource.get(label);
                value.is_some_and(|value| patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern, value)))
            })
    }
}

impl EventFilter {
    /// Tells whether an event is selected, apart from its flow run and from the page.
    pub fn selects(&self, event: &Event) -> bool {
        (self.ids.is_empty() || self.ids.contains(&event.id))
            && self.since.is_none_or(|since| event.occurred >= since)
            && self.until.is_none_or(|until| event.occurred < until)
            && self.event.selects(&event.event)
            && self.resource.selects(&event.resource)
            && self.related.iter().all(|wanted| event.related.iter().any(|related| wanted.selects(related)))
            && self.any_resource.iter().all(|wanted| event.resources().any(|resource| wanted.selects(resource)))
            && self.text.selects(event)
    }

    /// Tells whether changes of state can be selected of runs whose events and resources begin so. If not, a store need
    /// not read their histories.
    pub(crate) fn wants_states(&self, prefix: &str) -> bool {
        let resource = &self.resource;
        self.event.may_begin(prefix) && may_begin(&resource.id_prefixes, &resource.ids, prefix)
    }
}

/// Tells whether a text that begins so can begin with one of the prefixes, and be one of the texts.
fn may_begin(prefixes: &[String], texts: &[String], beginning: &str) -> bool {
    let fits = |prefix: &String| prefix.starts_with(beginning) || beginning.starts_with(prefix.as_str());
    (prefixes.is_empty() || prefixes.iter().any(fits))
        && (texts.is_empty() || texts.iter().any(|text| text.starts_with(beginning)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histories_are_read_only_where_they_can_be_selected() {
        let wants = |prefix: &str| {
            let event = EventNames { prefixes: vec![prefix.to_owned()], ..EventNames::default() };
            EventFilter { event, ..EventFilter::default() }.wants_states("prefect.task-run.")
        };
        assert!(wants("") && wants("prefect.") && wants("prefect.task-run.Comp"));
        assert!(!wants("prefect.flow-run.") && !wants("order."));
        let of = |id: &str| {
            let resource = ResourceFilter { ids: vec![id.to_owned()], ..ResourceFilter::default() };
            EventFilter { resource, ..EventFilter::default() }.wants_states("prefect.task-run.")
        };
        assert!(of("prefect.task-run.1") && !of("prefect.task-run") && !of("shop"));
    }

    #[test]
    fn roles_and_labels_have_to_fit() {
        let resource = super::super::related_resource("shop.customer.4", "buyer", Some("Ada"));
        let labels = |label: &str, values: &[&str]| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            ResourceFilter { labels: vec![(label.to_owned(), values)], ..ResourceFilter::default() }.selects(&resource)
        };
        assert!(labels("prefect.resource.name", &["Bob", "Ada"]) && labels("prefect.resource.name", &[]));
        assert!(!labels("prefect.resource.name", &["Bob"]) && !labels("shop.country", &[]));
        let role = |role: &str| {
            ResourceFilter { roles: vec![role.to_owned()], ..ResourceFilter::id_prefix("shop.") }.selects(&resource)
        };
        assert!(role("buyer") && !role("seller"));
        let pair = |id: &str, role: &str| {
            let ids_in_roles = vec![(id.to_owned(), role.to_owned())];
            ResourceFilter { ids_in_roles, ..ResourceFilter::default() }.selects(&resource)
        };
        assert!(pair("shop.customer.4", "buyer") && !pair("shop.customer.4", "seller"));
    }

    #[test]
    fn patterns_fit_texts() {
        for (pattern, text, expected) in [
            ("a.*.c", "a.b.b.c", true),
            ("a.*.c", "a.b.b.d", false),
            ("*b*", "aabb", true),
            ("a?c", "a\u{e4}c", true),
            ("a?c", "ac", false),
            ("", "", true),
            ("*", "", true),
            ("!*", "", false),
            ("!a*", "b", true),
            ("a*b*c", "abxbc", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn texts_are_found_anywhere() {
        let mut resource = Resource::new();
        resource.insert("shop.name".into(), "Corner SHOP".into());
        let event = Event {
            id: Uuid::nil(),
            occurred: Timestamp::UNIX_EPOCH,
            event: "order.placed".into(),
            resource,
            related: Vec::new(),
            payload: serde_json::json!({"total": "99 Euro"}),
            follows: None,
            received: Timestamp::UNIX_EPOCH,
        };
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let selects = |any: &[&str], all: &[&str], none: &[&str]| {
            EventText { any: words(any), all: words(all), none: words(none) }.selects(&event)
        };
        assert!(selects(&["missing", "shop"], &[], &[]) && selects(&[], &["PLACED", "euro"], &["shop.name"]));
        assert!(!selects(&["missing"], &[], &[]) && !selects(&[], &["placed", "missing"], &[]));
        assert!(!selects(&["shop"], &[], &["euro"]));
    }
}
