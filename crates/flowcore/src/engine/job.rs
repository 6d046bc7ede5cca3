//! One call with its arguments and its body, with the types erased: what the engine runs.

use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::codec::Value;
use super::digest::DigestError;
use super::error::{Error, RunError};
use super::inputs::{Inputs, UpstreamRun};

/// The future of one execution of a body.
pub(crate) type BodyFuture = Pin<Box<dyn Future<Output = Result<Value, Error>> + Send>>;

/// One call: arguments, perhaps still to come, and a body that can be executed several times.
pub(crate) trait Job: Send + Sync {
    /// Visits the runs that the arguments come from, by position.
    fn visit_runs(&self, visit: &mut dyn FnMut(usize, &UpstreamRun<'_>));

    /// Makes the arguments, unless that was done; all runs have settled.
    fn resolve(&mut self) -> Result<(), RunError>;

    /// Hashes each argument, by position; before they are resolved only those that are known.
    fn digest(&self, each: &mut dyn FnMut(usize, [u8; 32])) -> Result<(), DigestError>;

    /// Hashes all arguments into one.
    fn digest_all(&self, hasher: &mut blake3::Hasher) -> Result<(), DigestError>;

    /// Shows the arguments as JSON, before they are resolved only those that are known.
    fn arguments(&self, names: &[&'static str]) -> Map<String, Json>;

    /// Starts one execution; with `last`, the arguments are given away.
    fn invoke(&mut self, last: bool) -> BodyFuture;
}

pub(crate) struct TypedJob<I: Inputs, F> {
    arguments: Arguments<I>,
    body: Arc<F>,
}

enum Arguments<I: Inputs> {
    Coming(I),
    Here(I::Values),
    Gone,
}

impl<I: Inputs, F> TypedJob<I, F> {
    pub(crate) fn new(inputs: I, body: Arc<F>) -> Self {
        TypedJob { arguments: Arguments::Coming(inputs), body }
    }

    fn values(&self) -> &I::Values {
        match &self.arguments {
            Arguments::Here(values) => values,
            _ => unreachable!("the engine resolves a call before it looks at its arguments"),
        }
    }
}

impl<I, F, R, T> Job for TypedJob<I, F>
where
    I: Inputs,
    F: Fn(I::Values) -> R + Send + Sync,
    R: Future<Output = Result<T, Error>> + Send + 'static,
    T: Send + Sync + 'static,
{
    fn visit_runs(&self, visit: &mut dyn FnMut(usize, &UpstreamRun<'_>)) {
        if let Arguments::Coming(inputs) = &self.arguments {
            inputs.visit_runs(visit);
        }
    }

    fn resolve(&mut self) -> Result<(), RunError> {
        if let Arguments::Coming(_) = &self.arguments
            && let Arguments::Coming(inputs) = std::mem::replace(&mut self.arguments, Arguments::Gone)
        {
            self.arguments = Arguments::Here(inputs.into_values()?);
        }
        Ok(())
    }

    fn digest(&self, each: &mut dyn FnMut(usize, [u8; 32])) -> Result<(), DigestError> {
        match &self.arguments {
            Arguments::Coming(inputs) => inputs.digest_known(each),
            _ => I::digest(self.values(), each),
        }
    }

    fn digest_all(&self, hasher: &mut blake3::Hasher) -> Result<(), DigestError> {
        I::digest_all(self.values(), hasher)
    }

    fn arguments(&self, names: &[&'static str]) -> Map<String, Json> {
        match &self.arguments {
            Arguments::Coming(inputs) => inputs.known(names),
            _ => I::to_json(self.values(), names),
        }
    }

    fn invoke(&mut self, last: bool) -> BodyFuture {
        let values = if last {
            match std::mem::replace(&mut self.arguments, Arguments::Gone) {
                Arguments::Here(values) => values,
                _ => unreachable!("the engine executes a call no more after its last time"),
            }
        } else {
            self.values().clone()
        };
        let running = (self.body)(values);
        Box::pin(async move { running.await.map(|value| Arc::new(value) as Value) })
    }
}
