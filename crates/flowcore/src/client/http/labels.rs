//! What flowcore knows of a flow run and Prefect's API has no field for: it travels as labels of the run.

use serde_json::Value;

use crate::model::{Labels, ProcessId, Program};
use crate::orchestration::Executor;

/// The process that executes the run, or did last. Empty when none has it.
const PROCESS: &str = "flowcore.process";

/// The program that can execute it again, as JSON.
const PROGRAM: &str = "flowcore.program";

/// Writes who executes a run.
pub(super) fn of_executor(executor: &Executor) -> Labels {
    let mut labels = Labels::from([(PROCESS.to_owned(), Value::from(executor.process_id.to_string()))]);
    if let Some(program) = executor.program.as_ref().and_then(|program| serde_json::to_string(program).ok()) {
        labels.insert(PROGRAM.to_owned(), Value::from(program));
    }
    labels
}

/// Writes that nobody executes it.
pub(super) fn of_nobody() -> Labels {
    Labels::from([(PROCESS.to_owned(), Value::from(""))])
}

/// Takes out of a run's labels who executes it.
pub(super) fn take_executor(labels: &mut Labels) -> (Option<ProcessId>, Option<Program>) {
    let process = labels.remove(PROCESS).and_then(|process| process.as_str()?.parse().ok());
    let program = labels.remove(PROGRAM).and_then(|program| serde_json::from_str(program.as_str()?).ok());
    (process, program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_executes_a_run_is_read_as_it_was_written() {
        let program = Program {
            executable: "/bin/etl".into(),
            arguments: vec!["--day".to_owned(), "1 May".to_owned()],
            directory: "/srv".into(),
            executes_runs: true,
        };
        let executor = Executor { process_id: ProcessId(uuid::Uuid::max()), program: Some(program.clone()) };
        let mut labels = of_executor(&executor);
        labels.insert("team".to_owned(), Value::from("data"));
        assert_eq!(take_executor(&mut labels), (Some(executor.process_id), Some(program)));
        assert_eq!(labels, Labels::from([("team".to_owned(), Value::from("data"))]), "the program's own stay");
        assert_eq!(take_executor(&mut of_nobody()), (None, None));
    }
}
