//! Concurrency limits and rates.

use std::sync::Arc;

use flowcore::client::ClientError;
use flowcore::model::{SlotAnswer, SlotAsk, SlotHolder, SlotId, SlotRefusal};
use flowcore::orchestration::{LimitError, LimitUpdate, NewLimit, SlotsBack};

use super::Subject;
use super::rows::{executor, id, now};

fn ask(limits: &[&str], slots: u32) -> SlotAsk {
    SlotAsk {
        id: SlotId(id()),
        limits: limits.iter().map(|name| (*name).to_owned()).collect(),
        slots,
        holder: SlotHolder { name: "a test".to_owned(), ..SlotHolder::default() },
        process_id: Some(executor().process_id),
        due: now(),
        expires: None,
        strict: false,
        rate: false,
    }
}

fn granted(names: &[&str]) -> SlotAnswer {
    SlotAnswer::Granted { limits: names.iter().map(|name| (*name).to_owned()).collect() }
}

async fn one(subject: &Subject, ask: &SlotAsk) -> SlotAnswer {
    subject.client.ask_for_slots(vec![ask.clone()]).await.unwrap().remove(0)
}

async fn give_back(subject: &Subject, ask: &SlotAsk) {
    let back = SlotsBack { id: ask.id, limits: ask.limits.clone() };
    subject.client.give_slots_back(vec![back]).await.unwrap();
}

pub(super) async fn limits_are_made_and_changed(subject: Arc<Subject>) {
    let client = &subject.client;
    let made = client.create_limit(NewLimit::new("data base", 3)).await.unwrap();
    client.create_limit(NewLimit { active: false, ..NewLimit::new("api", 1) }).await.unwrap();
    let listed = client.limits().await.unwrap();
    let listed: Vec<_> = listed.iter().map(|limit| (&*limit.name, limit.limit, limit.active)).collect();
    assert_eq!(listed, [("api", 1, false), ("data base", 3, true)]);
    let change = LimitUpdate { limit: Some(5), slot_decay_per_second: Some(0.5), ..LimitUpdate::default() };
    let changed = client.update_limit("data base", change).await.unwrap();
    assert_eq!((changed.id, changed.limit, changed.slot_decay_per_second, changed.active), (made.id, 5, 0.5, true));
    let rename = LimitUpdate { name: Some("files".to_owned()), active: Some(false), ..LimitUpdate::default() };
    let renamed = client.update_limit("data base", rename).await.unwrap();
    assert_eq!((renamed.id, &*renamed.name, renamed.limit, renamed.active), (made.id, "files", 5, false));
    let stood = client.delete_limit("files").await.unwrap();
    assert_eq!(stood.limits.iter().map(|limit| &*limit.name).collect::<Vec<_>>(), ["files"]);
    assert_eq!(client.limits().await.unwrap().len(), 1);
}

pub(super) async fn what_cannot_be_a_limit_is_refused(subject: Arc<Subject>) {
    let client = &subject.client;
    client.create_limit(NewLimit::new("api", 1)).await.unwrap();
    client.create_limit(NewLimit::new("db", 1)).await.unwrap();
    let rename = |name: &str| LimitUpdate { name: Some(name.to_owned()), ..LimitUpdate::default() };
    let slower = LimitUpdate { slot_decay_per_second: Some(-1.0), ..LimitUpdate::default() };
    let errors = [
        client.create_limit(NewLimit::new("api", 2)).await.unwrap_err(),
        client.create_limit(NewLimit::new("a/b", 2)).await.unwrap_err(),
        client.create_limit(NewLimit { slot_decay_per_second: -1.0, ..NewLimit::new("new", 1) }).await.unwrap_err(),
        client.update_limit("none", LimitUpdate { limit: Some(1), ..LimitUpdate::default() }).await.unwrap_err(),
        client.update_limit("api", rename("db")).await.unwrap_err(),
        client.update_limit("api", rename("a%b")).await.unwrap_err(),
        client.update_limit("api", slower).await.unwrap_err(),
        client.delete_limit("none").await.unwrap_err(),
    ];
    let errors = errors.map(|error| match error {
        ClientError::Limit(error) => error,
        other => panic!("{other:?}"),
    });
    let [exists, missing] = [LimitError::Exists, LimitError::Missing];
    let expected = [
        exists("api".to_owned()),
        LimitError::Name("a/b".to_owned()),
        LimitError::Decay(-1.0),
        missing("none".to_owned()),
        exists("db".to_owned()),
        LimitError::Name("a%b".to_owned()),
        LimitError::Decay(-1.0),
        missing("none".to_owned()),
    ];
    assert_eq!(errors, expected);
}

pub(super) async fn of_one_slot_one_is_granted(subject: Arc<Subject>) {
    let client = &subject.client;
    client.create_limit(NewLimit::new("db", 1)).await.unwrap();
    let (first, second) = (ask(&["db"], 1), ask(&["db"], 1));
    assert_eq!(one(&subject, &first).await, granted(&["db"]));
    assert!(matches!(one(&subject, &second).await, SlotAnswer::Waits { .. }));
    let stands = client.occupancy(&["db".to_owned()]).await.unwrap();
    assert_eq!(stands.leases.iter().map(|lease| lease.slots).sum::<u32>(), 1);
    assert_eq!(stands.requests.iter().map(|request| request.id).collect::<Vec<_>>(), [second.id]);
    // Back once, and once more, which changes nothing.
    give_back(&subject, &first).await;
    give_back(&subject, &first).await;
    assert_eq!(one(&subject, &second).await, granted(&["db"]));
    give_back(&subject, &second).await;
    let stands = client.occupancy(&["db".to_owned()]).await.unwrap();
    assert!(stands.leases.is_empty() && stands.requests.is_empty(), "{stands:?}");
}

pub(super) async fn asks_are_refused_for_their_reasons(subject: Arc<Subject>) {
    subject.client.create_limit(NewLimit::new("db", 2)).await.unwrap();
    let (many, strict) = (ask(&["db"], 3), SlotAsk { strict: true, ..ask(&["none"], 1) });
    let rate = SlotAsk { rate: true, ..ask(&["db"], 1) };
    let name = || "db".to_owned();
    for (ask, refusal) in [
        (many, SlotRefusal::TooMany { name: name(), slots: 3, limit: 2 }),
        (strict, SlotRefusal::Missing { name: "none".to_owned() }),
        (rate, SlotRefusal::NoRate { name: name() }),
    ] {
        assert_eq!(one(&subject, &ask).await, SlotAnswer::Refused(refusal));
    }
}

pub(super) async fn a_rate_is_kept(subject: Arc<Subject>) {
    let client = &subject.client;
    let limit = NewLimit { slot_decay_per_second: 10.0, ..NewLimit::new("calls", 1) };
    client.create_limit(limit).await.unwrap();
    let call = || SlotAsk { rate: true, ..ask(&["calls"], 1) };
    assert_eq!(one(&subject, &call()).await, granted(&["calls"]));
    let next = call();
    assert!(matches!(one(&subject, &next).await, SlotAnswer::Waits { .. }));
    subject.until("the slot decays", async || one(&subject, &next).await == granted(&["calls"])).await;
}

pub(super) async fn what_limits_nothing_is_granted(subject: Arc<Subject>) {
    let off = NewLimit { active: false, ..NewLimit::new("off", 1) };
    subject.client.create_limit(off).await.unwrap();
    subject.client.create_limit(NewLimit::new("on", 5)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(one(&subject, &ask(&["off", "none", "on"], 2)).await, granted(&["on"]));
    }
    assert_eq!(one(&subject, &ask(&["off"], 2)).await, granted(&[]));
    assert_eq!(one(&subject, &ask(&[], 1)).await, granted(&[]));
}
