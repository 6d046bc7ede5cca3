//! What a server is told of what it does unasked.

use std::time::Duration;

use super::known_services as known;
use super::parse;
use super::retention::RetentionSettings;
use super::values::{Reader, Values};

/// Which services a server has: what it does when its time comes and nobody asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicesSettings {
    /// Whether the server makes runs of deployments ahead of the times that their schedules say. Set by `FLOWCORE_SERVER_SERVICES_SCHEDULER_ENABLED` or
    /// `PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED`; true by default.
    pub scheduler: bool,
    /// Whether the server calls runs late that nobody has begun in time. Set by `FLOWCORE_SERVER_SERVICES_LATE_RUNS_ENABLED` or
    /// `PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED`; true by default.
    pub late_runs: bool,
    /// Whether the server fails runs that were paused and not resumed in time. Set by `FLOWCORE_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED` or
    /// `PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED`; true by default.
    pub pause_expirations: bool,
    /// Whether the server cancels what belongs to cancelled runs. Set by `FLOWCORE_SERVER_SERVICES_CANCELLATION_CLEANUP_ENABLED` or
    /// `PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_ENABLED`; true by default.
    pub cancellation_cleanup: bool,
    /// Whether the server notices which workers, pools, queues and deployments are not heard of any more. Set by
    /// `FLOWCORE_SERVER_SERVICES_FOREMAN_ENABLED` or `PREFECT_SERVER_SERVICES_FOREMAN_ENABLED`; true by default.
    pub foreman: bool,
    /// How long after its time a run is called late that nobody has begun. Set by
    /// `FLOWCORE_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS` or `PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS`; 15 s by default.
    pub late_runs_after: Duration,
    /// Whether the server crashes runs whose process is not heard of any more. Set by `FLOWCORE_SERVER_SERVICES_ZOMBIES_ENABLED`; true by
    /// default.
    pub zombies: bool,
    /// How long nothing may be heard of a run, at least, before it is taken for dead; one whose client speaks up less often has two and a
    /// half times as long as that takes. Set by `FLOWCORE_SERVER_SERVICES_ZOMBIES_AFTER_SECONDS`; 75 s by default.
    pub zombies_after: Duration,
    /// Whether the server takes back slots of concurrency limits whose lease has ended. Set by
    /// `FLOWCORE_SERVER_SERVICES_REPOSSESSOR_ENABLED` or `PREFECT_SERVER_SERVICES_REPOSSESSOR_ENABLED`; true by default.
    pub repossessor: bool,
    /// What the server removes when it is old enough.
    pub retention: RetentionSettings,
}

impl Default for ServicesSettings {
    fn default() -> Self {
        ServicesSettings {
            scheduler: true,
            late_runs: true,
            pause_expirations: true,
            cancellation_cleanup: true,
            foreman: true,
            late_runs_after: Duration::from_secs(15),
            zombies: true,
            zombies_after: Duration::from_secs(75),
            repossessor: true,
            retention: RetentionSettings::default(),
        }
    }
}

impl ServicesSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let mut seconds = |known| {
            let seconds = reader.read(known, parse::count).and_then(|seconds| u64::try_from(seconds).ok());
            seconds.map(Duration::from_secs)
        };
        let (after, silent) = (seconds(&known::LATE_RUNS_AFTER), seconds(&known::ZOMBIES_AFTER));
        let default = ServicesSettings::default();
        ServicesSettings {
            scheduler: reader.read(&known::SCHEDULER, parse::flag).unwrap_or(true),
            late_runs: reader.read(&known::LATE_RUNS, parse::flag).unwrap_or(true),
            pause_expirations: reader.read(&known::PAUSE_EXPIRATIONS, parse::flag).unwrap_or(true),
            cancellation_cleanup: reader.read(&known::CANCELLATION_CLEANUP, parse::flag).unwrap_or(true),
            foreman: reader.read(&known::FOREMAN, parse::flag).unwrap_or(true),
            late_runs_after: after.unwrap_or(default.late_runs_after),
            zombies: reader.read(&known::ZOMBIES, parse::flag).unwrap_or(true),
            zombies_after: silent.unwrap_or(default.zombies_after),
            repossessor: reader.read(&known::REPOSSESSOR, parse::flag).unwrap_or(true),
            retention: RetentionSettings::read(reader),
        }
    }

    /// Lists the values as they are.
    pub(super) fn values(&self) -> Values {
        let mut values: Values = vec![
            (&known::SCHEDULER, Some(self.scheduler.to_string())),
            (&known::LATE_RUNS, Some(self.late_runs.to_string())),
            (&known::PAUSE_EXPIRATIONS, Some(self.pause_expirations.to_string())),
            (&known::CANCELLATION_CLEANUP, Some(self.cancellation_cleanup.to_string())),
            (&known::FOREMAN, Some(self.foreman.to_string())),
            (&known::LATE_RUNS_AFTER, Some(self.late_runs_after.as_secs().to_string())),
            (&known::ZOMBIES, Some(self.zombies.to_string())),
            (&known::ZOMBIES_AFTER, Some(self.zombies_after.as_secs().to_string())),
            (&known::REPOSSESSOR, Some(self.repossessor.to_string())),
        ];
        values.extend(self.retention.values());
        values
    }
}
