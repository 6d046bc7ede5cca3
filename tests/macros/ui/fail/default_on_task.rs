#![allow(unused_variables)]

use flowcore::{flow, task};

#[task]
async fn fetch(#[default(3)] limit: u32) {}

#[flow]
async fn report(#[default] limit: u32, #[resource] #[default(1)] pool: u32, #[resource(pool)] other: u32) {}

#[flow]
async fn pairs((a, b): (u32, u32)) {}

fn main() {}
