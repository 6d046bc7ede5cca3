//! What the macros accept and refuse; see `main.rs`.
