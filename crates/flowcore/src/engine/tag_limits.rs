//! Which tags are limited: known without asking for each task run.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::client::{Client, ClientError};

/// What a limit of a tag is named by, before the tag.
const PREFIX: &str = "tag:";

/// For how long it is believed which tags are limited. A new limit is obeyed by task runs that begin later than that.
const BELIEVED: Duration = Duration::from_secs(1);

/// The tags that have limits, as they were a moment ago.
pub(crate) struct TagLimits {
    client: Arc<dyn Client>,
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    tags: Arc<BTreeSet<String>>,
    since: Instant,
}

impl TagLimits {
    pub(crate) fn new(client: Arc<dyn Client>) -> Self {
        TagLimits { client, known: Mutex::new(None) }
    }

    /// Lists the limits of these tags.
    pub(crate) async fn of(&self, tags: &[String]) -> Result<Vec<String>, ClientError> {
        let limited = match self.believed() {
            Some(tags) => tags,
            None => self.ask().await?,
        };
        let mut names: Vec<String> =
            tags.iter().filter(|tag| limited.contains(*tag)).map(|tag| format!("{PREFIX}{tag}")).collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Gives what is known, unless it is time to ask again. Then the first asks, and the others go by what was known.
    fn believed(&self) -> Option<Arc<BTreeSet<String>>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_mut()?;
        let now = Instant::now();
        if now - known.since > BELIEVED {
            known.since = now;
            return None;
        }
        Some(known.tags.clone())
    }

    async fn ask(&self) -> Result<Arc<BTreeSet<String>>, ClientError> {
        // Before the question, so that the answer is at least as new.
        let since = Instant::now();
        let limits = self.client.limits().await?;
        let tags = limits.iter().filter(|limit| limit.active).filter_map(|limit| limit.name.strip_prefix(PREFIX));
        let tags = Arc::new(tags.map(str::to_owned).collect::<BTreeSet<_>>());
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Known { tags: tags.clone(), since });
        Ok(tags)
    }
}
