#![allow(unused_variables)]

use flowcore::{flow, task};

struct Service;

impl Service {
    #[task]
    async fn fetch(&self, url: String) {}
}

#[task]
unsafe fn read() {}

#[task]
const fn size() -> usize {
    8
}

#[flow]
extern "C" fn start() {}

#[flow]
struct Report {
    day: String,
}

#[flow]
async fn main() {}
