//! Requests made by chance from the server's own OpenAPI document: none may make it fail or hang.
//!
//! `cargo xtask prove fuzz` does the same for longer.

use std::sync::Arc;

use flowcore_tests::fuzz::{Fuzz, fuzz};

use crate::world::{World, given};

pub(crate) async fn every_route_stands_what_comes(world: Arc<World>) {
    let Some(python) = given("FLOWCORE_TEST_SCHEMATHESIS_PYTHON", "fuzz") else { return };
    let short = Fuzz { examples: 1, seconds: 60, seed: 1 };
    fuzz(&python, &world.api, &short).await.unwrap();
}
