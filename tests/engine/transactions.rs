//! Tasks that are committed together or undone together.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use flowcore::store::Store;
use flowcore::{CommitMode, Error, Result, Transaction, TransactionEvent, execute_flow_run, flow, task, transaction};

use crate::gate::{Gate, count, unique};
use crate::world::{World, soon};

mod caching;
mod crashing;
mod keys;

/// What happened in each test.
static NOTES: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

fn note(test: &str, what: impl Into<String>) {
    NOTES.lock().unwrap().entry(test.to_owned()).or_default().push(what.into());
}

/// Takes the notes of a test, in one line.
fn notes(test: &str) -> String {
    NOTES.lock().unwrap().remove(test).unwrap_or_default().join(", ")
}

/// Does something that can be undone.
#[task(task_run_name = "step {name}", on_commit = committed, on_rollback = undone)]
async fn step(test: String, name: String) -> String {
    note(&test, format!("do {name}"));
    name
}

async fn committed(event: TransactionEvent) -> Result<()> {
    assert_eq!(event.run.state.name, "Completed");
    note(&event.argument::<String>("test")?, format!("commit {}", event.result::<String>().unwrap()));
    Ok(())
}

async fn undone(event: TransactionEvent) -> Result<()> {
    assert!(event.run.state.is_rolled_back());
    note(&event.argument::<String>("test")?, format!("undo {}", event.argument::<String>("name")?));
    Ok(())
}

#[task]
async fn check() -> Result<()> {
    Err(Error::msg("the check has failed"))
}

pub(crate) async fn a_failing_block_is_undone_in_reverse_order(store: Arc<dyn Store>) {
    #[flow]
    async fn failing(test: String) -> Result<()> {
        step(&*test, "before").await?;
        let run = transaction().run(async |_| {
            step(&*test, "a").await?;
            step::map(flowcore::unmapped(test.clone()), ["b".to_owned()]).submit().await?;
            check().await?;
            step(&*test, "never").await?;
            Ok(())
        });
        run.await
    }

    let (world, test) = (World::on(store), unique());
    let error = failing(&*test).on(&world.engine).await.unwrap_err();
    assert!(format!("{error:?}").contains("the check has failed"), "{error:?}");
    assert_eq!(notes(&test), "do before, commit before, do a, do b, undo b, undo a");
    for name in ["step a", "step b"] {
        assert_eq!(world.task_history(name).await, "PENDING RUNNING COMPLETED COMPLETED:RolledBack");
    }
    assert_eq!(world.task_history("check-0").await, "PENDING RUNNING FAILED");
    let states = world.task_states("step a").await;
    let run = world.task_run("step a").await;
    assert_eq!(run.state, states[3]);
    assert_eq!(run.state.data, None, "what it returned counts no more");
    assert_eq!((run.times.end_time, run.times.run_count), (Some(states[2].timestamp), 1));
    let lines = world.logs().await;
    assert!(
        lines.iter().any(|line| line.message == "Rolling back a transaction: 2 things were done in it, the last first")
    );
}

pub(crate) async fn a_commit_calls_hooks_in_order(store: Arc<dyn Store>) {
    #[flow]
    async fn committing(test: String) -> Result<()> {
        let kept: Option<Transaction> = transaction()
            .run(async |txn| {
                step(&*test, "a").await?;
                step(&*test, "b").await?;
                note(&test, format!("end {} {}", txn.is_committed(), txn.is_rolled_back()));
                Ok(Some(txn))
            })
            .await?;
        note(&test, format!("behind {}", kept.unwrap().is_committed()));
        Ok(())
    }

    let (world, test) = (World::on(store), unique());
    committing(&*test).on(&world.engine).await.unwrap();
    assert_eq!(notes(&test), "do a, do b, end false false, commit a, commit b, behind true");
    assert_eq!(world.task_history("step a").await, "PENDING RUNNING COMPLETED COMPLETED");
    let states = world.task_states("step a").await;
    assert_eq!([&states[2], &states[3]].map(|state| state.is_transaction_committed()), [false, true]);
    assert_eq!(states[2].data, states[3].data);
}

/// Fails the first time.
fn first_time_fails(test: &str) -> Result<()> {
    if count(format!("{test} attempts")) == 1 { Err(Error::msg("the first time it fails")) } else { Ok(()) }
}

pub(crate) async fn what_is_rolled_back_is_executed_again(store: Arc<dyn Store>) {
    #[flow]
    async fn again(test: String) -> Result<()> {
        step(&*test, "before").await?;
        transaction()
            .run(async |_| {
                step(&*test, "a").await?;
                first_time_fails(&test)
            })
            .await
    }

    let (world, test) = (World::on(store), unique());
    again(&*test).on(&world.engine).await.unwrap_err();
    assert_eq!(notes(&test), "do before, commit before, do a, undo a");
    execute_flow_run(&world.engine, world.flow_run("again").await.id).await.unwrap();
    assert_eq!(notes(&test), "do a, commit a");
    let history = world.task_history("step a").await;
    assert_eq!(history, "PENDING RUNNING COMPLETED COMPLETED:RolledBack PENDING RUNNING:Retrying COMPLETED COMPLETED");
}

pub(crate) async fn what_is_committed_stays_so(store: Arc<dyn Store>) {
    #[flow(retries = 2)]
    async fn further(test: String) -> Result<()> {
        let attempt = flowcore::current::attempt();
        transaction()
            .run(async |_| {
                step(&*test, "a").await?;
                // Something new, which is undone, while what was committed is not.
                if attempt == Some(2) {
                    step(&*test, "b").await?;
                    check().await?;
                }
                Ok(())
            })
            .await?;
        if attempt == Some(1) { Err(Error::msg("behind the commit")) } else { Ok(()) }
    }

    let (world, test) = (World::on(store), unique());
    further(&*test).on(&world.engine).await.unwrap();
    assert_eq!(notes(&test), "do a, commit a, do b, undo b");
    assert_eq!(world.task_history("step a").await, "PENDING RUNNING COMPLETED COMPLETED");
}

#[tokio::test]
async fn every_hook_is_called_even_if_one_fails() {
    async fn panics(_: TransactionEvent) {
        panic!("out of paper");
    }

    #[flow]
    async fn failing_hooks(test: String) -> Result<()> {
        transaction()
            .run(async |txn| {
                let fails = |_: TransactionEvent| async { Err::<(), _>(Error::msg("it is locked")) };
                step(&*test, "a").on_rollback(fails).await?;
                let inner = test.clone();
                txn.on_rollback(move |_| async move { note(&inner, "undo own") });
                txn.on_rollback(|_| async { Err::<(), _>(std::fmt::Error) });
                step(&*test, "b").on_rollback(panics).on_rollback(undone).await?;
                check().await?;
                Ok(())
            })
            .await
    }

    let (world, test) = (World::memory(), unique());
    failing_hooks(&*test).on(&world.engine).await.unwrap_err();
    // The hooks of the definition are called before those of the call.
    assert_eq!(notes(&test), "do a, do b, undo b, undo b, undo own, undo a");
    let logs = world.logs().await;
    let of = |part: &str| logs.iter().find(|line| line.message.contains(part)).unwrap_or_else(|| panic!("{part}"));
    let (a, b) = (world.task_run("step a").await.id, world.task_run("step b").await.id);
    assert_eq!(of("'step a' failed: it is locked").task_run_id, Some(a));
    let panicked = of("'step b' failed: the hook panicked: out of paper at tests/engine/transactions.rs:");
    assert_eq!(panicked.task_run_id, Some(b));
    assert_eq!(of("of a transaction failed: an error occurred").task_run_id, None);
}

#[tokio::test]
async fn a_failing_commit_is_rolled_back() {
    #[flow]
    async fn unannounced(test: String) -> Result<()> {
        let announce = |_: TransactionEvent| async { Err::<(), _>(Error::msg("nobody listens")) };
        transaction()
            .run(async |_| {
                step(&*test, "a").await?;
                step(&*test, "b").on_commit(announce).await?;
                step(&*test, "c").await?;
                Ok(())
            })
            .await
    }

    let (world, test) = (World::memory(), unique());
    let error = unannounced(&*test).on(&world.engine).await.unwrap_err();
    let text = format!("{error:?}");
    assert!(text.contains("the on_commit hook of task `step` failed") && text.contains("nobody listens"), "{text}");
    assert_eq!(notes(&test), "do a, do b, do c, commit a, commit b, undo c, undo b, undo a");
    assert_eq!(world.task_history("step c").await, "PENDING RUNNING COMPLETED COMPLETED:RolledBack");
}

#[tokio::test]
async fn a_task_outside_of_transactions_is_one_by_itself() {
    #[flow(name = "transactions_alone")]
    async fn alone(test: String) -> Result<()> {
        step(&*test, "a").await?;
        note(&test, "behind");
        let announce = |_: TransactionEvent| async { Err::<(), _>(Error::msg("nobody listens")) };
        let ended = step(&*test, "b").on_commit(announce).return_state().await;
        assert_eq!(ended.result.unwrap_err().to_string(), "task `step b` was rolled back");
        assert!(ended.state.unwrap().is_rolled_back());
        Ok(())
    }

    let (world, test) = (World::memory(), unique());
    alone(&*test).on(&world.engine).await.unwrap();
    assert_eq!(notes(&test), "do a, commit a, behind, do b, commit b, undo b");
}

#[tokio::test]
async fn panics_are_rolled_back_and_returned() {
    #[flow]
    async fn panicking(test: String) -> Result<()> {
        let run = transaction().run(async |_| {
            step(&*test, "a").await?;
            if test.len() > 1 { panic!("in the block") } else { Ok(()) }
        });
        let error = run.await.unwrap_err();
        note(&test, error.to_string());
        Err(error)
    }

    let (world, test) = (World::memory(), unique());
    panicking(&*test).on(&world.engine).await.unwrap_err();
    assert_eq!(notes(&test), "do a, undo a, panicked: in the block");
    let message = world.flow_run("panicking").await.state.message.unwrap();
    assert!(message.contains("panicked: in the block at tests/engine/transactions.rs"), "{message}");
}

/// A flow that stays in its block.
#[flow]
async fn staying(test: String, #[resource] gate: Gate) -> Result<()> {
    transaction()
        .run(async |txn| {
            step(&*test, "a").await?;
            txn.on_rollback(move |_| async move {
                // As slow as it likes: it is waited for.
                tokio::time::sleep(Duration::from_millis(20)).await;
                note(&test, "slowly");
            });
            gate.pass().await;
            Ok(())
        })
        .await
}

#[tokio::test]
async fn a_flow_that_is_cancelled_or_dropped_is_rolled_back_before_it_ends() {
    for drops in [false, true] {
        let (world, test, gate) = (World::memory(), unique(), Gate::new());
        let running = tokio::spawn(staying(&*test, gate.clone()).on(&world.engine).into_future());
        soon("the block", gate.somebody()).await;
        if drops {
            running.abort();
        } else {
            world.engine.cancel_all();
        }
        drop(soon("the flow", running).await);
        crate::world::eventually("the run ends", || async { world.flow_run("staying").await.state.is_terminal() })
            .await;
        assert_eq!(notes(&test), "do a, slowly, undo a", "dropped: {drops}");
        assert_eq!(world.flow_history("staying").await, "PENDING RUNNING CANCELLED");
        assert_eq!(world.task_history("step a").await, "PENDING RUNNING COMPLETED COMPLETED:RolledBack");
    }
}

#[tokio::test]
async fn a_retry_waits_for_the_rollback_of_the_attempt_before() {
    #[task(retries = 1, timeout = 60)]
    async fn slow(test: String, #[resource] gate: Gate) -> Result<()> {
        note(&test, format!("attempt {}", flowcore::current::attempt().unwrap()));
        if count(format!("{test} slow")) > 1 {
            return Ok(());
        }
        transaction()
            .run(async |txn| {
                step(&*test, "a").await?;
                txn.on_rollback(move |_| async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    note(&test, "slowly");
                });
                gate.pass().await;
                Ok(())
            })
            .await
    }

    #[flow(name = "transactions_patient")]
    async fn patient(test: String, #[resource] gate: Gate) -> Result<()> {
        Ok(slow(test, gate).await?)
    }

    let (world, test, gate) = (World::memory(), unique(), Gate::new());
    let running = tokio::spawn(patient(&*test, gate.clone()).on(&world.engine).into_future());
    soon("the block", gate.somebody()).await;
    world.clock.advance(Duration::from_secs(61));
    soon("the flow", running).await.unwrap().unwrap();
    assert_eq!(notes(&test), "attempt 1, do a, slowly, undo a, attempt 2");
}

#[tokio::test]
async fn submitted_tasks_are_waited_for() {
    #[task(on_commit = committed)]
    async fn late(test: String, #[resource] gate: Gate) -> String {
        gate.pass().await;
        note(&test, "do late");
        "late".to_owned()
    }

    #[flow]
    async fn submitting(test: String, #[resource] gate: Gate) -> Result<()> {
        transaction()
            .run(async |_| {
                late(&*test, gate.clone()).submit();
                let open = gate.clone();
                tokio::spawn(async move {
                    open.somebody().await;
                    open.open();
                });
                note(&test, "end of the block");
                Ok(())
            })
            .await?;
        note(&test, "behind");
        Ok(())
    }

    let (world, test) = (World::memory(), unique());
    soon("the flow", submitting(&*test, Gate::new()).on(&world.engine)).await.unwrap();
    assert_eq!(notes(&test), "end of the block, do late, commit late, behind");
}

#[tokio::test]
async fn a_failure_that_nobody_sees_is_rolled_back() {
    #[flow]
    async fn unseen(test: String, sees: bool) -> Result<()> {
        let run = transaction().run(async |_| {
            step(&*test, "a").await?;
            let failing = check().submit();
            if sees {
                assert!(failing.await.is_err());
            }
            Ok(())
        });
        run.await
    }

    let (world, test) = (World::memory(), unique());
    unseen(&*test, true).on(&world.engine).await.unwrap();
    assert_eq!(notes(&test), "do a, commit a");
    let error = unseen(&*test, false).on(&world.engine).await.unwrap_err();
    assert!(format!("{error:?}").contains("the check has failed"), "{error:?}");
    assert_eq!(notes(&test), "do a, undo a");
}

#[tokio::test]
async fn what_was_submitted_is_stopped_before_a_rollback() {
    #[flow]
    async fn stopping(test: String, #[resource] gate: Gate) -> Result<()> {
        transaction()
            .run(async |_| {
                let waiting = waiting(&*test, gate.clone()).submit();
                gate.somebody().await;
                check().await?;
                Ok(waiting.await?)
            })
            .await
    }

    #[task(task_run_name = "waiting")]
    async fn waiting(test: String, #[resource] gate: Gate) -> Result<()> {
        step(&*test, "inside").await?;
        gate.pass().await;
        Ok(())
    }

    let (world, test) = (World::memory(), unique());
    soon("the flow", stopping(&*test, Gate::new()).on(&world.engine)).await.unwrap_err();
    assert_eq!(notes(&test), "do inside, undo inside", "a task's own tasks belong to the transaction");
    assert_eq!(world.task_history("waiting").await, "PENDING RUNNING CANCELLED");
}

/// Runs a transaction of one step inside another one of two.
#[flow(name = "transactions_nested")]
async fn nested(test: String, #[resource] mode: CommitMode, fails: String) -> Result<()> {
    transaction()
        .run(async |outer| {
            outer.set("colour", "red")?;
            outer.set("shape", "round")?;
            step(&*test, "a").await?;
            let inside = transaction().commit_mode(mode).run(async |inner| {
                inner.set("colour", "blue")?;
                let colour = |event: TransactionEvent| async move {
                    let colour: Option<String> = event.transaction.get("colour")?;
                    let shape: Option<String> = event.transaction.get("shape")?;
                    note(&event.argument::<String>("test")?, format!("{} {}", colour.unwrap(), shape.unwrap()));
                    Ok::<(), Error>(())
                };
                step(&*test, "b").on_commit(colour).on_rollback(colour).await?;
                if fails == "inner" { Err(Error::msg("inside")) } else { Ok(()) }
            });
            let ended = inside.await;
            note(&test, if ended.is_ok() { "inside ended" } else { "inside failed" });
            assert_eq!(outer.get::<String>("colour")?.as_deref(), Some("red"));
            assert_eq!(outer.get::<String>("size")?, None);
            assert!(outer.get::<u32>("colour").unwrap_err().to_string().contains("value `colour` of a transaction"));
            step(&*test, "c").await?;
            if fails == "outer" { Err(Error::msg("outside")) } else { Ok(()) }
        })
        .await
}

#[tokio::test]
async fn transactions_inside_transactions() {
    let cases = [
        (CommitMode::Lazy, "", "inside ended, do c, commit a, commit b, blue round, commit c"),
        (CommitMode::Lazy, "outer", "inside ended, do c, undo c, undo b, blue round, undo a"),
        (CommitMode::Lazy, "inner", "undo b, blue round, inside failed, do c, commit a, commit c"),
        (CommitMode::Eager, "", "commit b, blue round, inside ended, do c, commit a, commit c"),
        (CommitMode::Eager, "outer", "commit b, blue round, inside ended, do c, undo c, undo a"),
        (CommitMode::Eager, "inner", "undo b, blue round, inside failed, do c, commit a, commit c"),
        (CommitMode::Off, "", "undo b, blue round, inside ended, do c, commit a, commit c"),
    ];
    for (mode, fails, expected) in cases {
        let (world, test) = (World::memory(), unique());
        let ended = nested(&*test, mode, fails).on(&world.engine).await;
        assert_eq!(ended.is_err(), fails == "outer", "{mode:?} {fails}");
        assert_eq!(notes(&test), format!("do a, do b, {expected}"), "{mode:?} {fails}");
    }
}

#[tokio::test]
async fn a_commit_in_the_block_holds_what_was_done_before() {
    #[flow]
    async fn midway(test: String, #[resource] mode: CommitMode) -> Result<()> {
        let run = transaction().commit_mode(mode).run(async |txn| {
            step(&*test, "a").await?;
            let refused = committing_from_below().await.unwrap_err();
            assert!(format!("{refused:?}").contains("only be committed in its own block"), "{refused:?}");
            txn.commit().await?;
            note(&test, format!("committed {}", txn.is_committed()));
            step(&*test, "b").await?;
            Ok(())
        });
        run.await
    }

    #[task]
    async fn committing_from_below() -> Result<()> {
        flowcore::current::transaction().unwrap().commit().await
    }

    for (mode, end) in [(CommitMode::Lazy, "commit b"), (CommitMode::Off, "undo b")] {
        let (world, test) = (World::memory(), unique());
        soon("the flow", midway(&*test, mode).on(&world.engine)).await.unwrap();
        assert_eq!(notes(&test), format!("do a, commit a, committed true, do b, {end}"));
    }
}

#[tokio::test]
async fn subflows_and_detached_tasks_are_not_part_of_it() {
    #[flow(name = "below_a_transaction")]
    async fn below(test: String) -> Result<()> {
        assert!(flowcore::current::transaction().is_none());
        step(&*test, "below").await?;
        Ok(())
    }

    #[flow(name = "above_a_transaction")]
    async fn above(test: String) -> Result<()> {
        transaction()
            .run(async |_| {
                below(&*test).await?;
                step(&*test, "detached").detached().submit().await?;
                check().await?;
                Ok(())
            })
            .await
    }

    let (world, test) = (World::memory(), unique());
    above(&*test).on(&world.engine).await.unwrap_err();
    assert_eq!(notes(&test), "do below, commit below, do detached, commit detached");
}

#[tokio::test]
async fn a_transaction_outside_a_flow_is_one_for_its_tasks() {
    let (world, test) = (World::memory(), unique());
    let run = transaction().on(&world.engine).run(async |_| {
        step(&*test, "a").await?;
        step(&*test, "b").submit().await?;
        Ok(check().await?)
    });
    run.await.unwrap_err();
    assert_eq!(notes(&test), "do a, do b, undo b, undo a");
    assert_eq!(world.task_history("step a").await, "PENDING RUNNING COMPLETED COMPLETED:RolledBack");
}
