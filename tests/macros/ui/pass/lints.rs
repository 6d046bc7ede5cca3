//! Nothing that is generated sets off a lint.
#![deny(warnings, missing_docs, unreachable_pub, unused, private_interfaces, private_bounds, nonstandard_style)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery, clippy::allow_attributes, clippy::unwrap_used)]
#![forbid(unsafe_code)]

pub use tasks::fetch;

/// Tasks.
pub mod tasks {
    use flowcore::{flow, task};
    use std::collections::HashMap;
    use std::sync::Arc;

    /// Fetches a page.
    ///
    /// # Errors
    ///
    /// Fails when the page is not there.
    #[task(retries = 3, tags = ["net"], task_run_name = "fetch {url}")]
    pub async fn fetch(url: String, #[resource] prefix: Arc<str>) -> flowcore::Result<String> {
        Ok(format!("{prefix}{url}"))
    }

    /// Counts.
    #[task(cache = flowcore::CachePolicy::INPUTS + RUN_ID - "verbose")]
    pub fn count(counts: HashMap<String, u32>, verbose: bool) -> u32 {
        counts.values().sum::<u32>() + u32::from(verbose)
    }

    /// Takes many.
    #[task]
    #[expect(clippy::too_many_arguments, clippy::many_single_char_names, reason = "many")]
    pub async fn many(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, mut j: u8) -> u8 {
        j += 1;
        a + b + c + d + e + f + g + h + i + j
    }

    /// Is old.
    #[deprecated = "use `fetch`"]
    #[task(on_failure = [notify, |event| async move { drop(event) }], retry_if = flowcore::Error::is_retriable)]
    pub async fn old(_unused: u8) {}

    #[task]
    async fn from_private(_unused: u8) {}

    #[task(on_rollback = [undo, |event| async move { drop(event) }], on_commit = announce)]
    async fn new() {}

    #[task]
    fn is_sound(value: (u8, u8)) -> bool {
        value.0 == value.1
    }

    async fn notify(event: flowcore::HookEvent) {
        drop(event);
    }

    async fn announce(event: flowcore::TransactionEvent) {
        drop(event);
    }

    async fn undo(event: flowcore::TransactionEvent) -> std::io::Result<()> {
        drop(event);
        Ok(())
    }

    /// Reports.
    ///
    /// # Errors
    ///
    /// Fails when a task fails.
    #[flow(flow_run_name = "report {day}", task_limit = 4)]
    pub async fn report(day: String, #[default(10)] limit: u32, until: Option<u32>) -> flowcore::Result<u32> {
        from_private(1).await?;
        new().await?;
        is_sound((1, 2)).await?;
        let fetched = fetch::map(vec![day], "a".into()).await?;
        let _ = (fetched, until);
        Ok(limit)
    }

    /// Is nested and restricted.
    pub(crate) mod inner {
        #[flowcore::flow]
        pub(super) async fn in_super() {}

        #[flowcore::flow]
        pub(crate) async fn in_crate() {
            in_super().await.ok();
        }
    }

    #[cfg(any())]
    #[flow]
    async fn absent(argument: NotThere) {}

    #[flow]
    #[cfg(any())]
    async fn absent_too(argument: NotThere) {}
}

#[flowcore::main(worker_threads = 1)]
async fn main() -> flowcore::Result<()> {
    let _ = tasks::inner::in_crate();
    let _ = tasks::report::definition();
    Ok(())
}
