use flowcore::{flow, task};

#[task(retrys = 3)]
async fn misspelled() {}

#[task(colour = "red")]
async fn unheard_of() {}

#[task(retry_delay_seconds = 10)]
async fn as_in_prefect() {}

#[task(on_crashed = notify)]
async fn of_flows() {}

#[flow(cache = INPUTS)]
async fn of_tasks() {}

#[task(retries = 3, retries = 4)]
async fn twice() {}

#[task(refresh_cache)]
async fn without_value() {}

#[flowcore::main(threads = 2)]
async fn main() {
    let _ = (misspelled(), unheard_of(), as_in_prefect(), of_flows(), of_tasks(), twice(), without_value());
}
