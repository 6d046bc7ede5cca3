use uuid::Uuid;

use super::*;
use crate::model::{LimitId, SlotHolder};

fn at(millis: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + TimeDelta::milliseconds(millis)
}

fn limit(name: &str, limit: u32, decay: f64) -> ConcurrencyLimit {
    ConcurrencyLimit {
        id: LimitId(Uuid::nil()),
        name: name.into(),
        limit,
        active: true,
        slot_decay_per_second: decay,
        created: at(0),
        updated: at(0),
    }
}

fn of(limits: Vec<ConcurrencyLimit>) -> Occupancy {
    Occupancy { limits, ..Occupancy::default() }
}

fn slot_id(number: u64) -> SlotId {
    SlotId(Uuid::from_u64_pair(0, number))
}

/// An ask of a process of its own, wanted since `number` milliseconds.
fn ask(number: u64, limits: &[&str], slots: u32) -> SlotAsk {
    SlotAsk {
        id: slot_id(number),
        limits: limits.iter().map(|name| (*name).to_owned()).collect(),
        slots,
        holder: SlotHolder::default(),
        process_id: Some(ProcessId(Uuid::from_u64_pair(1, number))),
        due: at(number as i64),
        expires: None,
        strict: false,
        rate: false,
    }
}

fn is_granted(answer: &SlotAnswer) -> bool {
    matches!(answer, SlotAnswer::Granted { .. })
}

const WAITS: SlotAnswer = SlotAnswer::Waits { until: None };

#[test]
fn a_limit_of_two_is_two() {
    let mut occupancy = of(vec![limit("db", 2, 0.0)]);
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(1, &["db"], 1), at(10))));
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(2, &["db"], 1), at(10))));
    assert_eq!(ask_for_slots(&mut occupancy, &ask(3, &["db"], 1), at(10)), WAITS);
    assert_eq!(slots_taken(&occupancy, &occupancy.limits[0], at(10)), 2);
    give_slots_back(&mut occupancy, slot_id(1), at(11));
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(3, &["db"], 1), at(11))));
    assert!(occupancy.requests.is_empty());
    // Once more is the same once more.
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(3, &["db"], 1), at(11))));
    assert_eq!(occupancy.leases.len(), 2);
}

#[test]
fn nobody_overtakes_who_wants_many() {
    let mut occupancy = of(vec![limit("db", 3, 0.0)]);
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(1, &["db"], 2), at(10))));
    assert_eq!(ask_for_slots(&mut occupancy, &ask(2, &["db"], 3), at(10)), WAITS);
    assert_eq!(ask_for_slots(&mut occupancy, &ask(3, &["db"], 1), at(10)), WAITS, "one slot is free, but not for it");
    let ahead: Vec<_> =
        waited_for(&occupancy, &ask(3, &["db"], 1), at(10)).into_iter().map(|id| id.0.as_u64_pair().1).collect();
    assert_eq!(ahead, [1, 2]);
    // Whoever gives up its place lets the others pass.
    give_slots_back(&mut occupancy, slot_id(2), at(11));
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(3, &["db"], 1), at(11))));
}

#[test]
fn several_limits_are_taken_together_or_not_at_all() {
    let mut occupancy = of(vec![limit("a", 1, 0.0), limit("b", 1, 0.0)]);
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(1, &["b"], 1), at(10))));
    assert_eq!(ask_for_slots(&mut occupancy, &ask(2, &["a", "b"], 1), at(10)), WAITS);
    assert_eq!((occupancy.leases.len(), occupancy.requests.len()), (1, 2));
    // It keeps its place in both queues.
    assert_eq!(ask_for_slots(&mut occupancy, &ask(3, &["a"], 1), at(10)), WAITS);
    give_slots_back(&mut occupancy, slot_id(1), at(11));
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(2, &["a", "b"], 1), at(11))));
    assert_eq!(occupancy.leases.len(), 2);
}

#[test]
fn what_is_missing_or_inactive_limits_nothing() {
    let mut off = limit("off", 0, 0.0);
    off.active = false;
    let mut occupancy = of(vec![off]);
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(1, &["off", "none"], 7), at(10))));
    assert!(occupancy.leases.is_empty());
    let strict = SlotAsk { strict: true, ..ask(2, &["none"], 1) };
    let refused = ask_for_slots(&mut occupancy, &strict, at(10));
    assert_eq!(refused, SlotAnswer::Refused(SlotRefusal::Missing { name: "none".into() }));
}

#[test]
fn more_than_there_are_is_refused_and_nothing_waits() {
    let mut occupancy = of(vec![limit("db", 2, 0.0), limit("none", 0, 0.0)]);
    let refusal = SlotRefusal::TooMany { name: "db".into(), slots: 3, limit: 2 };
    assert_eq!(ask_for_slots(&mut occupancy, &ask(1, &["db"], 3), at(10)), SlotAnswer::Refused(refusal.clone()));
    assert_eq!(ask_for_slots(&mut occupancy, &ask(2, &["none"], 3), at(10)), WAITS);
    // Also when the limit is lowered while it waits: who comes behind must not wait for it.
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(3, &["db"], 2), at(10))));
    occupancy.limits[0].limit = 3;
    assert_eq!(ask_for_slots(&mut occupancy, &ask(4, &["db"], 3), at(10)), WAITS);
    occupancy.limits[0].limit = 2;
    assert_eq!(ask_for_slots(&mut occupancy, &ask(4, &["db"], 3), at(10)), SlotAnswer::Refused(refusal));
    assert!(occupancy.requests.iter().all(|request| request.limit != "db"));
}

#[test]
fn a_rate_is_kept_behind_a_burst() {
    let mut occupancy = of(vec![limit("api", 3, 2.0)]);
    for number in 1..=3 {
        assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(number, &["api"], 1), at(1000))));
    }
    // Then one in half a second, though each has given back what it took.
    for number in 1..=3 {
        give_slots_back(&mut occupancy, slot_id(number), at(1000));
    }
    for (number, time) in (4..8).zip([1500, 2000, 2500, 3000]) {
        let waiting = ask(number, &["api"], 1);
        let early = ask_for_slots(&mut occupancy, &waiting, at(time - 1));
        assert_eq!(early, SlotAnswer::Waits { until: Some(at(time)) });
        assert!(is_granted(&ask_for_slots(&mut occupancy, &waiting, at(time))));
    }
    // And a whole burst after a pause.
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(9, &["api"], 3), at(4500))));
    let more = ask_for_slots(&mut occupancy, &ask(10, &["api"], 2), at(4500));
    assert_eq!(more, SlotAnswer::Waits { until: Some(at(5500)) });
}

#[test]
fn slots_that_were_taken_together_decay_one_by_one() {
    let mut occupancy = of(vec![limit("api", 4, 1.0)]);
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(1, &["api"], 4), at(0))));
    let taken: Vec<_> =
        [0, 1, 999, 1000, 1001, 3999, 4000].map(|time| slots_taken(&occupancy, &occupancy.limits[0], at(time))).into();
    assert_eq!(taken, [4, 4, 4, 3, 3, 1, 0]);
}

#[test]
fn a_rate_is_asked_of_what_decays_only() {
    let mut occupancy = of(vec![limit("db", 1, 0.0)]);
    let rate = SlotAsk { rate: true, ..ask(1, &["db"], 1) };
    let refused = ask_for_slots(&mut occupancy, &rate, at(0));
    assert_eq!(refused, SlotAnswer::Refused(SlotRefusal::NoRate { name: "db".into() }));
}

#[test]
fn what_has_no_process_ends_when_it_expires() {
    let mut occupancy = of(vec![limit("db", 1, 0.0)]);
    let remote = |number| SlotAsk { process_id: None, expires: Some(at(100)), ..ask(number, &["db"], 1) };
    assert!(is_granted(&ask_for_slots(&mut occupancy, &remote(1), at(0))));
    assert_eq!(ask_for_slots(&mut occupancy, &remote(2), at(0)), SlotAnswer::Waits { until: Some(at(100)) });
    assert_eq!(ask_for_slots(&mut occupancy, &ask(3, &["db"], 1), at(99)), WAITS);
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(3, &["db"], 1), at(100))));
    assert!(occupancy.requests.is_empty());
    // It can also be given back: the limit does not decay.
    give_slots_back(&mut occupancy, slot_id(3), at(100));
    assert!(is_granted(&ask_for_slots(&mut occupancy, &SlotAsk { expires: Some(at(300)), ..remote(4) }, at(200))));
    give_slots_back(&mut occupancy, slot_id(4), at(201));
    assert!(occupancy.leases.is_empty());
}

#[test]
fn a_lowered_limit_takes_nothing_away_and_gives_nothing_out() {
    let mut occupancy = of(vec![limit("db", 3, 0.0)]);
    for number in 1..=3 {
        assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(number, &["db"], 1), at(10))));
    }
    occupancy.limits[0].limit = 1;
    for number in 1..=2 {
        assert_eq!(ask_for_slots(&mut occupancy, &ask(4, &["db"], 1), at(11)), WAITS);
        give_slots_back(&mut occupancy, slot_id(number), at(11));
    }
    assert_eq!(ask_for_slots(&mut occupancy, &ask(4, &["db"], 1), at(12)), WAITS);
    give_slots_back(&mut occupancy, slot_id(3), at(12));
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(4, &["db"], 1), at(12))));
}

#[test]
fn a_lock_is_there_while_somebody_has_it_or_waits_for_it() {
    let mut occupancy = Occupancy::default();
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(1, &["lock/a"], 1), at(10))));
    assert_eq!(ask_for_slots(&mut occupancy, &ask(2, &["lock/a"], 1), at(10)), WAITS);
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(3, &["lock/b"], 1), at(10))));
    let names = |occupancy: &Occupancy| occupancy.limits.iter().map(|limit| limit.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&occupancy), ["lock/a", "lock/b"]);
    give_slots_back(&mut occupancy, slot_id(1), at(11));
    give_slots_back(&mut occupancy, slot_id(3), at(11));
    assert_eq!(names(&occupancy), ["lock/a"]);
    // Its row may be gone meanwhile; the lease alone says who has it.
    occupancy.limits.clear();
    assert!(is_granted(&ask_for_slots(&mut occupancy, &ask(2, &["lock/a"], 1), at(12))));
    occupancy.limits.clear();
    assert_eq!(ask_for_slots(&mut occupancy, &ask(4, &["lock/a"], 1), at(12)), WAITS);
    give_slots_back(&mut occupancy, slot_id(2), at(13));
    give_slots_back(&mut occupancy, slot_id(4), at(13));
    assert_eq!(occupancy, Occupancy::default());
}
