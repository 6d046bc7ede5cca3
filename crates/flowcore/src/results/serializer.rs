//! How values become bytes: JSON or MessagePack, compressed or not.

use std::any::type_name;
use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::SerializerError;

/// The format in which a result is stored.
///
/// Its name, such as `json` or `msgpack/gzip`, is kept with every result, so that results stay readable when another
/// serializer is chosen later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Serializer {
    format: Format,
    gzip: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Format {
    #[default]
    Json,
    MessagePack,
}

impl Serializer {
    /// JSON, the default: readable by anything. It has no NaN and no infinities (they become `null`, which cannot be
    /// read back as a number), and its maps have keys that are text.
    pub const JSON: Self = Self { format: Format::Json, gzip: false };
    /// MessagePack with named fields: smaller and faster than JSON, and without its limits. Needs the feature `msgpack`.
    pub const MSGPACK: Self = Self { format: Format::MessagePack, gzip: false };
    /// JSON compressed with gzip. Needs the feature `compression`.
    pub const JSON_GZIP: Self = Self { format: Format::Json, gzip: true };
    /// MessagePack compressed with gzip. Needs the features `msgpack` and `compression`.
    pub const MSGPACK_GZIP: Self = Self { format: Format::MessagePack, gzip: true };

    /// Names the serializer, as [`FromStr`] reads it.
    pub const fn name(self) -> &'static str {
        match (self.format, self.gzip) {
            (Format::Json, false) => "json",
            (Format::Json, true) => "json/gzip",
            (Format::MessagePack, false) => "msgpack",
            (Format::MessagePack, true) => "msgpack/gzip",
        }
    }

    /// Turns a value into bytes.
    ///
    /// # Errors
    /// When the format cannot hold the value, or a feature that the serializer needs is off.
    pub fn encode<T: Serialize + ?Sized>(self, value: &T) -> Result<Vec<u8>, SerializerError> {
        let bytes = match self.format {
            Format::Json => serde_json::to_vec(value).map_err(|error| self.encode_error::<T>(error))?,
            Format::MessagePack => self.encode_msgpack(value)?,
        };
        if self.gzip { self.compress::<T>(&bytes) } else { Ok(bytes) }
    }

    /// Reads a value from what [`encode`](Self::encode) made of it.
    ///
    /// # Errors
    /// When the bytes do not hold a `T`, or a feature that the serializer needs is off.
    pub fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, SerializerError> {
        if self.gzip { self.decode_plain(&self.decompress::<T>(bytes)?) } else { self.decode_plain(bytes) }
    }

    fn decode_plain<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, SerializerError> {
        match self.format {
            Format::Json => serde_json::from_slice(bytes).map_err(|error| self.decode_error::<T>(error)),
            Format::MessagePack => self.decode_msgpack(bytes),
        }
    }

    fn encode_error<T: ?Sized>(self, error: impl fmt::Display) -> SerializerError {
        SerializerError::Encode { serializer: self.name(), type_name: type_name::<T>(), reason: error.to_string() }
    }

    fn decode_error<T: ?Sized>(self, error: impl fmt::Display) -> SerializerError {
        SerializerError::Decode { serializer: self.name(), type_name: type_name::<T>(), reason: error.to_string() }
    }
}

#[cfg(feature = "msgpack")]
impl Serializer {
    fn encode_msgpack<T: Serialize + ?Sized>(self, value: &T) -> Result<Vec<u8>, SerializerError> {
        // Named fields, so that a type may gain or reorder fields and old results stay readable.
        rmp_serde::to_vec_named(value).map_err(|error| self.encode_error::<T>(error))
    }

    fn decode_msgpack<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, SerializerError> {
        rmp_serde::from_slice(bytes).map_err(|error| self.decode_error::<T>(error))
    }
}

#[cfg(not(feature = "msgpack"))]
impl Serializer {
    fn encode_msgpack<T: Serialize + ?Sized>(self, _: &T) -> Result<Vec<u8>, SerializerError> {
        Err(self.feature_off("msgpack"))
    }

    fn decode_msgpack<T: DeserializeOwned>(self, _: &[u8]) -> Result<T, SerializerError> {
        Err(self.feature_off("msgpack"))
    }
}

#[cfg(feature = "compression")]
impl Serializer {
    fn compress<T: ?Sized>(self, bytes: &[u8]) -> Result<Vec<u8>, SerializerError> {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(|error| self.encode_error::<T>(error))
    }

    fn decompress<T>(self, bytes: &[u8]) -> Result<Vec<u8>, SerializerError> {
        use std::io::Read;
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).map_err(|error| self.decode_error::<T>(error))?;
        Ok(plain)
    }
}

#[cfg(not(feature = "compression"))]
#[expect(clippy::extra_unused_type_parameters, reason = "called like those that compress")]
impl Serializer {
    fn compress<T: ?Sized>(self, _: &[u8]) -> Result<Vec<u8>, SerializerError> {
        Err(self.feature_off("compression"))
    }

    fn decompress<T>(self, _: &[u8]) -> Result<Vec<u8>, SerializerError> {
        Err(self.feature_off("compression"))
    }
}

#[cfg(not(all(feature = "msgpack", feature = "compression")))]
impl Serializer {
    fn feature_off(self, feature: &'static str) -> SerializerError {
        SerializerError::FeatureOff { feature, serializer: self.name() }
    }
}

impl fmt::Display for Serializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Serializer {
    type Err = SerializerError;

    fn from_str(name: &str) -> Result<Self, SerializerError> {
        [Self::JSON, Self::MSGPACK, Self::JSON_GZIP, Self::MSGPACK_GZIP]
            .into_iter()
            .find(|serializer| serializer.name() == name)
            .ok_or_else(|| SerializerError::Unknown(name.to_owned()))
    }
}

impl Serialize for Serializer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Serializer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeMap;

    use super::*;

    const ALL: [Serializer; 4] =
        [Serializer::JSON, Serializer::MSGPACK, Serializer::JSON_GZIP, Serializer::MSGPACK_GZIP];

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Page {
        title: String,
        words: Vec<u32>,
        parent: Option<Box<Page>>,
    }

    fn page() -> Page {
        let parent = Page { title: "täglich".to_owned(), words: vec![], parent: None };
        Page { title: "daily".to_owned(), words: vec![0, 7, u32::MAX], parent: Some(Box::new(parent)) }
    }

    /// The feature that the serializer lacks in this build.
    fn lacking(serializer: Serializer) -> Option<&'static str> {
        if serializer.format == Format::MessagePack && !cfg!(feature = "msgpack") {
            Some("msgpack")
        } else if serializer.gzip && !cfg!(feature = "compression") {
            Some("compression")
        } else {
            None
        }
    }

    #[test]
    fn reads_what_it_wrote_or_names_the_feature() {
        for serializer in ALL {
            let encoded = serializer.encode(&page());
            match lacking(serializer) {
                None => assert_eq!(serializer.decode::<Page>(&encoded.unwrap()).unwrap(), page(), "{serializer}"),
                Some(feature) => {
                    let off = SerializerError::FeatureOff { feature, serializer: serializer.name() };
                    assert_eq!(encoded.unwrap_err(), off);
                    let off_first = serializer.decode::<Page>(b"").unwrap_err();
                    assert!(matches!(off_first, SerializerError::FeatureOff { .. }), "{off_first}");
                    assert!(off.to_string().contains(&format!("feature `{feature}`")), "{off}");
                }
            }
        }
    }

    #[test]
    fn names_are_read_back_as_text_and_by_serde() {
        for serializer in ALL {
            assert_eq!(serializer.to_string().parse::<Serializer>().unwrap(), serializer);
            let json = serde_json::to_string(&serializer).unwrap();
            assert_eq!(json, format!("\"{serializer}\""));
            assert_eq!(serde_json::from_str::<Serializer>(&json).unwrap(), serializer);
        }
        let names: Vec<String> = ALL.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["json", "msgpack", "json/gzip", "msgpack/gzip"]);
        let unknown = "pickle".parse::<Serializer>().unwrap_err();
        assert_eq!(unknown, SerializerError::Unknown("pickle".to_owned()));
        assert!(serde_json::from_str::<Serializer>("\"JSON\"").is_err());
    }

    #[test]
    fn json_keeps_every_bit_of_a_float() {
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..50_000 {
            let value = f64::from_bits(rng.u64(..));
            if value.is_finite() {
                let back: f64 = Serializer::JSON.decode(&Serializer::JSON.encode(&value).unwrap()).unwrap();
                assert_eq!(back.to_bits(), value.to_bits(), "{value:e} came back as {back:e}");
            }
        }
    }

    #[test]
    fn failures_name_the_type_and_the_serializer() {
        let map = BTreeMap::from([((1, 2), 3)]);
        let error = Serializer::JSON.encode(&map).unwrap_err();
        assert!(matches!(&error, SerializerError::Encode { serializer: "json", .. }), "{error}");
        assert!(error.to_string().contains("BTreeMap"), "{error}");
        let error = Serializer::JSON.decode::<u8>(b"300").unwrap_err();
        assert!(error.to_string().contains("type u8") && error.to_string().contains("300"), "{error}");
    }

    #[cfg(feature = "msgpack")]
    #[test]
    fn msgpack_holds_what_json_cannot_and_names_its_fields() {
        let map = BTreeMap::from([((1, 2), f64::INFINITY)]);
        let bytes = Serializer::MSGPACK.encode(&map).unwrap();
        assert_eq!(Serializer::MSGPACK.decode::<BTreeMap<(i32, i32), f64>>(&bytes).unwrap(), map);

        #[derive(Debug, PartialEq, Deserialize)]
        struct Later {
            words: Vec<u32>,
            title: String,
            #[serde(default)]
            author: Option<String>,
        }
        let later: Later = Serializer::MSGPACK.decode(&Serializer::MSGPACK.encode(&page()).unwrap()).unwrap();
        assert_eq!(later, Later { words: vec![0, 7, u32::MAX], title: "daily".to_owned(), author: None });
    }

    #[cfg(feature = "compression")]
    #[test]
    fn compression_makes_smaller_and_notices_damage() {
        let text = "flow ".repeat(10_000);
        let bytes = Serializer::JSON_GZIP.encode(&text).unwrap();
        assert!(bytes.len() < 1_000, "{}", bytes.len());
        let error = Serializer::JSON_GZIP.decode::<String>(&bytes[..bytes.len() / 2]).unwrap_err();
        assert!(matches!(error, SerializerError::Decode { .. }), "{error}");
    }
}
