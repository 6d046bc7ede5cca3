//! Signs of life of those who execute flow runs, as events that they send now and then.
//!
//! How long nobody need be heard of depends on how often they speak up: Prefect's clients do so every 180 s unless they are told
//! otherwise, flowcore's every 15 s, and say so. Clients that send none are not waited for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::TimeDelta;
use flowcore::model::Timestamp;
use flowcore::store::StoreError;
use flowcore::store::query::{Column, Kind, Table, Values};
use flowcore::store::records::{Record, Row, Value};
use uuid::Uuid;

use crate::state::App;

/// The name of the events.
pub(crate) const HEARTBEAT: &str = "prefect.flow-run.heartbeat";

/// How often Prefect's clients speak up by default: what is expected of one that has done so once.
const USUAL: TimeDelta = TimeDelta::seconds(180);

/// The longest time between two words that is believed to be a client's habit. A machine may have slept meanwhile.
const LONGEST: TimeDelta = TimeDelta::minutes(10);

/// How long a look at who is silent may be overdue before it says nothing of what was missed meanwhile.
const GAP: i64 = 30_000_000;

/// No time at all.
const NEVER: Timestamp = Timestamp::UNIX_EPOCH;

pub(crate) const HEARTBEATS: Table = Table::new("flow_run_heartbeats");
pub(crate) const ID: Column = Column::new("id", Kind::Id, false);
const SEEN: Column = Column::new("seen", Kind::Time, false);
pub(crate) const EXPIRES: Column = Column::new("expires", Kind::Time, false);
const OCCURRED: Column = Column::new("occurred", Kind::Time, false);
const LONGEST_GAP: Column = Column::new("longest", Kind::Number, false);

/// A word of a client that it executes a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sign {
    /// The flow run.
    pub(crate) run: Uuid,
    /// When, by the client's clock.
    pub(crate) occurred: Timestamp,
    /// For how long it is to be believed, if the client says so.
    pub(crate) holds: Option<TimeDelta>,
}

/// What was heard of a flow run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Heartbeat {
    /// The flow run.
    pub(crate) run: Uuid,
    /// When something was heard last.
    pub(crate) seen: Timestamp,
    /// When it is taken for dead unless something is heard again.
    pub(crate) expires: Timestamp,
    /// When the client spoke up last, by its own clock; [`NEVER`] if others have spoken for it only.
    occurred: Timestamp,
    /// The longest time between two words, in microseconds; 0 while it is not known.
    longest: i64,
}

impl Record for Heartbeat {
    const TABLE: Table = HEARTBEATS;
    const COLUMNS: &'static [Column] = &[ID, SEEN, EXPIRES, OCCURRED, LONGEST_GAP];

    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Heartbeat {
            run: row.id()?,
            seen: row.time()?,
            expires: row.time()?,
            occurred: row.time()?,
            longest: row.number()?,
        })
    }

    fn values(&self) -> Vec<Value> {
        vec![self.run.into(), self.seen.into(), self.expires.into(), self.occurred.into(), self.longest.into()]
    }
}

impl Heartbeat {
    /// Hears a word. Words may come late and together: how often a client speaks up is told by its own clock. Words that say for how
    /// long they hold are no habit: they may be those of a worker beside those of the client.
    fn hear(before: Option<Heartbeat>, sign: Sign, now: Timestamp, least: TimeDelta) -> Heartbeat {
        let (occurred, longest) = before.map_or((NEVER, 0), |before| (before.occurred, before.longest));
        if let Some(holds) = sign.holds {
            let expires = now + holds.max(least);
            let expires = before.map_or(expires, |before| before.expires.max(expires));
            return Heartbeat { run: sign.run, seen: now, expires, occurred, longest };
        }
        let last = if occurred == NEVER { sign.occurred } else { occurred };
        let gap = (sign.occurred - last).min(LONGEST).num_microseconds().unwrap_or_default();
        let longest = longest.max(gap);
        let habit = match longest {
            0 => USUAL,
            longest => TimeDelta::microseconds(longest),
        };
        let expires = now + (habit * 5 / 2).max(least);
        Heartbeat { run: sign.run, seen: now, expires, occurred: last.max(sign.occurred), longest }
    }
}

/// For how long nothing need be heard of anybody.
pub(crate) fn patience(app: &App) -> TimeDelta {
    TimeDelta::from_std(app.config.services.zombies_after).unwrap_or(TimeDelta::MAX)
}

/// Notes signs of life.
pub(crate) async fn note(app: &App, signs: Vec<Sign>) -> Result<(), StoreError> {
    if signs.is_empty() {
        return Ok(());
    }
    let mut of_runs: BTreeMap<Uuid, Vec<Sign>> = BTreeMap::new();
    signs.into_iter().for_each(|sign| of_runs.entry(sign.run).or_default().push(sign));
    of_runs.values_mut().for_each(|signs| signs.sort_by_key(|sign| sign.occurred));
    let least = patience(app);
    let now = app.now();
    let work = app.store.records().transact(move |tx| {
        let of_runs = of_runs.clone();
        Box::pin(async move {
            let ids = Values::Ids(of_runs.keys().copied().collect());
            let mut known: BTreeMap<Uuid, Heartbeat> =
                tx.lock::<Heartbeat>(ID.one_of(ids)).await?.into_iter().map(|known| (known.run, known)).collect();
            for (run, signs) in of_runs {
                let before = known.remove(&run);
                let hear = |before, sign| Some(Heartbeat::hear(before, sign, now, least));
                if let Some(heard) = signs.into_iter().fold(before, hear) {
                    tx.put(&heard).await?;
                }
            }
            Ok::<_, StoreError>(())
        })
    });
    let noted = work.await;
    if noted.is_err() {
        // What could not be noted is not to be held against anybody.
        app.vigil.begin_anew(now);
    }
    noted
}

/// That whoever takes a run will be heard of.
pub(crate) struct Claim {
    noted: Heartbeat,
    before: Option<Heartbeat>,
}

impl Claim {
    /// Notes it, before the run is taken: nobody can take it and die without that being seen.
    pub(crate) async fn note(app: &App, run: Uuid, holds: TimeDelta) -> Result<Self, StoreError> {
        let (now, least) = (app.now(), patience(app));
        let expires = now.checked_add_signed(holds.max(least)).unwrap_or(now);
        let noted = Heartbeat { run, seen: now, expires, occurred: NEVER, longest: 0 };
        let work = app.store.records().transact(move |tx| {
            Box::pin(async move {
                let before = tx.lock::<Heartbeat>(ID.is(run)).await?.pop();
                tx.put(&noted).await?;
                Ok::<_, StoreError>(before)
            })
        });
        Ok(Claim { noted, before: work.await? })
    }

    /// Takes it back, since somebody else has the run, who may never have said that anything would be heard.
    pub(crate) async fn withdraw(self, app: &App) -> Result<(), StoreError> {
        let Claim { noted, before } = self;
        let work = app.store.records().transact(move |tx| {
            Box::pin(async move {
                if tx.lock::<Heartbeat>(ID.is(noted.run)).await?.pop() != Some(noted) {
                    return Ok(());
                }
                match before {
                    Some(before) => tx.put(&before).await,
                    None => tx.delete(HEARTBEATS, ID.is(noted.run)).await.map(drop),
                }
            })
        });
        work.await
    }
}

/// Since when it would have been noticed if somebody had spoken up: not while the server was down, the database was away, or the machine
/// slept. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Vigil(Arc<Watch>);

/// Times in microseconds since 1970.
#[derive(Default)]
struct Watch {
    since: AtomicI64,
    last: AtomicI64,
}

impl Vigil {
    /// Notes that the database is there now; tells since when it is, without a gap.
    pub(crate) fn look(&self, now: Timestamp) -> Timestamp {
        let micros = now.timestamp_micros();
        let last = self.0.last.swap(micros, Ordering::Relaxed);
        if !(0..=GAP).contains(&(micros - last)) {
            self.begin_anew(now);
        }
        Timestamp::from_timestamp_micros(self.0.since.load(Ordering::Relaxed)).unwrap_or(now)
    }

    /// Forgets what was before.
    fn begin_anew(&self, now: Timestamp) {
        self.0.since.store(now.timestamp_micros(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use chrono::DateTime;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap()
    }

    /// Hears words that were said and came at these times, and tells for how long nothing need be heard then.
    fn patience(words: &[(i64, i64)], holds: Option<i64>) -> i64 {
        let holds = holds.map(TimeDelta::seconds);
        let hear = |before, (said, came): &(i64, i64)| {
            let sign = Sign { run: Uuid::nil(), occurred: at(*said), holds };
            Some(Heartbeat::hear(before, sign, at(*came), TimeDelta::seconds(75)))
        };
        let heard = words.iter().fold(None, hear).unwrap();
        (heard.expires - heard.seen).num_seconds()
    }

    #[test]
    fn words_of_a_worker_are_no_habit_of_the_client() {
        let sign = |seconds, holds: Option<i64>| Sign {
            run: Uuid::nil(),
            occurred: at(seconds),
            holds: holds.map(TimeDelta::seconds),
        };
        let hear = |before, seconds, holds| {
            Some(Heartbeat::hear(before, sign(seconds, holds), at(seconds), TimeDelta::seconds(75)))
        };
        let claimed = hear(None, 0, Some(60));
        assert_eq!(claimed.unwrap().expires, at(75));
        // The client speaks up for the first time, and then every 180 s; its worker every 15 s.
        let mut heard = hear(claimed, 4, None);
        for seconds in (15..180).step_by(15) {
            heard = hear(heard, seconds, Some(60));
        }
        assert_eq!(heard.unwrap().expires, at(454), "the worker's death says nothing of the client");
        let heard = hear(hear(heard, 184, None), 195, Some(60));
        assert_eq!(heard.unwrap().expires, at(184 + 450));
        assert_eq!(hear(claimed, 30, Some(60)).unwrap().expires, at(105));
    }

    #[test]
    fn who_speaks_up_less_often_is_waited_for_longer() {
        assert_eq!(patience(&[(0, 0)], None), 450, "what Prefect's clients do by default");
        assert_eq!(patience(&[(0, 0), (30, 30)], None), 75);
        assert_eq!(patience(&[(0, 0), (30, 30), (90, 90), (120, 120)], None), 150, "one was missed");
        assert_eq!(patience(&[(0, 0), (180, 180)], None), 450);
        assert_eq!(patience(&[(0, 0), (30, 900), (60, 900)], None), 75, "they came together");
        assert_eq!(patience(&[(0, 0), (30_000, 30_000)], None), 1500, "the machine has slept");
        assert_eq!(patience(&[(0, 0)], Some(60)), 75);
        assert_eq!(patience(&[(0, 0)], Some(600)), 600);
    }

    #[test]
    fn a_vigil_begins_anew_behind_a_gap() {
        let vigil = Vigil::default();
        assert_eq!(vigil.look(at(0)), at(0), "the server has just begun");
        assert_eq!(vigil.look(at(20)), at(0));
        assert_eq!(vigil.look(at(50)), at(0));
        assert_eq!(vigil.look(at(81)), at(81), "it has missed looks");
        vigil.begin_anew(at(85));
        assert_eq!(vigil.look(at(86)), at(85));
        assert_eq!(vigil.look(at(40)), at(40), "the clock was set back");
    }
}
