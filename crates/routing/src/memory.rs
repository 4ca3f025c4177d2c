//! What an isolate remembers of records, absent ones too: a KV read per request costs two thirds of
//! the throughput.

use std::collections::BTreeMap;

use edge_state::Key;

use crate::Entry;

/// Records with the time until which each is fresh.
///
/// Two generations: what is used moves to the young one; when that is full, the old one is forgotten
/// whole. So memory is bounded, and invented hostnames do not push out real ones that somebody asks
/// for.
#[derive(Debug, Default)]
pub struct Memory {
    young: BTreeMap<Key, Remembered>,
    old: BTreeMap<Key, Remembered>,
}

/// One record as it was read.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// The record.
    pub entry: Entry,
    /// Milliseconds since 1970. After that it only serves while no newer one can be had.
    pub fresh_until: u64,
}

/// The size of a generation. A record takes about 1 kB, an isolate has 128 MB.
pub const GENERATION: usize = 4096;

/// A CA comes as soon as it is told that a challenge is ready: that it was not there a moment ago
/// must not matter for long, whatever the operator chose.
pub const ABSENT_CHALLENGE_MILLIS: u64 = 250;

impl Memory {
    /// What was last read under this key, fresh or not.
    pub fn find(&mut self, key: &Key) -> Option<Remembered> {
        if let Some(remembered) = self.young.get(key) {
            return Some(remembered.clone());
        }
        let remembered = self.old.remove(key)?;
        self.put(key.clone(), remembered.clone());
        Some(remembered)
    }

    /// Remembers what was read, or could not be read again, at `now_millis`.
    pub fn insert(&mut self, key: Key, entry: Entry, now_millis: u64, lifetime_millis: u64) {
        let lifetime_millis = match (&key, &entry) {
            (Key::Challenge(_), Entry::Absent) => lifetime_millis.min(ABSENT_CHALLENGE_MILLIS),
            _ => lifetime_millis,
        };
        let fresh_until = now_millis.saturating_add(lifetime_millis);
        self.put(key, Remembered { entry, fresh_until });
    }

    fn put(&mut self, key: Key, remembered: Remembered) {
        if self.young.len() >= GENERATION && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, remembered);
    }
}

impl Remembered {
    /// Whether it can be used without being read again.
    #[must_use]
    pub fn is_fresh(&self, now_millis: u64) -> bool {
        now_millis < self.fresh_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invented(number: usize) -> Key {
        format!("host:a{number}.example").parse().unwrap()
    }

    #[test]
    fn a_record_is_fresh_for_its_lifetime_and_known_for_longer() {
        let mut memory = Memory::default();
        memory.insert(invented(1), Entry::Absent, 1000, 500);
        let remembered = memory.find(&invented(1)).unwrap();
        assert!(remembered.is_fresh(1000) && remembered.is_fresh(1499));
        assert!(!remembered.is_fresh(1500));
        assert!(memory.find(&invented(2)).is_none());
    }

    #[test]
    fn a_missing_challenge_is_looked_for_again_soon() {
        let mut memory = Memory::default();
        let challenge: Key = "acme:token".parse().unwrap();
        memory.insert(challenge.clone(), Entry::Absent, 0, 60_000);
        assert!(!memory.find(&challenge).unwrap().is_fresh(ABSENT_CHALLENGE_MILLIS));
        memory.insert(invented(1), Entry::Absent, 0, 60_000);
        assert!(memory.find(&invented(1)).unwrap().is_fresh(59_999));
    }

    #[test]
    fn memory_is_bounded_and_keeps_what_is_asked_for() {
        let mut memory = Memory::default();
        let asked_for: Key = "host:app.customer.com".parse().unwrap();
        memory.insert(asked_for.clone(), Entry::Absent, 0, 1);
        for number in 0..5 * GENERATION {
            memory.insert(invented(number), Entry::Absent, 0, 1);
            if number % 1000 == 0 {
                assert!(memory.find(&asked_for).is_some(), "forgotten after {number}");
            }
            assert!(memory.young.len() + memory.old.len() <= 2 * GENERATION);
        }
        assert!(memory.find(&invented(0)).is_none());
    }

    #[test]
    fn the_newest_reading_counts() {
        let mut memory = Memory::default();
        memory.insert(invented(0), Entry::Absent, 0, 1);
        for number in 1..=GENERATION {
            memory.insert(invented(number), Entry::Absent, 0, 1);
        }
        memory.insert(invented(0), Entry::Absent, 1000, 1);
        assert_eq!(memory.find(&invented(0)).unwrap().fresh_until, 1001);
        assert!(!memory.old.contains_key(&invented(0)));
    }
}
