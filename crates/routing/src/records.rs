//! The records that a decision has to go by, and the one that it lacks.

use std::sync::Arc;

use edge_state::{ChallengeRecord, DecodeError, HostRecord, Hostname, Key, Record, ZoneRecord};

/// A record that the answer depends on and that has not been read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the record {0} has not been read yet")]
pub struct Missing(pub Key);

/// What was read under one key.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Nothing is there.
    Absent,
    /// `host:`
    Host(Arc<HostRecord>),
    /// `zone:`
    Zone(Arc<ZoneRecord>),
    /// `acme:`
    Challenge(Arc<ChallengeRecord>),
}

/// Why what was read is not to be used.
#[derive(Debug, thiserror::Error)]
pub enum UnusableRecord {
    /// Of a newer version, or garbage.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The record says that it is another one.
    #[error("under the key {expected} is the record of {found}")]
    Misplaced {
        /// The key that was read.
        expected: Key,
        /// The record's own key.
        found: Key,
    },
    /// A kind that no request depends on.
    #[error("{0} is no record that requests are decided by")]
    Unrelated(Key),
}

/// The records read so far for one request: a handful, so a list.
#[derive(Clone, Debug, Default)]
pub struct Records(Vec<(Key, Entry)>);

impl Entry {
    /// Reads what is stored under `key`; `None`: nothing is.
    pub fn decode(key: &Key, text: Option<&str>) -> Result<Self, UnusableRecord> {
        let Some(text) = text else { return Ok(Self::Absent) };
        Ok(match key {
            Key::Host(_) => Self::Host(decode(key, text)?),
            Key::Zone(_) => Self::Zone(decode(key, text)?),
            Key::Challenge(_) => Self::Challenge(decode(key, text)?),
            Key::Certificate(_) => return Err(UnusableRecord::Unrelated(key.clone())),
        })
    }
}

fn decode<R: Record>(key: &Key, text: &str) -> Result<Arc<R>, UnusableRecord> {
    let record = R::decode(text)?;
    match record.key() {
        found if found == *key => Ok(Arc::new(record)),
        found => Err(UnusableRecord::Misplaced { expected: key.clone(), found }),
    }
}

impl Records {
    /// Adds what was read under `key`.
    pub fn insert(&mut self, key: Key, entry: Entry) {
        self.0.retain(|(known, _)| *known != key);
        self.0.push((key, entry));
    }

    /// The record of this hostname or wildcard itself.
    pub fn host(&self, hostname: &Hostname) -> Result<Option<&HostRecord>, Missing> {
        Ok(match self.read(Key::Host(hostname.clone()))? {
            Entry::Host(record) => Some(record),
            _ => None,
        })
    }

    /// The zone's record.
    pub fn zone(&self, zone_id: &str) -> Result<Option<&ZoneRecord>, Missing> {
        Ok(match self.read(Key::Zone(zone_id.to_owned()))? {
            Entry::Zone(record) => Some(record),
            _ => None,
        })
    }

    /// The challenge with this token.
    pub fn challenge(&self, token: &str) -> Result<Option<&ChallengeRecord>, Missing> {
        Ok(match self.read(Key::Challenge(token.to_owned()))? {
            Entry::Challenge(record) => Some(record),
            _ => None,
        })
    }

    fn read(&self, key: Key) -> Result<&Entry, Missing> {
        let found = self.0.iter().find(|(known, _)| *known == key);
        found.map(|(_, entry)| entry).ok_or(Missing(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    #[test]
    fn absence_is_an_answer() {
        let mut records = Records::default();
        assert_eq!(records.challenge("t").err(), Some(Missing(key("acme:t"))));
        records.insert(key("acme:t"), Entry::decode(&key("acme:t"), None).unwrap());
        assert_eq!(records.challenge("t"), Ok(None));
    }

    #[test]
    fn a_record_under_another_key_is_refused() {
        let text = r#"{"v":1,"token":"t","key_authorization":"t.k","hostname":"a.com"}"#;
        assert!(Entry::decode(&key("acme:t"), Some(text)).is_ok());
        let misplaced = Entry::decode(&key("acme:u"), Some(text));
        assert!(matches!(misplaced, Err(UnusableRecord::Misplaced { .. })));
    }

    #[test]
    fn newer_versions_garbage_and_keys_are_refused() {
        for text in [r#"{"v":2}"#, "", "null"] {
            let entry = Entry::decode(&key("acme:t"), Some(text));
            assert!(matches!(entry, Err(UnusableRecord::Decode(_))), "{text}");
        }
        let certificate = Entry::decode(&key("cert:a.com"), Some("{}"));
        assert!(matches!(certificate, Err(UnusableRecord::Unrelated(_))));
    }
}
