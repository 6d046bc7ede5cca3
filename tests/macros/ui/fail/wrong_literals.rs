use flowcore::{flow, task};

#[task(retries = "3")]
async fn retries() {}

#[task(retries = -3)]
async fn negative() {}

#[task(retry_delay = [1, "10"])]
async fn delays() {}

#[task(retry_delay = [])]
async fn no_delay() {}

#[task(retry_jitter = -0.5)]
async fn jitter() {}

#[task(timeout = "30s")]
async fn timeout() {}

#[task(name = "")]
async fn no_name() {}

#[task(tags = "net")]
async fn tags() {}

#[task(tags = ["net", 5])]
async fn some_tags() {}

#[task(assets = ["lake/orders", "s3://lake/{dya}"])]
async fn assets(day: String) {
    drop(day);
}

#[task(asset_deps = "s3://lake")]
async fn asset_deps() {}

#[task(refresh_cache = "yes")]
async fn flag() {}

#[task(cache = "inputs")]
async fn cache() {}

#[flow(on_failure = "notify")]
async fn hook() {}

#[flow(task_limit = 0)]
async fn limit() {}

fn main() {}
