#[flowcore::main]
fn main() {}
