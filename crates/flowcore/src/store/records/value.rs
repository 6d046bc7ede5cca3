//! Values of columns, and rows of them.

use std::vec;

use chrono::DateTime;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::model::Timestamp;
use crate::store::StoreError;

/// What a column of a row holds, or that it holds nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An identifier.
    Id(Option<Uuid>),
    /// A text, or JSON.
    Text(Option<String>),
    /// A whole number, a time in microseconds since 1970, or a flag as 0 or 1.
    Number(Option<i64>),
    /// Another number.
    Real(Option<f64>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
}

impl Value {
    /// Writes a value as JSON. What has no form in JSON, such as a map whose keys are no texts, becomes `null`.
    pub fn json(value: &impl Serialize) -> Self {
        let text = serde_json::to_string(value).unwrap_or_else(|error| {
            tracing::error!(%error, "a value could not be written as JSON");
            "null".to_owned()
        });
        Value::Text(Some(text))
    }

    /// Writes a value as JSON if there is one.
    pub fn optional_json(value: Option<&impl Serialize>) -> Self {
        value.map_or(Value::Text(None), Value::json)
    }

    /// Tells whether it is absent.
    pub fn is_null(&self) -> bool {
        matches!(
            self,
            Value::Id(None) | Value::Text(None) | Value::Number(None) | Value::Real(None) | Value::Bytes(None)
        )
    }
}

/// Makes a value of each type, and of an optional one.
macro_rules! values {
    ($($type:ty => $Kind:ident $convert:expr,)+) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Value::$Kind(Some($convert(value)))
            }
        }

        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Value::$Kind(value.map($convert))
            }
        }
    )+};
}

values! {
    Uuid => Id |id| id,
    String => Text |text| text,
    &str => Text str::to_owned,
    i64 => Number |number| number,
    i32 => Number i64::from,
    u32 => Number i64::from,
    bool => Number i64::from,
    Timestamp => Number |time: Timestamp| time.timestamp_micros(),
    f64 => Real |number| number,
    Vec<u8> => Bytes |bytes| bytes,
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Value::Text(Some(value.clone()))
    }
}

/// The values of a row, which are taken in the order of its columns.
#[derive(Debug)]
pub struct Row {
    values: vec::IntoIter<Value>,
    taken: usize,
}

/// Takes the next value of a kind, which must be there, or may be absent.
macro_rules! take {
    ($($(#[$doc:meta])* $name:ident, $optional:ident: $Kind:ident $type:ty;)+) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// The column is absent, or is of another kind.
        pub fn $name(&mut self) -> Result<$type, StoreError> {
            let value = self.$optional()?;
            value.ok_or_else(|| self.unreadable("nothing"))
        }

        $(#[$doc])*
        /// It may be absent.
        ///
        /// # Errors
        ///
        /// The column is of another kind.
        pub fn $optional(&mut self) -> Result<Option<$type>, StoreError> {
            match self.next() {
                Some(Value::$Kind(value)) => Ok(value),
                _ => Err(self.unreadable("a value of another kind")),
            }
        }
    )+};
}

impl Row {
    /// Makes a row.
    pub fn new(values: Vec<Value>) -> Self {
        Row { values: values.into_iter(), taken: 0 }
    }

    take! {
        /// Takes an identifier.
        id, optional_id: Id Uuid;
        /// Takes a text.
        text, optional_text: Text String;
        /// Takes a whole number.
        number, optional_number: Number i64;
        /// Takes a number.
        real, optional_real: Real f64;
        /// Takes bytes.
        bytes, optional_bytes: Bytes Vec<u8>;
    }

    /// Takes a flag.
    ///
    /// # Errors
    ///
    /// The column is absent, or is of another kind.
    pub fn flag(&mut self) -> Result<bool, StoreError> {
        Ok(self.number()? != 0)
    }

    /// Takes a flag that may be absent.
    ///
    /// # Errors
    ///
    /// The column is of another kind.
    pub fn optional_flag(&mut self) -> Result<Option<bool>, StoreError> {
        Ok(self.optional_number()?.map(|number| number != 0))
    }

    /// Takes a time.
    ///
    /// # Errors
    ///
    /// The column is absent, of another kind, or no time.
    pub fn time(&mut self) -> Result<Timestamp, StoreError> {
        let time = self.optional_time()?;
        time.ok_or_else(|| self.unreadable("nothing"))
    }

    /// Takes a time that may be absent.
    ///
    /// # Errors
    ///
    /// The column is of another kind, or no time.
    pub fn optional_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let Some(micros) = self.optional_number()? else { return Ok(None) };
        DateTime::from_timestamp_micros(micros).map(Some).ok_or_else(|| self.unreadable("no time"))
    }

    /// Takes a number that fits into 32 bits.
    ///
    /// # Errors
    ///
    /// The column is absent, of another kind, or too large.
    pub fn int32(&mut self) -> Result<i32, StoreError> {
        let number = self.number()?;
        i32::try_from(number).map_err(|_| self.unreadable("too large a number"))
    }

    /// Takes a value that is kept as JSON.
    ///
    /// # Errors
    ///
    /// The column is absent, of another kind, or cannot be read as this type.
    pub fn json<T: DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        let text = self.text()?;
        serde_json::from_str(&text).map_err(|error| self.unreadable(&error.to_string()))
    }

    /// Takes a value that is kept as JSON and may be absent.
    ///
    /// # Errors
    ///
    /// The column is of another kind, or cannot be read as this type.
    pub fn optional_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StoreError> {
        let Some(text) = self.optional_text()? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| self.unreadable(&error.to_string()))
    }

    fn next(&mut self) -> Option<Value> {
        self.taken += 1;
        self.values.next()
    }

    fn unreadable(&self, found: &str) -> StoreError {
        StoreError::Row(format!("its column {} has {found}", self.taken))
    }
}
