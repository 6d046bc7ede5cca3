//! Starting a run's program for another attempt, and telling what became of the run.

use std::process::ExitStatus;

use flowcore::clock::{Clock, SystemClock};
use flowcore::model::{FlowRun, Program, State, StateId};

use super::witness::sweep;
use crate::failure::Failure;
use crate::output::note;
use crate::program::{command_line, exit_code, next_command, start};
use crate::session::Session;
use crate::text::one_line;

/// A run that is scheduled for another attempt, and how to start it.
pub(super) struct Relaunch {
    /// The run before it was scheduled.
    pub(super) former: FlowRun,
    /// The run as it is scheduled.
    pub(super) scheduled: FlowRun,
    pub(super) program: Program,
    /// Starts it in the background, and does not wait for it.
    pub(super) detach: bool,
    /// What is done, as in `Retrying flow run ..`.
    pub(super) doing: &'static str,
}

impl Relaunch {
    /// Starts the program and waits for it. Gives its exit code.
    pub(super) async fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let Relaunch { former, program, .. } = &self;
        note(&format!("{} flow run '{}': {}", self.doing, one_line(&former.name), command_line(program)));
        session.out.flush()?;

        // Ctrl-C goes to every process of the terminal's group. The program decides what it means; this command outlives
        // it, to tell what became of the run.
        #[cfg(unix)]
        let _interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
            .map_err(|error| Failure::new(format!("Ctrl-C cannot be passed on: {error}")))?;
        let mut child = match start(program, former, &session.settings, self.detach) {
            Ok(child) => child,
            Err(error) => {
                let executable = program.executable.display();
                self.put_back(session, &format!("{executable} could not be started: {error}")).await?;
                return Err(Failure::new(format!(
                    "{executable} cannot be started: {error}; check that it may be executed"
                )));
            }
        };
        if self.detach {
            session.out.line(child.id())?;
            return Ok(0);
        }
        // Nothing else is to be done meanwhile, so that waiting may block.
        let status =
            child.wait().map_err(|error| Failure::new(format!("the program cannot be waited for: {error}")))?;
        self.conclude(session, status).await?;
        Ok(exit_code(status))
    }

    /// Tells what became of the run after its program has ended, and puts it back if the program never took it.
    async fn conclude(&self, session: &Session<'_>, status: ExitStatus) -> Result<(), Failure> {
        let former = &self.former;
        let shown = one_line(&former.name);
        let Some(run) = session.client.flow_run(former.id).await? else {
            note(&format!("Flow run '{shown}' has been deleted meanwhile."));
            return Ok(());
        };
        if run.state.id == self.scheduled.state.id {
            self.put_back(session, &format!("The program ended ({status}) without executing the run.")).await?;
            let stands = if former.state.is_terminal() {
                format!("{} as before", former.state.name)
            } else {
                format!("still {}", run.state.name)
            };
            return Err(Failure::new(format!(
                "the program ended ({status}) without executing flow run '{shown}', which is {stands}: check that its \
                 main function has the attribute #[flowcore::main] or calls flowcore::init first, and that it still has \
                 the flow `{}`",
                one_line(&former.flow_name),
            )));
        }
        let run = if run.state.is_terminal() || run.state.is_suspended() {
            run
        } else {
            // The program may have died in the middle.
            let swept = sweep(session).await?;
            swept.crashed.into_iter().find(|crashed| crashed.id == run.id).unwrap_or(run)
        };
        let next = next_command(&run).map(|next| format!("; {next}")).unwrap_or_default();
        note(&format!("Flow run '{}' is {}{next}.", one_line(&run.name), run.state.name));
        Ok(())
    }

    /// Gives a run that had ended the kind of state that it had before, unless it has moved on meanwhile. One that waited
    /// for a resume stays scheduled: what it was told is in that state.
    async fn put_back(&self, session: &Session<'_>, why: &str) -> Result<(), Failure> {
        let former = &self.former.state;
        if !former.is_terminal() {
            return Ok(());
        }
        let clock = SystemClock;
        let mut state = State::new(former.kind, StateId(clock.uuid()), clock.now()).named(former.name.clone());
        state.message = Some(match &former.message {
            Some(message) => format!("{why} Before: {message}"),
            None => why.to_owned(),
        });
        state.data.clone_from(&former.data);
        session.client.set_flow_run_state(&self.scheduled, state).await?;
        Ok(())
    }
}
