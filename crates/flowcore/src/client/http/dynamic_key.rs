//! How the digest of a task run's inputs travels: in its dynamic key, which begins with a part of it here, and with all of
//! it on the wire. The API has no field for it, and a resumed run finds what is done by it.

use crate::model::{InputDigest, TaskRun};

/// How many digits of the digest a dynamic key begins with.
const SHORT: usize = 24;

/// All of its digits.
const WHOLE: usize = 64;

/// Writes the dynamic key of a run for the wire.
pub(super) fn write(run: &TaskRun) -> String {
    let digest = run.inputs_digest.map(InputDigest::to_hex);
    match (digest, run.dynamic_key.split_at_checked(SHORT)) {
        (Some(digest), Some((short, rest))) if digest.starts_with(short) => format!("{digest}{rest}"),
        _ => run.dynamic_key.clone(),
    }
}

/// Reads a dynamic key, and the digest if it begins with one.
pub(super) fn read(key: String) -> (String, Option<InputDigest>) {
    let digest = key.split_at_checked(WHOLE).filter(|(_, rest)| rest.starts_with('-'));
    match digest.and_then(|(digest, rest)| Some((InputDigest::from_hex(digest).ok()?, &digest[..SHORT], rest))) {
        Some((digest, short, rest)) => (format!("{short}{rest}"), Some(digest)),
        None => (key, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_with_a_digest_is_read_as_it_was_and_others_are_left_alone() {
        let digest = InputDigest([0xa7; 32]);
        let (short, rest) = (&digest.to_hex()[..SHORT], "-3");
        assert_eq!(read(format!("{}{rest}", digest.to_hex())), (format!("{short}{rest}"), Some(digest)));
        for key in [format!("{short}{rest}"), "0".to_owned(), String::new(), "é".repeat(64)] {
            assert_eq!(read(key.clone()), (key, None));
        }
    }
}
