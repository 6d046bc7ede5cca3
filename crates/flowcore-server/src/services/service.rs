//! Services, and how they take their turns.

use std::pin::Pin;
use std::time::Duration;

use flowcore::settings::ServicesSettings;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{cancellation_cleanup, late_runs, pause_expirations, repossessor, retention, scheduler, zombies};
use crate::error::ApiError;
use crate::foreman;
use crate::state::App;

/// What a turn comes to: how many things were done.
type Turn<'a> = Pin<Box<dyn Future<Output = Result<usize, ApiError>> + Send + 'a>>;

/// Something that a server does now and then.
pub(super) struct Service {
    /// What it is called in settings and log lines.
    pub(super) name: &'static str,
    /// What it does, as the end of a sentence that begins with its name.
    about: &'static str,
    /// The variable that switches it off.
    off: &'static str,
    /// How long it rests between two turns.
    pub(super) period: Duration,
    enabled: fn(&ServicesSettings) -> bool,
    turn: for<'a> fn(&'a App) -> Turn<'a>,
}

const SERVICES: [Service; 8] = [
    Service {
        name: "scheduler",
        about: "makes runs of deployments ahead of the times that their schedules say",
        off: "FLOWCORE_SERVER_SERVICES_SCHEDULER_ENABLED=false",
        period: Duration::from_secs(1),
        enabled: |settings| settings.scheduler,
        turn: |app| Box::pin(scheduler::turn(app)),
    },
    Service {
        name: "late_runs",
        about: "calls runs late that nobody has begun in time",
        off: "FLOWCORE_SERVER_SERVICES_LATE_RUNS_ENABLED=false",
        period: Duration::from_secs(5),
        enabled: |settings| settings.late_runs,
        turn: |app| Box::pin(late_runs::turn(app)),
    },
    Service {
        name: "pause_expirations",
        about: "fails runs that were paused and not resumed in time",
        off: "FLOWCORE_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED=false",
        period: Duration::from_secs(5),
        enabled: |settings| settings.pause_expirations,
        turn: |app| Box::pin(pause_expirations::turn(app)),
    },
    Service {
        name: "cancellation_cleanup",
        about: "cancels what belongs to cancelled runs",
        off: "FLOWCORE_SERVER_SERVICES_CANCELLATION_CLEANUP_ENABLED=false",
        period: Duration::from_secs(20),
        enabled: |settings| settings.cancellation_cleanup,
        turn: |app| Box::pin(cancellation_cleanup::turn(app)),
    },
    Service {
        name: "foreman",
        about: "notices which workers, pools, queues and deployments are not heard of any more",
        off: "FLOWCORE_SERVER_SERVICES_FOREMAN_ENABLED=false",
        period: Duration::from_secs(15),
        enabled: |settings| settings.foreman,
        turn: |app| Box::pin(async { Ok(foreman::settle(app).await?) }),
    },
    Service {
        name: "zombies",
        about: "crashes runs whose process is not heard of any more, and has them tried again",
        off: "FLOWCORE_SERVER_SERVICES_ZOMBIES_ENABLED=false",
        period: zombies::PERIOD,
        enabled: |settings| settings.zombies,
        turn: |app| Box::pin(zombies::turn(app)),
    },
    Service {
        name: "repossessor",
        about: "takes back slots of concurrency limits that nobody has any more",
        off: "FLOWCORE_SERVER_SERVICES_REPOSSESSOR_ENABLED=false",
        period: Duration::from_secs(5),
        enabled: |settings| settings.repossessor,
        turn: |app| Box::pin(repossessor::turn(app)),
    },
    Service {
        name: "db_vacuum",
        about: "removes what is old enough",
        off: "FLOWCORE_SERVER_SERVICES_DB_VACUUM_ENABLED=none",
        period: retention::PERIOD,
        enabled: |settings| settings.retention.events || settings.retention.flow_runs || settings.retention.logs,
        turn: |app| Box::pin(retention::turn(app)),
    },
];

/// Something that a server does unasked, as it is told to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceInfo {
    /// What it is called.
    pub name: &'static str,
    /// Whether the settings want it.
    pub enabled: bool,
    /// What it does, as the end of a sentence that begins with its name.
    pub description: &'static str,
    /// The variable and the value that switch it off.
    pub off: &'static str,
}

/// Lists what a server does unasked, and whether these settings want it.
pub fn services(settings: &ServicesSettings) -> Vec<ServiceInfo> {
    let info = |service: Service| ServiceInfo {
        name: service.name,
        enabled: (service.enabled)(settings),
        description: service.about,
        off: service.off,
    };
    SERVICES.into_iter().map(info).collect()
}

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
                tokio::select! {
                    () = app.clock.sleep(service.period) => {}
                    _ = ended.changed() => return,
                }
            }
        });
    }
    Running { tasks, ending }
}
