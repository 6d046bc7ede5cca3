//! Slots of holders that are no process: clients of a server, who take slots at once or come again, and whose leases
//! end unless they renew them.

use super::slots::{forget_expired, grant, judge_slots, slots_taken};
use crate::model::{Occupancy, SlotAnswer, SlotAsk, SlotHolder, SlotId, SlotLease, Timestamp};

/// Grants what is asked for, or leaves everything as it is: who asks does not wait in the queues.
pub fn take_slots(occupancy: &mut Occupancy, ask: &SlotAsk, now: Timestamp) -> SlotAnswer {
    forget_expired(occupancy, now);
    let answer = judge_slots(occupancy, ask, now);
    if matches!(answer, SlotAnswer::Granted { .. }) && !occupancy.leases.iter().any(|lease| lease.id == ask.id) {
        grant(occupancy, ask, now);
    }
    answer
}

/// Grants what is asked for as this lease, unless somebody waits for it whose turn is before; the ask's own place in the queue is
/// gone then. Otherwise everything is left as it is.
pub fn take_slots_in_turn(occupancy: &mut Occupancy, ask: &SlotAsk, lease: SlotId, now: Timestamp) -> SlotAnswer {
    forget_expired(occupancy, now);
    let answer = judge_slots(occupancy, ask, now);
    if matches!(answer, SlotAnswer::Granted { .. }) {
        occupancy.requests.retain(|request| request.id != ask.id);
        grant(occupancy, &SlotAsk { id: lease, ..ask.clone() }, now);
    }
    answer
}

/// Lets a lease of no process end at another time, or have no end any more; tells whether it was still there. What decays does so
/// as it would have.
pub fn renew_slots(occupancy: &mut Occupancy, id: SlotId, until: Option<Timestamp>, now: Timestamp) -> bool {
    forget_expired(occupancy, now);
    let Occupancy { limits, leases, .. } = occupancy;
    let mut found = false;
    for lease in leases.iter_mut().filter(|lease| lease.id == id) {
        found = true;
        let decays = limits.iter().any(|limit| limit.name == lease.limit && limit.decays());
        if lease.process_id.is_none() && !decays {
            lease.expires = until;
        }
    }
    found
}

/// Gives back so many slots of a limit that were taken without a lease that ends, whoever has them: those first that were
/// taken first.
pub fn free_slots(occupancy: &mut Occupancy, limit: &str, slots: u32) {
    let mut left = slots;
    for lease in occupancy.leases.iter_mut().filter(|lease| lease.limit == limit && is_endless(lease)) {
        let freed = left.min(lease.slots);
        lease.slots -= freed;
        left -= freed;
    }
    occupancy.leases.retain(|lease| lease.slots > 0);
}

/// Lets so many slots of a limit be taken, whatever was: leases that are of no process end, and what processes have not
/// taken of that number is taken by a new lease of this id without an end.
pub fn set_slots_taken(occupancy: &mut Occupancy, limit: &str, slots: u32, id: SlotId, now: Timestamp) {
    occupancy.leases.retain(|lease| lease.limit != limit || lease.process_id.is_some());
    let Some(of) = occupancy.limit(limit) else { return };
    let taken = u32::try_from(slots_taken(occupancy, of, now)).unwrap_or(u32::MAX);
    if let more @ 1.. = slots.saturating_sub(taken) {
        occupancy.leases.push(SlotLease {
            id,
            limit: limit.to_owned(),
            slots: more,
            holder: SlotHolder::default(),
            process_id: None,
            acquired: now,
            expires: None,
        });
    }
}

/// Tells whether a lease ends only by being given back.
fn is_endless(lease: &SlotLease) -> bool {
    lease.process_id.is_none() && lease.expires.is_none()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;
    use crate::model::{ConcurrencyLimit, LimitId, ProcessId};
    use crate::orchestration::ask_for_slots;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn two_slots() -> Occupancy {
        let limit = ConcurrencyLimit {
            id: LimitId(Uuid::nil()),
            name: "db".to_owned(),
            limit: 2,
            active: true,
            slot_decay_per_second: 0.0,
            created: at(0),
            updated: at(0),
        };
        Occupancy { limits: vec![limit], ..Occupancy::default() }
    }

    fn ask(id: u128, slots: u32, expires: Option<i64>) -> SlotAsk {
        SlotAsk {
            id: SlotId(Uuid::from_u128(id)),
            limits: vec!["db".to_owned()],
            slots,
            holder: SlotHolder::default(),
            process_id: None,
            due: at(10),
            expires: expires.map(at),
            strict: false,
            rate: false,
        }
    }

    fn taken(occupancy: &Occupancy, now: i64) -> u64 {
        slots_taken(occupancy, &occupancy.limits[0], at(now))
    }

    #[test]
    fn who_gets_none_does_not_stand_in_the_way() {
        let mut occupancy = two_slots();
        take_slots(&mut occupancy, &ask(1, 2, Some(60)), at(10));
        assert!(matches!(take_slots(&mut occupancy, &ask(2, 1, Some(60)), at(11)), SlotAnswer::Waits { .. }));
        assert!(occupancy.requests.is_empty());
        assert_eq!(taken(&occupancy, 11), 2);
        assert!(matches!(take_slots(&mut occupancy, &ask(2, 1, Some(99)), at(60)), SlotAnswer::Granted { .. }));
    }

    #[test]
    fn a_lease_lives_while_it_is_renewed() {
        let mut occupancy = two_slots();
        let mine = ask(1, 1, Some(60));
        take_slots(&mut occupancy, &mine, at(10));
        assert!(renew_slots(&mut occupancy, mine.id, Some(at(100)), at(59)));
        assert_eq!(taken(&occupancy, 99), 1);
        assert!(!renew_slots(&mut occupancy, mine.id, Some(at(200)), at(100)), "it has ended");
        assert_eq!(taken(&occupancy, 100), 0);
    }

    #[test]
    fn a_lease_without_an_end_gets_one_by_being_renewed() {
        let mut occupancy = two_slots();
        let mine = ask(1, 1, None);
        take_slots(&mut occupancy, &mine, at(10));
        assert_eq!(taken(&occupancy, 1_000_000), 1);
        assert!(renew_slots(&mut occupancy, mine.id, Some(at(100)), at(59)));
        assert_eq!((taken(&occupancy, 99), taken(&occupancy, 100)), (1, 0));
    }

    #[test]
    fn who_waits_longest_is_not_overtaken() {
        let mut occupancy = two_slots();
        take_slots(&mut occupancy, &ask(1, 2, Some(60)), at(10));
        let [mut early, mut late] = [ask(2, 1, Some(99)), ask(3, 2, Some(99))];
        (early.due, late.due) = (at(5), at(6));
        assert!(matches!(ask_for_slots(&mut occupancy, &early, at(11)), SlotAnswer::Waits { .. }));
        let take = |occupancy: &mut Occupancy, ask, lease| {
            let answer = take_slots_in_turn(occupancy, ask, SlotId(Uuid::from_u128(lease)), at(60));
            matches!(answer, SlotAnswer::Granted { .. })
        };
        assert!(!take(&mut occupancy, &late, 33));
        assert!(take(&mut occupancy, &early, 22));
        assert!(occupancy.requests.is_empty());
        assert_eq!(occupancy.leases.iter().map(|lease| lease.id.0.as_u128()).collect::<Vec<_>>(), [22]);
    }

    #[test]
    fn slots_without_a_lease_are_counted_back() {
        let mut occupancy = two_slots();
        take_slots(&mut occupancy, &ask(1, 1, Some(60)), at(10));
        take_slots(&mut occupancy, &ask(2, 1, None), at(10));
        free_slots(&mut occupancy, "db", 5);
        assert_eq!(taken(&occupancy, 11), 1, "the lease is its holder's");
    }

    #[test]
    fn who_sets_the_number_leaves_processes_alone() {
        let mut occupancy = two_slots();
        let of_process = SlotAsk { process_id: Some(ProcessId(Uuid::from_u128(9))), ..ask(1, 1, None) };
        ask_for_slots(&mut occupancy, &of_process, at(10));
        take_slots(&mut occupancy, &ask(2, 1, Some(60)), at(10));
        set_slots_taken(&mut occupancy, "db", 2, SlotId(Uuid::from_u128(3)), at(10));
        assert_eq!(taken(&occupancy, 70), 2, "the lease that ended has been replaced");
        set_slots_taken(&mut occupancy, "db", 0, SlotId(Uuid::from_u128(4)), at(10));
        assert_eq!(taken(&occupancy, 10), 1);
    }
}
