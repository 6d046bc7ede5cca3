//! Whether and how a flow run's program can be started to execute the run again.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use flowcore::model::{FlowRun, Program, StateName, StateType};
use flowcore::settings::Settings;

use crate::called;
use crate::text::one_line;

/// Gives the program that can execute a run again, or a sentence on why it cannot be retried.
///
/// What is looked at is the run as it was recorded and the files of this machine; whether its process lives is another
/// question.
pub(crate) fn retriable(run: &FlowRun) -> Result<&Program, String> {
    refuse_state(run)?;
    launchable(run)
}

/// Gives the program that can execute a run again, or a sentence on why it cannot be started.
pub(crate) fn launchable(run: &FlowRun) -> Result<&Program, String> {
    let Some(program) = &run.program else {
        return Err(
            "no program is stored with it that could execute it again: run the program that calls the flow".to_owned()
        );
    };
    let executable = shown(&program.executable);
    if !program.executes_runs {
        return Err(format!(
            "its program {executable} cannot execute a single run: give its main function the attribute \
             #[flowcore::main], or call flowcore::init in it, build it, and start the flow anew"
        ));
    }
    if !program.executable.is_file() {
        return Err(format!("its program {executable} is gone: build it again"));
    }
    if !program.directory.is_dir() {
        return Err(format!(
            "the folder {} that its program was started in is gone: create it again",
            shown(&program.directory)
        ));
    }
    Ok(program)
}

/// Refuses states that a retry cannot leave.
fn refuse_state(run: &FlowRun) -> Result<(), String> {
    match run.state.kind {
        StateType::Failed | StateType::Cancelled | StateType::Crashed => Ok(()),
        // A retry that was begun, and whose program never took the run.
        StateType::Scheduled if run.state.name == StateName::AWAITING_RETRY => Ok(()),
        StateType::Completed => Err("it has completed: run the flow again for a new run".to_owned()),
        StateType::Paused => Err("it is paused: resume it instead".to_owned()),
        StateType::Scheduled if run.state.name == StateName::RESUMING => {
            Err("it was resumed: start it by resuming it once more".to_owned())
        }
        StateType::Scheduled => Err(format!("it is {} and has not run yet: wait for it", run.state.name)),
        StateType::Pending | StateType::Running | StateType::Cancelling => {
            Err(format!("it is {}: wait for it to end", run.state.name))
        }
    }
}

/// Writes the command that retries a run.
pub(crate) fn retry_command(run: &FlowRun) -> String {
    format!("{} flow-run retry {}", called::name(), run.id)
}

/// Writes the command that resumes a run.
pub(crate) fn resume_command(run: &FlowRun) -> String {
    format!("{} flow-run resume {}", called::name(), run.id)
}

/// Says with which command a run that has not completed goes on, if one of them is for its state.
pub(crate) fn next_command(run: &FlowRun) -> Option<String> {
    match run.state.kind {
        StateType::Paused => Some(format!("resume it with `{}`", resume_command(run))),
        kind if kind.is_terminal() && kind != StateType::Completed => {
            Some(format!("retry it with `{}`", retry_command(run)))
        }
        _ => None,
    }
}

/// Writes how a program is started, for people.
pub(crate) fn command_line(program: &Program) -> String {
    let words = std::iter::once(shown(&program.executable)).chain(program.arguments.iter().map(|word| one_line(word)));
    let quoted = words.map(|word| if word.is_empty() || word.contains(' ') { format!("'{word}'") } else { word });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Starts a program so that it executes one run. Detached, it outlives this command and its terminal.
pub(crate) fn start(program: &Program, run: &FlowRun, settings: &Settings, detach: bool) -> std::io::Result<Child> {
    let mut command = Command::new(&program.executable);
    command
        .args(&program.arguments)
        .current_dir(&program.directory)
        .env(flowcore::EXECUTE, run.id.to_string())
        .env("FLOWCORE_HOME", &settings.home)
        .env("FLOWCORE_DATABASE_URL", &settings.database_url)
        // The values are here already, and a setting cannot be set twice.
        .env_remove("FLOWCORE_HOME_FILE")
        .env_remove("FLOWCORE_DATABASE_URL_FILE");
    if let Some(profile) = &settings.profile {
        command.env("FLOWCORE_PROFILE", profile).env_remove("FLOWCORE_PROFILE_FILE");
    }
    if detach {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // A group of its own does not get the terminal's Ctrl-C.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
    }
    command.spawn()
}

/// Gives the exit code that stands for how a program ended: its own, or 128 and the signal that ended it, as shells do.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(signal).map_or(1, |signal| signal.saturating_add(128));
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn shown(path: &Path) -> String {
    one_line(&path.display().to_string())
}

#[cfg(test)]
#[path = "program_tests.rs"]
mod tests;
