//! Slots of the limits of tags, for task runs that clients move here. Most clients decide where they run, and take their
//! slots themselves.

use flowcore::model::{Occupancy, SlotAnswer, SlotAsk, SlotHolder, SlotId, TaskRun};
use flowcore::orchestration::{SlotsBack, take_slots};
use flowcore::store::StoreError;
use flowcore::wire::ResponseDetails;

use crate::state::App;

/// What the names of limits on tags begin with.
pub(crate) const TAG: &str = "tag:";

/// How long a run that gets no slot waits at most before asking again, in seconds.
const LONGEST_WAIT: f64 = 10.0;

/// What became of a run's wish for a slot of each of its tags.
pub(crate) enum TagSlots {
    /// It needs none, or has them.
    Had,
    /// It has been given them.
    Taken,
    /// There is none of one of these tags.
    Full {
        tags: Vec<String>,
        /// When to ask again.
        seconds: i64,
    },
    /// There never will be one of this tag.
    Never(String),
}

impl TagSlots {
    /// Tells a run that may not begin why.
    pub(crate) fn refusal(&self) -> Option<ResponseDetails> {
        match self {
            TagSlots::Had | TagSlots::Taken => None,
            TagSlots::Full { tags, seconds } => {
                let reason = format!("Concurrency limit reached for tags: {}", tags.join(", "));
                Some(ResponseDetails::Wait { delay_seconds: *seconds, reason: Some(reason) })
            }
            TagSlots::Never(tag) => {
                let reason = format!(
                    "The concurrency limit on tag \"{tag}\" is 0 and will deadlock if the task tries to run again."
                );
                Some(ResponseDetails::Abort { reason: Some(reason) })
            }
        }
    }
}

fn limits_of(run: &TaskRun) -> Vec<String> {
    run.tags.iter().map(|tag| format!("{TAG}{tag}")).collect()
}

/// Takes a slot of each of a run's tags that have a limit, or none. It is kept until the run has ended, however long that takes.
pub(crate) async fn take_tag_slots(app: &App, run: &TaskRun) -> Result<TagSlots, StoreError> {
    let names = limits_of(run);
    if names.is_empty() {
        return Ok(TagSlots::Had);
    }
    let now = app.now();
    let ask = SlotAsk {
        id: SlotId(run.id.0),
        limits: names.clone(),
        slots: 1,
        holder: SlotHolder { flow_run_id: run.flow_run_id, task_run_id: Some(run.id), name: run.name.clone() },
        process_id: None,
        due: now,
        expires: None,
        strict: false,
        rate: false,
    };
    let usual = app.usual_occupancy.clone();
    // Who waits for the same does not come back at the same moment.
    let jitter = 0.7 + 0.6 * app.clock.random();
    let decide = move |occupancy: &mut Occupancy| {
        let in_force: Vec<_> = occupancy.limits.iter().filter(|limit| limit.active).collect();
        let tag = |name: &str| name.trim_start_matches(TAG).to_owned();
        if let Some(none) = in_force.iter().find(|limit| limit.limit == 0) {
            return TagSlots::Never(tag(&none.name));
        }
        let wait = in_force.iter().map(|limit| usual.of(limit)).fold(0.0, f64::max).min(LONGEST_WAIT);
        let tags: Vec<String> = in_force.iter().map(|limit| tag(&limit.name)).collect();
        if tags.is_empty() || occupancy.leases.iter().any(|lease| lease.holder.task_run_id == ask.holder.task_run_id) {
            return TagSlots::Had;
        }
        match take_slots(occupancy, &ask, now) {
            SlotAnswer::Granted { .. } => TagSlots::Taken,
            SlotAnswer::Waits { .. } | SlotAnswer::Refused(_) => {
                #[expect(clippy::cast_possible_truncation, reason = "some seconds")]
                let seconds = (wait * jitter).round().max(1.0) as i64;
                TagSlots::Full { tags, seconds }
            }
        }
    };
    app.orchestrator.decide_slots(names, decide).await
}

/// Gives back what a run has of the limits of its tags.
pub(crate) async fn give_tag_slots_back(app: &App, run: &TaskRun) -> Result<(), StoreError> {
    let names = limits_of(run);
    if names.is_empty() {
        return Ok(());
    }
    let occupancy = app.store.occupancy(&names).await?;
    let of_run = occupancy.leases.iter().filter(|lease| lease.holder.task_run_id == Some(run.id));
    let back: Vec<SlotsBack> = of_run.map(|lease| SlotsBack { id: lease.id, limits: names.clone() }).collect();
    if back.is_empty() {
        return Ok(());
    }
    let now = app.now();
    back.iter().for_each(|back| app.usual_occupancy.note_end(&occupancy, back.id, now));
    app.orchestrator.give_slots_back(back).await
}
