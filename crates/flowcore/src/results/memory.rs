//! Results in memory, and the registry by which an address such as `memory:tests` finds the same ones in a process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Records by name.
#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Records>);

#[derive(Default)]
struct Records(Mutex<BTreeMap<String, Arc<[u8]>>>);

/// What the registry knows of a storage: it keeps what has a chosen name, since records would vanish between two uses
/// of that name otherwise; of an unnamed one the records go with the last handle.
enum Known {
    Named(Memory),
    Unnamed(Weak<Records>),
}

static REGISTRY: Mutex<BTreeMap<String, Known>> = Mutex::new(BTreeMap::new());

impl Memory {
    /// Makes a storage with a name of its own.
    pub(super) fn unnamed() -> (String, Self) {
        let memory = Self::default();
        let name = format!("unnamed-{:016x}", fastrand::u64(..));
        let mut registry = lock(&REGISTRY);
        registry.retain(|_, known| !matches!(known, Known::Unnamed(records) if records.strong_count() == 0));
        registry.insert(name.clone(), Known::Unnamed(Arc::downgrade(&memory.0)));
        (name, memory)
    }

    /// Finds the storage of this name in the process, or makes it.
    pub(super) fn named(name: &str) -> Self {
        let mut registry = lock(&REGISTRY);
        let found = registry.get(name).and_then(|known| match known {
            Known::Named(memory) => Some(memory.clone()),
            Known::Unnamed(records) => records.upgrade().map(Memory),
        });
        found.unwrap_or_else(|| {
            let memory = Self::default();
            registry.insert(name.to_owned(), Known::Named(memory.clone()));
            memory
        })
    }

    pub(super) fn put(&self, name: String, head: &[u8], payload: &[u8]) {
        lock(&self.0.0).insert(name, [head, payload].concat().into());
    }

    pub(super) fn get(&self, name: &str) -> Option<Vec<u8>> {
        // The copy is made outside the lock.
        let record = lock(&self.0.0).get(name).cloned();
        record.map(|record| record.to_vec())
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        lock(&self.0.0).contains_key(name)
    }

    pub(super) fn delete(&self, name: &str) {
        lock(&self.0.0).remove(name);
    }

    pub(super) fn names(&self) -> Vec<String> {
        lock(&self.0.0).keys().cloned().collect()
    }
}

/// Nothing that runs under these locks can leave a map half changed, so one that panicked elsewhere is no obstacle.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_name_finds_the_same_records_and_no_other() {
        Memory::named("registry-a").put("k".to_owned(), b"head", b"1");
        assert_eq!(Memory::named("registry-a").get("k").unwrap(), b"head1");
        assert_eq!(Memory::named("registry-b").get("k"), None);
    }

    #[test]
    fn an_unnamed_storage_is_found_while_it_lives_and_then_forgotten() {
        let (name, memory) = Memory::unnamed();
        memory.put("k".to_owned(), b"", b"1");
        assert_eq!(Memory::named(&name).get("k").unwrap(), b"1");
        drop(memory);
        let (other, _kept) = Memory::unnamed();
        assert_ne!(other, name);
        assert!(!lock(&REGISTRY).contains_key(&name));
        assert_eq!(Memory::named(&name).get("k"), None);
    }
}
