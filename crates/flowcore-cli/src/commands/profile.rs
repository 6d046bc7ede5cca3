//! `flowcore profile`: sets of settings under a name.

use clap::{Args, Subcommand};
use flowcore::settings::{Places, Source};
use serde::Serialize;
use toml_edit::{Item, Table};

use super::config;
use crate::arguments::OutputArguments;
use crate::called::as_called;
use crate::confirm::Confirmation;
use crate::failure::Failure;
use crate::output::{Column, Output, note};
use crate::session::settings;
use crate::settings_file::SettingsFile;

#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// Lists profiles, by name.
    Ls(OutputArguments),
    /// Makes a profile without settings, or with those of another.
    Create(Create),
    /// Makes a profile the active one.
    Use(Use),
    /// Shows what a profile sets. Passwords and secrets are not shown.
    Inspect(Inspect),
    /// Gives a profile another name.
    Rename(Rename),
    /// Deletes a profile that is not the active one, with its settings.
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The new profile: letters, digits, dots, dashes and underscores.
    name: String,
    /// The profile whose settings are copied.
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Use {
    /// The profile.
    name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The profile. Without a name it is the active one.
    name: Option<String>,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Rename {
    /// The profile.
    name: String,
    /// Its new name: letters, digits, dots, dashes and underscores.
    new_name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The profile.
    name: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    active: bool,
}

pub(super) fn run(command: &ProfileCommand, profile: Option<&str>, out: &mut Output) -> Result<(), Failure> {
    let places = settings(profile).places()?;
    match command {
        ProfileCommand::Ls(output) => ls(*output, &places, out),
        ProfileCommand::Create(arguments) => create(arguments, &places, out),
        ProfileCommand::Use(arguments) => make_active(&arguments.name, &places, out),
        ProfileCommand::Inspect(arguments) => inspect(arguments, &places, out),
        ProfileCommand::Rename(arguments) => rename(arguments, &places, out),
        ProfileCommand::Delete(arguments) => delete(arguments, &places, out),
    }
}

fn ls(output: OutputArguments, places: &Places, out: &mut Output) -> Result<(), Failure> {
    let active = active(places);
    let names = places.profiles.names().iter().map(String::as_str);
    let rows: Vec<Row<'_>> = names.map(|name| Row { name, active: active == Some(name) }).collect();
    if output.json() {
        return out.json(&rows);
    }
    let yes = |active: bool| if active { "yes".to_owned() } else { String::new() };
    let rows: Vec<Vec<String>> = rows.iter().map(|row| vec![row.name.to_owned(), yes(row.active)]).collect();
    out.table(&[Column::Whole("NAME"), Column::Text("ACTIVE")], &rows)
}

fn create(arguments: &Create, places: &Places, out: &mut Output) -> Result<(), Failure> {
    let name = &arguments.name;
    refuse_name(name, places)?;
    let mut file = open(places)?;
    let content = match &arguments.from {
        None => Item::Table(Table::new()),
        Some(from) => {
            file.profile(from)?;
            file.profiles()?.get(from).cloned().unwrap_or_default()
        }
    };
    file.profiles()?.insert(name, placed_last(content));
    file.save()?;
    let next = format!("`flowcore profile use {name}` makes it the active one.");
    out.line(format!("Created profile '{name}'. {}", as_called(&next)))
}

fn make_active(name: &str, places: &Places, out: &mut Output) -> Result<(), Failure> {
    let mut file = open(places)?;
    file.profile(name)?;
    file.activate(name);
    file.save()?;
    out.line(format!("Profile '{name}' is the active one."))?;
    match &places.profile {
        Some((other, source)) if other != name && !is_in_file(source, places) => {
            let source = if *source == Source::Code { "--profile".to_owned() } else { source.to_string() };
            note(&format!("warning: profile '{other}' is chosen by {source}, which counts more"));
        }
        _ => {}
    }
    Ok(())
}

fn inspect(arguments: &Inspect, places: &Places, out: &mut Output) -> Result<(), Failure> {
    let name = arguments.name.as_deref().or(active(places)).ok_or_else(|| {
        Failure::new("no profile is active: name one, or make one the active one by `flowcore profile use`")
    })?;
    // An unknown one is told apart from one with wrong values.
    open(places)?.profile(name)?;
    config::print(places.profiles.inspect(name)?.into_iter(), false, arguments.output, out)
}

fn rename(arguments: &Rename, places: &Places, out: &mut Output) -> Result<(), Failure> {
    let Rename { name, new_name } = arguments;
    refuse_name(new_name, places)?;
    let mut file = open(places)?;
    file.profile(name)?;
    let profile = file.profiles()?.remove(name).unwrap_or_default();
    file.profiles()?.insert(new_name, profile);
    if places.profiles.active() == Some(name) {
        file.activate(new_name);
    }
    file.save()?;
    out.line(format!("Profile '{name}' is now '{new_name}'."))
}

fn delete(arguments: &Delete, places: &Places, out: &mut Output) -> Result<(), Failure> {
    let name = &arguments.name;
    let mut file = open(places)?;
    file.profile(name)?;
    if [places.profiles.active(), active(places)].contains(&Some(name)) {
        return Err(Failure::new(format!("profile '{name}' is the active one: make another one active first")));
    }
    arguments.confirmation.ask(out, || format!("Delete profile '{name}' with its settings?"))?;
    file.profiles()?.remove(name);
    file.save()?;
    out.line(format!("Deleted profile '{name}'."))
}

/// The profile whose settings count.
fn active(places: &Places) -> Option<&str> {
    places.profile.as_ref().map(|(name, _)| &**name)
}

fn open(places: &Places) -> Result<SettingsFile, Failure> {
    SettingsFile::open(places.profiles.file(), true)
}

fn is_in_file(source: &Source, places: &Places) -> bool {
    matches!(source, Source::File { file, .. } if file == places.profiles.file())
}

fn refuse_name(name: &str, places: &Places) -> Result<(), Failure> {
    let is_plain = |letter: char| letter.is_alphanumeric() || ['-', '_', '.'].contains(&letter);
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(Failure::Usage(
            "a profile's name is made of letters, digits, dots, dashes and underscores".to_owned(),
        ));
    }
    if places.profiles.names().iter().any(|known| known == name) {
        return Err(Failure::new(format!("there is a profile '{name}' already: choose another name")));
    }
    Ok(())
}

/// Lets a copied table stand behind the others instead of where it was copied from.
fn placed_last(mut item: Item) -> Item {
    if let Some(table) = item.as_table_mut() {
        table.set_position(None);
    }
    item
}
