//! What is wrong with a plan.

use serde_json::Value;

use crate::world::World;

use super::heard::Said;
use super::sqlite;

/// The tables that grow with what happens, and those of which there may be thousands of rows.
pub(super) const GROWING: [&str; 14] = [
    "flow_runs",
    "flow_run_states",
    "task_runs",
    "logs",
    "events",
    "artifacts",
    "flow_run_inputs",
    "cached_task_runs",
    "deployments",
    "deployment_schedules",
    "workers",
    "work_queues",
    "variables",
    "block_documents",
];

/// How many rows may be read in vain by one part of a plan, and how many where a table is read from end to end: there are
/// always some that it is quicker to read than to look up.
const ENOUGH: f64 = 2500.0;

/// Finds what is wrong with what was executed, where few rows are wanted or as many as there are.
pub(super) async fn of(world: &World, said: Vec<Said>, few: bool) -> Vec<String> {
    let mut findings = Vec::new();
    for said in said {
        match said {
            Said::Plan(plan) => {
                let text = plan["Query Text"].as_str().unwrap_or_default();
                let mut problems = Vec::new();
                node(&plan["Plan"], &mut problems);
                findings.extend(problems.into_iter().map(|problem| format!("{problem} in {text}")));
            }
            Said::Statement(text) if world.database().starts_with("sqlite") => {
                findings.extend(sqlite::findings(world.database(), &text, few).await);
            }
            Said::Statement(_) => {}
        }
    }
    findings.sort();
    findings.dedup();
    findings
}

/// Judges a part of a plan of PostgreSQL's, and its parts.
fn node(plan: &Value, problems: &mut Vec<String>) {
    let table = plan["Relation Name"].as_str().unwrap_or_default();
    let number = |name: &str| plan[name].as_f64().unwrap_or_default();
    if GROWING.contains(&table) {
        let in_vain = number("Rows Removed by Filter") + number("Rows Removed by Index Recheck");
        let (in_vain, wanted) = (in_vain * number("Actual Loops"), number("Actual Rows") * number("Actual Loops"));
        if plan["Node Type"] == "Seq Scan" && in_vain + wanted > ENOUGH {
            problems.push(format!("{table} is read from end to end"));
        } else if in_vain > ENOUGH {
            problems.push(format!("{in_vain} rows of {table} are read in vain"));
        }
    }
    for part in plan["Plans"].as_array().into_iter().flatten() {
        node(part, problems);
    }
}
