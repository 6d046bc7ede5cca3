use flowcore::{flow, task};

struct Pool;

#[task]
async fn count(table: String, #[resource] pool: Pool) -> usize {
    let _ = pool;
    table.len()
}

#[flow]
async fn report(#[resource] pool: Pool) {
    let _ = pool;
}

fn main() {}
