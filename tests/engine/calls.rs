//! The ways to call tasks: await, submit, map, wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flowcore::{Error, Outcome, Result, TaskFuture, as_completed, each, flow, task, unmapped, wait};
use tokio::sync::Barrier;

use crate::gate::Gate;
use crate::world::{World, soon};

#[task]
async fn double(n: u32) -> u32 {
    n * 2
}

#[task]
async fn add(a: u32, b: u32) -> u32 {
    a + b
}

#[task]
fn sum(values: Vec<u32>) -> u32 {
    values.into_iter().sum()
}

#[task]
async fn fail(why: String) -> Result<u32> {
    Err(Error::msg(why))
}

#[task]
async fn judge(one: Outcome<u32>, many: Vec<Outcome<u32>>) -> Vec<Option<u32>> {
    std::iter::once(one).chain(many).map(|outcome| outcome.result.ok()).collect()
}

#[tokio::test]
async fn awaited_submitted_and_mapped_calls_give_results() {
    #[flow]
    async fn in_every_way() -> Result<Vec<u32>> {
        let awaited = double(1).await?;
        let submitted = double(2).submit();
        let again = submitted.clone();
        let mapped = add::map([1, 2, 3], unmapped(10)).await?;
        let both = add::map([1, 2], vec![100, 200]).submit();
        let total = sum(&both).await?;
        let chained = double::map(&both).await?;
        let few = sum(vec![submitted.clone(), again.clone()]).await?;
        let mut results = vec![awaited, submitted.await?, (&again).await?, total, few];
        results.extend(mapped.into_iter().chain(chained));
        Ok(results)
    }

    let world = World::memory();
    let results = in_every_way().on(&world.engine).await.unwrap();
    assert_eq!(results, [2, 4, 4, 303, 8, 11, 12, 13, 202, 404]);
    let runs = world.task_runs(world.flow_run("in-every-way").await.id).await;
    assert_eq!(runs.len(), 11);
    assert!(runs.iter().all(|run| run.state.is_completed()));
}

#[tokio::test]
async fn maps_of_nothing_and_of_unequal_lengths() {
    #[flow]
    async fn odd_maps() -> Result<(usize, Vec<u32>, Vec<String>)> {
        let nothing = double::map(Vec::<u32>::new()).await?.len();
        let unequal = add::map([1, 2, 3], vec![10, 20]).submit();
        let outcomes = unequal.outcomes().await;
        let results = outcomes.iter().filter_map(|outcome| outcome.result.as_ref().ok().copied()).collect();
        let all_constant = double::map(unmapped(1)).await.unwrap_err();
        let none_left = add::map(each(0..3), Vec::<u32>::new()).await.unwrap_err();
        let errors = outcomes.iter().filter_map(|outcome| outcome.result.as_ref().err());
        Ok((nothing, results, errors.chain([&all_constant, &none_left]).map(|error| format!("{error:?}")).collect()))
    }

    let world = World::memory();
    let (nothing, results, errors) = odd_maps().on(&world.engine).await.unwrap();
    assert_eq!((nothing, results), (0, vec![11, 22]));
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(errors[0].contains("different lengths") && errors[2].contains("different lengths"), "{errors:?}");
    assert!(errors[1].contains("at least one argument"), "{errors:?}");
}

#[tokio::test]
async fn failures_upstream_are_tolerated_where_it_is_said() {
    #[flow]
    async fn tolerant() -> Result<Vec<Option<u32>>> {
        let failing = fail("no").submit();
        let mixed = vec![double(1).submit(), fail("neither").submit(), double(2).submit()];
        let judged = judge(failing.allow_failure(), double::map([1]).submit().allow_failure()).await?;
        let map: Vec<TaskFuture<u32>> = mixed;
        let of_map = fail::map(vec!["a".to_owned(), "b".to_owned()]).submit();
        let rest = judge(map[1].allow_failure(), of_map.allow_failure()).await?;
        Ok(judged.into_iter().chain(rest).collect())
    }

    let world = World::memory();
    let judged = tolerant().on(&world.engine).await.unwrap();
    assert_eq!(judged, [None, Some(2), None, None, None]);
}

#[tokio::test]
async fn return_state_gives_every_end() {
    #[flow]
    async fn states() -> Vec<String> {
        let name = |outcome: Outcome<u32>| outcome.state.map(|state| state.name.into_owned()).unwrap_or_default();
        let dependent = double(fail("up").submit()).return_state().await;
        vec![name(double(1).return_state().await), name(fail("x").return_state().await), name(dependent)]
    }

    let world = World::memory();
    assert_eq!(states().on(&world.engine).await.unwrap(), ["Completed", "Failed", "NotReady"]);
    let outcome = states().on(&world.engine).return_state().await;
    assert_eq!(outcome.state.map(|state| state.name.into_owned()).as_deref(), Some("Completed"));
}

#[task]
async fn pass(gate_number: usize, #[resource] gates: Arc<[Gate]>) -> usize {
    gates[gate_number].pass().await;
    gate_number
}

fn gates(number: usize) -> Arc<[Gate]> {
    (0..number).map(|_| Gate::new()).collect()
}

#[tokio::test]
async fn as_completed_gives_the_order_of_ends() {
    #[flow]
    async fn ends(#[resource] gates: Arc<[Gate]>) -> Result<Vec<usize>> {
        let futures = pass::map([0, 1, 2], gates.clone()).submit();
        let mut completed = as_completed(futures);
        let mut order = Vec::new();
        for next in [2, 0, 1] {
            gates[next].open();
            order.push(completed.next().await.ok_or_else(|| Error::msg("too few"))?.await?);
        }
        assert!(completed.next().await.is_none());
        Ok(order)
    }

    let world = World::memory();
    assert_eq!(soon("the flow", ends(gates(3)).on(&world.engine)).await.unwrap(), [2, 0, 1]);
}

#[tokio::test]
async fn a_wait_may_have_a_limit() {
    #[flow]
    async fn limited(#[resource] gates: Arc<[Gate]>) -> Result<(usize, usize, bool, bool)> {
        let (open, shut) = (pass(0usize, gates.clone()).submit(), pass(1usize, gates.clone()).submit());
        gates[0].open();
        let first = wait([open.clone()], None).await;
        assert!(first.not_done.is_empty() && open.is_finished());
        let waited = wait([open, shut.clone()], Some(std::time::Duration::from_millis(5))).await;
        let in_time = shut.wait(0.005).await;
        gates[1].open();
        let at_last = shut.wait(60).await;
        Ok((waited.done.len(), waited.not_done.len(), in_time, at_last))
    }

    let world = World::memory();
    assert_eq!(soon("the flow", limited(gates(2)).on(&world.engine)).await.unwrap(), (1, 1, false, true));
}

/// How many are inside at once.
#[derive(Clone, Default)]
struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

impl Gauge {
    fn enter(&self) {
        let inside = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(inside, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }

    fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_task_limit_bounds_what_runs_at_once() {
    /// Goes on only when as many are there as the limit allows.
    #[task]
    async fn meet(_n: u32, #[resource] gauge: Gauge, #[resource] barrier: Arc<Barrier>) {
        gauge.enter();
        barrier.wait().await;
        gauge.leave();
    }

    #[flow(task_limit = 3)]
    async fn crowd(#[resource] gauge: Gauge) -> Result<()> {
        meet::map(each(0..12), gauge, Arc::new(Barrier::new(3))).await?;
        Ok(())
    }

    let world = World::memory();
    for limit in [3, 6] {
        let gauge = Gauge::default();
        soon("the flow", crowd(gauge.clone()).task_limit(limit).on(&world.engine)).await.unwrap();
        // The barrier lets three through at a time, so the larger limit need not be reached.
        assert!((3..=limit).contains(&gauge.most()), "{} at once under a limit of {limit}", gauge.most());
    }
}

#[task]
async fn nest(depth: u32) -> Result<u32> {
    if depth == 0 { Ok(1) } else { Ok(nest(depth - 1).submit().await? + 1) }
}

#[task]
async fn tree(depth: u32) -> Result<u32> {
    match depth {
        0 => Ok(1),
        _ => Ok(tree::map([depth - 1, depth - 1]).await?.iter().sum()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nested_tasks_do_not_deadlock_under_a_limit_of_one() {
    #[flow(task_limit = 1)]
    async fn nested() -> Result<(Vec<u32>, u32)> {
        let chains = nest::map([4, 4]).submit();
        let tree = tree(3).submit();
        Ok((chains.await?, tree.await?))
    }

    let world = World::memory();
    let (chains, leaves) = soon("the flow", nested().on(&world.engine)).await.unwrap();
    assert_eq!((chains, leaves), (vec![5, 5], 8));
    assert_eq!(world.all_task_runs().await.len(), 5 + 5 + 15);
}

#[tokio::test]
async fn after_a_success_what_was_submitted_is_waited_for() {
    #[flow]
    async fn generous(#[resource] gates: Arc<[Gate]>, #[resource] returned: Gate) -> Result<u32> {
        drop(pass(0usize, gates).submit());
        returned.open();
        Ok(1)
    }

    let world = World::memory();
    let (gates, returned) = (gates(1), Gate::new());
    let running = tokio::spawn(generous(gates.clone(), returned.clone()).on(&world.engine).into_future());
    returned.pass().await;
    gates[0].somebody().await;
    assert_eq!(world.flow_history("generous").await, "PENDING RUNNING");
    gates[0].open();
    assert_eq!(soon("the flow", running).await.unwrap().unwrap(), 1);
    assert_eq!(world.task_history("pass-0").await, "PENDING RUNNING COMPLETED");
    let (flow, task) = (world.flow_run("generous").await, world.task_run("pass-0").await);
    assert!(flow.state.id > task.state.id, "the flow ends behind its task");
}

#[tokio::test]
async fn after_a_failure_what_was_submitted_is_cancelled() {
    #[flow]
    async fn strict(#[resource] gates: Arc<[Gate]>) -> Result<u32> {
        drop(pass(0usize, gates.clone()).submit());
        gates[0].somebody().await;
        Err(Error::msg("enough"))
    }

    let world = World::memory();
    let error = soon("the flow", strict(gates(1)).on(&world.engine)).await.unwrap_err();
    assert_eq!(error.state().map(|state| &*state.name), Some("Failed"));
    assert_eq!(world.task_history("pass-0").await, "PENDING RUNNING CANCELLED");
}

#[tokio::test]
async fn a_detached_task_outlives_its_flow() {
    #[flow]
    async fn leaving(fails: bool, #[resource] gates: Arc<[Gate]>) -> Result<()> {
        drop(pass(0usize, gates.clone()).task_run_name("left {gate_number}").detached().submit());
        gates[0].somebody().await;
        if fails { Err(Error::msg("gone")) } else { Ok(()) }
    }

    for fails in [false, true] {
        let world = World::memory();
        let gates = gates(1);
        let ended = soon("the flow", leaving(fails, gates.clone()).on(&world.engine)).await;
        assert_eq!(ended.is_err(), fails);
        assert_eq!(world.task_history("left 0").await, "PENDING RUNNING");
        gates[0].open();
        let world = &world;
        crate::world::eventually("the detached task ends", || async move {
            world.task_run("left 0").await.state.is_completed()
        })
        .await;
        assert_eq!(world.task_history("left 0").await, "PENDING RUNNING COMPLETED");
    }
}
