//! Tags for all runs that a piece of code makes.

use std::sync::Arc;

use super::context::Scope;

/// Tags for the runs that are made in a piece of code. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Tags(Option<Arc<[String]>>);

impl Tags {
    /// Lists them.
    pub(crate) fn list(&self) -> &[String] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Makes these with others behind them.
    fn with(&self, more: &[String]) -> Self {
        let mut tags = self.list().to_vec();
        add_tags(&mut tags, more);
        Tags(Some(tags.into()))
    }
}

/// Adds those tags that are not among the others yet.
pub(crate) fn add_tags(tags: &mut Vec<String>, more: &[String]) {
    for tag in more {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
}

/// Tags to be given to runs: [`run`](WithTags::run) what makes them.
#[derive(Clone, Debug)]
#[must_use = "tags are given to what is run with them"]
pub struct WithTags(Vec<String>);

/// Gives tags to all runs that a piece of code makes: task runs, flow runs, and those below them. They come beside those that
/// the tasks and flows have, and those of tags around.
///
/// ```
/// # use flowcore::{Engine, Result, flow, task};
/// #[task]
/// async fn load(table: String) {}
///
/// #[flow]
/// async fn collected() -> Result<()> {
///     flowcore::tags(["warehouse", "full"]).run(async { load("orders").await }).await?;
///     Ok(())
/// }
///
/// # #[flowcore::main]
/// # async fn main() -> Result<()> {
/// flowcore::tags(["backfill"]).run(collected().on(&Engine::memory()).into_future()).await?;
/// # Ok(())
/// # }
/// ```
pub fn tags<T: Into<String>>(tags: impl IntoIterator<Item = T>) -> WithTags {
    WithTags(tags.into_iter().map(Into::into).collect())
}

impl WithTags {
    /// Runs a future; the runs that it makes get the tags, also those that it submits.
    pub async fn run<F: Future>(self, future: F) -> F::Output {
        self.scope().surround(future).await
    }

    /// Calls a function likewise: what it submits gets the tags.
    pub fn enter<T>(self, function: impl FnOnce() -> T) -> T {
        self.scope().enter(function)
    }

    fn scope(&self) -> Scope {
        let around = Scope::current();
        let tags = around.tags().with(&self.0);
        around.tagged(tags)
    }
}
