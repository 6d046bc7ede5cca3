//! `flowcore deployment delete`.

use clap::Args;
use flowcore::client::Request;
use uuid::Uuid;

use super::found::{Which, all};
use crate::confirm::Confirmation;
use crate::failure::Failure;
use crate::session::Session;
use crate::text::{counted, one_line};

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The deployment: FLOW/NAME, or its id.
    #[arg(required_unless_present_any = ["id", "all"])]
    name: Option<String>,
    /// The deployment's id.
    #[arg(long, value_name = "ID", conflicts_with = "name")]
    id: Option<Uuid>,
    /// Delete all deployments.
    #[arg(long, conflicts_with_all = ["name", "id"])]
    all: bool,
    #[command(flatten)]
    confirmation: Confirmation,
}

pub(super) async fn run(arguments: &Delete, session: &mut Session<'_>) -> Result<(), Failure> {
    if arguments.all {
        let all = all(session).await?;
        let what = counted(all.len(), "deployment");
        arguments.confirmation.ask(session.out, || format!("Delete {what}?"))?;
        for deployment in all {
            delete(session, deployment.id).await?;
        }
        return session.out.line(format!("Deleted {what}."));
    }
    let which = Which { name: arguments.name.clone(), id: arguments.id };
    let found = which.find(session).await?;
    let name = one_line(&which.text());
    arguments.confirmation.ask(session.out, || format!("Delete the deployment '{name}'?"))?;
    delete(session, found.id).await?;
    session.out.line(format!("Deleted the deployment '{name}'."))
}

async fn delete(session: &Session<'_>, id: Uuid) -> Result<(), Failure> {
    session.client.ask(Request::delete(format!("/deployments/{id}"), "delete a deployment")).await?.accepted()?;
    Ok(())
}
