//! The flowcore command: looks at runs, retries them, shows and changes settings.

mod arguments;
mod called;
mod commands;
mod confirm;
mod deploy_file;
mod failure;
mod log;
mod output;
mod paging;
mod program;
mod select;
mod session;
mod settings_file;
mod settings_table;
mod states;
mod text;
mod time;

use std::process::ExitCode;

use clap::FromArgMatches;

use crate::arguments::Arguments;
use crate::output::Output;

fn main() -> ExitCode {
    let arguments =
        Arguments::from_arg_matches(&called::command_line().get_matches()).unwrap_or_else(|error| error.exit());
    // One thread: a command waits for one thing after another, and threads take time to start. A server has many clients.
    let mut builder = if arguments.serves() {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(&format!("the program cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let mut out = Output::stdout();
    if arguments.no_prompt {
        out = out.without_questions();
    }
    let result = runtime.block_on(commands::run(arguments, &mut out));
    let result = result.and_then(|code| out.flush().map(|()| code));
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            // What was written before the failure belongs before its message.
            let _ = out.flush();
            if let Some(message) = failure.message() {
                output::complain(message);
            }
            ExitCode::from(failure.code())
        }
    }
}
