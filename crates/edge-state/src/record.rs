//! Encoding of records: JSON with a schema version, `{"v":1,...}`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Key, access};

/// Something that is published to the edge under a [`Key`].
pub trait Record: Serialize + DeserializeOwned {
    /// Grows with every change that an older reader would misunderstand. A new optional field is
    /// no such change.
    const VERSION: u32;

    /// Where this record is stored.
    fn key(&self) -> Key;

    /// The bytes that travel: JSON text, the same for the same record.
    fn encode(&self) -> String {
        let versioned = Versioned { v: Self::VERSION, record: self };
        serde_json::to_string(&versioned).expect("records have string keys and no failing types")
    }

    /// Reads what [`Self::encode`] of this or an older version wrote.
    ///
    /// # Errors
    /// See [`DecodeError`]. The reader keeps what it knew before.
    fn decode(text: &str) -> Result<Self, DecodeError> {
        match version(text)? {
            v if v == Self::VERSION => Ok(serde_json::from_str(text)?),
            v => Err(DecodeError::Version(v)),
        }
    }
}

/// The schema version that a record's text says it has.
///
/// # Errors
/// [`DecodeError::Malformed`] if the text is not a versioned record at all.
pub fn version(text: &str) -> Result<u32, DecodeError> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    Ok(serde_json::from_str::<Version>(text)?.v)
}

/// Whether this build understands the record, judged by its key and version alone. A replica keeps
/// the last record that it understood instead of one that it does not.
#[must_use]
pub fn is_understood(key: &Key, text: &str) -> bool {
    let known = match key {
        Key::Host(_) => crate::HostRecord::VERSION,
        Key::Zone(_) => crate::ZoneRecord::VERSION,
        Key::Certificate(_) => crate::CertificateRecord::VERSION,
        Key::Challenge(_) => crate::ChallengeRecord::VERSION,
        Key::Organization(_) => access::OrganizationRecord::VERSION,
        Key::Gate(_) => access::GateRecord::VERSION,
        Key::Application(_) => access::ApplicationRecord::VERSION,
        Key::Group(_) => access::GroupRecord::VERSION,
        Key::List(_) => access::ListRecord::VERSION,
        Key::IdentityProvider(_) => access::IdentityProviderRecord::VERSION,
        Key::SigningKeys(_) => access::SigningKeyRecord::VERSION,
        Key::SamlKeys(_) => access::SamlKeyRecord::VERSION,
        Key::Revocations(_) => access::RevocationRecord::VERSION,
        Key::Session(_) => access::SessionRecord::VERSION,
        Key::ServiceToken(_) => access::ServiceTokenRecord::VERSION,
        Key::ClientAuthorities(_) => access::ClientAuthorityRecord::VERSION,
    };
    version(text).is_ok_and(|v| v == known)
}

/// Why a record's text was not understood.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer control plane than this edge knows.
    #[error("record has schema version {0}, which this version does not know")]
    Version(u32),
    /// Not a record.
    #[error("malformed record: {0}")]
    Malformed(#[from] serde_json::Error),
}

#[derive(Serialize)]
struct Versioned<'a, R> {
    v: u32,
    #[serde(flatten)]
    record: &'a R,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ChallengeRecord;

    #[test]
    fn a_newer_version_is_named_and_not_misread() {
        let text = r#"{"v":2,"token":"t","key_authorization":"t.k","hostname":"a.com","shape":1}"#;
        assert!(matches!(ChallengeRecord::decode(text), Err(DecodeError::Version(2))));
        assert!(!is_understood(&Key::Challenge("t".into()), text));
    }

    #[test]
    fn an_unknown_field_is_an_addition_and_is_passed_over() {
        let text = r#"{"v":1,"token":"t","key_authorization":"t.k","hostname":"a.com","new":1}"#;
        assert_eq!(ChallengeRecord::decode(text).unwrap().key_authorization, "t.k");
    }

    #[test]
    fn garbage_is_malformed() {
        for text in ["", "null", "[]", "{}", r#"{"v":"1"}"#, r#"{"v":1}"#] {
            let decoded = ChallengeRecord::decode(text);
            assert!(matches!(decoded, Err(DecodeError::Malformed(_))), "{text}");
        }
    }
}
