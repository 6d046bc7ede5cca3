//! Concurrency limits: their rows, decisions about them, and what the dead leave.

use std::sync::Arc;

use flowcore::model::{ConcurrencyLimit, LimitId, Occupancy, ProcessId, SlotHolder, SlotId, SlotLease, SlotRequest};
use flowcore::store::{SlotDecision, Store};
use tokio::task::JoinSet;

use crate::model::{at, flow_run_id, id, task_run_id};

pub(crate) fn limit(name: &str, limit: u32) -> ConcurrencyLimit {
    ConcurrencyLimit {
        id: LimitId(id(9, u64::from(limit))),
        name: name.into(),
        limit,
        active: limit != 13,
        slot_decay_per_second: f64::from(limit) / 3.0,
        created: at(1),
        updated: at(i64::from(limit)),
    }
}

pub(crate) fn lease(number: u64, limit: &str, process: Option<u64>) -> SlotLease {
    SlotLease {
        id: SlotId(id(10, number)),
        limit: limit.into(),
        slots: number as u32,
        holder: holder(number),
        process_id: process.map(|number| ProcessId(id(5, number))),
        acquired: at(number as i64),
        expires: process.is_none().then(|| at(1000 + number as i64)),
    }
}

pub(crate) fn request(number: u64, limit: &str, process: Option<u64>) -> SlotRequest {
    SlotRequest {
        id: SlotId(id(10, number)),
        limit: limit.into(),
        slots: 2,
        holder: holder(number),
        process_id: process.map(|number| ProcessId(id(5, number))),
        // Not in the order of the ids.
        due: at(-(number as i64)),
        expires: process.is_none().then(|| at(1000)),
    }
}

fn holder(number: u64) -> SlotHolder {
    SlotHolder {
        flow_run_id: Some(flow_run_id(number)),
        task_run_id: number.is_multiple_of(2).then(|| task_run_id(number)),
        name: format!("brave-ant-\"{number}\""),
    }
}

/// Makes a decision about limits of these names.
pub(crate) async fn decide(
    store: &Arc<dyn Store>,
    names: &[&str],
    decide: impl Fn(&mut Occupancy) + Send + Sync + 'static,
) {
    store.decide_slots(owned(names), SlotDecision::new(decide)).await.unwrap();
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Fills a store with two limits, what is taken of them, and who waits.
async fn fill(store: &Arc<dyn Store>) -> Occupancy {
    let all = Occupancy {
        limits: vec![limit("api", 13), limit("db", 4)],
        leases: vec![lease(1, "db", Some(1)), lease(2, "db", Some(2)), lease(3, "api", None), lease(3, "db", None)],
        requests: vec![
            request(9, "db", None),
            request(6, "api", Some(1)),
            request(6, "db", Some(1)),
            request(5, "db", Some(2)),
        ],
    };
    let mut sorted = all.clone();
    sorted.sort();
    assert_eq!(all, sorted);
    let rows = all.clone();
    decide(store, &["db", "api"], move |occupancy| *occupancy = rows.clone()).await;
    all
}

pub(crate) async fn limits_are_read_as_they_were_written(store: Arc<dyn Store>) {
    assert_eq!(store.limits().await.unwrap(), []);
    let all = fill(&store).await;
    assert_eq!(store.limits().await.unwrap(), all.limits);
    assert_eq!(store.occupancy(&owned(&["api", "db", "none"])).await.unwrap(), all);
    let api = store.occupancy(&owned(&["api"])).await.unwrap();
    assert_eq!((api.limits.len(), api.leases.len(), api.requests.len()), (1, 1, 1));
    assert_eq!(store.occupancy(&[]).await.unwrap(), Occupancy::default());
}

pub(crate) async fn a_decision_sees_and_changes_what_stands(store: Arc<dyn Store>) {
    let all = fill(&store).await;
    decide(&store, &["api", "db"], move |occupancy| {
        assert_eq!(*occupancy, all);
        occupancy.limits[1].limit = 7;
        occupancy.limits[1].slot_decay_per_second = 0.1;
        occupancy.leases.remove(0);
        occupancy.leases[0].slots = 5;
        occupancy.requests.retain(|request| request.id != SlotId(id(10, 6)));
        occupancy.leases.push(lease(7, "api", Some(1)));
    })
    .await;
    let now = store.occupancy(&owned(&["api", "db"])).await.unwrap();
    assert_eq!((now.limits[1].limit, now.limits[1].slot_decay_per_second, now.limits[0].limit), (7, 0.1, 13));
    let leases: Vec<_> = now.leases.iter().map(|lease| (lease.slots, lease.limit.as_str())).collect();
    assert_eq!(leases, [(5, "db"), (3, "api"), (3, "db"), (7, "api")]);
    assert_eq!(now.requests, [request(9, "db", None), request(5, "db", Some(2))]);
    decide(&store, &["db"], |occupancy| *occupancy = Occupancy::default()).await;
    assert_eq!(store.occupancy(&owned(&["db"])).await.unwrap(), Occupancy::default());
    // One that is deleted and made anew is another one.
    decide(&store, &["db"], |occupancy| occupancy.limits.push(limit("db", 5))).await;
    decide(&store, &["db"], |occupancy| {
        occupancy.limits[0].limit = 6;
        occupancy.leases.push(lease(8, "db", Some(1)));
    })
    .await;
    assert_eq!(store.occupancy(&owned(&["db"])).await.unwrap().limits[0].limit, 6);
    decide(&store, &["db"], |occupancy| *occupancy = Occupancy::default()).await;
    assert_eq!(store.limits().await.unwrap(), [limit("api", 13)]);
}

pub(crate) async fn slots_of_dead_processes_are_removed(store: Arc<dyn Store>) {
    fill(&store).await;
    assert_eq!(store.remove_slots_of(&[]).await.unwrap(), 0);
    let dead = [ProcessId(id(5, 1)), ProcessId(id(5, 3))];
    assert_eq!(store.remove_slots_of(&dead).await.unwrap(), 3);
    assert_eq!(store.remove_slots_of(&dead).await.unwrap(), 0);
    let left = store.occupancy(&owned(&["api", "db"])).await.unwrap();
    assert_eq!(left.leases, [lease(2, "db", Some(2)), lease(3, "api", None), lease(3, "db", None)]);
    assert_eq!(left.requests, [request(9, "db", None), request(5, "db", Some(2))]);
}

/// Many at once take what only some can have: none is given out twice, and none is lost.
pub(crate) async fn decisions_at_once_are_made_one_after_the_other(store: Arc<dyn Store>) {
    decide(&store, &["db"], |occupancy| occupancy.limits.push(limit("db", 100))).await;
    for round in 0..5 {
        let mut callers = JoinSet::new();
        for number in 1..=40 {
            let store = store.clone();
            callers.spawn(async move {
                decide(&store, &["db"], move |occupancy| {
                    let taken = occupancy.leases.len();
                    if taken < 10 * (round + 1) {
                        occupancy.leases.push(lease(round as u64 * 100 + number, "db", Some(1)));
                    }
                })
                .await;
            });
        }
        callers.join_all().await;
        let taken = store.occupancy(&owned(&["db"])).await.unwrap().leases.len();
        assert_eq!(taken, 10 * (round + 1));
    }
}

pub(crate) async fn locks_are_not_listed_and_go_with_their_holders(store: Arc<dyn Store>) {
    let names = ["db", "lock/held", "lock/wanted"];
    let lock = |name: &str| ConcurrencyLimit { slot_decay_per_second: 0.0, ..limit(name, 1) };
    let rows = Occupancy {
        limits: vec![limit("db", 4), lock(names[1]), lock(names[2])],
        leases: vec![lease(1, names[1], Some(1)), lease(2, names[2], Some(1))],
        requests: vec![request(3, names[2], Some(2))],
    };
    decide(&store, &names, move |occupancy| *occupancy = rows.clone()).await;
    assert_eq!(store.limits().await.unwrap(), [limit("db", 4)]);
    assert_eq!(store.occupancy(&owned(&names)).await.unwrap().limits.len(), 3);
    assert_eq!(store.remove_slots_of(&[ProcessId(id(5, 1))]).await.unwrap(), 2);
    let left = store.occupancy(&owned(&names)).await.unwrap();
    assert_eq!(left.limits, [limit("db", 4), lock(names[2])]);
    assert_eq!((left.leases.len(), left.requests.len()), (0, 1));
    assert_eq!(store.remove_slots_of(&[ProcessId(id(5, 2))]).await.unwrap(), 1);
    assert_eq!(store.occupancy(&owned(&names)).await.unwrap().limits, [limit("db", 4)]);
}
