//! `concurrency`: limits, who has their slots, and who waits.

use flowcore::clock::Clock;
use flowcore::model::{SlotAsk, SlotHolder, SlotId};
use insta::assert_snapshot;
use uuid::Uuid;

use crate::history::{flow_run_id, process_id, task_run_id};
use crate::world::World;

/// Asks for slots of `db` as task runs of a flow run would.
async fn ask(world: &World, number: u8, slots: u32) {
    let ask = SlotAsk {
        id: SlotId(Uuid::from_u128(u128::from(number))),
        limits: vec!["db".into()],
        slots,
        holder: SlotHolder {
            flow_run_id: Some(flow_run_id(1)),
            task_run_id: Some(task_run_id(1, number)),
            name: format!("load-{number} of brave-otter"),
        },
        process_id: Some(process_id()),
        due: world.clock.now(),
        expires: None,
        strict: false,
        rate: false,
    };
    world.client.ask_for_slots(vec![ask]).await.unwrap();
    world.clock.advance(1000);
}

/// Hides the ids and the times that the command itself makes.
fn stable(text: impl ToString) -> String {
    let mut words = Vec::new();
    for line in text.to_string().lines() {
        let made = |name: &str| {
            line.starts_with(name) || line.trim_start().starts_with(&format!("\"{}\":", name.to_lowercase()))
        };
        match ["ID", "Created", "Updated"].into_iter().find(|name| made(name)) {
            Some(name) => words.push(format!("{}[{}]", &line[..line.find(name).unwrap_or(0)], name.to_lowercase())),
            None => words.push(line.to_owned()),
        }
    }
    words.join("\n")
}

#[tokio::test]
async fn limits_are_made_changed_and_deleted() {
    let world = World::new().await;
    let told: Vec<String> = [
        "concurrency ls",
        "concurrency create db --limit 2",
        "concurrency create api -l 10 --slot-decay-per-second 0.5",
        "concurrency create tag:etl --limit 1 --disable",
        "concurrency create db --limit 3",
        "concurrency create a/b --limit 3",
        "concurrency create x --limit 3 --slot-decay-per-second=-1",
        "concurrency ls",
        "concurrency update tag:etl --enable",
        "concurrency update db --limit 4 --disable",
        "concurrency update none --limit 4",
        "concurrency inspect none",
        "concurrency inspect db",
        "concurrency delete api",
        "concurrency delete api",
    ]
    .iter()
    .map(|line| stable(world.flowcore(line)))
    .collect();
    assert_snapshot!(told.join("\n"));
    assert_eq!(world.flowcore("concurrency update db").code, Some(2), "there is nothing to change");
    let limits = world.flowcore("concurrency ls -o json").json();
    assert_eq!(
        (&limits[0]["name"], &limits[0]["limit"], &limits[0]["active"]),
        (&"db".into(), &4.into(), &false.into())
    );
}

#[tokio::test]
async fn holders_and_waiting_runs_are_shown() {
    let world = World::new().await;
    assert_eq!(world.flowcore("concurrency create db --limit 3").code, Some(0));
    for (number, slots) in [(1, 2), (2, 1), (3, 2), (4, 1)] {
        ask(&world, number, slots).await;
    }
    assert_snapshot!(stable(world.flowcore("concurrency inspect db")));
    let report = world.flowcore("concurrency inspect db -o json").json();
    assert_eq!((&report["active_slots"], &report["waiting_slots"]), (&3.into(), &3.into()));
    assert_eq!(report["holders"][0]["holder"]["flow_run_id"], flow_run_id(1).to_string());
    assert_eq!(report["waiting"][1]["holder"]["name"], "load-4 of brave-otter");
    assert_snapshot!(world.flowcore("concurrency ls"));
    assert_snapshot!(world.flowcore("concurrency delete db"));
}
