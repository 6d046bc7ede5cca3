use flowcore::task;

#[derive(Clone)]
struct Client;

#[task]
async fn fetch(url: String, client: Client) -> String {
    let _ = client;
    url
}

fn main() {
    let _ = fetch("a", Client);
}
