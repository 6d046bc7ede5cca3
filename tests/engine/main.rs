//! Flows and tasks as programs use them, on every store.
