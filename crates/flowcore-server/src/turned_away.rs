//! Who asked for slots of a limit and got none: clients come again later, and have no place in a queue that would tell. Each server knows
//! of those who asked it, for as long as they are to be expected again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use flowcore::model::{FlowRunId, SlotHolder, TaskRunId, Timestamp};

/// How much later than it was told somebody may come again who still waits, in seconds.
const PATIENCE: f64 = 30.0;

/// Flow runs and task runs, and what they wait for. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct TurnedAway(Arc<Mutex<HashMap<Who, Wish>>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    FlowRun(FlowRunId),
    TaskRun(TaskRunId),
}

#[derive(Clone, Debug)]
struct Wish {
    limits: Vec<String>,
    until: Timestamp,
}

impl Who {
    fn of(holder: &SlotHolder) -> Option<Self> {
        match (holder.task_run_id, holder.flow_run_id) {
            (Some(task), _) => Some(Who::TaskRun(task)),
            (None, run) => run.map(Who::FlowRun),
        }
    }
}

impl TurnedAway {
    /// Notes that somebody got no slots, and was told to come again in so many seconds.
    pub(crate) fn note(&self, holder: &SlotHolder, limits: &[String], seconds: f64, now: Timestamp) {
        let Some(who) = Who::of(holder) else { return };
        let until = now + TimeDelta::milliseconds(((seconds + PATIENCE) * 1e3) as i64);
        let mut wishes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Who has not come again will not.
        wishes.retain(|_, wish| wish.until > now);
        wishes.insert(who, Wish { limits: limits.to_vec(), until });
    }

    /// Notes that somebody got what was asked for.
    pub(crate) fn forget(&self, holder: &SlotHolder) {
        if let Some(who) = Who::of(holder) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&who);
        }
    }

    /// Tells which limits a flow run waits for itself.
    pub(crate) fn of_run(&self, run: FlowRunId, now: Timestamp) -> Option<Vec<String>> {
        let wishes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wishes.get(&Who::FlowRun(run)).filter(|wish| wish.until > now).map(|wish| wish.limits.clone())
    }

    /// Lists the task runs that wait, with the limits that they wait for.
    pub(crate) fn task_runs(&self, now: Timestamp) -> HashMap<TaskRunId, Vec<String>> {
        let wishes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_task = |(who, wish): (&Who, &Wish)| match who {
            Who::TaskRun(id) if wish.until > now => Some((*id, wish.limits.clone())),
            _ => None,
        };
        wishes.iter().filter_map(of_task).collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn who_does_not_come_again_is_forgotten() {
        let (turned_away, now) = (TurnedAway::default(), Timestamp::UNIX_EPOCH);
        let run = FlowRunId(Uuid::from_u128(1));
        let holder = SlotHolder { flow_run_id: Some(run), ..SlotHolder::default() };
        let task = SlotHolder { task_run_id: Some(TaskRunId(Uuid::from_u128(2))), ..SlotHolder::default() };
        let limits = vec!["db".to_owned()];
        turned_away.note(&holder, &limits, 2.0, now);
        turned_away.note(&task, &limits, 60.0, now);
        turned_away.note(&SlotHolder::default(), &limits, 60.0, now);
        assert_eq!(turned_away.of_run(run, now), Some(limits.clone()));
        let later = now + TimeDelta::seconds(40);
        assert_eq!((turned_away.of_run(run, later), turned_away.task_runs(later).len()), (None, 1));
        turned_away.forget(&task);
        assert!(turned_away.task_runs(later).is_empty());
    }
}
