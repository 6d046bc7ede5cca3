//! What is recorded of who called whom with what: edges, nesting, subflows.

use std::sync::Arc;

use flowcore::model::{TaskInput, TaskRunId};
use flowcore::store::Store;
use flowcore::{Engine, Error, Result, flow, task};

use crate::world::World;

#[task(task_run_name = "number {n}")]
async fn number(n: u32) -> u32 {
    n
}

#[task]
async fn add(a: u32, b: u32) -> u32 {
    a + b
}

#[task]
async fn sum(values: Vec<u32>, more: u32) -> u32 {
    values.iter().sum::<u32>() + more
}

#[task]
async fn outer() -> Result<u32> {
    Ok(number(9).await? + number(10).submit().await?)
}

fn runs(ids: &[TaskRunId]) -> Vec<TaskInput> {
    ids.iter().map(|id| TaskInput::TaskRun { id: *id }).collect()
}

pub(crate) async fn edges_are_recorded(store: Arc<dyn Store>) {
    #[flow]
    async fn edges() -> Result<u32> {
        let (one, two) = (number(1).submit(), number(2).submit());
        let three = add(&one, &two).task_run_name("both").submit();
        let listed = sum(vec![one.clone(), two.clone()], &three)
            .wait_for(&two)
            .wait_for_all([&one])
            .task_run_name("listed")
            .submit();
        let inside = outer().await?;
        let mapped = number::map([3, 4]).submit();
        let total = sum(&mapped, 0).task_run_name("total").await?;
        let twelve = twelve().submit();
        Ok(add(&twelve, 1).task_run_name("behind the subflow").await? + listed.await? + inside + total)
    }

    #[flow]
    async fn twelve() -> u32 {
        12
    }

    let world = World::on(store);
    assert_eq!(edges().on(&world.engine).await.unwrap(), 13 + 6 + 19 + 7);
    let mut ids = Vec::new();
    for n in [1, 2, 3, 4, 9, 10] {
        ids.push(world.task_run(&format!("number {n}")).await.id);
    }
    let [one, two, three, four, nine, ten] = ids[..] else { unreachable!("six were asked for") };
    let inputs = async |name| world.task_run(name).await.task_inputs;
    let add = world.task_run("both").await;
    assert_eq!(add.task_inputs, [("a".into(), runs(&[one])), ("b".into(), runs(&[two]))].into());
    assert_eq!(
        inputs("listed").await,
        [
            ("values".into(), runs(&[one, two])),
            ("more".into(), runs(&[add.id])),
            ("wait_for".into(), runs(&[two, one]))
        ]
        .into()
    );
    assert_eq!(inputs("total").await, [("values".into(), runs(&[three, four]))].into());
    assert!(inputs("number 1").await.is_empty());
    let outer = world.task_run("outer-0").await;
    for id in [nine, ten] {
        let run = world.all_task_runs().await.into_iter().find(|run| run.id == id).unwrap();
        assert_eq!(run.task_inputs, [("__parents__".into(), runs(&[outer.id]))].into());
    }
    let subflow = world.flow_run("twelve").await;
    assert_eq!(inputs("behind the subflow").await, [("a".into(), vec![TaskInput::FlowRun { id: subflow.id }])].into());
}

pub(crate) async fn a_subflow_is_a_run_of_its_own(store: Arc<dyn Store>) {
    #[flow]
    async fn above() -> Result<u32> {
        let failed = below(0).submit().outcome().await;
        assert_eq!(failed.state.as_ref().map(|state| &*state.name), Some("Failed"));
        Ok(below(number(1).submit()).await?)
    }

    #[flow(flow_run_name = "below {n}")]
    async fn below(n: u32) -> Result<u32> {
        if n == 0 {
            return Err(Error::msg("nothing is below"));
        }
        Ok(number(n + 1).await?)
    }

    let world = World::on(store);
    assert_eq!(above().on(&world.engine).await.unwrap(), 2);
    let above = world.flow_run("above").await;
    for (task, run_name, end) in [("below-0", "below 0", "FAILED"), ("below-1", "below 1", "COMPLETED")] {
        let stand_in = world.task_run(task).await;
        assert_eq!(stand_in.flow_run_id, Some(above.id));
        let filter = flowcore::model::FlowRunFilter {
            parent_task_run_ids: Some(vec![stand_in.id]),
            ..flowcore::model::FlowRunFilter::default()
        };
        let children = world.client.flow_runs(&filter).await.unwrap();
        assert_eq!(children.len(), 1);
        let child = &children[0];
        assert_eq!((child.name.as_str(), child.parent_task_run_id), (run_name, Some(stand_in.id)));
        let states = world.client.flow_run_states(child.id).await.unwrap();
        assert_eq!(crate::world::history(&states), format!("PENDING RUNNING {end}"));
        let mirrored = world.task_states(task).await;
        assert_eq!(crate::world::history(&mirrored), format!("PENDING RUNNING {end}"));
        let last = mirrored.last().unwrap();
        assert_eq!((&last.message, &last.data), (&states[2].message, &states[2].data));
        assert_eq!(last.details.as_ref().and_then(|details| details.child_flow_run_id), Some(child.id));
        assert_eq!(stand_in.times.run_count, 1);
    }
    // The subflow's own tasks belong to it, and its argument's run is an edge of the run that stands for it.
    let inside = world.task_run("number 2").await;
    assert_ne!(inside.flow_run_id, Some(above.id));
    let argument = world.task_run("number 1").await;
    assert_eq!(world.task_run("below-1").await.task_inputs, [("n".into(), runs(&[argument.id]))].into());
}

/// The parent's engine keeps what belongs to the parent, also when the subflow runs on another one.
#[tokio::test]
async fn a_subflow_on_another_engine_is_kept_there() {
    #[flow]
    async fn abroad(#[resource] other: Engine) -> Result<u32> {
        Ok(guest(number(1).submit()).on(&other).await?)
    }

    #[flow]
    async fn guest(n: u32) -> Result<u32> {
        Ok(number(n + 1).await?)
    }

    let (home, other) = (World::memory(), World::memory());
    assert_eq!(abroad(other.engine.clone()).on(&home.engine).await.unwrap(), 2);
    let stand_in = home.task_run("guest-0").await;
    assert_eq!(stand_in.flow_run_id, Some(home.flow_run("abroad").await.id));
    assert_eq!(home.task_history("guest-0").await, "PENDING RUNNING COMPLETED");
    let guest = other.flow_run("guest").await;
    assert_eq!(guest.parent_task_run_id, Some(stand_in.id));
    assert_eq!(other.all_task_runs().await.iter().map(|run| &*run.name).collect::<Vec<_>>(), ["number 2"]);
    assert_eq!(home.client.flow_runs(&Default::default()).await.unwrap().len(), 1);
}
