//! How the result of one Rust type is written and read, with the type erased.

use std::any::Any;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::bounds::Output;
use crate::results::{Serializer, SerializerError};

/// A result whose type only the caller knows.
pub(crate) type Value = Arc<dyn Any + Send + Sync>;

/// Writes and reads results of one type.
#[derive(Clone, Copy)]
pub struct Codec {
    encode: fn(&(dyn Any + Send + Sync), Serializer) -> Result<Vec<u8>, SerializerError>,
    decode: fn(&[u8], Serializer) -> Result<Value, SerializerError>,
    to_json: fn(&(dyn Any + Send + Sync)) -> serde_json::Result<Box<RawValue>>,
}

impl Codec {
    /// Gives the codec of a type.
    pub const fn of<T: Output>() -> Self {
        Codec { encode: encode::<T>, decode: decode::<T>, to_json: to_json::<T> }
    }

    pub(crate) fn encode(self, value: &Value, serializer: Serializer) -> Result<Vec<u8>, SerializerError> {
        (self.encode)(&**value, serializer)
    }

    pub(crate) fn decode(self, bytes: &[u8], serializer: Serializer) -> Result<Value, SerializerError> {
        (self.decode)(bytes, serializer)
    }

    pub(crate) fn to_json(self, value: &Value) -> serde_json::Result<Box<RawValue>> {
        (self.to_json)(&**value)
    }
}

fn encode<T: Serialize + 'static>(
    value: &(dyn Any + Send + Sync),
    serializer: Serializer,
) -> Result<Vec<u8>, SerializerError> {
    serializer.encode(known::<T>(value))
}

fn decode<T>(bytes: &[u8], serializer: Serializer) -> Result<Value, SerializerError>
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    Ok(Arc::new(serializer.decode::<T>(bytes)?))
}

fn to_json<T: Serialize + 'static>(value: &(dyn Any + Send + Sync)) -> serde_json::Result<Box<RawValue>> {
    serde_json::value::to_raw_value(known::<T>(value))
}

fn known<T: 'static>(value: &(dyn Any + Send + Sync)) -> &T {
    match value.downcast_ref::<T>() {
        Some(value) => value,
        // The engine pairs each value with the codec of the call that made it.
        None => unreachable!("a result has the type of its task"),
    }
}
