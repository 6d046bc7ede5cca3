//! The command `flowcore`, as its users meet it: the real binary on a real database.

mod clock;
mod failing;
mod help;
mod history;
mod reading;
mod retrying;
mod sweeping;
mod world;
