//! What can go wrong with results, each with what to do about it.

/// A failure of a result storage or of the locks on cache keys.
///
/// Reading never fails with it: a result that cannot be read is a [`Lookup`](super::Lookup) other than `Found`.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ResultError {
    /// The address of a storage makes no sense.
    #[error(
        "cannot understand the result storage address `{url}`: {reason}; write memory:NAME, a folder's path, file:///FOLDER or s3://BUCKET/PREFIX"
    )]
    Address {
        /// The address as it was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting that the storage needs is absent or wrong.
    #[error("the result storage {url} needs {setting}: {advice}")]
    Setting {
        /// The storage's address.
        url: String,
        /// The setting's name.
        setting: &'static str,
        /// What to set it to.
        advice: String,
    },
    /// The kind of storage is not compiled in.
    #[error(
        "flowcore was built without the feature `{feature}` that the result storage {url} needs: add it to the features of flowcore in Cargo.toml"
    )]
    FeatureOff {
        /// The feature's name.
        feature: &'static str,
        /// The address that asked for it.
        url: String,
    },
    /// The storage could not be opened.
    #[error("cannot open the result storage {url}: {reason}")]
    Open {
        /// The storage's address.
        url: String,
        /// What failed, and what to check.
        reason: String,
    },
    /// The storage could not be reached, or refused.
    #[error("the result storage {url} failed: {reason}")]
    Unreachable {
        /// The storage's address.
        url: String,
        /// What failed, and what to check.
        reason: String,
    },
    /// The lock on a key could not be taken.
    #[error("cannot take the lock on a key in {place}: {reason}")]
    Lock {
        /// Where the locks are, such as their folder.
        place: String,
        /// What failed, and what to check.
        reason: String,
    },
    /// The lock on a key was taken away.
    #[error(
        "the lock on `{key}` was lost: this process was taken for dead, and another one may have done the same meanwhile. Nothing is written under the key; run it again"
    )]
    LockLost {
        /// The key.
        key: String,
    },
}

/// A value could not be turned into bytes, or bytes into a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SerializerError {
    /// The serializer is not compiled in.
    #[error(
        "flowcore was built without the feature `{feature}` that the serializer `{serializer}` needs: add it to the features of flowcore in Cargo.toml"
    )]
    FeatureOff {
        /// The feature's name.
        feature: &'static str,
        /// The serializer's name.
        serializer: &'static str,
    },
    /// No serializer has this name.
    #[error("there is no serializer `{0}`: use json, msgpack, json/gzip or msgpack/gzip")]
    Unknown(String),
    /// The value has a part that the format cannot hold.
    #[error("cannot write a value of type {type_name} with the serializer `{serializer}`: {reason}")]
    Encode {
        /// The serializer's name.
        serializer: &'static str,
        /// The value's type.
        type_name: &'static str,
        /// What the format said.
        reason: String,
    },
    /// The bytes hold no such value.
    #[error("cannot read a value of type {type_name} with the serializer `{serializer}`: {reason}")]
    Decode {
        /// The serializer's name.
        serializer: &'static str,
        /// The type that was asked for.
        type_name: &'static str,
        /// What the format said.
        reason: String,
    },
}
