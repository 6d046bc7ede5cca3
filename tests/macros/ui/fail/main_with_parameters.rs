#![allow(unused_variables)]

#[flowcore::main(worker_threads = 0, worker_threads = 2)]
async fn main<T>(arguments: Vec<String>) {}
