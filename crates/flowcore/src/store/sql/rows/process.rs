//! The table `processes`.

use crate::model::{ProcessId, ProcessLease};
use crate::store::StoreError;
use crate::store::sql::driver::{Arguments, Row};
use crate::store::sql::template::Template;

use super::json::{micros, time};

/// The columns that [`process`] reads.
pub(in crate::store::sql) const PROCESS_COLUMNS: &str = "id, pid, host, lock_file, started, expires";

/// Keeps leases, or renews them.
pub(in crate::store::sql) static PUT_PROCESSES: Template = Template::new(
    "INSERT INTO processes (id, pid, host, lock_file, started, expires) VALUES ",
    6,
    " ON CONFLICT (id) DO UPDATE SET pid = excluded.pid, host = excluded.host, lock_file = excluded.lock_file, \
     started = excluded.started, expires = excluded.expires",
);

pub(in crate::store::sql) fn encode_process(lease: &&ProcessLease, to: &mut Arguments) {
    to.uuid(lease.id.0);
    to.int(i64::from(lease.pid));
    to.text(lease.host.as_str());
    to.text(lease.lock_file.as_str());
    to.int(micros(lease.started));
    to.int(micros(lease.expires));
}

pub(in crate::store::sql) fn process(row: &Row) -> Result<ProcessLease, StoreError> {
    let pid = row.int(1)?;
    Ok(ProcessLease {
        id: ProcessId(row.uuid(0)?),
        pid: u32::try_from(pid).map_err(|_| StoreError::Row(format!("{pid} is not a process's number")))?,
        host: row.text(2)?.to_owned(),
        lock_file: row.text(3)?.to_owned(),
        started: time(row.int(4)?)?,
        expires: time(row.int(5)?)?,
    })
}
