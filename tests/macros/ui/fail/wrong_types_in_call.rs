use flowcore::task;

#[task(retries = "3".len())]
async fn fetch(url: String) -> String {
    url
}

async fn calls() {
    let page: u32 = fetch("a").await.unwrap_or_default();
    fetch(5).await.ok();
}

fn main() {
    let _ = calls();
}
