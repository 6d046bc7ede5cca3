//! Placeholders: `{{ name }}` in the values of files and steps, by Prefect's rules.
//!
//! | placeholder | becomes |
//! | --- | --- |
//! | `{{ prefect.variables.NAME }}` | the value of a variable; an empty text without it |
//! | `{{ prefect.blocks.TYPE.NAME.FIELD }}` | a field of a block, or all of it; it must be there |
//! | `{{ $NAME }}` | a variable of the environment |
//! | `{{ step-id.output }}`, `{{ output }}` | what a step has given; without it the field is left out |
//!
//! In jobs a variable must be there as well, and `{{ $NAME }}` is of the worker's environment but for its own secrets.
//!
//! A placeholder that is the whole of a text becomes the value itself, a number say; within a text it becomes text.

mod fill;
mod find;
mod resolver;

pub use fill::{Unknown, with_outputs};
pub use find::has_placeholder;
pub use resolver::{PlaceholderError, Resolver};

pub(crate) use fill::{Found, fill};
pub(crate) use find::Kind;
