//! How a worker joins a pool: the pool is found or made, its queues are looked up, and the worker counts as heard of.

use flowcore::store::records::Tx;

use super::frames::{CloseReason, Hello, ResolvedQueue, VERSION};
use crate::error::ApiError;
use crate::pools::{
    WorkPool, WorkQueue, add_pool, check_template, heard_of, is_reserved, pool, queues_of, tell_changed_pool,
    tell_made_pool, tell_pool_status,
};
use crate::state::App;

/// A pool that a worker has joined, and the queues that it takes from.
#[derive(Clone)]
pub(super) struct Joined {
    pub(super) pool: WorkPool,
    pub(super) queues: Vec<ResolvedQueue>,
}

/// What has happened to the pool meanwhile.
#[derive(Clone)]
enum News {
    None,
    Made(WorkQueue),
    /// It has got the template that it had not.
    Described(Box<WorkPool>),
}

/// Lets a worker join a pool.
pub(super) async fn join(app: &App, name: &str, hello: &Hello) -> Result<Joined, CloseReason> {
    if !hello.is_sound() {
        return Err(CloseReason::ProtocolError);
    }
    if !hello.supported_channel_versions.iter().any(|version| version == VERSION) {
        return Err(CloseReason::UnsupportedVersion);
    }
    let records = app.store.records();
    let work = records.transact({
        let (app, name, hello) = (app.clone(), name.to_owned(), hello.clone());
        move |tx| {
            let (app, name, hello) = (app.clone(), name.clone(), hello.clone());
            Box::pin(async move {
                let (pool, news) = find_or_make(tx, &app, &name, &hello).await?;
                let queues = resolve(queues_of(tx, pool.id).await?, &hello.work_queue_names)?;
                let seconds = Some(i64::from(hello.heartbeat_interval_seconds.get()));
                let ready = heard_of(tx, &app, &pool, &hello.worker_name, seconds).await?;
                Ok::<_, CloseReason>((pool, news, ready, queues))
            })
        }
    });
    let (pool, news, ready, queues) = work.await?;
    match &news {
        News::None => {}
        News::Made(queue) => tell_made_pool(&app.events, &pool, queue),
        News::Described(before) => {
            tell_changed_pool(&app.events, before, &pool);
            app.changed_pools.announce(pool.id);
        }
    }
    if let Some(ready) = &ready {
        tell_pool_status(&app.events, ready);
    }
    Ok(Joined { pool: ready.unwrap_or(pool), queues })
}

async fn find_or_make(tx: &mut Tx<'_>, app: &App, name: &str, hello: &Hello) -> Result<(WorkPool, News), CloseReason> {
    let template = &hello.default_base_job_template;
    let is_template = || check_template(template).map_err(|_| CloseReason::ProtocolError);
    let Some(mut found) = tx.lock_first::<WorkPool>(pool::NAME.is(name)).await? else {
        if !hello.create_pool_if_not_found || is_reserved(name) {
            return Err(CloseReason::AuthorizationFailed);
        }
        is_template()?;
        let mut pool = WorkPool::new(app, name, &*hello.worker_type);
        pool.base_job_template = template.clone();
        let queue = add_pool(tx, app, &pool).await?;
        return Ok((pool, News::Made(queue)));
    };
    if !found.base_job_template.is_empty() || template.is_empty() {
        return Ok((found, News::None));
    }
    is_template()?;
    let before = found.clone();
    found.base_job_template = template.clone();
    found.updated = app.now();
    tx.put(&found).await?;
    Ok((found, News::Described(Box::new(before))))
}

/// Finds the queues of these names, each once; all where none is named.
fn resolve(queues: Vec<WorkQueue>, names: &[String]) -> Result<Vec<ResolvedQueue>, CloseReason> {
    let all: Vec<ResolvedQueue> =
        queues.into_iter().map(|queue| ResolvedQueue { id: queue.id, name: queue.name }).collect();
    if names.is_empty() {
        return Ok(all);
    }
    let mut resolved: Vec<ResolvedQueue> = Vec::new();
    for name in names {
        if resolved.iter().any(|known| known.name == *name) {
            continue;
        }
        let found = all.iter().find(|queue| queue.name == *name).ok_or(CloseReason::AuthorizationFailed)?;
        resolved.push(found.clone());
    }
    Ok(resolved)
}

/// Keeps that a worker is still there, and gives its pool as it stands now.
pub(super) async fn beat(app: &App, pool: &WorkPool, worker: &str, seconds: u32) -> Result<WorkPool, CloseReason> {
    let records = app.store.records();
    let work = records.transact({
        let (app, id, worker) = (app.clone(), pool.id, worker.to_owned());
        move |tx| {
            let (app, worker) = (app.clone(), worker.clone());
            Box::pin(async move {
                let pool: Option<WorkPool> = tx.first(pool::ID.is(id)).await?;
                let Some(pool) = pool else { return Err(ApiError::NotFound("The work pool is gone.")) };
                let ready = heard_of(tx, &app, &pool, &worker, Some(i64::from(seconds))).await?;
                Ok::<_, ApiError>((pool, ready))
            })
        }
    });
    let (pool, ready) = work.await.map_err(|error| {
        tracing::error!(target: "flowcore_server", "a worker's heartbeat was not kept: {error:?}");
        CloseReason::HeartbeatPersistenceFailed
    })?;
    if let Some(ready) = &ready {
        tell_pool_status(&app.events, ready);
    }
    Ok(ready.unwrap_or(pool))
}
