//! Who gets slots of a concurrency limit, and when: pure functions of what is taken, who waits, and the time.
//!
//! A limit's queue is in the order in which slots became wanted. Nobody overtakes: who waits for many slots is not passed
//! by those who want few. All queues have the same order, so that of all who wait the first is kept waiting only by what
//! is taken, never by another one who waits; requests for several limits cannot block each other for good.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::model::{
    ConcurrencyLimit, LOCK, LimitId, Occupancy, ProcessId, SlotAnswer, SlotAsk, SlotId, SlotLease, SlotRefusal,
    SlotRequest, Timestamp,
};

/// No slot decays for longer than that, in seconds: a hundred years.
const LONGEST: f64 = 100.0 * 365.0 * 86_400.0;

/// Tells what an ask comes to at this time.
pub fn judge_slots(occupancy: &Occupancy, ask: &SlotAsk, now: Timestamp) -> SlotAnswer {
    let has: Vec<String> =
        occupancy.leases.iter().filter(|lease| lease.id == ask.id).map(|lease| lease.limit.clone()).collect();
    if !has.is_empty() {
        return SlotAnswer::Granted { limits: has };
    }
    let mut until = Some(now);
    let mut waits = false;
    for name in &ask.limits {
        let Some(limit) = occupancy.limit(name) else {
            match ask.strict {
                true => return SlotAnswer::Refused(SlotRefusal::Missing { name: name.clone() }),
                false => continue,
            }
        };
        if !limit.active {
            continue;
        }
        if ask.rate && !limit.decays() {
            return SlotAnswer::Refused(SlotRefusal::NoRate { name: name.clone() });
        }
        if limit.limit > 0 && ask.slots > limit.limit {
            let (slots, limit) = (ask.slots, limit.limit);
            return SlotAnswer::Refused(SlotRefusal::TooMany { name: name.clone(), slots, limit });
        }
        let ahead = occupancy.requests.iter().any(|request| is_ahead(request, ask, now) && request.limit == *name);
        if ahead {
            (waits, until) = (true, None);
        } else if let Some(needed) = needed(occupancy, limit, ask.slots, now) {
            waits = true;
            let freed = freed_at(occupancy, limit, needed, now);
            until = until.zip(freed).map(|(until, freed)| until.max(freed));
        }
    }
    if waits {
        return SlotAnswer::Waits { until };
    }
    SlotAnswer::Granted { limits: in_force(occupancy, ask).map(|limit| limit.name.clone()).collect() }
}

/// Grants what is asked for, or puts it into the queues.
pub fn ask_for_slots(occupancy: &mut Occupancy, ask: &SlotAsk, now: Timestamp) -> SlotAnswer {
    forget_expired(occupancy, now);
    make_locks(occupancy, ask, now);
    let answer = judge_slots(occupancy, ask, now);
    match answer {
        SlotAnswer::Granted { .. } => {
            occupancy.requests.retain(|request| request.id != ask.id);
            if !occupancy.leases.iter().any(|lease| lease.id == ask.id) {
                grant(occupancy, ask, now);
            }
        }
        SlotAnswer::Waits { .. } => queue_up(occupancy, ask),
        SlotAnswer::Refused(_) => occupancy.requests.retain(|request| request.id != ask.id),
    }
    answer
}

/// Takes a request out of the queues, or gives back what it was granted. What decays stays taken until it has decayed.
pub fn give_slots_back(occupancy: &mut Occupancy, id: SlotId, now: Timestamp) {
    forget_expired(occupancy, now);
    let locks = locks_of(occupancy, id);
    occupancy.requests.retain(|request| request.id != id);
    let decaying: BTreeSet<_> =
        occupancy.limits.iter().filter(|limit| limit.decays()).map(|limit| &limit.name).collect();
    occupancy.leases.retain(|lease| lease.id != id || (is_of_time(lease) && decaying.contains(&lease.limit)));
    let in_use = |name: &String| {
        occupancy.leases.iter().map(|lease| &lease.limit).any(|of| of == name)
            || occupancy.requests.iter().map(|request| &request.limit).any(|of| of == name)
    };
    let unused: BTreeSet<String> = locks.into_iter().filter(|lock| !in_use(lock)).collect();
    occupancy.limits.retain(|limit| !unused.contains(&limit.name));
}

/// Makes the locks that are asked for and are not there.
fn make_locks(occupancy: &mut Occupancy, ask: &SlotAsk, now: Timestamp) {
    for name in ask.limits.iter().filter(|name| name.starts_with(LOCK)) {
        if occupancy.limit(name).is_none() {
            occupancy.limits.push(ConcurrencyLimit {
                id: LimitId(ask.id.0),
                name: name.clone(),
                limit: 1,
                active: true,
                slot_decay_per_second: 0.0,
                created: now,
                updated: now,
            });
        }
    }
}

/// Lists the locks that a request has or waits for.
fn locks_of(occupancy: &Occupancy, id: SlotId) -> BTreeSet<String> {
    let leases = occupancy.leases.iter().filter(|lease| lease.id == id).map(|lease| &lease.limit);
    let requests = occupancy.requests.iter().filter(|request| request.id == id).map(|request| &request.limit);
    leases.chain(requests).filter(|name| name.starts_with(LOCK)).cloned().collect()
}

/// Tells how many slots of a limit are taken.
pub fn slots_taken(occupancy: &Occupancy, limit: &ConcurrencyLimit, now: Timestamp) -> u64 {
    let leases = occupancy.leases.iter().filter(|lease| lease.limit == limit.name);
    leases.map(|lease| u64::from(held(lease, limit, now))).sum()
}

/// Lists the processes that an ask waits for: those that have slots of its limits, or wait for them before it.
pub fn waited_for(occupancy: &Occupancy, ask: &SlotAsk, now: Timestamp) -> BTreeSet<ProcessId> {
    let wanted = |name: &String| ask.limits.contains(name);
    let holders = occupancy.leases.iter().filter(|lease| wanted(&lease.limit)).filter_map(|lease| lease.process_id);
    let ahead = occupancy.requests.iter().filter(|request| wanted(&request.limit) && is_ahead(request, ask, now));
    holders.chain(ahead.filter_map(|request| request.process_id)).collect()
}

/// Tells how many of a lease's slots are taken at this time. Those of a limit that decays become free one by one.
fn held(lease: &SlotLease, limit: &ConcurrencyLimit, now: Timestamp) -> u32 {
    match lease.expires {
        None => lease.slots,
        Some(expires) if expires <= now => 0,
        Some(expires) if limit.decays() && is_of_time(lease) => {
            let left = (expires - now).as_seconds_f64() * limit.slot_decay_per_second;
            // Rounded up, but not for what a product of decimal fractions is above a whole number.
            let left = (left - 1e-6).ceil().max(1.0);
            if left < f64::from(lease.slots) { left as u32 } else { lease.slots }
        }
        Some(_) => lease.slots,
    }
}

/// Tells whether a lease ends with the time and not with a process.
fn is_of_time(lease: &SlotLease) -> bool {
    lease.expires.is_some() && lease.process_id.is_none()
}

fn is_ahead(request: &SlotRequest, ask: &SlotAsk, now: Timestamp) -> bool {
    request.id != ask.id && request.place() < (ask.due, ask.id) && request.expires.is_none_or(|expires| expires > now)
}

/// Tells how many slots have to become free; none if there are enough.
fn needed(occupancy: &Occupancy, limit: &ConcurrencyLimit, slots: u32, now: Timestamp) -> Option<u64> {
    let wanted = slots_taken(occupancy, limit, now) + u64::from(slots);
    wanted.checked_sub(u64::from(limit.limit)).filter(|needed| *needed > 0)
}

/// Tells when the time alone will have freed so many slots, if it will.
fn freed_at(occupancy: &Occupancy, limit: &ConcurrencyLimit, mut needed: u64, now: Timestamp) -> Option<Timestamp> {
    if limit.limit == 0 {
        return None;
    }
    let mut leases: Vec<_> = occupancy.leases.iter().filter(|lease| lease.limit == limit.name).collect();
    leases.sort_by_key(|lease| lease.expires);
    for lease in leases {
        let (held, Some(expires)) = (u64::from(held(lease, limit, now)), lease.expires) else { continue };
        if held < needed {
            needed -= held;
        } else if limit.decays() && is_of_time(lease) {
            let left = (held - needed) as f64 / limit.slot_decay_per_second;
            return Some(expires - duration(left).min(expires - now));
        } else {
            return Some(expires);
        }
    }
    None
}

pub(super) fn grant(occupancy: &mut Occupancy, ask: &SlotAsk, now: Timestamp) {
    let mut leases = Vec::with_capacity(ask.limits.len());
    for limit in in_force(occupancy, ask) {
        let (process_id, expires) = if limit.decays() {
            // What decays does so in the order of taking, all slots of a limit together at its one rate.
            let before = occupancy.leases.iter().filter(|lease| lease.limit == limit.name && is_of_time(lease));
            let from = before.filter_map(|lease| lease.expires).max().map_or(now, |last| last.max(now));
            let decayed = from.checked_add_signed(duration(f64::from(ask.slots) / limit.slot_decay_per_second));
            (None, Some(decayed.unwrap_or(Timestamp::MAX_UTC)))
        } else {
            (ask.process_id, ask.expires)
        };
        let (id, holder) = (ask.id, ask.holder.clone());
        leases.push(SlotLease {
            id,
            limit: limit.name.clone(),
            slots: ask.slots,
            holder,
            process_id,
            acquired: now,
            expires,
        });
    }
    occupancy.leases.extend(leases);
}

fn queue_up(occupancy: &mut Occupancy, ask: &SlotAsk) {
    let known = occupancy.requests.iter().any(|request| request.id == ask.id);
    let places: Vec<_> = in_force(occupancy, ask)
        .filter(|limit| !known || !occupancy.requests.iter().any(|r| r.id == ask.id && r.limit == limit.name))
        .map(|limit| SlotRequest {
            id: ask.id,
            limit: limit.name.clone(),
            slots: ask.slots,
            holder: ask.holder.clone(),
            process_id: ask.process_id,
            due: ask.due,
            expires: ask.expires,
        })
        .collect();
    occupancy.requests.extend(places);
}

/// Lists the limits that are there and active, each once. Nothing is taken by an ask for no slots.
fn in_force<'a>(occupancy: &'a Occupancy, ask: &'a SlotAsk) -> impl Iterator<Item = &'a ConcurrencyLimit> {
    let asked = |limit: &&ConcurrencyLimit| ask.slots > 0 && limit.active && ask.limits.contains(&limit.name);
    occupancy.limits.iter().filter(asked)
}

pub(super) fn forget_expired(occupancy: &mut Occupancy, now: Timestamp) {
    let lives = |expires: Option<Timestamp>| expires.is_none_or(|expires| expires > now);
    occupancy.leases.retain(|lease| lives(lease.expires));
    occupancy.requests.retain(|request| lives(request.expires));
}

/// Returns so many seconds in whole microseconds, as times are kept.
fn duration(seconds: f64) -> TimeDelta {
    TimeDelta::microseconds((seconds.clamp(0.0, LONGEST) * 1e6).round() as i64)
}

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
