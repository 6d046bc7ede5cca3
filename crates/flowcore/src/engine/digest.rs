//! A digest of data in canonical form: equal values give equal digests, whatever order their maps iterate in.
//!
//! It is a serde serializer that writes tagged bytes into a hash. Maps are hashed entry by entry and sorted, so a
//! `HashMap` has one digest; a `HashSet` has no such form (serde shows it as a sequence): use a `BTreeSet`.

use std::fmt;

use serde::ser::{self, Serialize};

/// Hashes a value in canonical form into `hasher`.
pub(crate) fn digest_into<T: Serialize + ?Sized>(value: &T, hasher: &mut blake3::Hasher) -> Result<(), DigestError> {
    value.serialize(Canonical { hasher })
}

/// Says that a value cannot be serialized, and so cannot be compared with the one of an earlier call.
#[derive(Debug, thiserror::Error)]
#[error("an argument cannot be serialized: {0}")]
pub struct DigestError(String);

impl ser::Error for DigestError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        DigestError(message.to_string())
    }
}

struct Canonical<'h> {
    hasher: &'h mut blake3::Hasher,
}

impl Canonical<'_> {
    /// Every value is written as a tag and its bytes, with a length where it can vary, so that no two values of
    /// different shape give the same bytes.
    fn fixed<const N: usize>(self, tag: u8, bytes: [u8; N]) -> Result<(), DigestError> {
        self.hasher.update(&[tag]).update(&bytes);
        Ok(())
    }

    fn sized(self, tag: u8, bytes: &[u8]) -> Result<(), DigestError> {
        self.hasher.update(&[tag]).update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
        Ok(())
    }
}

/// Integers of all widths share a form, so that widening a parameter's type keeps the digest.
const INTEGER: u8 = b'i';

impl<'h> ser::Serializer for Canonical<'h> {
    type Ok = ();
    type Error = DigestError;
    type SerializeSeq = Sequence<'h>;
    type SerializeTuple = Sequence<'h>;
    type SerializeTupleStruct = Sequence<'h>;
    type SerializeTupleVariant = Sequence<'h>;
    type SerializeMap = Map<'h>;
    type SerializeStruct = Struct<'h>;
    type SerializeStructVariant = Struct<'h>;

    fn serialize_bool(self, v: bool) -> Result<(), DigestError> {
        self.fixed(b'b', [u8::from(v)])
    }
    fn serialize_i8(self, v: i8) -> Result<(), DigestError> {
        self.serialize_i128(v.into())
    }
    fn serialize_i16(self, v: i16) -> Result<(), DigestError> {
        self.serialize_i128(v.into())
    }
    fn serialize_i32(self, v: i32) -> Result<(), DigestError> {
        self.serialize_i128(v.into())
    }
    fn serialize_i64(self, v: i64) -> Result<(), DigestError> {
        self.serialize_i128(v.into())
    }
    fn serialize_i128(self, v: i128) -> Result<(), DigestError> {
        self.fixed(INTEGER, v.to_le_bytes())
    }
    fn serialize_u8(self, v: u8) -> Result<(), DigestError> {
        self.serialize_i128(v.into())
    }
    fn serialize_u16(self, v: u16) -> Result<(), DigestError> {
        self.serialize_i128(v.into())
    }
    fn serialize_u32(self, v: u32) -> Result<(), DigestError> {
        self.serialize_i128(v.into())
    }
    fn serialize_u64(self, v: u64) -> Result<(), DigestError> {
        self.serialize_i128(v.into())
    }
    fn serialize_u128(self, v: u128) -> Result<(), DigestError> {
        match i128::try_from(v) {
            Ok(v) => self.serialize_i128(v),
            Err(_) => self.fixed(b'I', v.to_le_bytes()),
        }
    }
    fn serialize_f32(self, v: f32) -> Result<(), DigestError> {
        self.serialize_f64(v.into())
    }
    fn serialize_f64(self, v: f64) -> Result<(), DigestError> {
        self.fixed(b'f', v.to_bits().to_le_bytes())
    }
    fn serialize_char(self, v: char) -> Result<(), DigestError> {
        self.serialize_str(v.encode_utf8(&mut [0; 4]))
    }
    fn serialize_str(self, v: &str) -> Result<(), DigestError> {
        self.sized(b's', v.as_bytes())
    }
    fn serialize_bytes(self, v: &[u8]) -> Result<(), DigestError> {
        self.sized(b'y', v)
    }
    fn serialize_none(self) -> Result<(), DigestError> {
        self.serialize_unit()
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), DigestError> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), DigestError> {
        self.fixed(b'0', [])
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), DigestError> {
        self.serialize_unit()
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), DigestError> {
        self.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), DigestError> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), DigestError> {
        Canonical { hasher: self.hasher }.sized(b'v', variant.as_bytes())?;
        value.serialize(self)
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Sequence<'h>, DigestError> {
        self.hasher.update(b"[");
        Ok(Sequence { hasher: self.hasher })
    }
    fn serialize_tuple(self, _: usize) -> Result<Sequence<'h>, DigestError> {
        self.serialize_seq(None)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Sequence<'h>, DigestError> {
        self.serialize_seq(None)
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Sequence<'h>, DigestError> {
        Canonical { hasher: self.hasher }.sized(b'v', variant.as_bytes())?;
        self.serialize_seq(None)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Map<'h>, DigestError> {
        Ok(Map { hasher: self.hasher, key: None, entries: Vec::new() })
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Struct<'h>, DigestError> {
        self.hasher.update(b"{");
        Ok(Struct { hasher: self.hasher })
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Struct<'h>, DigestError> {
        Canonical { hasher: self.hasher }.sized(b'v', variant.as_bytes())?;
        self.serialize_struct("", len)
    }
}

struct Sequence<'h> {
    hasher: &'h mut blake3::Hasher,
}

impl Sequence<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        value.serialize(Canonical { hasher: self.hasher })
    }

    fn finish(self) -> Result<(), DigestError> {
        self.hasher.update(b"]");
        Ok(())
    }
}

macro_rules! sequence {
    ($($of:ident, $element:ident;)+) => {$(
        impl ser::$of for Sequence<'_> {
            type Ok = ();
            type Error = DigestError;

            fn $element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
                self.element(value)
            }

            fn end(self) -> Result<(), DigestError> {
                self.finish()
            }
        }
    )+};
}

sequence! {
    SerializeSeq, serialize_element;
    SerializeTuple, serialize_element;
    SerializeTupleStruct, serialize_field;
    SerializeTupleVariant, serialize_field;
}

struct Struct<'h> {
    hasher: &'h mut blake3::Hasher,
}

impl Struct<'_> {
    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), DigestError> {
        Canonical { hasher: self.hasher }.sized(b'k', key.as_bytes())?;
        value.serialize(Canonical { hasher: self.hasher })
    }

    fn finish(self) -> Result<(), DigestError> {
        self.hasher.update(b"}");
        Ok(())
    }
}

macro_rules! structure {
    ($($of:ident)+) => {$(
        impl ser::$of for Struct<'_> {
            type Ok = ();
            type Error = DigestError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), DigestError> {
                self.field(key, value)
            }

            fn end(self) -> Result<(), DigestError> {
                self.finish()
            }
        }
    )+};
}

structure! { SerializeStruct SerializeStructVariant }

struct Map<'h> {
    hasher: &'h mut blake3::Hasher,
    key: Option<blake3::Hasher>,
    entries: Vec<[u8; 32]>,
}

impl ser::SerializeMap for Map<'_> {
    type Ok = ();
    type Error = DigestError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), DigestError> {
        let mut entry = blake3::Hasher::new();
        digest_into(key, &mut entry)?;
        self.key = Some(entry);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        let mut entry = self.key.take().ok_or_else(|| ser::Error::custom("a map gave a value without a key"))?;
        digest_into(value, &mut entry)?;
        self.entries.push(*entry.finalize().as_bytes());
        Ok(())
    }

    fn end(mut self) -> Result<(), DigestError> {
        self.entries.sort_unstable();
        self.hasher.update(b"m").update(&(self.entries.len() as u64).to_le_bytes());
        for entry in &self.entries {
            self.hasher.update(entry);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::{BTreeMap, HashMap};

    use super::*;

    fn digest<T: Serialize>(value: T) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        digest_into(&value, &mut hasher).unwrap();
        hasher.finalize()
    }

    #[test]
    fn maps_digest_alike_in_any_order() {
        let entries: Vec<(String, u32)> = (0..200).map(|n| (format!("key {n}"), n)).collect();
        let sorted: BTreeMap<_, _> = entries.iter().cloned().collect();
        let hashed: HashMap<_, _> = entries.into_iter().rev().collect();
        assert_eq!(digest(&sorted), digest(&hashed));
    }

    #[test]
    fn integers_digest_alike_in_any_width() {
        assert_eq!(digest(7u8), digest(7i64));
        assert_ne!(digest(7u8), digest(7.0));
        assert_ne!(digest(-1i64), digest(u64::MAX));
        assert_ne!(digest(u128::MAX), digest(-1i128));
    }

    #[test]
    fn shapes_do_not_run_into_each_other() {
        assert_ne!(digest(("ab", "c")), digest(("a", "bc")));
        assert_ne!(digest(vec![vec![1], vec![2]]), digest(vec![vec![1, 2], vec![]]));
        assert_ne!(digest("1"), digest(1));
        assert_ne!(digest(Vec::<u8>::new()), digest(()));
    }
}
