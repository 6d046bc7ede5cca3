//! Deployments: flows with what their runs are made of, and when.
//!
//! A deployment ([`deployment`]) has schedules ([`deployment_schedule`]), by which runs are made ahead of their time ([`due`]);
//! whoever wants a run at once asks for one ([`making`]). States of runs are
//! proposed with regard to the slots that a deployment's limit has ([`proposing`]). What depends on the deployment as it was, runs that schedules have made
//! for later, is taken back when it changes ([`take_back`]). Who polls for runs makes it ready ([`readiness`]).

pub(crate) mod deployment;
pub(crate) mod deployment_schedule;
mod due;
mod hydration;
mod job_variables;
mod limit;
mod making;
mod parameters;
mod proposing;
mod readiness;
mod slot_queue;
mod slots;
mod telling;

use flowcore::model::{Order, Page};
use flowcore::store::StoreError;
use flowcore::store::query::{Selection, Values};
use uuid::Uuid;

pub(crate) use deployment::{ConcurrencyOptions, Deployment, DeploymentStatus};
pub(crate) use deployment_schedule::{CatchUp, DeploymentSchedule};
pub(crate) use due::{
    Range, Waiting, look_anew, make_due_runs, make_missed_runs, remove_schedules, schedule_runs, take_back,
};
pub(crate) use job_variables::check_job_variables;
pub(crate) use limit::{limit_to, remove_limit};
pub(crate) use making::{Origin, make_run};
pub(crate) use parameters::{check_parameters, filled_in};
pub(crate) use proposing::{FULL, propose};
pub(crate) use readiness::polled;
pub(crate) use slot_queue::call_all_waiting;
pub(crate) use slots::{cancels_new_runs, forget_slot, settle_slot};
pub(crate) use telling::{Surroundings, flow_of, tell, tell_changes};

use crate::state::App;

/// Lists the schedules of deployments, those first that changed last.
pub(crate) async fn schedules_of(app: &App, deployments: Vec<Uuid>) -> Result<Vec<DeploymentSchedule>, StoreError> {
    let selection = Selection {
        condition: deployment_schedule::DEPLOYMENT_ID.one_of(Values::Ids(deployments)),
        sort: vec![(deployment_schedule::UPDATED, Order::NewestFirst), (deployment_schedule::ID, Order::OldestFirst)],
        page: Page::first(u32::MAX),
    };
    app.store.records().list(&selection).await
}
