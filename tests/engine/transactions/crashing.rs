//! A transaction whose process seems dead, while another one executes its flow run again.

use super::*;
use crate::gate::counted;
use crate::world::{AllDead, eventually};
use flowcore::Durability;

/// Two handles on one database, as two processes have them.
async fn two_worlds() -> (tempfile::TempDir, World, World) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("runs.db").display());
    let first = World::on(flowcore::store::connect(&url).await.unwrap());
    let second = World::on(flowcore::store::connect(&url).await.unwrap());
    (folder, first, second)
}

/// The block is taken over in the middle: what is done counts as done, and is undone by whoever has the run now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_goes_on_behind_what_is_done() {
    #[flow]
    async fn overtaken(test: String, fails: bool) -> Result<()> {
        transaction()
            .run(async |_| {
                step(&*test, "a").durability(Durability::Committed).await?;
                if count(format!("{test} attempts")) > 1 {
                    step(&*test, "b").await?;
                    return if fails { Err(Error::msg("in the second attempt")) } else { Ok(()) };
                }
                // Tells the test that it is here, and goes on recording tasks until it is stopped.
                for n in 0.. {
                    nothing(n).await?;
                    count(format!("{test} still"));
                    tokio::task::yield_now().await;
                }
                Ok(())
            })
            .await
    }

    #[task]
    async fn nothing(n: u32) -> u32 {
        n
    }

    for (fails, expected) in [(false, "do a, do b, commit a, commit b"), (true, "do a, do b, undo b, undo a")] {
        let (_folder, first, second) = two_worlds().await;
        let test = unique();
        let running = tokio::spawn(overtaken(&*test, fails).on(&first.engine).into_future());
        eventually("the first attempt goes on", || async { counted(&format!("{test} still")) > 0 }).await;
        second.client.crash_abandoned_runs(&AllDead).await.unwrap();
        let run = second.flow_run("overtaken").await;
        let again = soon("the second attempt", execute_flow_run(&second.engine, run.id)).await;
        assert_eq!(again.is_err(), fails, "{again:?}");
        let error = soon("the first attempt", running).await.unwrap().unwrap_err();
        assert!(format!("{error:?}").contains("newer attempt"), "{error:?}");
        // The first one does not undo what belongs to the second.
        assert_eq!(notes(&test), expected);
        let history = if fails {
            "PENDING RUNNING COMPLETED COMPLETED:RolledBack"
        } else {
            "PENDING RUNNING COMPLETED COMPLETED"
        };
        assert_eq!(second.task_history("step a").await, history);
    }
}

/// Holds the hook of the test below.
static HELD: LazyLock<Gate> = LazyLock::new(Gate::new);

/// The run is taken over in the middle of a rollback: what was reached is executed again, the rest counts as done, and the
/// first attempt goes no further.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_can_be_interrupted() {
    async fn held(event: TransactionEvent) {
        if event.argument::<String>("name").unwrap() == "b" {
            HELD.pass().await;
        }
    }

    #[flow]
    async fn torn(test: String) -> Result<()> {
        transaction()
            .run(async |_| {
                for name in ["a", "b", "c"] {
                    step(&*test, name).on_rollback(held).await?;
                }
                first_time_fails(&test)
            })
            .await
    }

    let (_folder, first, second) = two_worlds().await;
    let test = unique();
    let running = tokio::spawn(torn(&*test).on(&first.engine).into_future());
    soon("the rollback", HELD.somebody()).await;
    assert_eq!(notes(&test), "do a, do b, do c, undo c, undo b");
    second.client.crash_abandoned_runs(&AllDead).await.unwrap();
    let run = second.flow_run("torn").await;
    soon("the second attempt", execute_flow_run(&second.engine, run.id)).await.unwrap();
    assert_eq!(notes(&test), "do b, do c, commit a, commit b, commit c");
    HELD.open();
    soon("the first attempt", running).await.unwrap().unwrap_err();
    assert_eq!(notes(&test), "", "a is not undone");
    assert_eq!(second.task_history("step a").await, "PENDING RUNNING COMPLETED COMPLETED");
}
