//! A program that is built without default features: it runs in memory, and warns that nothing is kept.
//!
//! `cargo run -p flowcore --no-default-features --features macros --example lean`

use flowcore::{Result, flow, task};

#[task]
async fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

#[flow]
async fn hello() -> Result<Vec<String>> {
    Ok(greet::map(["world".to_owned(), "flowcore".to_owned()]).await?)
}

#[flowcore::main]
async fn main() -> Result<()> {
    let greetings = hello().await?;
    assert_eq!(greetings, ["Hello, world!", "Hello, flowcore!"]);
    println!("{}", greetings.join("\n"));
    Ok(())
}
