//! Commands that only read: what they print, as people and as programs see it.

use insta::{assert_json_snapshot, assert_snapshot};

use crate::world::World;

async fn filled() -> World {
    let world = World::new().await;
    world.fill().await;
    world
}

fn transcripts(world: &World, lines: &[&str]) -> String {
    lines.iter().map(|line| world.flowcore(line).to_string()).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn flows_are_listed() {
    let world = filled().await;
    // Their ids are made by the orchestrator, but counted here.
    assert_snapshot!(transcripts(
        &world,
        &["flow ls", "flow ls --name-like ai", "flow ls --limit 1", "flow ls --name-like x"]
    ));
}

#[tokio::test]
async fn flow_runs_are_listed_and_selected() {
    let world = filled().await;
    let lines = [
        "flow-run ls",
        "flow-run ls --limit 1",
        "flow-run ls --flow-name mail --flow-name child",
        "flow-run ls --name-like HERON",
        "flow-run ls --state FAILED",
        "flow-run ls --state failed --state CANCELLED",
        "flow-run ls --state Faild",
        "flow-run ls --since 2026-05-01T12:02:30Z",
        "flow-run ls --until 2026-05-01T12:00:30Z",
        "flow-run ls --since 1h",
        "flow-run ls --since yesterday",
    ];
    assert_snapshot!(transcripts(&world, &lines));
}

#[tokio::test]
async fn flow_runs_are_json_for_programs() {
    let world = filled().await;
    let runs = world.flowcore("flow-run ls --output json --limit 2").json();
    assert_json_snapshot!(runs);
}

#[tokio::test]
async fn a_flow_run_is_inspected() {
    let world = filled().await;
    let lines = ["flow-run inspect brave-otter", "flow-run inspect 01960002", "flow-run inspect 0196-0004"];
    assert_snapshot!(transcripts(&world, &lines));
}

#[tokio::test]
async fn a_flow_run_is_inspected_by_programs() {
    let world = filled().await;
    assert_json_snapshot!(world.flowcore("flow-run inspect brave-otter -o json").json(), {
        ".program.executable" => "[home]/etl",
        ".program.directory" => "[home]",
    });
}

#[tokio::test]
async fn several_candidates_are_named() {
    let world = filled().await;
    let lines = ["flow-run inspect calm-heron", "flow-run inspect 0196", "flow-run logs 019", "task-run inspect load"];
    assert_snapshot!(transcripts(&world, &lines));
}

#[tokio::test]
async fn logs_are_printed() {
    let world = filled().await;
    let lines = [
        "flow-run logs brave-otter",
        "flow-run logs brave-otter --level warning",
        "flow-run logs brave-otter --head -n 1",
        "flow-run logs brave-otter --tail --num-logs 2 -r",
        "task-run logs load-0",
        "flow-run logs 01960002",
        "flow-run logs brave-otter --level loud",
    ];
    assert_snapshot!(transcripts(&world, &lines));
    assert_json_snapshot!(world.flowcore("flow-run logs brave-otter -t -n 1 -o json").json());
}

#[tokio::test]
async fn task_runs_are_listed_and_inspected() {
    let world = filled().await;
    let lines = [
        "task-run ls",
        "task-run ls --flow-run brave-otter --state COMPLETED --state NotReady",
        "task-run ls --oldest-first --limit 2",
        "task-run ls --name-like ext",
        "task-run ls --flow-run 01960002",
        "task-run inspect load-0",
        "task-run inspect extract-0",
    ];
    assert_snapshot!(transcripts(&world, &lines));
    assert_json_snapshot!(world.flowcore("task-run inspect clean-0 -o json").json());
}

#[tokio::test]
async fn artifacts_are_listed_and_shown() {
    let world = filled().await;
    let lines = [
        "artifact ls",
        "artifact ls --all",
        "artifact ls --all --limit 1",
        "artifact ls --flow-run brave-otter",
        "artifact ls --key rows",
        "artifact inspect rows",
        "artifact inspect rows --limit 1",
        "artifact inspect rows --limit 1 -o json",
        "artifact inspect report",
        "artifact inspect 01980000-0000-7000-8000-000000000001",
        "artifact inspect 01980000-0000-7000-8000-000000000004",
        "artifact inspect nothing",
    ];
    assert_snapshot!(transcripts(&world, &lines));
}

#[tokio::test]
async fn artifacts_are_deleted() {
    let world = filled().await;
    let lines = [
        "artifact delete --id 01980000-0000-7000-8000-000000000003 --yes",
        "artifact inspect rows",
        "artifact delete rows -y",
        "artifact delete rows -y",
        "artifact delete --id 01980000-0000-7000-8000-000000000009 -y",
        "artifact delete -y",
        "artifact ls --all",
    ];
    assert_snapshot!(transcripts(&world, &lines));
}

#[tokio::test]
async fn events_are_listed() {
    let world = filled().await;
    let lines = [
        "event ls --flow-run brave-otter",
        "event ls --limit 2",
        "event ls --limit 2 --offset 2",
        "event ls --oldest-first --limit 3",
        "event ls --since 2026-05-01T12:00:01.250Z --until 2026-05-01T12:00:01.290Z --oldest-first",
        "event ls --since 1h",
        "event ls --since 1h -o json",
    ];
    assert_snapshot!(transcripts(&world, &lines));
}

#[tokio::test]
async fn an_empty_database_has_nothing_to_show() {
    let world = World::new().await;
    let lines = ["flow ls", "flow-run ls", "task-run ls", "artifact ls", "event ls", "flow-run ls -o json"];
    assert_snapshot!(transcripts(&world, &lines));
}
