//! The tables `concurrency_limits`, `slot_leases` and `slot_requests`.

use crate::model::{ConcurrencyLimit, LimitId, Occupancy, ProcessId, SlotId, SlotLease, SlotRequest, Timestamp};
use crate::store::StoreError;
use crate::store::sql::driver::{Arguments, Row};
use crate::store::sql::template::Template;

use super::json::{from_json, json, micros, time};

/// The columns that [`limit`] reads.
pub(in crate::store::sql) const LIMIT_COLUMNS: &str =
    "name, id, slot_limit, active, slot_decay_per_second, created, updated";

/// Reads limits, leases and requests in one question; behind each `IN` stands the list of names. The first selection
/// gives the columns their types, and the last column tells which of them a row is of.
pub(in crate::store::sql) const OCCUPANCY: [&str; 3] = [
    "SELECT limit_name, id, slots, holder, process_id, acquired, expires, \
     CAST(NULL AS DOUBLE PRECISION), 1 FROM slot_leases WHERE limit_name IN ",
    " UNION ALL SELECT limit_name, id, slots, holder, process_id, due, expires, NULL, 2 FROM slot_requests \
     WHERE limit_name IN ",
    " UNION ALL SELECT name, id, slot_limit, NULL, NULL, created, updated, slot_decay_per_second, \
     3 + active FROM concurrency_limits WHERE name IN ",
];

/// Keeps new limits, but for those whose name is taken.
pub(in crate::store::sql) static INSERT_LIMITS: Template = Template::new(
    "INSERT INTO concurrency_limits (name, id, slot_limit, active, slot_decay_per_second, created, updated) VALUES ",
    7,
    " ON CONFLICT (name) DO NOTHING",
);

/// Changes limits.
pub(in crate::store::sql) static PUT_LIMITS: Template = Template::new(
    "INSERT INTO concurrency_limits (name, id, slot_limit, active, slot_decay_per_second, created, updated) VALUES ",
    7,
    " ON CONFLICT (name) DO UPDATE SET id = excluded.id, slot_limit = excluded.slot_limit, active = excluded.active, \
     slot_decay_per_second = excluded.slot_decay_per_second, created = excluded.created, updated = excluded.updated",
);

/// Keeps leases, or changes them.
pub(in crate::store::sql) static PUT_LEASES: Template = Template::new(
    "INSERT INTO slot_leases (limit_name, id, slots, holder, process_id, acquired, expires) VALUES ",
    7,
    " ON CONFLICT (limit_name, id) DO UPDATE SET slots = excluded.slots, holder = excluded.holder, \
     process_id = excluded.process_id, acquired = excluded.acquired, expires = excluded.expires",
);

/// Keeps requests, or changes them.
pub(in crate::store::sql) static PUT_REQUESTS: Template = Template::new(
    "INSERT INTO slot_requests (limit_name, id, slots, holder, process_id, due, expires) VALUES ",
    7,
    " ON CONFLICT (limit_name, id) DO UPDATE SET slots = excluded.slots, holder = excluded.holder, \
     process_id = excluded.process_id, due = excluded.due, expires = excluded.expires",
);

pub(in crate::store::sql) static DELETE_LIMITS: Template =
    Template::new("DELETE FROM concurrency_limits WHERE name IN (VALUES ", 1, ")");
pub(in crate::store::sql) static DELETE_LEASES: Template =
    Template::new("DELETE FROM slot_leases WHERE (limit_name, id) IN (VALUES ", 2, ")");
pub(in crate::store::sql) static DELETE_REQUESTS: Template =
    Template::new("DELETE FROM slot_requests WHERE (limit_name, id) IN (VALUES ", 2, ")");

pub(in crate::store::sql) fn encode_limit(limit: &ConcurrencyLimit, to: &mut Arguments) {
    to.text(limit.name.as_str());
    to.uuid(limit.id.0);
    to.int(i64::from(limit.limit));
    to.int(i64::from(limit.active));
    to.real(limit.slot_decay_per_second);
    to.int(micros(limit.created));
    to.int(micros(limit.updated));
}

pub(in crate::store::sql) fn encode_lease(lease: &SlotLease, to: &mut Arguments) {
    to.text(lease.limit.as_str());
    to.uuid(lease.id.0);
    to.int(i64::from(lease.slots));
    to.owned(json(&lease.holder));
    to.uuid(lease.process_id.map(|id| id.0));
    to.int(micros(lease.acquired));
    to.int(lease.expires.map(micros));
}

pub(in crate::store::sql) fn encode_request(request: &SlotRequest, to: &mut Arguments) {
    to.text(request.limit.as_str());
    to.uuid(request.id.0);
    to.int(i64::from(request.slots));
    to.owned(json(&request.holder));
    to.uuid(request.process_id.map(|id| id.0));
    to.int(micros(request.due));
    to.int(request.expires.map(micros));
}

pub(in crate::store::sql) fn encode_limit_name(name: &&str, to: &mut Arguments) {
    to.text(*name);
}

pub(in crate::store::sql) fn encode_slot_key((id, limit): &(SlotId, String), to: &mut Arguments) {
    to.text(limit.as_str());
    to.uuid(id.0);
}

pub(in crate::store::sql) fn limit(row: &Row) -> Result<ConcurrencyLimit, StoreError> {
    Ok(ConcurrencyLimit {
        name: row.text(0)?.to_owned(),
        id: LimitId(row.uuid(1)?),
        limit: number(row.int(2)?)?,
        active: row.int(3)? != 0,
        slot_decay_per_second: row.real(4)?,
        created: time(row.int(5)?)?,
        updated: time(row.int(6)?)?,
    })
}

/// Reads the rows of [`OCCUPANCY`].
pub(in crate::store::sql) fn occupancy(rows: &[Row]) -> Result<Occupancy, StoreError> {
    let mut occupancy = Occupancy::default();
    for row in rows {
        let name = row.text(0)?.to_owned();
        let slots = number(row.int(2)?)?;
        match row.int(8)? {
            1 => occupancy.leases.push(SlotLease {
                id: SlotId(row.uuid(1)?),
                limit: name,
                slots,
                holder: from_json(row.text(3)?)?,
                process_id: row.optional_uuid(4)?.map(ProcessId),
                acquired: time(row.int(5)?)?,
                expires: optional_time(row)?,
            }),
            2 => occupancy.requests.push(SlotRequest {
                id: SlotId(row.uuid(1)?),
                limit: name,
                slots,
                holder: from_json(row.text(3)?)?,
                process_id: row.optional_uuid(4)?.map(ProcessId),
                due: time(row.int(5)?)?,
                expires: optional_time(row)?,
            }),
            kind => occupancy.limits.push(ConcurrencyLimit {
                name,
                id: LimitId(row.uuid(1)?),
                limit: slots,
                active: kind == 4,
                slot_decay_per_second: row.real(7)?,
                created: time(row.int(5)?)?,
                updated: time(row.int(6)?)?,
            }),
        }
    }
    occupancy.sort();
    Ok(occupancy)
}

fn optional_time(row: &Row) -> Result<Option<Timestamp>, StoreError> {
    row.optional_int(6)?.map(time).transpose()
}

fn number(value: i64) -> Result<u32, StoreError> {
    u32::try_from(value).map_err(|_| StoreError::Row(format!("{value} is not a number of slots")))
}
