//! The keys: where they are from, and what they do.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::{BASE64, BASE64URL};
use uuid::Uuid;

/// The first byte of what is encrypted: the form of the rest.
const FORM: u8 = 1;
const NONCE: usize = 24;
const KEY: usize = 32;
/// The name of the key file.
const FILE: &str = "encryption.key";

/// Where a server's keys are from.
#[derive(Clone)]
pub enum KeySource {
    /// The keys themselves: 32 bytes each, in Base64 with either alphabet, with commas between. The first one encrypts, and
    /// all decrypt.
    Text(String),
    /// The file `encryption.key` in this folder. It is made when there is none and nothing is encrypted yet.
    Folder(PathBuf),
}

/// Why there are no keys, or the wrong ones.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A key is none. Which one is told by its number, from 1.
    #[error(
        "key {0} of {1} is no key: write 32 random bytes in Base64 (`openssl rand -base64 32` makes some), several with \
         commas between"
    )]
    Form(usize, String),
    /// The key file cannot be read or made.
    #[error("the key file {path} cannot be used: {reason}; set FLOWCORE_ENCRYPTION_KEY, or make its folder writable")]
    File {
        /// The file.
        path: PathBuf,
        /// What is the matter.
        reason: std::io::Error,
    },
    /// The database was encrypted, and there is no key.
    #[error(
        "the blocks in this database are encrypted, and the key file {0} is not there: put it back, or set \
         FLOWCORE_ENCRYPTION_KEY to the key that they were encrypted with"
    )]
    Missing(PathBuf),
    /// The database was encrypted with another key.
    #[error(
        "the blocks in this database were encrypted with another key than {0} has: set FLOWCORE_ENCRYPTION_KEY to that \
         key, or to NEW,THAT to go over to a new one"
    )]
    Wrong(String),
    /// The operating system has no random numbers.
    #[error("a key cannot be made: {0}")]
    Random(getrandom::Error),
}

impl KeySource {
    /// Says where keys come from, in words of an error.
    pub(super) fn name(&self) -> String {
        match self {
            KeySource::Text(_) => "FLOWCORE_ENCRYPTION_KEY".to_owned(),
            KeySource::Folder(folder) => folder.join(FILE).display().to_string(),
        }
    }

    /// Reads the keys. `None` if they are to be in a file that is not there.
    pub(super) fn read(&self) -> Result<Option<Keys>, KeyError> {
        match self {
            KeySource::Text(text) => Keys::parse(text, &self.name()).map(Some),
            KeySource::Folder(folder) => {
                let path = folder.join(FILE);
                match std::fs::read_to_string(&path) {
                    Ok(text) => Keys::parse(&text, &self.name()).map(Some),
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                    Err(reason) => Err(KeyError::File { path, reason }),
                }
            }
        }
    }

    /// Makes a key in a file. Somebody else may have made it meanwhile, and then it is that one.
    pub(super) fn make(&self) -> Result<Keys, KeyError> {
        if let KeySource::Folder(folder) = self {
            let path = folder.join(FILE);
            let text = BASE64.encode(&random::<KEY>()?);
            match write(folder, &path, &text) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(KeyError::File { path, reason: error });
                }
                _ => {}
            }
        }
        match (self.read()?, self) {
            (Some(keys), _) => Ok(keys),
            (None, KeySource::Folder(folder)) => Err(KeyError::Missing(folder.join(FILE))),
            (None, KeySource::Text(_)) => Err(KeyError::Form(1, self.name())),
        }
    }
}

/// Writes a new file that only its owner can read.
fn write(folder: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(format!("{text}\n").as_bytes())?;
    file.sync_all()
}

fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], KeyError> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(KeyError::Random)?;
    Ok(bytes)
}

/// Keys, of which the first one encrypts and all decrypt.
#[derive(Clone)]
pub(crate) struct Keys {
    all: Vec<XChaCha20Poly1305>,
    /// What signs, made from the first one.
    signing: [u8; KEY],
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Keys({})", self.all.len())
    }
}

/// What was encrypted cannot be read.
#[derive(Debug)]
pub(crate) struct Unreadable;

impl Keys {
    fn parse(text: &str, source: &str) -> Result<Self, KeyError> {
        let key = |(number, key): (usize, &str)| {
            let key = key.trim();
            let bytes = BASE64.decode(key.as_bytes()).or_else(|_| BASE64URL.decode(key.as_bytes()));
            let bytes: [u8; KEY] = bytes
                .ok()
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or_else(|| KeyError::Form(number + 1, source.to_owned()))?;
            Ok(bytes)
        };
        let keys: Vec<[u8; KEY]> = text.split(',').enumerate().map(key).collect::<Result<_, KeyError>>()?;
        let first = keys.first().map_or(&[][..], |key| &key[..]);
        let signing = blake3::derive_key("flowcore 2026-11-21 tokens against forged requests", first);
        Ok(Keys { all: keys.into_iter().map(|key| XChaCha20Poly1305::new(&key.into())).collect(), signing })
    }

    /// Gives a key for what is signed and not encrypted. Servers with the same first key have the same.
    pub(crate) fn signing(&self) -> [u8; KEY] {
        self.signing
    }

    /// Encrypts what is to be in the row of this id.
    pub(crate) fn seal(&self, plain: &[u8], row: Uuid) -> Result<Vec<u8>, KeyError> {
        let nonce = random::<NONCE>()?;
        let payload = Payload { msg: plain, aad: row.as_bytes() };
        let sealed = self.all.first().and_then(|key| key.encrypt(&XNonce::from(nonce), payload).ok());
        // There is a first key, and it refuses nothing that fits into memory.
        let sealed = sealed.ok_or_else(|| KeyError::Form(1, "the server".to_owned()))?;
        Ok([&[FORM][..], &nonce, &sealed].concat())
    }

    /// Decrypts what is in the row of this id, and tells which of the keys did.
    pub(crate) fn open(&self, sealed: &[u8], row: Uuid) -> Result<(Vec<u8>, usize), Unreadable> {
        let (form, rest) = sealed.split_first().ok_or(Unreadable)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or(Unreadable)?;
        if *form != FORM {
            return Err(Unreadable);
        }
        let open = |key: &XChaCha20Poly1305| {
            key.decrypt(&XNonce::from(*nonce), Payload { msg: rest, aad: row.as_bytes() }).ok()
        };
        let opened = self.all.iter().enumerate().find_map(|(number, key)| Some((open(key)?, number)));
        opened.ok_or(Unreadable)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn keys(bytes: &[u8]) -> Keys {
        let text: Vec<String> = bytes.iter().map(|byte| BASE64URL.encode(&[*byte; KEY])).collect();
        KeySource::Text(text.join(", ")).read().unwrap().unwrap()
    }

    #[test]
    fn the_first_key_encrypts_and_all_decrypt() {
        let row = Uuid::from_u128(7);
        let sealed = keys(&[1]).seal(b"hush", row).unwrap();
        assert!(!sealed.windows(4).any(|window| window == b"hush"));
        assert_eq!(keys(&[2, 1]).open(&sealed, row).unwrap(), (b"hush".to_vec(), 1));
        assert!(keys(&[2]).open(&sealed, row).is_err());
        let sealed = keys(&[2, 1]).seal(b"hush", row).unwrap();
        assert_eq!(keys(&[2]).open(&sealed, row).unwrap(), (b"hush".to_vec(), 0));
    }

    #[test]
    fn nothing_is_read_that_was_changed_or_moved() {
        let (keys, row) = (keys(&[1]), Uuid::from_u128(7));
        let sealed = keys.seal(b"hush", row).unwrap();
        assert!(keys.open(&sealed, Uuid::from_u128(8)).is_err());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(keys.open(&changed, row).is_err(), "{place}");
            assert!(keys.open(&sealed[..place], row).is_err(), "{place}");
        }
        assert_ne!(sealed, keys.seal(b"hush", row).unwrap());
    }

    #[test]
    fn what_is_no_key_is_told_by_its_number() {
        let good = BASE64.encode(&[1; KEY]);
        for (text, number) in [(String::new(), 1), (format!("{good},"), 2), (format!("{good},c2hvcnQ="), 2)] {
            let error = KeySource::Text(text).read().unwrap_err();
            assert!(matches!(&error, KeyError::Form(found, _) if *found == number), "{error}");
        }
    }
}
