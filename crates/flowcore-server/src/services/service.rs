//! Services, and how they take their turns.

use std::pin::Pin;
use std::time::Duration;

use flowcore::settings::ServicesSettings;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{cancellation_cleanup, late_runs, pause_expirations, scheduler};
use crate::error::ApiError;
use crate::foreman;
use crate::state::App;

/// What a turn comes to: how many things were done.
type Turn<'a> = Pin<Box<dyn Future<Output = Result<usize, ApiError>> + Send + 'a>>;

/// Something that a server does now and then.
pub(super) struct Service {
    /// What it is called in settings and log lines.
    pub(super) name: &'static str,
    /// How long it rests between two turns.
    pub(super) period: Duration,
    enabled: fn(&ServicesSettings) -> bool,
    turn: for<'a> fn(&'a App) -> Turn<'a>,
}

const SERVICES: [Service; 5] = [
    Service {
        name: "scheduler",
        period: Duration::from_secs(1),
        enabled: |settings| settings.scheduler,
        turn: |app| Box::pin(scheduler::turn(app)),
    },
    Service {
        name: "late_runs",
        period: Duration::from_secs(5),
        enabled: |settings| settings.late_runs,
        turn: |app| Box::pin(late_runs::turn(app)),
    },
    Service {
        name: "pause_expirations",
        period: Duration::from_secs(5),
        enabled: |settings| settings.pause_expirations,
        turn: |app| Box::pin(pause_expirations::turn(app)),
    },
    Service {
        name: "cancellation_cleanup",
        period: Duration::from_secs(20),
        enabled: |settings| settings.cancellation_cleanup,
        turn: |app| Box::pin(cancellation_cleanup::turn(app)),
    },
    Service {
        name: "foreman",
        period: Duration::from_secs(15),
        enabled: |settings| settings.foreman,
        turn: |app| Box::pin(async { Ok(foreman::settle(app).await?) }),
    },
];

/// Services under way.
pub(crate) struct Running {
    tasks: JoinSet<()>,
    /// Dropped when they are to end.
    ending: watch::Sender<()>,
}

impl Running {
    /// Ends all services behind the turns that they are taking.
    pub(crate) async fn end(mut self) {
        drop(self.ending);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Begins all services that are wanted.
pub(crate) fn begin(app: &App) -> Running {
    let (ending, ended) = watch::channel(());
    let mut tasks = JoinSet::new();
    for service in SERVICES.into_iter().filter(|service| (service.enabled)(&app.config.services)) {
        let (app, mut ended) = (app.clone(), ended.clone());
        let beat = app.pulse.watch(&service, app.now());
        tasks.spawn(async move {
            loop {
                match (service.turn)(&app).await {
                    Ok(0) => beat.took(app.now()),
                    Ok(done) => {
                        beat.took(app.now());
                        tracing::debug!(target: "flowcore_server", service = service.name, done, "a service did something");
                    }
                    Err(error) => {
                        tracing::error!(target: "flowcore_server", service = service.name, "a turn failed: {error:?}");
                    }
                }
                if tokio::time::timeout(service.period, ended.changed()).await.is_ok() {
                    return;
                }
            }
        });
    }
    Running { tasks, ending }
}
