//! The command `flowcore`, as its users meet it: the real binary on a real database.

#![expect(clippy::unwrap_used, reason = "tests")]

mod caching;
mod calling;
mod clock;
mod concurrency;
mod deploy_files;
mod dhis2_like;
mod docker;
mod events;
mod executing;
mod failing;
mod fake_engine;
mod help;
mod history;
mod jobs;
mod lossy;
mod manifests;
mod objects;
mod on_prefect;
mod python_flows;
mod queues;
mod reading;
mod retrying;
#[path = "../results/server.rs"]
#[expect(dead_code, reason = "the tests of results use more of it")]
mod s3_server;
mod schedules;
mod server;
mod serving;
mod settings;
mod site;
mod sweeping;
mod variables;
mod waiting;
mod working;
mod world;
