//! The file that says what is deployed: `flowcore.yaml`, or Prefect's `prefect.yaml`.
//!
//! `yaml` reads text into a tree that knows its places, `shape` says what may stand where, `check` refuses all else, and
//! `file` gives the deployments with their steps as they are written, placeholders and all. `choose` finds those that a command
//! line names; `spec` reads one whose placeholders are filled in. `manifest` reads the file of one deployment that Prefect 2 had.

mod check;
mod choose;
mod file;
mod interval;
mod manifest;
mod shape;
mod spec;
mod yaml;

pub(crate) use choose::choose;
pub(crate) use file::{DeployFile, Written, find, read_any};
pub(crate) use manifest::Manifest;
pub(crate) use spec::{ConcurrencyLimit, Spec};
