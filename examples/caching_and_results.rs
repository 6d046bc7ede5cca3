//! Caching and results: when a task is not run because its result is known, and where results are kept.
//!
//! ```text
//! cargo run --example caching_and_results
//! ```

use std::sync::atomic::{AtomicU32, Ordering};

use flowcore::{Result, flow, task};
use serde::{Deserialize, Serialize};

/// How often the tasks below have really run.
static COMPUTED: AtomicU32 = AtomicU32::new(0);
static LOOKED_UP: AtomicU32 = AtomicU32::new(0);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Primes {
    below: u32,
    count: usize,
}

/// Counts primes. The result is shared by all calls with the same number, whatever `verbose` says, for an hour, over all
/// runs and processes; and two calls at once do not both compute it.
#[task(cache = (INPUTS + TASK_SOURCE - "verbose").isolated(), cache_expiration = 3600)]
fn count_primes(below: u32, verbose: bool) -> Primes {
    COMPUTED.fetch_add(1, Ordering::Relaxed);
    if verbose {
        tracing::info!(below, "counting primes");
    }
    let is_prime = |n: u32| (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
    Primes { below, count: (2..below).filter(|n| is_prime(*n)).count() }
}

/// Looks a word up. The key is made by a function: case does not matter.
#[task(cache = CachePolicy::key(|call| Some(format!("definition-{}", call.arguments["word"].as_str()?.to_lowercase()))))]
async fn define(word: String) -> String {
    LOOKED_UP.fetch_add(1, Ordering::Relaxed);
    format!("{word}: a word of {} letters", word.len())
}

/// Keeps its result in result storage under a name of its own.
#[task(persist_result = true, result_storage_key = "primes/{flow_run_id}.json")]
async fn publish(primes: Vec<Primes>) -> usize {
    primes.iter().map(|primes| primes.count).sum()
}

#[flow]
async fn caching_and_results(refresh: bool) -> Result<()> {
    let first = count_primes(10_000, true).refresh_cache(refresh).await?;
    let again = count_primes(10_000, false).return_state().await;
    let state = again.state.map(|state| state.name).unwrap_or_default();
    println!("{} primes below {}; the second call was {state}", first.count, first.below);
    assert_eq!(first, again.result?);

    // Four calls of one key at once: one computes, three wait for it.
    let before = COMPUTED.load(Ordering::Relaxed);
    let at_once = count_primes::map([20_000, 20_000, 20_000, 20_000], flowcore::unmapped(false));
    let at_once = at_once.refresh_cache(false).await?;
    println!("{} results, computed {} time(s)", at_once.len(), COMPUTED.load(Ordering::Relaxed) - before);

    define("Flow").await?;
    define("FLOW").await?;
    println!("looked up {} time(s)", LOOKED_UP.load(Ordering::Relaxed));

    println!("published {} primes", publish(vec![first]).await?);
    Ok(())
}

#[flowcore::main]
async fn main() -> Result<()> {
    let refresh = std::env::args().any(|argument| argument == "--refresh");
    Ok(caching_and_results(refresh).await?)
}

#[cfg(test)]
mod tests {
    use flowcore::testing::crash_test;

    #[test]
    fn what_is_cached_is_what_was_computed_wherever_it_is_killed() {
        crash_test(|| (), |()| super::caching_and_results(false)).survives(async |after| {
            // Two keys: each kill costs at most one more computation of the one that was under way.
            let (computed, kills) = (after.executions("count_primes"), after.kills.len());
            assert!((2..=2 + kills).contains(&computed), "computed {computed} times, killed {kills} times");
            assert!(after.task_run("publish-0").await.state.is_completed());
            Ok(())
        });
    }
}
