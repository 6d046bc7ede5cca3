//! The command `flowcore`, as its users meet it: the real binary on a real database.

#![expect(clippy::unwrap_used, reason = "tests")]

mod caching;
mod clock;
mod concurrency;
mod events;
mod failing;
mod help;
mod history;
mod reading;
mod retrying;
mod server;
mod settings;
mod sweeping;
mod variables;
mod waiting;
mod working;
mod world;
