//! `flowcore concurrency`: limits, who has their slots, and who waits.

use clap::{ArgGroup, Args, Subcommand};
use flowcore::client::Client;
use flowcore::model::{ConcurrencyLimit, Occupancy, SlotHolder, SlotLease, SlotRequest, Timestamp};
use flowcore::orchestration::{LimitError, LimitUpdate, NewLimit, slots_taken};
use serde::Serialize;

use crate::arguments::OutputArguments;
use crate::confirm::Confirmation;
use crate::failure::Failure;
use crate::output::{Column, Output, note};
use crate::session::Session;
use crate::text::{counted, one_line};

/// What is shown of those who have slots or wait for them.
const HOLDERS: [Column<'_>; 5] = [
    Column::Whole("  SLOTS"),
    Column::Whole("SINCE"),
    Column::Whole("UNTIL"),
    Column::Text("NAME"),
    Column::Whole("RUN"),
];

#[derive(Debug, Subcommand)]
pub(crate) enum ConcurrencyCommand {
    /// Lists limits, by name, with how much of them is taken.
    Ls(Ls),
    /// Shows a limit, who has its slots and since when, and who waits for them.
    Inspect(Inspect),
    /// Makes a limit.
    ///
    /// Programs take its slots with `flowcore::concurrency("NAME", 1)`. A limit named tag:NAME limits the task runs with the
    /// tag NAME.
    Create(Create),
    /// Changes a limit. What is taken of it stays taken.
    Update(Update),
    /// Puts a limit in force.
    Enable(Named),
    /// Puts a limit out of force: it limits nothing.
    Disable(Named),
    /// Deletes a limit. Who has slots of it goes on, and who waits for it gets on.
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The limit's name.
    name: String,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The limit's name.
    name: String,
    /// How many slots there are. Of 0 slots nobody gets one.
    #[arg(long, short, value_name = "N")]
    limit: u32,
    /// Make it limit a rate: so many slots become free in a second, and none by being given back.
    #[arg(long, default_value_t = 0.0, hide_default_value = true, value_name = "N")]
    slot_decay_per_second: f64,
    /// Do not put it in force.
    #[arg(long)]
    disable: bool,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args(
    ["limit", "slot_decay_per_second", "enable", "disable"],
))]
pub(crate) struct Update {
    /// The limit's name.
    name: String,
    /// How many slots there are from now on.
    #[arg(long, short, value_name = "N")]
    limit: Option<u32>,
    /// How many slots become free in a second by themselves; 0 for none.
    #[arg(long, value_name = "N")]
    slot_decay_per_second: Option<f64>,
    /// Put it in force.
    #[arg(long)]
    enable: bool,
    /// Put it out of force: it limits nothing.
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The limit's name.
    name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The limit's name.
    name: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// A limit with what is taken of it.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    limit: ConcurrencyLimit,
    /// How many slots are taken.
    active_slots: u64,
    /// How many are waited for.
    waiting_slots: u64,
    /// Who has them, in the order of taking.
    holders: Vec<SlotLease>,
    /// Who waits, first come first.
    waiting: Vec<SlotRequest>,
}

pub(super) async fn run(command: ConcurrencyCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    match command {
        ConcurrencyCommand::Ls(arguments) => ls(&arguments, session).await,
        ConcurrencyCommand::Inspect(Inspect { name, output }) => {
            let report = find(session, name).await?;
            if output.json() { session.out.json(&report) } else { show(session.out, &report) }
        }
        ConcurrencyCommand::Create(arguments) => create(arguments, session).await,
        ConcurrencyCommand::Update(arguments) => update(arguments, session).await,
        ConcurrencyCommand::Enable(Named { name }) => put_in_force(session, &name, true).await,
        ConcurrencyCommand::Disable(Named { name }) => put_in_force(session, &name, false).await,
        ConcurrencyCommand::Delete(Delete { name, confirmation }) => {
            find(session, name.clone()).await?;
            confirmation.ask(session.out, || format!("Delete the concurrency limit '{}'?", one_line(&name)))?;
            let gone = session.client.delete_limit(&name).await?;
            session.out.line(format!("Deleted the concurrency limit '{}'.{}", one_line(&name), left(&gone)))
        }
    }
}

async fn find(session: &Session<'_>, name: String) -> Result<Report, Failure> {
    let found = reports(&*session.client, vec![name.clone()], session.out.now()).await?.pop();
    found.ok_or_else(|| Failure::new(LimitError::Missing(name).to_string()))
}

async fn put_in_force(session: &mut Session<'_>, name: &str, active: bool) -> Result<(), Failure> {
    let update = LimitUpdate { name: None, limit: None, slot_decay_per_second: None, active: Some(active) };
    let changed = session.client.update_limit(name, update).await?;
    session.out.line(format!("Changed the concurrency limit {}.", described(&changed)))
}

/// Says what becomes of those who have slots or wait.
fn left(gone: &Occupancy) -> String {
    let holders = gone.leases.iter().filter(|lease| lease.process_id.is_some()).count();
    let mut said = String::new();
    if holders > 0 {
        said.push_str(&format!(" {} of its slots {} on without it.", counted(holders, "holder"), goes(holders)));
    }
    if !gone.requests.is_empty() {
        let waiting = gone.requests.len();
        said.push_str(&format!(" {} that waited {} on.", counted(waiting, "request"), goes(waiting)));
    }
    said
}

fn goes(count: usize) -> &'static str {
    if count == 1 { "goes" } else { "go" }
}

async fn ls(arguments: &Ls, session: &mut Session<'_>) -> Result<(), Failure> {
    let names = session.client.limits().await?.into_iter().map(|limit| limit.name).collect();
    let reports = reports(&*session.client, names, session.out.now()).await?;
    if arguments.output.json() {
        return session.out.json(&reports);
    }
    if reports.is_empty() {
        note("There are no concurrency limits. `flowcore concurrency create NAME --limit N` makes one.");
    }
    let rows: Vec<Vec<String>> = reports
        .iter()
        .map(|report| {
            let Report { limit, active_slots, waiting, .. } = report;
            let decay = if limit.decays() { limit.slot_decay_per_second.to_string() } else { "-".to_owned() };
            let (name, slots) = (limit.name.clone(), limit.limit.to_string());
            vec![name, slots, active_slots.to_string(), waiting.len().to_string(), decay, in_force(limit).to_owned()]
        })
        .collect();
    session.out.table(
        &[
            Column::Text("NAME"),
            Column::Whole("LIMIT"),
            Column::Whole("TAKEN"),
            Column::Whole("WAITING"),
            Column::Whole("DECAY PER SECOND"),
            Column::Whole("IN FORCE"),
        ],
        &rows,
    )
}

async fn create(arguments: Create, session: &mut Session<'_>) -> Result<(), Failure> {
    let Create { name, limit, slot_decay_per_second, disable, output } = arguments;
    let new = NewLimit { name, limit, slot_decay_per_second, active: !disable };
    let made = session.client.create_limit(new).await?;
    if output.json() {
        return session.out.json(&made);
    }
    session.out.line(format!("Made the concurrency limit {}.", described(&made)))
}

async fn update(arguments: Update, session: &mut Session<'_>) -> Result<(), Failure> {
    let Update { name, limit, slot_decay_per_second, enable, disable, output } = arguments;
    let active = (enable || disable).then_some(enable);
    let update = LimitUpdate { name: None, limit, slot_decay_per_second, active };
    let changed = session.client.update_limit(&name, update).await?;
    if output.json() {
        return session.out.json(&changed);
    }
    session.out.line(format!("Changed the concurrency limit {}.", described(&changed)))
}

fn described(limit: &ConcurrencyLimit) -> String {
    let name = one_line(&limit.name);
    let slots = counted(usize::try_from(limit.limit).unwrap_or(usize::MAX), "slot");
    let mut text = format!("'{name}': {slots}");
    if limit.decays() {
        text.push_str(&format!(", {} of them free in a second", limit.slot_decay_per_second));
    }
    if !limit.active {
        text.push_str(", not in force");
    }
    text
}

fn in_force(limit: &ConcurrencyLimit) -> &'static str {
    if limit.active { "yes" } else { "no" }
}

async fn reports(client: &dyn Client, names: Vec<String>, now: Timestamp) -> Result<Vec<Report>, Failure> {
    let Occupancy { limits, leases, requests } = client.occupancy(&names).await?;
    let lives = |expires: Option<Timestamp>| expires.is_none_or(|expires| expires > now);
    let reports = limits.into_iter().map(|limit| {
        let of = |name: &String| *name == limit.name;
        let holders: Vec<SlotLease> =
            leases.iter().filter(|lease| of(&lease.limit) && lives(lease.expires)).cloned().collect();
        let waiting: Vec<SlotRequest> =
            requests.iter().filter(|request| of(&request.limit) && lives(request.expires)).cloned().collect();
        let stands = Occupancy { leases: holders.clone(), ..Occupancy::default() };
        let active_slots = slots_taken(&stands, &limit, now);
        let waiting_slots = waiting.iter().map(|request| u64::from(request.slots)).sum();
        Report { limit, active_slots, waiting_slots, holders, waiting }
    });
    Ok(reports.collect())
}

fn show(out: &mut Output, report: &Report) -> Result<(), Failure> {
    let limit = &report.limit;
    let mut fields = vec![
        ("Limit", limit.name.clone()),
        ("ID", limit.id.to_string()),
        ("Slots", limit.limit.to_string()),
        ("Taken", report.active_slots.to_string()),
    ];
    if limit.decays() {
        fields.push(("Decay", format!("{} in a second", limit.slot_decay_per_second)));
    }
    fields.push(("In force", in_force(limit).to_owned()));
    fields.push(("Created", out.time(limit.created)));
    fields.push(("Updated", out.time(limit.updated)));
    out.fields(&fields)?;
    let row = |out: &Output, slots: u32, since, expires, holder: &SlotHolder| {
        let run = holder.task_run_id.map(|id| id.to_string()).or(holder.flow_run_id.map(|id| id.to_string()));
        let run = run.unwrap_or_else(|| "-".to_owned());
        vec![format!("  {slots}"), out.time(since), out.time_or_dash(expires), holder.name.clone(), run]
    };
    if !report.holders.is_empty() {
        let rows: Vec<Vec<String>> = report
            .holders
            .iter()
            .map(|lease| row(out, lease.slots, lease.acquired, lease.expires, &lease.holder))
            .collect();
        out.heading("Taken by")?;
        out.table(&HOLDERS, &rows)?;
    }
    if !report.waiting.is_empty() {
        let rows: Vec<Vec<String>> = report
            .waiting
            .iter()
            .map(|request| row(out, request.slots, request.due, request.expires, &request.holder))
            .collect();
        out.heading("Waiting, first come first")?;
        out.table(&HOLDERS, &rows)?;
    }
    Ok(())
}
