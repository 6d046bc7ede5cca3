//! `flowcore cache`: the results that calls share, and why a run had none to take.

use clap::{Args, Subcommand};
use flowcore::results::{CachedCall, Storage, StoredEntry};

use super::cache_explain::{self, Explain};
use super::listing::Listing;
use crate::arguments::OutputArguments;
use crate::confirm::Confirmation;
use crate::failure::Failure;
use crate::output::{Column, Output};
use crate::session::Session;
use crate::text::size;

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Lists the entries of the cache, newest first.
    Ls(Ls),
    /// Deletes entries of the cache: what they hold is computed anew when it is wanted.
    Clear(Clear),
    /// Says why a task run was executed instead of taking its result from the cache: which input has changed, for example.
    Explain(Explain),
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only entries of this task: its name, or its path in the code.
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Clear {
    /// Only the entries of this task: its name, or its path in the code.
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// Only entries that have expired.
    #[arg(long)]
    expired: bool,
    /// Only the entry of this key.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// All entries.
    #[arg(long, conflicts_with_all = ["task", "expired", "key"])]
    all: bool,
    #[command(flatten)]
    confirmation: Confirmation,
}

pub(super) async fn run(command: CacheCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    match command {
        CacheCommand::Ls(arguments) => ls(&arguments, session).await,
        CacheCommand::Clear(arguments) => clear(&arguments, session).await,
        CacheCommand::Explain(arguments) => cache_explain::run(&arguments, session).await,
    }
}

/// Opens the result storage that the settings name.
pub(super) fn storage(session: &Session<'_>) -> Result<Storage, Failure> {
    Ok(Storage::from_url(&session.settings.result_storage, &session.settings.s3)?)
}

/// Lists the entries of the cache in a storage, newest first. Other results are there as well.
pub(super) async fn entries(storage: &Storage) -> Result<Vec<(StoredEntry, CachedCall)>, Failure> {
    let entries = storage.entries().await?.into_iter();
    let mut entries: Vec<_> = entries.filter_map(|entry| Some((entry.clone(), entry.cached?))).collect();
    entries.sort_by_key(|(entry, _)| std::cmp::Reverse(entry.created));
    Ok(entries)
}

/// Tells whether a call is one of the task that a user names.
fn is_of(call: &CachedCall, task: &str) -> bool {
    call.task_key == task || call.task_key.rsplit("::").next() == Some(task)
}

async fn ls(arguments: &Ls, session: &mut Session<'_>) -> Result<(), Failure> {
    let storage = storage(session)?;
    let wanted = |call: &CachedCall| arguments.task.as_ref().is_none_or(|task| is_of(call, task));
    let entries = entries(&storage).await?.into_iter().filter(|(_, call)| wanted(call));
    let entries: Vec<StoredEntry> = entries.map(|(entry, _)| entry).collect();
    let listing = Listing {
        columns: &[
            Column::Text("KEY"),
            Column::Text("TASK"),
            Column::Whole("CREATED"),
            Column::Whole("EXPIRES"),
            Column::Whole("SIZE"),
        ],
        row,
        none: format!("Nothing is cached in {}.", storage.url()),
        more: None,
    };
    listing.print(session.out, arguments.output, &entries)
}

fn row(out: &Output, entry: &StoredEntry) -> Vec<String> {
    vec![
        entry.metadata.storage_key.clone(),
        entry.cached.as_ref().map(|call| call.task_key.clone()).unwrap_or_default(),
        out.time(entry.created),
        out.time_or_dash(entry.metadata.expiration),
        size(entry.metadata.size),
    ]
}

async fn clear(arguments: &Clear, session: &mut Session<'_>) -> Result<(), Failure> {
    if !(arguments.all || arguments.expired || arguments.task.is_some() || arguments.key.is_some()) {
        let message = "say which entries are to be deleted: --key KEY, --task NAME, --expired or --all";
        return Err(Failure::Usage(message.to_owned()));
    }
    let storage = storage(session)?;
    let now = session.out.now();
    let is_wanted = |(entry, call): &(StoredEntry, CachedCall)| {
        arguments.task.as_ref().is_none_or(|task| is_of(call, task))
            && arguments.key.as_ref().is_none_or(|key| *key == entry.metadata.storage_key)
            && (!arguments.expired || entry.metadata.expiration.is_some_and(|expiration| expiration <= now))
    };
    let entries: Vec<_> = entries(&storage).await?.into_iter().filter(is_wanted).collect();
    let what = format!(
        "{} of the cache",
        if entries.len() == 1 { "1 entry".to_owned() } else { format!("{} entries", entries.len()) }
    );
    if entries.is_empty() {
        return session.out.line(format!("There is no such entry in {}.", storage.url()));
    }
    arguments.confirmation.ask(session.out, || format!("Delete {what} in {}?", storage.url()))?;
    for (entry, _) in &entries {
        storage.delete(&entry.metadata.storage_key).await?;
    }
    let bytes = entries.iter().map(|(entry, _)| entry.metadata.size).sum();
    session.out.line(format!("Deleted {what}, {}.", size(bytes)))
}
