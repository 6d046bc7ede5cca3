//! Which call of a flow run one is, and the run that the same call had in an earlier attempt.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::hash::{BuildHasherDefault, Hasher};

use crate::model::{InputDigest, TaskRun};

/// What was called so far, and what is known from earlier attempts.
#[derive(Default)]
pub(crate) struct Calls {
    occurrences: HashMap<InputDigest, u32, BuildHasherDefault<DigestHasher>>,
    per_task: HashMap<&'static str, u32>,
    earlier: HashMap<String, TaskRun>,
    /// Earlier runs that never had their arguments, by what was known of them: their dynamic keys without the number.
    unready: HashMap<String, VecDeque<TaskRun>>,
}

/// Takes the first bytes of a digest as its hash: they are as good as random already.
#[derive(Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Which call of which task one is.
pub(crate) struct Occurrence {
    /// Which call with these inputs: the dynamic key. None where nothing can be digested.
    pub(crate) dynamic_key: Option<String>,
    /// Which call of this task, counted over all inputs.
    pub(crate) number: u32,
    /// The run of this call in an earlier attempt.
    pub(crate) earlier: Option<TaskRun>,
}

impl Calls {
    /// Knows the runs of earlier attempts.
    pub(crate) fn behind(runs: Vec<TaskRun>) -> Self {
        let mut calls = Calls::default();
        for run in runs {
            if run.inputs_digest.is_some() {
                calls.earlier.insert(run.dynamic_key.clone(), run);
            } else if let Some((known, _)) = run.dynamic_key.rsplit_once('-') {
                calls.unready.entry(known.to_owned()).or_default().push_back(run);
            }
        }
        calls
    }

    /// Counts a call of a task with these inputs. Of a call that has not got its arguments, and of one whose earlier run
    /// had not, `known` digests what is known of them.
    pub(crate) fn occur(
        &mut self,
        task: &'static str,
        digest: Option<InputDigest>,
        known: impl Fn() -> Option<InputDigest>,
    ) -> Occurrence {
        let dynamic_key = digest.or_else(&known).map(|digest| {
            let nth = self.occurrences.entry(digest).or_insert(0);
            let dynamic_key = dynamic_key(digest, *nth);
            *nth += 1;
            dynamic_key
        });
        let number = self.per_task.entry(task).or_insert(0);
        let this = *number;
        *number += 1;
        let mut earlier = None;
        if let (Some(dynamic_key), false) = (&dynamic_key, self.earlier.is_empty()) {
            earlier = self.earlier.remove(dynamic_key);
        }
        if earlier.is_none() && !self.unready.is_empty() {
            earlier = known().and_then(|known| self.unready.get_mut(&hexadecimal(known))?.pop_front());
        }
        Occurrence { dynamic_key, number: this, earlier }
    }
}

/// Writes which call with these inputs one is: a part of the inputs' digest and a number.
fn dynamic_key(digest: InputDigest, nth: u32) -> String {
    let mut key = hexadecimal(digest);
    key.push('-');
    // Nearly always one digit, and writing to a text cannot fail.
    let _ = write!(key, "{nth}");
    key
}

/// Writes 24 hexadecimal digits of a digest.
fn hexadecimal(digest: InputDigest) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(28);
    for byte in &digest.0[..12] {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
