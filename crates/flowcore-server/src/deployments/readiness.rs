//! Whether somebody asks for the runs of deployments.

use flowcore::model::{Page, Timestamp};
use flowcore::store::StoreError;
use flowcore::store::query::{Condition, Selection, Values};

use super::deployment::{self, Deployment, DeploymentStatus};
use super::telling::{Surroundings, tell};
use crate::state::App;

/// How old the time of a poll may be before it is written anew, in milliseconds: runners poll many times in a minute.
const FRESH: i64 = 5_000;

/// Notes that somebody has asked for runs of the deployments that a condition selects, and tells of those that were not ready.
pub(crate) async fn polled(app: &App, deployments: Condition) -> Result<(), StoreError> {
    let now = app.now();
    let is_old = |polled: Timestamp| (now - polled).num_milliseconds() >= FRESH;
    let selection = Selection { condition: deployments, sort: Vec::new(), page: Page::first(u32::MAX) };
    let found: Vec<Deployment> = app.store.records().list(&selection).await?;
    let stale = |one: &&Deployment| one.status == DeploymentStatus::NotReady || one.last_polled.is_none_or(is_old);
    let stale: Vec<_> = found.iter().filter(stale).map(|one| one.id).collect();
    if stale.is_empty() {
        return Ok(());
    }
    let woken = app.store.records().transact(move |tx| {
        let these = deployment::ID.one_of(Values::Ids(stale.clone()));
        Box::pin(async move {
            let found: Vec<Deployment> = tx.lock(these.clone()).await?;
            // The time of the last change stays, since nobody has changed anything.
            let ready = vec![
                (deployment::LAST_POLLED, now.into()),
                (deployment::STATUS, DeploymentStatus::Ready.as_str().into()),
            ];
            tx.update(deployment::TABLE, ready, these).await?;
            let unready = found.into_iter().filter(|one| one.status == DeploymentStatus::NotReady);
            Ok::<_, StoreError>(unready.collect::<Vec<_>>())
        })
    });
    for deployment in woken.await? {
        let around = Surroundings::of(app, &deployment).await?;
        tell(app, "ready", &deployment, &around);
    }
    Ok(())
}
