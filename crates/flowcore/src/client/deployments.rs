//! Making deployments known to a server.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Client, ClientError, Request};

/// A deployment that is to be made, or to be changed if there is one of its name.
#[derive(Clone, Debug)]
pub struct NewDeployment {
    /// The flow's name.
    pub flow: String,
    /// The flow's tags.
    pub flow_tags: Vec<String>,
    /// Its own name, unique among those of the flow.
    pub name: String,
    /// All else, as Prefect's API has it. Without `schedules`, those that the server has stay.
    pub fields: Map<String, Value>,
}

#[derive(Deserialize)]
struct Made {
    id: Uuid,
}

/// Makes a deployment, or changes the one of its name, and gives its id.
///
/// # Errors
///
/// There is no server, or it refuses: an unknown pool, a schedule that it cannot read, parameters that do not fit.
pub async fn apply_deployment(client: &dyn Client, new: &NewDeployment) -> Result<Uuid, ClientError> {
    let flow = json!({"name": new.flow, "tags": new.flow_tags});
    let flow: Made = client.ask(Request::post("/flows/", "make a flow", &flow)).await?.read()?;
    let what = format!("make the deployment `{}/{}`", new.flow, new.name);
    if !new.fields.contains_key("schedules")
        && let Some(known) = known(client, new).await?
    {
        // Who makes a deployment anew takes its schedules away; who changes it need not speak of them, and cannot speak of labels.
        let mut changes = new.fields.clone();
        changes.remove("labels");
        client.ask(Request::patch(format!("/deployments/{known}"), what, &changes)).await?.accepted()?;
        return Ok(known);
    }
    let mut body = new.fields.clone();
    body.insert("name".to_owned(), json!(new.name));
    body.insert("flow_id".to_owned(), json!(flow.id));
    let made: Made = client.ask(Request::post("/deployments/", what, &body)).await?.read()?;
    Ok(made.id)
}

/// Finds the deployment of this name.
async fn known(client: &dyn Client, new: &NewDeployment) -> Result<Option<Uuid>, ClientError> {
    let (name, flow) = (json!({"name": {"any_": [new.name]}}), json!({"name": {"any_": [new.flow]}}));
    let filter = json!({"deployments": name, "flows": flow, "limit": 1});
    let found: Vec<Made> =
        client.ask(Request::post("/deployments/filter", "find a deployment", &filter)).await?.read()?;
    Ok(found.first().map(|found| found.id))
}
