//! Work pools, their queues, and the workers that poll them.
//!
//! A run that waits for a worker stands in SCHEDULED and names a queue ([`queue`]). Workers of the queue's pool ([`pool`])
//! ask what is due ([`due`]): the same run may be told to several, and who enters PENDING first has it, which
//! orchestration decides. Who asks is heard of ([`worker`], [`presence`]), and that tells whether a pool or a queue is ready.

mod due;
mod making;
mod news;
mod occupied;
pub(crate) mod pool;
mod presence;
mod priority;
pub(crate) mod queue;
mod readiness;
mod removing;
mod taking;
mod telling;
mod template;
pub(crate) mod worker;

pub(crate) use due::{Due, due, due_in_queue, holders, occupied};
pub(crate) use making::{
    AGENT, AGENT_POOL, NewQueue, Place, add_pool, add_queue, agent_pool, is_reserved, move_queue, named, no_pool,
    no_queue, place_for, place_in, pool_named, queues_of,
};
pub(crate) use news::PoolNews;
pub(crate) use occupied::{UNDER_WAY, occupied_of_pools, occupied_of_queues, runs_in};
pub(crate) use pool::{StorageConfiguration, WorkPool};
pub(crate) use presence::{heard_of, is_attended, polled};
pub(crate) use queue::{QueueFilter, WorkQueue};
pub(crate) use readiness::Readiness;
pub(crate) use removing::{forget_queues, remove_pool, remove_queue};
pub(crate) use taking::{Taking, take};
pub(crate) use telling::{
    related_pool, tell_changed_pool, tell_changed_queue, tell_gone_pool, tell_gone_queue, tell_made_pool,
    tell_made_queue, tell_pool_status, tell_queue_status,
};
pub(crate) use template::check as check_template;
pub(crate) use worker::{Worker, WorkerStatus};
