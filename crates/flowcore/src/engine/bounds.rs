//! What types of arguments and results have to be able to do, with errors that say how to get there.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type of a task's argument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a task or flow",
    label = "this argument cannot be serialized or cloned",
    note = "derive `serde::Serialize` and `Clone` for it, or, if it is a handle and not data (a pool, a client), mark the parameter with `#[resource]`"
)]
pub trait Argument: Serialize + Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + Clone + Send + Sync + 'static> Argument for T {}

/// A type of a flow's parameter: an argument that can also be read back, to start a run from stored parameters.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a flow",
    label = "this parameter cannot be serialized, deserialized or cloned",
    note = "derive `serde::Serialize`, `serde::Deserialize` and `Clone` for it, or, if it is a handle and not data, mark the parameter with `#[resource]`"
)]
pub trait Parameter: Argument + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Argument + DeserializeOwned> Parameter for T {}

/// A type of a handle that is given to a task or flow beside its data.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a resource of a task or flow",
    label = "this resource cannot be cloned or sent to another thread",
    note = "wrap it in an `Arc`"
)]
pub trait Resource: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> Resource for T {}

/// A type of a result that is kept.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept as a result",
    label = "this result cannot be serialized, deserialized or cloned",
    note = "derive `serde::Serialize`, `serde::Deserialize` and `Clone` for it, or write `persist_result = false`: then the result is not kept, and a resumed run executes the function again"
)]
pub trait Output: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Output for T {}

/// A type of a result that is not kept.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a task or flow",
    label = "this result cannot be cloned or sent to another thread",
    note = "wrap it in an `Arc`"
)]
pub trait Volatile: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> Volatile for T {}

/// `Result<T, E>` with an error that can be kept.
#[diagnostic::on_unimplemented(
    message = "the error of `{Self}` cannot be kept",
    label = "the error of this result is not a standard error",
    note = "return `flowcore::Result<T>`, or an error that implements `std::error::Error + Send + Sync + 'static`"
)]
pub trait Fallible {
    /// The type of the value.
    type Value;

    /// Erases the error.
    fn erase(self) -> Result<Self::Value, super::error::Error>;
}

#[diagnostic::do_not_recommend]
impl<T, E: Into<super::error::BoxError>> Fallible for Result<T, E> {
    type Value = T;

    fn erase(self) -> Result<T, super::error::Error> {
        self.map_err(|error| super::error::Error::from_boxed(error.into()))
    }
}
