//! Variables: values that are kept in the database under names, and that people change without a new build.
//!
//! They are for what differs from place to place or changes now and then: a page size, a list of recipients, the address of a
//! service. All programs that share a database see the same ones, and so does `flowcore variable`. Each read sees the
//! present value: a flow run that is executed again may read another one than before. They are readable by everybody who
//! can read the database, and no place for secrets.
//!
//! ```
//! use flowcore::{Engine, Result, flow, variable};
//!
//! #[flow]
//! async fn paged_report() -> Result<u32> {
//!     let size = variable::get::<u32>("page-size").await?.unwrap_or(20);
//!     variable::set("last-page-size", size).tags(["report"]).overwrite().await?;
//!     Ok(size)
//! }
//!
//! #[flowcore::main]
//! async fn main() -> Result<()> {
//!     let engine = Engine::memory();
//!     assert_eq!(paged_report().on(&engine).await?, 20);
//!     variable::set("page-size", 50).on(&engine).await?;
//!     assert_eq!(paged_report().on(&engine).await?, 50);
//!     assert!(variable::unset("page-size").on(&engine).await?);
//!     Ok(())
//! }
//! ```

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::call_site::{CallSite, NoThread, awaitable};
use super::core::EngineError;
use super::type_name::short_type_name;
use crate::client::ClientError;
use crate::model::{NewVariable, Variable, VariableFilter, VariableRefusal};

/// Why a variable was not read, set or deleted.
#[derive(Debug, thiserror::Error)]
pub enum VariableError {
    /// It has another type.
    #[error(
        "the variable `{name}` is wanted as {expected}, and holds {found}: {reason}; `flowcore variable set {name} VALUE --overwrite` changes it"
    )]
    Type {
        /// Its name.
        name: String,
        /// The type that it is to be read as.
        expected: String,
        /// What kind of value it holds: `a number`, `a text`.
        found: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// The value cannot be written as JSON.
    #[error("the value of the variable `{name}` cannot be written as JSON: {reason}")]
    Value {
        /// The variable's name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// It cannot be set so, or cannot have this name.
    #[error(transparent)]
    Refused(VariableRefusal),
    /// What keeps variables failed.
    #[error(transparent)]
    Client(ClientError),
    /// There is no engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// No thread could be had for waiting.
    #[error(transparent)]
    Thread(#[from] NoThread),
}

impl From<VariableRefusal> for VariableError {
    fn from(refusal: VariableRefusal) -> Self {
        VariableError::Refused(refusal)
    }
}

impl From<ClientError> for VariableError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Variable(refusal) => VariableError::Refused(refusal),
            error => VariableError::Client(error),
        }
    }
}

/// Reads a variable as a `T`; `None` if there is none of this name.
///
/// # Errors
///
/// Awaiting it fails when the value is no `T`, when nothing can have this name, and when the store fails.
pub fn get<T: DeserializeOwned>(name: impl Into<String>) -> GetVariable<T> {
    GetVariable { name: name.into(), site: CallSite::here(), value: PhantomData }
}

/// Sets a variable to a value that serde can write. One that is there already is an error, unless
/// [`overwrite`](SetVariable::overwrite) is said.
///
/// # Errors
///
/// Awaiting it fails when there is a variable of this name and it is not to be overwritten, when the name has other letters
/// than lower case ones, digits, dashes and underscores, when the value cannot be written, and when the store fails.
pub fn set(name: impl Into<String>, value: impl Serialize) -> SetVariable {
    let value = serde_json::value::to_raw_value(&value);
    SetVariable { name: name.into(), value, tags: None, overwrite: false, site: CallSite::here() }
}

/// Deletes a variable. Tells whether there was one.
///
/// # Errors
///
/// Awaiting it fails when nothing can have this name, and when the store fails.
pub fn unset(name: impl Into<String>) -> UnsetVariable {
    UnsetVariable { name: name.into(), site: CallSite::here() }
}

/// Lists variables with their values, tags and times.
///
/// ```
/// use flowcore::model::VariableFilter;
/// use flowcore::{Engine, Result, variable};
///
/// #[flowcore::main]
/// async fn main() -> Result<()> {
///     let engine = Engine::memory();
///     variable::set("owner", "Ada").tags(["people"]).on(&engine).await?;
///     let people = VariableFilter { tags: Some(vec!["people".into()]), ..VariableFilter::default() };
///     let found = variable::list(people).on(&engine).await?;
///     assert_eq!((&*found[0].name, found[0].value.get()), ("owner", "\"Ada\""));
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// Awaiting it fails when the store fails.
pub fn list(filter: VariableFilter) -> ListVariables {
    ListVariables { filter, site: CallSite::here() }
}

/// A call of [`get`] that has not begun.
#[must_use = "nothing is read until the call is awaited"]
pub struct GetVariable<T> {
    name: String,
    site: CallSite,
    value: PhantomData<fn() -> T>,
}

/// A call of [`set`] that has not begun.
#[must_use = "nothing is set until the call is awaited"]
pub struct SetVariable {
    name: String,
    value: serde_json::Result<Box<RawValue>>,
    tags: Option<Vec<String>>,
    overwrite: bool,
    site: CallSite,
}

/// A call of [`unset`] that has not begun.
#[must_use = "nothing is deleted until the call is awaited"]
pub struct UnsetVariable {
    name: String,
    site: CallSite,
}

/// A call of [`list`] that has not begun.
#[must_use = "nothing is read until the call is awaited"]
pub struct ListVariables {
    filter: VariableFilter,
    site: CallSite,
}

awaitable!(GetVariable<T: DeserializeOwned> -> Option<T>, VariableError);
awaitable!(SetVariable -> Variable, VariableError);
awaitable!(UnsetVariable -> bool, VariableError);
awaitable!(ListVariables -> Vec<Variable>, VariableError);

impl<T: DeserializeOwned> GetVariable<T> {
    async fn run(self) -> Result<Option<T>, VariableError> {
        Variable::check_name(&self.name)?;
        let engine = self.site.engine().await?;
        let found = engine.0.client.variables(&VariableFilter::named(self.name)).await?;
        found.into_iter().next().map(|variable| read(&variable)).transpose()
    }
}

impl SetVariable {
    /// Sets the tags. Without it a new variable has none, and one that is overwritten keeps its own.
    pub fn tags<S: Into<String>>(mut self, tags: impl IntoIterator<Item = S>) -> Self {
        self.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Changes the variable if there is one of this name.
    pub fn overwrite(mut self) -> Self {
        self.overwrite = true;
        self
    }

    async fn run(self) -> Result<Variable, VariableError> {
        let SetVariable { name, value, tags, overwrite, site } = self;
        let value = match value {
            Ok(value) => value,
            Err(error) => return Err(VariableError::Value { name, reason: error.to_string() }),
        };
        let engine = site.engine().await?;
        Ok(engine.0.client.set_variable(NewVariable { name, value, tags, overwrite }).await?)
    }
}

impl UnsetVariable {
    async fn run(self) -> Result<bool, VariableError> {
        Variable::check_name(&self.name)?;
        Ok(self.site.engine().await?.0.client.delete_variable(&self.name).await?)
    }
}

impl ListVariables {
    async fn run(self) -> Result<Vec<Variable>, VariableError> {
        Ok(self.site.engine().await?.0.client.variables(&self.filter).await?)
    }
}

/// Reads a variable's value as a type.
fn read<T: DeserializeOwned>(variable: &Variable) -> Result<T, VariableError> {
    serde_json::from_str(variable.value.get()).map_err(|error| VariableError::Type {
        name: variable.name.clone(),
        expected: short_type_name::<T>(),
        found: kind(variable.value.get()),
        reason: error.to_string(),
    })
}

/// Tells what kind of value a JSON text is, which its first letter says.
fn kind(json: &str) -> &'static str {
    match json.trim_start().as_bytes().first() {
        Some(b'"') => "a text",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a truth value",
        Some(b'n') => "null",
        _ => "a number",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_a_value_is_told() {
        let kinds = ["\"a\"", " {\"a\": 1}", "[]", "true", "false", "null", "-1.5", "0"].map(kind);
        let expected =
            ["a text", "an object", "an array", "a truth value", "a truth value", "null", "a number", "a number"];
        assert_eq!(kinds, expected);
    }
}
