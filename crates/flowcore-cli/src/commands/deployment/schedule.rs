//! `flowcore deployment schedule`, `set-schedule` and `clear-schedule`.

use clap::{Args, Subcommand};
use flowcore::client::Request;
use serde_json::json;
use uuid::Uuid;

use super::found::{Deployment, Schedule, all, find};
use crate::arguments::OutputArguments;
use crate::commands::due::DueArguments;
use crate::commands::listing::Listing;
use crate::confirm::Confirmation;
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::session::Session;
use crate::text::{counted, one_line};

#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Gives a deployment one more schedule.
    Create(Create),
    /// Lists the schedules of a deployment.
    Ls(Ls),
    /// Lets a schedule rest, or all schedules of all deployments.
    Pause(Chosen),
    /// Lets a schedule make runs again, or all schedules of all deployments.
    Resume(Chosen),
    /// Deletes a schedule.
    Delete(Delete),
    /// Takes all schedules away from a deployment.
    Clear(Clear),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The deployment: FLOW/NAME, or its id.
    deployment: String,
    #[command(flatten)]
    due: DueArguments,
    /// Whether it makes runs.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    active: Option<bool>,
    /// Let it rest at first.
    #[arg(long, conflicts_with = "active")]
    no_active: bool,
    /// Put it in the place of all schedules that the deployment has.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    confirmation: Confirmation,
}

#[derive(Debug, Args)]
pub(crate) struct SetSchedule {
    /// The deployment: FLOW/NAME, or its id.
    deployment: String,
    #[command(flatten)]
    due: DueArguments,
    #[command(flatten)]
    confirmation: Confirmation,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// The deployment: FLOW/NAME, or its id.
    deployment: String,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// The deployment: FLOW/NAME, or its id.
    #[arg(required_unless_present = "all")]
    deployment: Option<String>,
    /// The schedule: its id, or its slug.
    #[arg(required_unless_present = "all")]
    schedule: Option<String>,
    /// All schedules of all deployments.
    #[arg(long, conflicts_with_all = ["deployment", "schedule"])]
    all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The deployment: FLOW/NAME, or its id.
    deployment: String,
    /// The schedule: its id, or its slug.
    schedule: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

#[derive(Debug, Args)]
pub(crate) struct Clear {
    /// The deployment: FLOW/NAME, or its id.
    deployment: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

pub(super) async fn run(command: ScheduleCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    match command {
        ScheduleCommand::Create(arguments) => create(&arguments, session).await,
        ScheduleCommand::Ls(arguments) => ls(&arguments, session).await,
        ScheduleCommand::Pause(chosen) => activate(&chosen, false, session).await,
        ScheduleCommand::Resume(chosen) => activate(&chosen, true, session).await,
        ScheduleCommand::Delete(arguments) => delete(&arguments, session).await,
        ScheduleCommand::Clear(arguments) => clear(&arguments, session).await,
    }
}

async fn create(arguments: &Create, session: &mut Session<'_>) -> Result<(), Failure> {
    let schedule = json!({"schedule": arguments.due.required()?, "active": !arguments.no_active && arguments.active.unwrap_or(true)});
    let deployment = find(session, &arguments.deployment).await?;
    if arguments.replace {
        return replace(&arguments.deployment, &deployment, schedule, arguments.confirmation, session).await;
    }
    let path = format!("/deployments/{}/schedules", deployment.id);
    let request = Request::post(path, "make a schedule", &json!([schedule]));
    let made: Vec<Schedule> = session.client.ask(request).await?.read()?;
    for schedule in &made {
        let name = one_line(&arguments.deployment);
        session.out.line(format!("Made the schedule {} of '{name}': {}.", schedule.id, one_line(&schedule.told())))?;
    }
    Ok(())
}

/// Puts one schedule in the place of all that a deployment has.
pub(super) async fn set(arguments: &SetSchedule, session: &mut Session<'_>) -> Result<(), Failure> {
    let schedule = json!({"schedule": arguments.due.required()?, "active": true});
    let deployment = find(session, &arguments.deployment).await?;
    replace(&arguments.deployment, &deployment, schedule, arguments.confirmation, session).await
}

async fn replace(
    name: &str,
    deployment: &Deployment,
    schedule: serde_json::Value,
    confirmation: Confirmation,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    let name = one_line(name);
    if !deployment.schedules.is_empty() {
        let count = counted(deployment.schedules.len(), "schedule");
        confirmation.ask(session.out, || format!("Replace {count} of the deployment '{name}'?"))?;
    }
    put_all(session, deployment, &json!([schedule])).await?;
    let replaced = find(session, &deployment.id.to_string()).await?;
    let told: Vec<String> = replaced.schedules.iter().map(Schedule::told).collect();
    session.out.line(format!("The deployment '{name}' has one schedule now: {}.", one_line(&told.join("; "))))
}

/// Changes all schedules of a deployment at once.
async fn put_all(session: &Session<'_>, deployment: &Deployment, schedules: &serde_json::Value) -> Result<(), Failure> {
    let path = format!("/deployments/{}", deployment.id);
    let body = json!({"schedules": schedules});
    session.client.ask(Request::patch(path, "change a deployment's schedules", &body)).await?.accepted()?;
    Ok(())
}

async fn ls(arguments: &Ls, session: &mut Session<'_>) -> Result<(), Failure> {
    let deployment = find(session, &arguments.deployment).await?;
    let listing = Listing {
        columns: &[Column::Whole("ID"), Column::Text("SCHEDULE"), Column::Whole("ACTIVE"), Column::Text("SLUG")],
        row: |_: &Output, schedule: &Schedule| {
            let active = if schedule.active { "yes" } else { "no" };
            let slug = schedule.slug.clone().unwrap_or_else(|| "-".to_owned());
            vec![schedule.id.to_string(), schedule.due(), active.to_owned(), slug]
        },
        none: "It has no schedules. `flowcore deployment schedule create` makes one.".to_owned(),
        more: None,
    };
    listing.print(session.out, arguments.output, &deployment.schedules)
}

/// Finds the schedule that is meant by its id or its slug.
fn chosen<'a>(deployment: &'a Deployment, name: &str, text: &str) -> Result<&'a Schedule, Failure> {
    let id = text.parse::<Uuid>().ok();
    let means = |one: &&Schedule| Some(one.id) == id || one.slug.as_deref() == Some(text);
    deployment.schedules.iter().find(means).ok_or_else(|| {
        let (text, name) = (one_line(text), one_line(name));
        Failure::new(format!(
            "the deployment has no schedule `{text}`: list them with `flowcore deployment schedule ls {name}`"
        ))
    })
}

async fn activate(which: &Chosen, active: bool, session: &mut Session<'_>) -> Result<(), Failure> {
    let done = if active { "Resumed" } else { "Paused" };
    if which.all {
        let mut changed = 0;
        for deployment in all(session).await? {
            for schedule in deployment.schedules.iter().filter(|schedule| schedule.active != active) {
                set_active(session, deployment.id, schedule.id, active).await?;
                changed += 1;
            }
        }
        return session.out.line(format!("{done} {}.", counted(changed, "schedule")));
    }
    let (name, schedule) = (which.deployment.as_deref().unwrap_or_default(), which.schedule.as_deref());
    let deployment = find(session, name).await?;
    let schedule = chosen(&deployment, name, schedule.unwrap_or_default())?;
    set_active(session, deployment.id, schedule.id, active).await?;
    let due = one_line(&schedule.due());
    session.out.line(format!("{done} the schedule {} of '{}': {due}.", schedule.id, one_line(name)))
}

async fn set_active(session: &Session<'_>, deployment: Uuid, schedule: Uuid, active: bool) -> Result<(), Failure> {
    let path = format!("/deployments/{deployment}/schedules/{schedule}");
    let request = Request::patch(path, "change a schedule", &json!({"active": active}));
    session.client.ask(request).await?.accepted()?;
    Ok(())
}

async fn delete(arguments: &Delete, session: &mut Session<'_>) -> Result<(), Failure> {
    let deployment = find(session, &arguments.deployment).await?;
    let schedule = chosen(&deployment, &arguments.deployment, &arguments.schedule)?;
    let what = format!("the schedule {} of '{}'", one_line(&schedule.due()), one_line(&arguments.deployment));
    arguments.confirmation.ask(session.out, || format!("Delete {what}?"))?;
    let path = format!("/deployments/{}/schedules/{}", deployment.id, schedule.id);
    session.client.ask(Request::delete(path, "delete a schedule")).await?.accepted()?;
    session.out.line(format!("Deleted {what}."))
}

/// Takes all schedules away from a deployment.
pub(super) async fn clear(arguments: &Clear, session: &mut Session<'_>) -> Result<(), Failure> {
    let deployment = find(session, &arguments.deployment).await?;
    let (count, name) = (counted(deployment.schedules.len(), "schedule"), one_line(&arguments.deployment));
    if !deployment.schedules.is_empty() {
        arguments.confirmation.ask(session.out, || format!("Delete {count} of the deployment '{name}'?"))?;
    }
    put_all(session, &deployment, &json!([])).await?;
    session.out.line(format!("Deleted {count} of the deployment '{name}'."))
}
