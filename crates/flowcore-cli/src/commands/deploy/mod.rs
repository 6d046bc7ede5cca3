//! `flowcore deploy`: flows for the workers of a pool, by the command line or by a file.

mod apply;
mod body;
mod flags;
mod triggers;

pub(super) use body::body;
pub(crate) use flags::Deploy;
pub(super) use triggers::replace as replace_triggers;

use crate::deploy_file::{DeployFile, Written, choose, find};
use crate::failure::Failure;
use crate::output::note;
use crate::session::Session;
use crate::text::one_line;

pub(super) async fn run(deploy: Box<Deploy>, session: &mut Session<'_>) -> Result<(), Failure> {
    let chosen = chosen(&deploy)?;
    if let [one] = &chosen[..] {
        let mut one = one.clone();
        deploy.put_over(&mut one)?;
        return apply::apply(one, &deploy, session).await;
    }
    if deploy.says_more() {
        note(
            "warning: several deployments are made as the file says: what the command line says of one is not regarded",
        );
    }
    for written in chosen {
        match written.name() {
            Some(_) => apply::apply(written, &deploy, session).await?,
            None => note("warning: a deployment without a name is left out"),
        }
    }
    Ok(())
}

/// Finds out what is to be deployed.
fn chosen(deploy: &Deploy) -> Result<Vec<Written>, Failure> {
    let path = find(deploy.prefect_file.as_deref());
    let file = path.as_deref().map(DeployFile::read).transpose()?;
    match (&deploy.entrypoint, file) {
        (None, Some(file)) => choose(&file, &deploy.names, deploy.all),
        (None, None) => Err(Failure::Usage(
            "name an entrypoint, or write a file of deployments: `flowcore init` makes one, flowcore.yaml".to_owned(),
        )),
        (Some(_), file) => {
            let [name] = &deploy.names[..] else {
                return Err(Failure::Usage(
                    "say how the deployment of the entrypoint is called, once: --name NAME".to_owned(),
                ));
            };
            let file = file.unwrap_or_default();
            // What the file says of it counts as well, if it does.
            if file.deployments.iter().any(|written| written.name().as_deref() == Some(name)) {
                return choose(&file, &deploy.names, false);
            }
            if name.contains(['/', '*']) {
                let name = one_line(name);
                return Err(Failure::Usage(format!(
                    "`{name}` cannot be the name of a deployment: it has a `/` or a `*`"
                )));
            }
            Ok(vec![Written { steps: file.steps, ..Written::default() }])
        }
    }
}
