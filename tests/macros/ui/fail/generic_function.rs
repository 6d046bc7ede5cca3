use flowcore::{flow, task};
use std::fmt::Display;

#[task]
async fn show<T: Display>(value: T) -> String {
    value.to_string()
}

#[task]
async fn print(value: impl Display) {
    println!("{value}");
}

#[flow]
async fn sized<const N: usize>() where u8: Copy {}

#[task]
async fn open() -> impl Display {
    "a"
}

fn main() {}
