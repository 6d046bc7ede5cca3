//! Subflows and futures: a diamond, where two branches run side by side on what one task made, and a last one joins them.
//!
//! ```text
//! cargo run --example diamond
//! ```

use flowcore::{Outcome, Result, flow, task};

#[task]
async fn extract(rows: u32) -> Vec<i64> {
    (0..i64::from(rows)).collect()
}

#[task]
async fn total(rows: Vec<i64>) -> i64 {
    rows.iter().sum()
}

#[task]
async fn largest(rows: Vec<i64>) -> Result<i64> {
    rows.into_iter().max().ok_or_else(|| flowcore::Error::msg("there are no rows"))
}

/// Joins what came of the branches; one of them may have failed.
#[task]
async fn join(total: i64, largest: Outcome<i64>) -> String {
    match largest.result {
        Ok(largest) => format!("total {total}, largest {largest}"),
        Err(error) => format!("total {total}, and {error}"),
    }
}

/// A flow of its own, that other flows call like a task: it becomes a subflow with a run of its own.
#[flow]
async fn branches(rows: u32) -> Result<String> {
    let rows = extract(rows).submit();
    // Both start when the rows are there: a future is given where a value is wanted.
    let total = total(&rows).submit();
    let largest = largest(&rows).submit();
    // `join` starts when both have ended, even if `largest` failed.
    Ok(join(&total, largest.allow_failure()).wait_for(&rows).await?)
}

#[flow]
async fn diamond() -> Result<()> {
    // Two subflows side by side.
    let (full, empty) = (branches(5).submit(), branches(0).submit());
    println!("five rows: {}", full.await?);
    println!("no rows: {}", empty.await?);
    Ok(())
}

#[flowcore::main]
async fn main() -> Result<()> {
    Ok(diamond().await?)
}

#[cfg(test)]
mod tests {
    use flowcore::testing::crash_test;

    #[test]
    fn both_branches_are_joined_wherever_it_is_killed() {
        crash_test(|| (), |()| super::diamond()).seeds(10).survives(async |after| {
            let runs = after.flow_runs().await.into_iter().filter(|run| run.state.is_completed());
            let results: String = runs.filter_map(|run| serde_json::to_string(&run.state.data).ok()).collect();
            assert!(results.contains("total 10, largest 4") && results.contains("total 0, and task"), "{results}");
            Ok(())
        });
    }
}
