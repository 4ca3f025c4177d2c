//! The records that a decision has to go by, and the one that it lacks.

use std::fmt;
use std::sync::Arc;

use crate::access::{
    ApplicationRecord, GateRecord, GroupRecord, IdentityProviderRecord, ListRecord,
    OrganizationRecord, RevocationRecord, SamlKeyRecord, ServiceTokenRecord, SessionRecord,
    SigningKeyRecord,
};
use crate::recall::Recalled;
use crate::{ChallengeRecord, DecodeError, HostRecord, Hostname, Key, Record, ZoneRecord};

/// A record that the answer depends on and that has not been read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the record {0} has not been read yet")]
pub struct Missing(pub Key);

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
pub struct Records {
    read: Vec<(Key, Entry)>,
    recalled: Recalled<(Key, Entry)>,
    memory: Option<Arc<dyn Memory>>,
}

/// What was read for earlier requests and is fresh still.
pub trait Memory: fmt::Debug + Send + Sync {
    /// What is remembered under `key`.
    fn recall(&self, key: &Key) -> Option<Entry>;
}

/// One line a kind: how it is read and how it is asked for.
macro_rules! kinds {
    ($($(#[$meta:meta])* $kind:ident($record:ty), $find:ident($name:ident: $named:ty);)*) => {
        /// What was read under one key.
        #[derive(Clone, Debug)]
        pub enum Entry {
            /// Nothing is there.
            Absent,
            $($(#[$meta])* $kind(Arc<$record>),)*
        }

        impl Entry {
            /// Reads what is stored under `key`; `None`: nothing is.
            ///
            /// # Errors
            /// See [`UnusableRecord`].
            pub fn decode(key: &Key, text: Option<&str>) -> Result<Self, UnusableRecord> {
                let Some(text) = text else { return Ok(Self::Absent) };
                Ok(match key {
                    $(Key::$kind(_) => Self::$kind(decode(key, text)?),)*
                    Key::Certificate(_) | Key::ClientAuthorities(_) => {
                        return Err(UnusableRecord::Unrelated(key.clone()));
                    }
                })
            }
        }

        impl Records {
            $($(#[$meta])*
            ///
            /// # Errors
            /// [`Missing`]: it has not been read.
            pub fn $find(&self, $name: &$named) -> Result<Option<&$record>, Missing> {
                Ok(match self.read(Key::$kind($name.to_owned()))? {
                    Entry::$kind(record) => Some(record),
                    _ => None,
                })
            })*
        }
    };
}

kinds! {
    /// `host:`: the record of this hostname or wildcard itself.
    Host(HostRecord), host(hostname: Hostname);
    /// `zone:`
    Zone(ZoneRecord), zone(id: str);
    /// `acme:`: the challenge with this token.
    Challenge(ChallengeRecord), challenge(token: str);
    /// `org:`: the organisation with this team domain.
    Organization(OrganizationRecord), organization(auth_domain: Hostname);
    /// `gate:`: the doors of this hostname or wildcard itself.
    Gate(GateRecord), gate(hostname: Hostname);
    /// `app:`
    Application(ApplicationRecord), application(id: str);
    /// `group:`
    Group(GroupRecord), group(id: str);
    /// `list:`
    List(ListRecord), list(id: str);
    /// `idp:`
    IdentityProvider(IdentityProviderRecord), identity_provider(id: str);
    /// `keys:`: the signing keys of the organisation with this team domain.
    SigningKeys(SigningKeyRecord), signing_keys(auth_domain: Hostname);
    /// `saml_keys:`: the keys of the application or identity provider with this id.
    SamlKeys(SamlKeyRecord), saml_keys(id: str);
    /// `revoked:`: the revocations of the organisation with this team domain.
    Revocations(RevocationRecord), revocations(auth_domain: Hostname);
    /// `session:`: the session with this `identity_nonce`.
    Session(SessionRecord), session(nonce: str);
    /// `service_token:`: the service token with this client id.
    ServiceToken(ServiceTokenRecord), service_token(client_id: str);
}

fn decode<R: Record>(key: &Key, text: &str) -> Result<Arc<R>, UnusableRecord> {
    let record = R::decode(text)?;
    match record.key() {
        found if found == *key => Ok(Arc::new(record)),
        found => Err(UnusableRecord::Misplaced { expected: key.clone(), found }),
    }
}

impl Records {
    /// None read yet; what `memory` has need not be read.
    #[must_use]
    pub fn with_memory(memory: Arc<dyn Memory>) -> Self {
        Self { memory: Some(memory), ..Self::default() }
    }

    /// Adds what was read under `key`.
    pub fn insert(&mut self, key: Key, entry: Entry) {
        self.read.retain(|(known, _)| *known != key);
        self.read.push((key, entry));
    }

    /// Those that have not been read.
    pub fn lacking(&self, keys: impl IntoIterator<Item = Key>) -> Vec<Key> {
        keys.into_iter().filter_map(|key| self.read(key).err()).map(|Missing(key)| key).collect()
    }

    fn read(&self, key: Key) -> Result<&Entry, Missing> {
        if let Some((_, entry)) = self.read.iter().find(|(known, _)| *known == key) {
            return Ok(entry);
        }
        let recall = || Some((key.clone(), self.memory.as_ref()?.recall(&key)?));
        let recalled = self.recalled.find_or(|(known, _)| *known == key, recall);
        recalled.map(|(_, entry)| entry).ok_or(Missing(key))
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
        assert!(records.challenge("t").unwrap().is_none());
    }

    #[test]
    fn what_memory_has_need_not_be_read() {
        #[derive(Debug)]
        struct Token;
        impl Memory for Token {
            fn recall(&self, key: &Key) -> Option<Entry> {
                (key.to_string() == "acme:t").then_some(Entry::Absent)
            }
        }
        let records = Records::with_memory(Arc::new(Token));
        assert!(records.challenge("t").unwrap().is_none());
        assert_eq!(records.challenge("u").err(), Some(Missing(key("acme:u"))));
        assert_eq!(records.lacking([key("acme:t"), key("acme:u")]), [key("acme:u")]);
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
