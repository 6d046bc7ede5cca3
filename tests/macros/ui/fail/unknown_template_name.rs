#![allow(unused_variables)]

use flowcore::{flow, task};

#[task(task_run_name = "fetch {link}")]
async fn fetch(url: String, page: u32) {}

#[flow(flow_run_name = "report {dya}", result_storage_key = "{flow_run_id}/{}")]
async fn report(day: String) {}

#[flow(flow_run_name = "nightly {day")]
async fn nightly() {}

fn main() {}
