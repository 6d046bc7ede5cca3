//! Transactions with keys: committed once, alone or not.

use super::*;
use flowcore::Isolation;
use flowcore::results::{KeyLocks, Serializer, Storage};

/// Runs a transaction with this key and tells what it came to.
#[flow]
async fn keyed(test: String, fails: bool, overwrite: bool) -> Result<u32> {
    transaction()
        .key("orders/1")
        .overwrite(overwrite)
        .run(async |txn| {
            assert_eq!(txn.key(), Some("orders/1"));
            step(&*test, "a").await?;
            if fails {
                check().await?;
            }
            Ok(count(format!("{test} blocks")))
        })
        .await
}

#[tokio::test]
async fn a_key_is_committed_once() {
    let (world, test) = (World::memory(), unique());
    let run = async |fails, overwrite| keyed(&*test, fails, overwrite).on(&world.engine).await;
    let call = || transaction().key("orders/1").on(&world.engine);
    run(true, false).await.unwrap_err();
    assert!(!call().is_committed().await.unwrap());
    assert_eq!(notes(&test), "do a, undo a");
    assert_eq!(run(false, false).await.unwrap(), 1);
    assert!(call().is_committed().await.unwrap());
    assert_eq!(notes(&test), "do a, commit a");
    assert_eq!(run(false, false).await.unwrap(), 1, "what the first block returned");
    assert_eq!(notes(&test), "");
    assert_eq!(run(false, true).await.unwrap(), 2);
    // An overwriting one that fails leaves the record as it was.
    run(true, true).await.unwrap_err();
    assert_eq!(run(false, false).await.unwrap(), 2);
    assert_eq!(world.storage.list("transaction/").await.unwrap(), ["transaction/orders/1"]);
    // A record that cannot be read is no reason to run the block again.
    let wrong = call().run(async |_| Ok("a text".to_owned())).await.unwrap_err();
    assert!(wrong.to_string().contains("`overwrite(true)` runs it again"), "{wrong}");
    world.storage.write("transaction/orders/1", Serializer::JSON, b"{".to_vec(), None).await.unwrap();
    run(false, false).await.unwrap_err();
    let elsewhere = Storage::memory();
    assert_eq!(call().result_storage(elsewhere.clone()).run(async |_| Ok(7)).await.unwrap(), 7);
    assert!(elsewhere.exists("transaction/orders/1").await.unwrap());
}

#[tokio::test]
async fn a_record_follows_its_transaction() {
    #[flow(name = "keys_outer")]
    async fn outer(#[resource] inner: CommitMode, fails: bool) -> Result<()> {
        transaction()
            .key("outer")
            .run(async |_| {
                transaction().key("inner").commit_mode(inner).run(async |_| Ok(1)).await?;
                if fails { Err(Error::msg("outside")) } else { Ok(()) }
            })
            .await
    }

    let cases = [
        (CommitMode::Lazy, false, vec!["transaction/inner", "transaction/outer"]),
        (CommitMode::Lazy, true, vec![]),
        (CommitMode::Eager, true, vec!["transaction/inner"]),
        (CommitMode::Off, false, vec!["transaction/outer"]),
    ];
    for (mode, fails, expected) in cases {
        let world = World::memory();
        assert_eq!(outer(mode, fails).on(&world.engine).await.is_err(), fails);
        assert_eq!(world.storage.list("").await.unwrap(), expected, "{mode:?} {fails}");
    }
    // Committed by hand, it has what the block returned all the same.
    let world = World::memory();
    let off = || transaction().key("off").commit_mode(CommitMode::Off).on(&world.engine);
    for n in [5, 6] {
        let run = off().run(async |txn| {
            txn.commit().await?;
            Ok(n)
        });
        assert_eq!(run.await.unwrap(), 5);
    }
}

/// Runs the same keyed transaction twice at once; tells what both returned, and what happened.
async fn two_at_once(isolation: Isolation, locks: KeyLocks) -> (Vec<u32>, String) {
    #[flow]
    async fn one(
        test: String,
        #[resource] gate: Gate,
        #[resource] isolation: Isolation,
        #[resource] locks: KeyLocks,
    ) -> Result<u32> {
        gate.come();
        let call = transaction().key("race").isolation(isolation).locks(&locks);
        let run = call.run(async |_| {
            note(&test, "begin");
            gate.pass().await;
            note(&test, "end");
            Ok(count(format!("{test} blocks")))
        });
        run.await
    }

    let (world, test, gate) = (World::memory(), unique(), Gate::new());
    let call = || tokio::spawn(one(&*test, gate.clone(), isolation, locks.clone()).on(&world.engine).into_future());
    let (first, second) = (call(), call());
    let inside = if isolation == Isolation::Serializable { 1 } else { 2 };
    for _ in 0..2 + inside {
        soon("both runs", gate.somebody()).await;
    }
    gate.open();
    let mut results = vec![soon("one", first).await.unwrap().unwrap(), soon("other", second).await.unwrap().unwrap()];
    results.sort_unstable();
    (results, notes(&test))
}

#[tokio::test]
async fn two_at_once_are_isolated_as_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    for locks in [KeyLocks::memory(), KeyLocks::in_folder(folder.path())] {
        let serial = two_at_once(Isolation::Serializable, locks.clone()).await;
        assert_eq!(serial, (vec![1, 1], "begin, end".to_owned()));
        let (results, notes) = two_at_once(Isolation::ReadCommitted, locks).await;
        assert_eq!((results, notes), (vec![1, 2], "begin, begin, end, end".to_owned()));
    }
}

#[tokio::test]
async fn a_key_is_held_until_the_end() {
    #[flow(name = "keys_holding")]
    async fn holding(#[resource] locks: KeyLocks) -> Result<()> {
        let call = |key: &str| transaction().key(key).isolation(Isolation::Serializable).locks(&locks);
        let run = call("outer").run(async |_| {
            call("inner").run(async |_| Ok(())).await?;
            // It is committed with the outer one, and held until then.
            let held = locks.acquire("transaction/inner");
            assert!(tokio::time::timeout(Duration::from_millis(10), held).await.is_err());
            let again = call("outer").run(async |_| Ok(())).await.unwrap_err();
            assert!(again.to_string().contains("would wait for it for ever"), "{again}");
            check().await?;
            Ok(())
        });
        run.await.unwrap_err();
        for key in ["transaction/inner", "transaction/outer"] {
            drop(locks.acquire(key).await?);
        }
        Ok(())
    }

    let world = World::memory();
    soon("the flow", holding(KeyLocks::memory()).on(&world.engine)).await.unwrap();
}
