//! Schedules against tables of what Prefect's own say. How they were made is in `tables/make.py`.

#![expect(clippy::unwrap_used, reason = "tests")]

use chrono::DateTime;
use serde::Deserialize;

use super::Schedule;

#[derive(Deserialize)]
struct Case {
    schedule: Schedule,
    start: String,
    dates: Vec<String>,
}

fn compare(table: &str) {
    let mut wrong = Vec::new();
    for line in table.lines() {
        let case: Case = serde_json::from_str(line).map_err(|error| format!("{error}: {line}")).unwrap();
        let start = DateTime::parse_from_rfc3339(&case.start).unwrap().to_utc();
        let count = if case.dates.is_empty() { 1 } else { case.dates.len() };
        let dates: Vec<String> = case.schedule.dates(start).take(count).map(|date| date.to_rfc3339()).collect();
        if dates != case.dates {
            wrong.push(format!("{line}\n    but {dates:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), table.lines().count(), wrong.join("\n"));
}

#[test]
fn the_clocks_of_ten_zones_are_followed_over_their_changes() {
    compare(include_str!("tables/changes.txt"));
}

#[test]
fn cron_expressions_mean_what_croniter_says() {
    compare(include_str!("tables/cron.txt"));
}

#[test]
fn recurrence_rules_mean_what_dateutil_says() {
    compare(include_str!("tables/rrule.txt"));
}
