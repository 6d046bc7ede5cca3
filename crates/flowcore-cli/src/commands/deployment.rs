//! `flowcore deployment`: what runs are made of.

mod apply;
mod delete;
mod found;
mod run;
mod schedule;
mod show;

pub(super) use run::{object, pairs, parameters};

use clap::Subcommand;
use flowcore::client::Request;
use serde_json::json;

use crate::failure::Failure;
use crate::session::Session;
use crate::text::one_line;

#[derive(Debug, Subcommand)]
pub(crate) enum DeploymentCommand {
    /// Lists deployments, by name.
    Ls(show::Ls),
    /// Shows a deployment.
    Inspect(show::Inspect),
    /// Makes deployments from files of Prefect 2, such as the deployment.yaml that its `deployment build` wrote.
    Apply(apply::Apply),
    /// Makes a run of a deployment.
    Run(Box<run::Run>),
    /// Lets its schedules rest.
    Pause(found::Which),
    /// Lets its schedules make runs again.
    Resume(found::Which),
    /// Deletes a deployment. Its runs stay.
    Delete(delete::Delete),
    /// Keeps the schedules of a deployment.
    #[command(subcommand)]
    Schedule(schedule::ScheduleCommand),
    /// Puts one schedule in the place of all that a deployment has.
    SetSchedule(schedule::SetSchedule),
    /// Takes all schedules away from a deployment.
    ClearSchedule(schedule::Clear),
}

pub(super) async fn run(command: DeploymentCommand, session: &mut Session<'_>) -> Result<u8, Failure> {
    match command {
        DeploymentCommand::Ls(arguments) => show::ls(arguments, session).await?,
        DeploymentCommand::Inspect(arguments) => show::inspect(&arguments, session).await?,
        DeploymentCommand::Apply(arguments) => apply::run(&arguments, session).await?,
        DeploymentCommand::Run(arguments) => return run::run(*arguments, session).await,
        DeploymentCommand::Pause(which) => rest(session, &which, "pause", "Paused").await?,
        DeploymentCommand::Resume(which) => rest(session, &which, "resume", "Resumed").await?,
        DeploymentCommand::Delete(arguments) => delete::run(&arguments, session).await?,
        DeploymentCommand::Schedule(command) => schedule::run(command, session).await?,
        DeploymentCommand::SetSchedule(arguments) => schedule::set(&arguments, session).await?,
        DeploymentCommand::ClearSchedule(arguments) => schedule::clear(&arguments, session).await?,
    }
    Ok(0)
}

async fn rest(session: &mut Session<'_>, which: &found::Which, verb: &str, done: &str) -> Result<(), Failure> {
    let found = which.find(session).await?;
    let path = format!("/deployments/{}/{verb}_deployment", found.id);
    let request = Request::post(path, format!("{verb} a deployment"), &json!({}));
    session.client.ask(request).await?.accepted()?;
    session.out.line(format!("{done} the deployment '{}'.", one_line(&which.text())))
}
