//! `flowcore variable`: values under names, which programs read while they run.

use clap::{Args, Subcommand};
use flowcore::model::{NewVariable, Variable, VariableFilter};
use serde_json::value::RawValue;

use super::listing::{Listing, may_be_more};
use super::run_report::pretty;
use crate::arguments::{LimitArguments, OutputArguments};
use crate::confirm::Confirmation;
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::session::Session;
use crate::text::{indented, one_line};

#[derive(Debug, Subcommand)]
pub(crate) enum VariableCommand {
    /// Prints a variable's value: a text as it is, anything else as JSON.
    Get(Get),
    /// Sets a variable.
    ///
    /// VALUE is read as JSON where it is JSON: 20, true, null, "a text", [1, 2], {"a": 1}. Anything else is a text, so that
    /// `flowcore variable set owner Ada` needs no quotes. --text and --json say which of the two it is.
    Set(Set),
    /// Lists variables, by name.
    Ls(Ls),
    /// Shows a variable with its tags and times.
    Inspect(Inspect),
    /// Deletes a variable.
    #[command(visible_alias = "delete")]
    Unset(Unset),
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The variable's name.
    name: String,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    /// The variable's name: lower case letters, digits, dashes and underscores.
    name: String,
    /// Its value.
    #[arg(allow_negative_numbers = true)]
    value: String,
    /// Change the variable if there is one of this name.
    #[arg(long)]
    overwrite: bool,
    /// A word to find it by; may be given several times. Without one a variable that is overwritten keeps its tags.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Take the value as a text, also if it is JSON.
    #[arg(long)]
    text: bool,
    /// Insist that the value is JSON.
    #[arg(long, conflicts_with = "text")]
    json: bool,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only variables with this in their names.
    #[arg(long, value_name = "TEXT")]
    name_like: Option<String>,
    /// Only variables with this tag; given several times, with all of them.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    #[command(flatten)]
    limit: LimitArguments,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The variable's name.
    name: String,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Unset {
    /// The variable's name.
    name: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

pub(super) async fn run(command: VariableCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    match command {
        VariableCommand::Get(Get { name, output }) => {
            let variable = find(session, &name).await?;
            if output.json() { session.out.json(&variable.value) } else { session.out.line(plain(&variable.value)) }
        }
        VariableCommand::Set(arguments) => set(arguments, session).await,
        VariableCommand::Ls(arguments) => ls(arguments, session).await,
        VariableCommand::Inspect(Inspect { name, output }) => {
            let variable = find(session, &name).await?;
            if output.json() { session.out.json(&variable) } else { show(session.out, &variable) }
        }
        VariableCommand::Unset(Unset { name, confirmation }) => {
            find(session, &name).await?;
            confirmation.ask(session.out, || format!("Delete the variable '{}'?", one_line(&name)))?;
            match session.client.delete_variable(&name).await? {
                true => session.out.line(format!("Deleted the variable '{}'.", one_line(&name))),
                false => Err(missing(&name)),
            }
        }
    }
}

async fn find(session: &Session<'_>, name: &str) -> Result<Variable, Failure> {
    let found = session.client.variables(&VariableFilter::named(name)).await?;
    found.into_iter().next().ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Failure {
    Failure::new(format!("there is no variable `{}`: list them with `flowcore variable ls`", one_line(name)))
}

async fn set(arguments: Set, session: &mut Session<'_>) -> Result<(), Failure> {
    let Set { name, value, overwrite, tags, text, json, output } = arguments;
    let value = match (RawValue::from_string(value.clone()), text) {
        (Ok(value), false) => value,
        (Err(error), _) if json => {
            return Err(Failure::Usage(format!(
                "the value is not JSON: {error}; without --json it is taken as a text"
            )));
        }
        _ => serde_json::value::to_raw_value(&value).map_err(|error| Failure::new(error.to_string()))?,
    };
    let tags = (!tags.is_empty()).then_some(tags);
    let variable = session.client.set_variable(NewVariable { name, value, tags, overwrite }).await?;
    if output.json() {
        return session.out.json(&variable);
    }
    session.out.line(format!("Set the variable '{}'.", variable.name))
}

async fn ls(arguments: Ls, session: &mut Session<'_>) -> Result<(), Failure> {
    let filter = VariableFilter {
        name_like: arguments.name_like,
        tags: (!arguments.tags.is_empty()).then_some(arguments.tags),
        page: arguments.limit.page(),
        ..VariableFilter::default()
    };
    let variables = session.client.variables(&filter).await?;
    let listing = Listing {
        columns: &[Column::Text("NAME"), Column::Text("VALUE"), Column::Text("TAGS"), Column::Whole("UPDATED")],
        row,
        none: "No variables were found. `flowcore variable set NAME VALUE` makes one.".to_owned(),
        more: may_be_more(session.out, variables.len(), arguments.limit.rows(), "first"),
    };
    listing.print(session.out, arguments.output, &variables)
}

fn row(out: &Output, variable: &Variable) -> Vec<String> {
    vec![variable.name.clone(), variable.value.get().to_owned(), variable.tags.join(", "), out.time(variable.updated)]
}

fn show(out: &mut Output, variable: &Variable) -> Result<(), Failure> {
    let mut fields = vec![("Variable", variable.name.clone()), ("ID", variable.id.to_string())];
    if !variable.tags.is_empty() {
        fields.push(("Tags", one_line(&variable.tags.join(", "))));
    }
    fields.push(("Created", out.time(variable.created)));
    fields.push(("Updated", out.time(variable.updated)));
    out.fields(&fields)?;
    out.heading("Value")?;
    out.line(indented(&pretty(variable.value.get())))
}

/// Writes a value as scripts want it: a text without quotes.
fn plain(value: &RawValue) -> String {
    serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn texts_are_printed_without_quotes() {
        for (json, printed) in [(r#""a \"b\"\n""#, "a \"b\"\n"), ("[1, \"a\"]", "[1, \"a\"]"), ("1.50", "1.50")] {
            assert_eq!(plain(&RawValue::from_string(json.to_owned()).unwrap()), printed);
        }
    }
}
