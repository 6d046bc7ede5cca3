//! Automations: what is to be done when events come, or do not come.
//!
//! They are checked as Prefect checks them, kept and given back exactly as they came. [`trigger`] says when one acts,
//! [`action`] what it does; the rows are those of [`record`].

mod action;
mod checks;
mod record;
mod resource;
mod seconds;
mod template;
mod trigger;

pub(crate) use action::Action;
pub(crate) use checks::loop_of_runs;
pub(crate) use record::{AUTOMATIONS, Automation, CREATED, ID, NAME, TAGS, UPDATED};
pub(crate) use resource::{AUTOMATION_ID, AutomationResource, OWNED, RESOURCE_ID, RESOURCES, named};
pub(crate) use template::check_template;
pub(crate) use trigger::Trigger;
