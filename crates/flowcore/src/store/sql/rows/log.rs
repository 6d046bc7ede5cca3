//! The table `logs`.

use crate::model::{FlowRunId, LogId, LogLevel, LogLine, TaskRunId};
use crate::store::StoreError;
use crate::store::sql::driver::{Arguments, Row};
use crate::store::sql::template::Template;

use super::json::{from_json, int32, json, micros, time};

/// The columns that [`log`] reads.
pub(in crate::store::sql) const LOG_COLUMNS: &str =
    "id, timestamp, level, logger, message, flow_run_id, task_run_id, fields";

/// Keeps log lines; one that is known already stays.
pub(in crate::store::sql) static APPEND_LOGS: Template = Template::new(
    "INSERT INTO logs (id, timestamp, level, logger, message, flow_run_id, task_run_id, fields) VALUES ",
    8,
    " ON CONFLICT (id) DO NOTHING",
);

pub(in crate::store::sql) fn encode_log(line: &&LogLine, to: &mut Arguments) {
    to.uuid(line.id.0);
    to.int(micros(line.timestamp));
    to.int(i64::from(line.level.number()));
    to.text(line.logger.as_str());
    to.text(line.message.as_str());
    to.uuid(line.flow_run_id.map(|id| id.0));
    to.uuid(line.task_run_id.map(|id| id.0));
    match line.fields.is_empty() {
        true => to.text(None),
        false => to.owned(json(&line.fields)),
    }
}

pub(in crate::store::sql) fn log(row: &Row) -> Result<LogLine, StoreError> {
    Ok(LogLine {
        id: LogId(row.uuid(0)?),
        timestamp: time(row.int(1)?)?,
        level: LogLevel::from_number(int32(row.int(2)?)?),
        logger: row.text(3)?.to_owned(),
        message: row.text(4)?.to_owned(),
        flow_run_id: row.optional_uuid(5)?.map(FlowRunId),
        task_run_id: row.optional_uuid(6)?.map(TaskRunId),
        fields: row.optional_text(7)?.map(from_json).transpose()?.unwrap_or_default(),
    })
}
