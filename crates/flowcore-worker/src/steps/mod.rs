//! Steps: what brings code to where it is executed. Build and push steps are carried out when something is deployed, pull steps
//! before each run.
//!
//! | step | does |
//! | --- | --- |
//! | `prefect.deployments.steps.set_working_directory` | goes into a folder |
//! | `prefect.deployments.steps.run_shell_script` | runs commands |
//! | `prefect.deployments.steps.git_clone` | clones a repository |
//! | `prefect.deployments.steps.pip_install_requirements` | installs packages of Python |
//! | `prefect.deployments.steps.pull_from_remote_storage` | copies a folder of a bucket, or of this machine |
//! | `prefect.deployments.steps.pull_with_block` | copies what a block of storage holds |
//! | `prefect_aws.deployments.steps.push_to_s3`, `.pull_from_s3` | copy a folder to a bucket and back |
//! | `flowcore.deployments.steps.push_to_local`, `.pull_from_local` | copy a folder to another of this machine and back |
//! | `flowcore.deployments.steps.push_code`, `.pull_code` | keep programs under the hash of their content |
//!
//! All others are functions in Python, which its interpreter calls.

mod carry_out;
mod code;
mod command;
mod files;
mod git;
mod ignore;
mod inputs;
mod known;
mod python;
mod s3;
mod shell;
#[cfg(test)]
pub(crate) mod tests;

pub use carry_out::{Carried, Report, StepError, Steps};

pub(crate) use code::{is_executable, make_executable};
