//! The rules of orchestration: which state a run may enter next, and what follows from it.
//!
//! Rules are pure functions of data and the time. [`govern`](govern::govern) applies a policy's rules to a proposed state; the
//! [`Orchestrator`] does so for flow runs where the store is, the engine for task runs where they run.

mod abandoned;
mod clients;
mod control;
mod crashed;
mod govern;
mod input_schema;
mod limits;
mod orchestrator;
mod policy;
mod rule;
mod rules;
mod slot_leases;
mod slots;
mod variables;

pub use abandoned::{Liveness, Probe, is_abandoned};
pub use control::{Resumption, resumed};
pub use crashed::{crashed, reported_crashed};
pub use govern::{Decision, Governed, govern};
pub use input_schema::{InputField, InputProblem, input_fields, problems, read_input_field, takes_input_field};
pub use limits::{LimitError, LimitUpdate, NewLimit, SlotsBack};
pub use orchestrator::{Executor, NewFlowRun, Orchestrator, RunDecision};
pub use policy::{FLOW_POLICY, Policy, TASK_POLICY};
pub use rule::{Facts, Replacement, Rule, StateSet, Transition, Verdict};
pub use slot_leases::{free_slots, renew_slots, set_slots_taken, take_slots, take_slots_in_turn};
pub use slots::{ask_for_slots, give_slots_back, judge_slots, slots_taken, waited_for};
