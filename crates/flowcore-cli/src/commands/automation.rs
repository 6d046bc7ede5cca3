//! `flowcore automation`: what is to happen when something else does.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use flowcore::client::Request;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::filtered;
use super::listing::Listing;
use super::run_report::pretty;
use crate::arguments::OutputArguments;
use crate::confirm::Confirmation;
use crate::deploy_file::read_any;
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::session::Session;
use crate::text::{counted, indented, one_line};

#[derive(Debug, Subcommand)]
pub(crate) enum AutomationCommand {
    /// Lists automations, by name.
    Ls(Ls),
    /// Shows an automation.
    Inspect(Inspect),
    /// Makes automations.
    Create(Create),
    /// Puts another definition in the place of an automation's.
    Update(Update),
    /// Puts an automation out of force.
    #[command(alias = "disable")]
    Pause(Which),
    /// Puts an automation in force.
    #[command(alias = "enable")]
    Resume(Which),
    /// Deletes an automation.
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    #[command(flatten)]
    output: OutputArguments,
}

/// Which automation is meant.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The automation: its name, or its id.
    #[arg(required_unless_present = "id")]
    name: Option<String>,
    /// The automation's id.
    #[arg(long, value_name = "ID", conflicts_with = "name")]
    id: Option<Uuid>,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    output: OutputArguments,
}

/// Where a definition is.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Definition {
    /// A file with the definition, as YAML or JSON.
    #[arg(long, short = 'f', value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// The definition, as JSON.
    #[arg(long, short = 'j', value_name = "JSON")]
    from_json: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    #[command(flatten)]
    definition: Definition,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// The automation's id.
    #[arg(long, value_name = "ID")]
    id: Uuid,
    #[command(flatten)]
    definition: Definition,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The automation: its name, or its id.
    #[arg(required_unless_present_any = ["id", "all"])]
    name: Option<String>,
    /// The automation's id.
    #[arg(long, value_name = "ID", conflicts_with = "name")]
    id: Option<Uuid>,
    /// Delete all automations.
    #[arg(long, conflicts_with_all = ["name", "id"])]
    all: bool,
    #[command(flatten)]
    confirmation: Confirmation,
}

#[derive(Debug, Deserialize, Serialize)]
struct Automation {
    id: Uuid,
    name: String,
    #[serde(default)]
    description: String,
    enabled: bool,
    trigger: Value,
    #[serde(default)]
    actions: Vec<Value>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

pub(super) async fn run(command: AutomationCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    match command {
        AutomationCommand::Ls(Ls { output }) => ls(output, session).await,
        AutomationCommand::Inspect(Inspect { which, output }) => {
            let automation = which.find(session).await?;
            if output.json() { session.out.json(&automation) } else { show(session.out, &automation) }
        }
        AutomationCommand::Create(Create { definition }) => create(&definition, session).await,
        AutomationCommand::Update(update) => change(&update, session).await,
        AutomationCommand::Pause(which) => put_in_force(&which, false, session).await,
        AutomationCommand::Resume(which) => put_in_force(&which, true, session).await,
        AutomationCommand::Delete(arguments) => delete(arguments, session).await,
    }
}

impl Which {
    async fn find(&self, session: &Session<'_>) -> Result<Automation, Failure> {
        let text = self.id.map(|id| id.to_string()).or_else(|| self.name.clone()).unwrap_or_default();
        let missing = || {
            let text = one_line(&text);
            Failure::new(format!("there is no automation `{text}`: list them with `flowcore automation ls`"))
        };
        if let Ok(id) = text.parse::<Uuid>() {
            let request = Request::get(format!("/automations/{id}"), "read an automation");
            return session.client.ask(request).await?.read_if_found()?.ok_or_else(missing);
        }
        let mut found = by_name(session, json!({"automations": {"name": {"any_": [text]}}})).await?;
        match (found.pop(), found.len()) {
            (Some(only), 0) => Ok(only),
            (Some(_), more) => {
                let (text, count) = (one_line(&text), more + 1);
                Err(Failure::new(format!(
                    "{count} automations are called `{text}`: name one by --id; `flowcore automation ls` lists their ids"
                )))
            }
            (None, _) => Err(missing()),
        }
    }
}

/// Lists all automations that a filter selects, by name.
async fn by_name(session: &Session<'_>, mut filter: Value) -> Result<Vec<Automation>, Failure> {
    filter["sort"] = json!("NAME_ASC");
    filtered::all(session, "/automations/filter", "list automations", &filter).await
}

async fn ls(output: OutputArguments, session: &mut Session<'_>) -> Result<(), Failure> {
    let all = by_name(session, json!({})).await?;
    let listing = Listing {
        columns: &[
            Column::Whole("ID"),
            Column::Text("NAME"),
            Column::Whole("IN FORCE"),
            Column::Whole("TRIGGER"),
            Column::Text("ACTIONS"),
        ],
        row: |_: &Output, automation: &Automation| {
            let kind = |value: &Value| value["type"].as_str().unwrap_or("-").to_owned();
            let actions: Vec<String> = automation.actions.iter().map(kind).collect();
            let in_force = if automation.enabled { "yes" } else { "no" };
            let trigger = kind(&automation.trigger);
            vec![automation.id.to_string(), automation.name.clone(), in_force.to_owned(), trigger, actions.join(", ")]
        },
        none: "There are no automations. `flowcore automation create` makes one.".to_owned(),
        more: None,
    };
    listing.print(session.out, output, &all)
}

fn show(out: &mut Output, automation: &Automation) -> Result<(), Failure> {
    let mut fields = vec![("Automation", one_line(&automation.name)), ("ID", automation.id.to_string())];
    fields.push(("In force", if automation.enabled { "yes" } else { "no" }.to_owned()));
    if !automation.description.is_empty() {
        fields.push(("Description", one_line(&automation.description)));
    }
    out.fields(&fields)?;
    out.heading("Trigger")?;
    out.line(indented(&pretty(&automation.trigger.to_string())))?;
    out.heading("Actions")?;
    out.line(indented(&pretty(&json!(automation.actions).to_string())))
}

impl Definition {
    fn read(&self) -> Result<Value, Failure> {
        if let Some(file) = &self.from_file {
            return read_any(file);
        }
        let text = self.from_json.as_deref().unwrap_or_default();
        serde_json::from_str(text).map_err(|error| Failure::Usage(format!("--from-json is no JSON: {error}")))
    }
}

async fn create(definition: &Definition, session: &mut Session<'_>) -> Result<(), Failure> {
    let all = match definition.read()? {
        Value::Array(all) => all,
        Value::Object(one) => match one.get("automations") {
            Some(Value::Array(all)) => all.clone(),
            _ => vec![Value::Object(one)],
        },
        _ => return Err(Failure::Usage("an automation is a mapping, and several are a list of them".to_owned())),
    };
    for new in all {
        let name = new["name"].as_str().unwrap_or_default().to_owned();
        let what = format!("make the automation `{}`", one_line(&name));
        let made: Automation = session.client.ask(Request::post("/automations/", what, &new)).await?.read()?;
        session.out.line(format!("Made the automation '{}' ({}).", one_line(&made.name), made.id))?;
    }
    Ok(())
}

async fn change(update: &Update, session: &mut Session<'_>) -> Result<(), Failure> {
    let known = Which { name: None, id: Some(update.id) }.find(session).await?;
    let mut new = update.definition.read()?;
    if let Some(fields) = new.as_object_mut() {
        // What was read from the server may be written back.
        fields.retain(|name, _| !["id", "created", "updated"].contains(&name.as_str()));
    }
    let what = format!("change the automation `{}`", one_line(&known.name));
    let request = Request::new(flowcore::client::Method::Put, format!("/automations/{}", known.id), what).with(&new);
    session.client.ask(request).await?.accepted()?;
    session.out.line(format!("Changed the automation '{}'.", one_line(&known.name)))
}

async fn put_in_force(which: &Which, enabled: bool, session: &mut Session<'_>) -> Result<(), Failure> {
    let automation = which.find(session).await?;
    let path = format!("/automations/{}", automation.id);
    let request = Request::patch(path, "change an automation", &json!({"enabled": enabled}));
    session.client.ask(request).await?.accepted()?;
    let done = if enabled { "Resumed" } else { "Paused" };
    session.out.line(format!("{done} the automation '{}'.", one_line(&automation.name)))
}

async fn delete(arguments: Delete, session: &mut Session<'_>) -> Result<(), Failure> {
    let Delete { name, id, all, confirmation } = arguments;
    let (found, what) = if all {
        let found = by_name(session, json!({})).await?;
        let what = counted(found.len(), "automation");
        (found, what)
    } else {
        let automation = Which { name, id }.find(session).await?;
        let what = format!("the automation '{}'", one_line(&automation.name));
        (vec![automation], what)
    };
    confirmation.ask(session.out, || format!("Delete {what}?"))?;
    for automation in found {
        let request = Request::delete(format!("/automations/{}", automation.id), "delete an automation");
        session.client.ask(request).await?.accepted()?;
    }
    session.out.line(format!("Deleted {what}."))
}
