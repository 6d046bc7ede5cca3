use flowcore::task;

struct Connection;

#[task(persist_result = false)]
async fn connect() -> flowcore::Result<Connection> {
    Ok(Connection)
}

fn main() {}
