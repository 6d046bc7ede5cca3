//! Names of records: what a key, which may be any text, is called as a file and in a bucket.
//!
//! Two keys never share a name, also where the file system ignores case, and no name leaves the storage's folder: a
//! name consists of `a-z`, `0-9`, `-`, `_`, inner dots and `=` alone. Any other byte is written as `=` and two
//! hexadecimal digits. (`=` is common in names of objects, and unlike `%` is not mistaken for an escape on its way to a
//! server.) What would be too long for a file, or is empty, ends in `==` and the key's hash instead, so that its key is
//! only known from the record.

use std::fmt::Write;

/// The longest name, in bytes. Files may have 255, of which servers that keep objects as files, encoded once more and
/// with something added, need about half.
const LONGEST: usize = 120;
/// What a name that ends in a hash keeps of the key, to be recognized by people.
const STEM: usize = 40;

/// Names the record of a key.
pub(super) fn of_key(key: &str) -> String {
    let escaped = escape(key);
    if !escaped.is_empty() && escaped.len() <= LONGEST {
        return escaped;
    }
    let stem = escaped.get(..STEM).unwrap_or(&escaped);
    format!("{stem}=={}", blake3::hash(key.as_bytes()).to_hex())
}

/// Tells the key from its record's name. `None` when the name ends in a hash, or was not made by [`of_key`].
pub(super) fn key_of(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'=' { hex(rest.next()?)? << 4 | hex(rest.next()?)? } else { byte });
    }
    let key = String::from_utf8(bytes).ok()?;
    (!key.is_empty() && of_key(&key) == name).then_some(key)
}

/// Tells whether a name ends in a hash, so that its key must be read from the record.
pub(super) fn is_hashed(name: &str) -> bool {
    name.rsplit_once("==").is_some_and(|(_, hash)| hash.len() == 64 && hash.bytes().all(|byte| hex(byte).is_some()))
}

fn escape(key: &str) -> String {
    let last = key.len().saturating_sub(1);
    key.bytes().enumerate().fold(String::with_capacity(key.len()), |mut name, (at, byte)| {
        let safe = match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => true,
            // At the front it hides a file or climbs, at the end some file systems drop it.
            b'.' => at != 0 && at != last,
            _ => false,
        };
        if safe {
            name.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(name, "={byte:02x}");
        }
        name
    })
}

/// Writes a path as the path of an address.
#[cfg(feature = "results")]
pub(super) fn to_url_path(path: &str) -> String {
    path.bytes().fold(String::with_capacity(path.len()), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

/// Reads the path of an address. `None` when an escape is incomplete or the path is not UTF-8.
pub(super) fn from_url_path(escaped: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { any_hex(rest.next()?)? << 4 | any_hex(rest.next()?)? } else { byte });
    }
    String::from_utf8(bytes).ok()
}

fn any_hex(digit: u8) -> Option<u8> {
    hex(digit.to_ascii_lowercase())
}

/// Reads one lower-case hexadecimal digit.
fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn plain_keys_keep_their_text() {
        for key in ["a", "daily-report_2024.json", "0af3", "x..y"] {
            assert_eq!(of_key(key), key);
        }
        assert_eq!(of_key("a/b c"), "a=2fb=20c");
        assert_eq!(of_key("Öl"), "=c3=96l");
    }

    #[test]
    fn no_name_climbs_hides_or_grows_too_long() {
        let long = "x".repeat(5_000);
        let umlauts = "ü".repeat(300);
        for key in [
            "",
            ".",
            "..",
            "../x",
            "/etc/passwd",
            "a/../../b",
            ".hidden",
            "dot.",
            "C:\\x",
            "a\0b",
            "=",
            &long,
            &umlauts,
        ] {
            let name = of_key(key);
            assert!(!name.is_empty() && name.len() <= LONGEST, "{key:?} became {name}");
            assert!(!name.starts_with('.') && !name.ends_with('.'), "{key:?} became {name}");
            let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'=');
            assert!(name.bytes().all(allowed), "{key:?} became {name}");
        }
    }

    #[test]
    fn two_keys_never_share_a_name() {
        let mut rng = fastrand::Rng::with_seed(3);
        let alphabet: Vec<char> = "aA2f=./\\% \u{e9}".chars().collect();
        let mut seen: HashMap<String, String> = HashMap::new();
        for round in 0..20_000 {
            let length = if round % 50 == 0 { rng.usize(60..400) } else { rng.usize(0..5) };
            let key: String = (0..length).map(|_| alphabet[rng.usize(..alphabet.len())]).collect();
            let other = seen.insert(of_key(&key), key.clone());
            assert!(other.as_ref().is_none_or(|other| *other == key), "{key:?} and {other:?}");
        }
        // Nor does a key that is spelled like the name of another.
        for key in ["", &"x".repeat(5_000), "a/b"] {
            let name = of_key(key);
            assert_ne!(of_key(&name), name, "{key:?}");
        }
    }

    #[test]
    fn names_tell_their_keys_unless_hashed() {
        for key in ["a", "A", "a/b", "..", "ü/=", " "] {
            assert_eq!(key_of(&of_key(key)).as_deref(), Some(key));
            assert!(!is_hashed(&of_key(key)));
        }
        for key in ["", &"x".repeat(201), &"Ü".repeat(300)] {
            assert_eq!(key_of(&of_key(key)), None, "{key}");
            assert!(is_hashed(&of_key(key)), "{key}");
        }
        for foreign in ["README.md", "a=2", "a=2F", "=61", "a b"] {
            assert_eq!(key_of(foreign), None, "{foreign}");
        }
    }
}
